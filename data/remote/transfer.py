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
_WRITE_EVERY: Final = 200  # files between two writes of the state, in case the run is killed


class Transfer:
    """Transfers files in both directions, and records the synced ones in the state."""

    def __init__(self, folder: Path, store: Store, state: SyncState) -> None:
        self._folder, self._store, self._state = folder, store, state

    def fetch(self, wanted: Mapping[str, Stamp | None]) -> None:
        """Download those files of ``wanted`` that exist at the address.

        Args:
            wanted: expected stamp of each file; None if unknown.
        """
        if not wanted:
            return
        remote = self._store.files()
        found = [(path, stamp, remote[path]) for path, stamp in wanted.items() if path in remote]
        total = sum(stored.size_bytes for _, _, stored in found)
        with bytes_bar(f"fetching {self._folder.name}", total, 0) as bar:
            self._record_all(bar, in_threads(lambda item: self._fetch_one(*item), found))

    def _fetch_one(self, path: str, stamp: Stamp | None, stored: Stored) -> tuple[str, Stamp]:
        target = self._folder / path
        self._store.fetch(path, target, size_bytes=stored.size_bytes)
        sha256 = sha256_of(target)
        # A file of an interrupted upload keeps its own time, and so does not count as up to date.
        if stamp is not None and sha256 == stamp.sha256:
            set_time(target, stamp)
        stat = target.stat()
        return path, Stamp(stat.st_size, stat.st_mtime_ns, sha256)

    def send(self, changed: Files) -> None:
        """Upload files whose content has changed; files with only a new time are not sent."""
        if not changed:
            return
        # The content at the address is unknown until the upload is complete.
        before = {path: self._state.files.pop(path, None) for path in changed}
        self._state.write()

        def send_one(path: str) -> tuple[str, Stamp]:
            stamp = changed[path]._replace(sha256=sha256_of(self._folder / path))
            old = before[path]
            if old is None or old.sha256 != stamp.sha256:
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
        """Record each transferred file, even if the transfer is interrupted."""
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
    """Yield the result of each item as it completes; on an error, cancel the remaining items."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for future in as_completed([pool.submit(work, item) for item in items]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def set_time(path: Path, stamp: Stamp) -> None:
    """Set the modification time of a file."""
    os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
