"""Fetch footage at an address into the cache, unless the cached version is current."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.core.atomic import PARTIAL, write_json
from data.core.digest import digest
from data.core.disk_space import free_bytes, readable
from data.core.errors import RUN_AGAIN, InputError
from data.core.file_types import ANIMATION_SUFFIXES, is_picture
from data.core.progress import bytes_bar
from data.storage.addresses import footage_address, legible, safe_name
from data.storage.store import Store, Stored


def fetch_footage(path: Path) -> Path:
    """Fetch the footage at an address into the cache, unless the cached version is current.

    An interrupted fetch is resumed. A local path is returned unchanged.

    Args:
        path: local path or cache path; see `data.storage.addresses`.

    Raises:
        InputError: the footage does not exist, cannot be reached, or does not fit on the disk.
    """
    address = footage_address(path)
    if address is None:
        return path
    store = Store(address)
    found = store.info()
    if found is None:
        raise InputError(f"{address}: no such file or folder; check the address")
    if found.is_folder:
        _fetch_pictures(store, path)
    else:
        with _locked(path):
            _fetch(store, "", found, path)
    return path


def _fetch_pictures(store: Store, folder: Path) -> None:
    """Sync the pictures of a local folder with a folder at an address; ignore other files."""
    remote = {
        name: stored
        for name, stored in store.files().items()
        if "/" not in name and _is_in_folder(Path(name))
    }
    with _locked(folder):
        for name, stored in remote.items():
            _fetch(store, name, stored, folder / safe_name(name))
        names = {safe_name(name) for name in remote}
        for path in folder.iterdir() if folder.is_dir() else ():
            if _is_in_folder(path) and path.name not in names:
                path.unlink()


def _is_in_folder(path: Path) -> bool:
    """Whether a file is one of the pictures of a folder, by its suffix."""
    return is_picture(path) and path.suffix.lower() not in ANIMATION_SUFFIXES


def _fetch(store: Store, name: str, found: Stored, path: Path) -> None:
    record = _record(path)
    address = f"{store.address}/{name}" if name else store.address
    while _read(record, address) != found.key or not path.is_file():
        partial = _partial(path, found)
        _require_room(path, found.size_bytes - _size(partial))
        with bytes_bar(f"fetching {path.name}", found.size_bytes, _size(partial)) as bar:
            _resume(store, name, found, partial, bar.update)
        # If the file was replaced meanwhile, the fetched one mixes both versions.
        current = store.info(name)
        if current != found or _size(partial) != found.size_bytes:
            partial.unlink()
            if current is None or current == found:
                raise InputError(
                    f"{address}: incomplete, or removed while it was fetched; {RUN_AGAIN}"
                )
            found = current
            continue
        partial.replace(path)
        write_json(record, {"address": address, "key": found.key})


def _record(path: Path) -> Path:
    """Return the file that records the address and version of a fetched file."""
    return path.with_name(f".{path.name}.fetched.json")


def _read(record: Path, address: str) -> str | None:
    """Return the key of the fetched version; None if nothing was fetched."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        fetched, key = str(content["address"]), str(content["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if fetched != address and fetched.casefold() == address.casefold():
        message = "differ only in case, which this disk ignores; rename one of them"
        raise InputError(f"{address} and {fetched} {message}")
    return key


def _partial(path: Path, found: Stored) -> Path:
    """Return the file for the fetched part of this version; remove those of other versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = digest(found.key)
    partial = path.with_name(f".{path.name}.{key}{PARTIAL}")
    for other in path.parent.glob(f".{glob.escape(path.name)}.{'?' * len(key)}{PARTIAL}"):
        if other != partial:
            other.unlink()
    return partial


def _resume(
    store: Store, name: str, found: Stored, partial: Path, advance: Callable[[int], object]
) -> None:
    start = _size(partial)
    if start >= found.size_bytes > 0:
        return
    with partial.open("ab") as file:
        for block in store.chunks(name, size_bytes=found.size_bytes, start=start):
            file.write(block)
            advance(len(block))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _require_room(path: Path, needed: int) -> None:
    free = free_bytes(path)
    if needed > free:
        room = f"only {readable(free)} free"
        message = f"needs {readable(needed)}, but the disk of the cache has {room}"
        remedy = "free some space, or set XDG_CACHE_HOME to a folder on another disk"
        raise InputError(f"{legible(str(path))}: {message}; {remedy}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Prevent other runs on this machine from fetching the same footage at the same time."""
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        yield
