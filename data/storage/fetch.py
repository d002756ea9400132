"""Fetch footage at an address into the cache, once, and again only when it has changed."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.core.atomic import PARTIAL, write_json
from data.core.digest import digest
from data.core.disk_space import free_bytes, readable
from data.core.errors import InputError
from data.core.file_types import is_picture
from data.core.progress import bytes_bar
from data.storage.addresses import footage_address, legible, safe_name
from data.storage.store import Store, Stored


def fetch_footage(place: Path) -> Path:
    """Fetch the footage at an address into the cache, unless it is there already.

    An interrupted fetch is resumed. A local path is returned as it is.

    Args:
        place: of the footage; see `data.storage.addresses`.

    Raises:
        InputError: it is not there, cannot be reached, or finds no room.
    """
    address = footage_address(place)
    if address is None:
        return place
    store = Store(address)
    found = store.look()
    if found is None:
        raise InputError(f"{address}: no such file or folder; check the address")
    if found.is_folder:
        _fetch_pictures(store, place)
    else:
        with _locked(place):
            _fetch(store, "", found, place)
    return place


def _fetch_pictures(store: Store, folder: Path) -> None:
    """Make a local folder hold the same pictures as a folder at an address; ignore other files."""
    there = {
        name: stored
        for name, stored in store.files().items()
        if "/" not in name and is_picture(Path(name))
    }
    with _locked(folder):
        for name, stored in there.items():
            _fetch(store, name, stored, folder / safe_name(name))
        names = {safe_name(name) for name in there}
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_picture(path) and path.name not in names:
                path.unlink()


def _fetch(store: Store, name: str, found: Stored, place: Path) -> None:
    record = _record(place)
    address = f"{store.address}/{name}" if name else store.address
    while _read(record, address) != found.key or not place.is_file():
        partial = _partial(place, found)
        _require_room(place, found.size_bytes - _size(partial))
        with bytes_bar(f"fetching {place.name}", found.size_bytes, _size(partial)) as bar:
            _resume(store, name, found, partial, bar.update)
        # A file replaced while it is read would be a mixture of both versions.
        again = store.look(name)
        if again != found or _size(partial) != found.size_bytes:
            partial.unlink()
            if again is None or again == found:
                raise InputError(f"{address}: not what it was said to be; run again")
            found = again
            continue
        partial.replace(place)
        write_json(record, {"address": address, "key": found.key})


def _record(place: Path) -> Path:
    """The file that records the address and version of a fetched file."""
    return place.with_name(f".{place.name}.fetched.json")


def _read(record: Path, address: str) -> str | None:
    """Key of the version that was fetched; None for none."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        fetched, key = str(content["address"]), str(content["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if fetched != address and fetched.casefold() == address.casefold():
        message = "differ in capitals only, which this disk does not tell apart; rename one"
        raise InputError(f"{address} and {fetched} {message}")
    return key


def _partial(place: Path, found: Stored) -> Path:
    """The file that holds the part fetched so far of this version."""
    place.parent.mkdir(parents=True, exist_ok=True)
    key = digest(found.key)
    partial = place.with_name(f".{place.name}.{key}{PARTIAL}")
    for other in place.parent.glob(f".{glob.escape(place.name)}.{'?' * len(key)}{PARTIAL}"):
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


def _require_room(place: Path, needed: int) -> None:
    free = free_bytes(place)
    if needed > free:
        message = f"{readable(needed)} to fetch, and {readable(free)} free on the disk of its cache"
        raise InputError(f"{legible(str(place))}: {message}; free some, or set XDG_CACHE_HOME")


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other runs on this machine from fetching the same footage at the same time."""
    import filelock

    place.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(place.with_name(f".{place.name}.lock")):
        yield
