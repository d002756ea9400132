"""Lock of a project at an address against runs on other machines."""

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

from data.core.errors import InputError
from data.storage.store import Store

BEAT_S: Final = 60.0
STALE_S: Final = 600.0
"""Age of the last heartbeat after which a lock is stale. Clocks may differ."""


class StoreLock:
    """A file at the address that names the running machine, rewritten every minute.

    Best effort: a store without exclusive creation admits two runs that start in the same instant;
    one of them notices before it sends anything.
    """

    def __init__(self, store: Store, name: str, *, machine: str) -> None:
        """Describe the lock; `held` takes it.

        Args:
            store: at the project's address.
            name: of the lock file.
            machine: unique id of this machine, of which only one run may use the project.
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
            if self._is_ours():
                self._store.remove(self._name)

    def require(self) -> None:
        """Check that the lock is still held.

        Raises:
            InputError: another machine has taken it over.
        """
        if not self._is_ours():
            message = "another machine took over while this one did not answer; nothing was sent"
            raise InputError(f"{self._store.address}: {message}; run the same command again")

    def _take_over(self) -> None:
        note = self._read()
        theirs = note.get("machine") != self._machine
        if theirs and time.time() - float(note.get("beat", 0)) < STALE_S:
            since = datetime.fromtimestamp(float(note.get("since", 0)), UTC)
            host = str(note.get("host", "another machine"))
            raise InputError(
                f"{self._store.address}: {host[:80]} has been at work "
                f"in it since {since:%H:%M} UTC; wait for it, or, if it has died, "
                f"{STALE_S / 60:.0f} minutes"
            )
        self._store.write(self._name, self._note())

    def _is_ours(self) -> bool:
        return self._read().get("token") == self._token

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_S):
            # If the store cannot be reached now, try again at the next beat.
            with suppress(InputError):
                if self._is_ours():
                    self._store.write(self._name, self._note())

    def _note(self) -> bytes:
        note = {
            "note": "a fancam command is at work in this project",
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
