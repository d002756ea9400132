"""Keeping other machines out of a project at an address while this one is at work in it."""

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
"""Whoever has not said for so long that they are at work is not any more. Clocks may differ."""


class StoreLock:
    """A note at the address of who is at work there, written anew every minute.

    Best effort: a store without a way to write a file only if there is none lets two in that come
    in the same instant; the later one is found out before it sends anything.
    """

    def __init__(self, store: Store, name: str, *, machine: str) -> None:
        """Say where.

        Args:
            store: at the project's address.
            name: of the note.
            machine: nobody else's; two of its runs must not come here at once.
        """
        self._store, self._name = store, name
        self._machine, self._token = machine, uuid.uuid4().hex
        self._since = time.time()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block.

        Raises:
            InputError: somebody else is at work there.
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
        """Refuse to go on where somebody else has taken over.

        Raises:
            InputError: they have.
        """
        if not self._is_ours():
            message = "somebody else took over while this machine did not answer; nothing was sent"
            raise InputError(f"{self._store.address}: {message}; run the same command again")

    def _take_over(self) -> None:
        note = self._read()
        theirs = note.get("machine") != self._machine
        if theirs and time.time() - float(note.get("beat", 0)) < STALE_S:
            since = datetime.fromtimestamp(float(note.get("since", 0)), UTC)
            raise InputError(
                f"{self._store.address}: {str(note.get('host', 'somebody'))[:80]} has been at work "
                f"in it since {since:%H:%M} UTC; wait for it, or, if it has died, "
                f"{STALE_S / 60:.0f} minutes"
            )
        self._store.write(self._name, self._note())

    def _is_ours(self) -> bool:
        return self._read().get("token") == self._token

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_S):
            # Where it cannot be reached now, it may be a minute later.
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
