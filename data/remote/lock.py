"""Lock a project at an address against runs on other machines."""

from __future__ import annotations

import json
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from data.core.errors import RUN_AGAIN, InputError
from data.storage.store import Store

BEAT_S: Final = 60.0
STALE_S: Final = 600.0
"""Age of the last heartbeat after which a lock is stale; long, since clocks may differ."""


class StoreLock:
    """Lock file at the address, rewritten every minute by the machine that holds it.

    Best effort: without exclusive creation in the store, two runs that start at the same time may
    both take the lock. One of them detects this before it sends anything.
    """

    def __init__(self, store: Store, name: str, *, machine: str) -> None:
        """Create the lock without acquiring it; see `held`.

        Args:
            store: store of the project's address.
            name: name of the lock file.
            machine: unique id of this machine, on which another lock admits a single run.
        """
        self._store, self._name = store, name
        self._machine, self._token = machine, uuid.uuid4().hex
        self._since = time.time()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block.

        Raises:
            InputError: another machine holds it.
        """
        if not self._store.create(self._name, self._note()):
            self._take_over()
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            stop.set()
            beat.join()
            if self._is_held():
                self._store.remove(self._name)

    def require(self) -> None:
        """Check that the lock is still held.

        Raises:
            InputError: another machine has taken it over.
        """
        if not self._is_held():
            message = "another machine took over while this one did not respond; nothing was sent"
            raise InputError(f"{self._store.address}: {message}; {RUN_AGAIN}")

    def _take_over(self) -> None:
        note = self._read()
        is_other = note.get("machine") != self._machine
        if is_other and time.time() - float(note.get("beat", 0)) < STALE_S:
            since = datetime.fromtimestamp(float(note.get("since", 0)), UTC)
            host = str(note.get("host", "another machine"))
            raise InputError(
                f"{self._store.address}: {host[:80]} has been using "
                f"it since {since:%H:%M} UTC; wait until it is done; if it crashed, try again in "
                f"{STALE_S / 60:.0f} minutes"
            )
        self._store.write(self._name, self._note())

    def _is_held(self) -> bool:
        return self._read().get("token") == self._token

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_S):
            # If the store cannot be reached, try again at the next heartbeat.
            with suppress(InputError):
                if self._is_held():
                    self._store.write(self._name, self._note())

    def _note(self) -> bytes:
        note = {
            "note": "a fancam command is using this project",
            "host": platform.node(),
            "since": self._since,
            "beat": time.time(),
            "machine": self._machine,
            "token": self._token,
        }
        return json.dumps(note).encode()

    def _read(self) -> dict[str, Any]:
        content = self._store.read(self._name)
        try:
            note = json.loads(content or b"{}")
            float(note.get("beat", 0)), float(note.get("since", 0))
        except (ValueError, TypeError, AttributeError):
            return {}
        return note if isinstance(note, dict) else {}
