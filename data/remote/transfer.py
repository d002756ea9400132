"""Concurrent transfer of files between a project's folder and its address."""

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

_THREADS: Final = 16  # small files are bound by latency
_WRITE_EVERY: Final = 200  # files between two writes of the state, for a run that is killed


class Transfer:
    """Transfer files in either direction, and record in the state which are equal on both sides."""

    def __init__(self, folder: Path, store: Store, state: SyncState) -> None:
        self._folder, self._store, self._state = folder, store, state

    def fetch(self, wanted: Mapping[str, Stamp | None]) -> None:
        """Download the files that exist at the address.

        Args:
            wanted: expected stamp of each file; None where it is not known.
        """
        if not wanted:
            return
        there = self._store.files()
        found = [(path, stamp, there[path]) for path, stamp in wanted.items() if path in there]
        total = sum(stored.size_bytes for _, _, stored in found)
        with bytes_bar(f"fetching {self._folder.name}", total, 0) as bar:
            self._record_all(bar, in_threads(lambda one: self._fetch_one(*one), found))

    def _fetch_one(self, path: str, stamp: Stamp | None, stored: Stored) -> tuple[str, Stamp]:
        target = self._folder / path
        self._store.fetch(path, target, size_bytes=stored.size_bytes)
        sha256 = sha256_of(target)
        # A file of an interrupted upload keeps its own time, so that nothing depends on it.
        if stamp is not None and sha256 == stamp.sha256:
            set_time(target, stamp)
        stat = target.stat()
        return path, Stamp(stat.st_size, stat.st_mtime_ns, sha256)

    def send(self, changed: Files) -> None:
        """Upload changed files; one whose time alone has changed is not sent."""
        if not changed:
            return
        # Until they have arrived, the content at the address is unknown.
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
            self._record_all(bar, in_threads(send_one, changed))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files at the address."""

        def remove_one(path: str) -> str:
            self._store.remove(path)
            return path

        for path in in_threads(remove_one, paths):
            self._state.files.pop(path, None)

    def _record_all(self, bar: Bar, done: Generator[tuple[str, Stamp]]) -> None:
        """Record each transferred file, also when the transfer is interrupted."""
        try:
            with closing(done):
                for number, (path, stamp) in enumerate(done, start=1):
                    self._state.files[path] = stamp
                    bar.update(stamp.size_bytes)
                    if number % _WRITE_EVERY == 0:
                        self._state.write()
        finally:
            self._state.write()


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
    """Yield the result of each item as it completes; on an error, cancel the items not started."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for future in as_completed([pool.submit(work, item) for item in items]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def set_time(path: Path, stamp: Stamp) -> None:
    """Set the modification time of a file."""
    os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
