"""Files on their way between a project's folder and its address, many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from data.core.progress import Bar, bytes_bar
from data.remote.sync_state import Files, Stamp, SyncState, sha256_of
from data.storage.store import Store, Stored

T = TypeVar("T")
R = TypeVar("R")

_THREADS: Final = 16  # small files are a matter of waiting
_NOTE_EVERY: Final = 200  # files between two notes of how far we came, for a run that gets killed


class Transfer:
    """Brings files to the other side, and notes in the state which are alike on both."""

    def __init__(self, folder: Path, store: Store, state: SyncState) -> None:
        self._folder, self._store, self._state = folder, store, state

    def fetch(self, wanted: Mapping[str, Stamp | None]) -> None:
        """Bring files here, as far as they are there.

        Args:
            wanted: what each should be, as far as that is known.
        """
        if not wanted:
            return
        there = self._store.files()
        found = [(path, stamp, there[path]) for path, stamp in wanted.items() if path in there]
        total = sum(stored.size_bytes for _, _, stored in found)
        with bytes_bar(f"fetching {self._folder.name}", total, 0) as bar:
            self._note_all(bar, in_threads(lambda one: self._fetch_one(*one), found))

    def _fetch_one(self, path: str, stamp: Stamp | None, stored: Stored) -> tuple[str, Stamp]:
        target = self._folder / path
        self._store.fetch(path, target, size_bytes=stored.size_bytes)
        sha256 = sha256_of(target)
        # Of a sending that was stopped: with a time of its own, nothing takes it for up to date.
        if stamp is not None and sha256 == stamp.sha256:
            set_time(target, stamp)
        stat = target.stat()
        return path, Stamp(stat.st_size, stat.st_mtime_ns, sha256)

    def send(self, changed: Files) -> None:
        """Bring files there; those that have only got another time need not travel."""
        if not changed:
            return
        # Until they have arrived, nobody knows what is there.
        before = {path: self._state.files.pop(path, None) for path in changed}
        self._state.write()

        def send_one(path: str) -> tuple[str, Stamp]:
            stamp = changed[path]._replace(sha256=sha256_of(self._folder / path))
            known = before[path]
            if known is None or known.sha256 != stamp.sha256:
                self._store.send(self._folder / path, path)
            return path, stamp

        total = sum(stamp.size_bytes for stamp in changed.values())
        with bytes_bar(f"sending {self._folder.name}", total, 0) as bar:
            self._note_all(bar, in_threads(send_one, changed))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files there."""

        def remove_one(path: str) -> str:
            self._store.remove(path)
            return path

        for path in in_threads(remove_one, paths):
            self._state.files.pop(path, None)

    def _note_all(self, bar: Bar, done: Generator[tuple[str, Stamp]]) -> None:
        """Note what was brought to the other side, also where it does not come to an end."""
        try:
            with closing(done):
                for number, (path, stamp) in enumerate(done, start=1):
                    self._state.files[path] = stamp
                    bar.update(stamp.size_bytes)
                    if number % _NOTE_EVERY == 0:
                        self._state.write()
        finally:
            self._state.write()


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
    """Yield what comes of each item, as it comes; what has not begun by an error is left."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for future in as_completed([pool.submit(work, item) for item in items]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def set_time(path: Path, stamp: Stamp) -> None:
    """Give a file its time of change."""
    os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
