"""Read and write files at an address through fsspec, with bounded waiting times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from data.core.atomic import PARTIAL, whole_file
from data.core.errors import InputError

CHUNK_BYTES: Final = 16 << 20
"""Bytes read at a time; each concurrent transfer needs this much memory."""

_CONNECT_S, _READ_S, _ATTEMPTS = 10, 60, 2
_S3: Final = {
    "config_kwargs": {
        "connect_timeout": _CONNECT_S,
        "read_timeout": _READ_S,
        "retries": {"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    }
}
# Partial files are visible there, so a file is renamed into place when it is complete. An object
# store shows only complete objects, and cannot rename them.
_WITH_RENAME: Final = {"file", "local", "ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs"}
# Properties reported by fsspec that identify a version of a file, best first.
_CONTENT: Final = ("ETag", "etag", "md5Hash", "contentMd5", "content_md5", "Content-MD5")
_TIMES: Final = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")


@dataclass(frozen=True, slots=True)
class Stored:
    """One file or folder at an address."""

    size_bytes: int
    key: str  # changes with the content
    is_folder: bool = False


class Store:
    """Files at an address and below; names are relative to it, ``""`` is the address itself.

    Raises:
        InputError: no such protocol, or a package for it is missing. So does every method where
            the store cannot be reached, or does not let us.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._scheme = address.partition("://")[0]
        with self._reached():
            from fsspec.core import url_to_fs

            # No cached connections or listings.
            fresh = {"skip_instance_cache": True, "use_listings_cache": False}
            options = _S3 if self._scheme in ("s3", "s3a") else {}
            self._system, self._root = url_to_fs(self.address, **fresh, **options)

    def look(self, name: str = "") -> Stored | None:
        """Size and version of a file or folder; None where there is none."""
        with self._reached():
            try:
                return _stored(self._system.info(self._path(name)))
            except FileNotFoundError as error:
                _require_bucket(error)
                return None

    def files(self) -> dict[str, Stored]:
        """All files below the address, by name, in order."""
        with self._reached():
            found = self._system.find(self._root, detail=True)
        return self._named(found)

    def matching(self, pattern: str) -> dict[str, Stored]:
        """The files and folders below the address whose names match ``pattern``, in order."""
        with self._reached():
            found = self._system.glob(self._path(pattern), detail=True)
        return self._named(found)

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None where there is none."""
        with self._reached():
            try:
                return bytes(self._system.cat_file(self._path(name)))
            except FileNotFoundError as error:
                _require_bucket(error)
                return None

    def chunks(self, name: str, *, size_bytes: int, start: int = 0) -> Iterator[bytes]:
        """The content of a file of this size from byte ``start`` on, block by block."""
        if start == 0 and size_bytes <= CHUNK_BYTES:
            with self._reached():
                yield bytes(self._system.cat_file(self._path(name)))
            return
        with self._reached():
            source = self._system.open(self._path(name), "rb", block_size=CHUNK_BYTES)
        with source:
            while True:
                with self._reached():
                    if source.tell() < start:
                        source.seek(start)
                    block = bytes(source.read(CHUNK_BYTES))
                if not block:
                    return
                yield block

    def write(self, name: str, content: bytes) -> None:
        """Write a small file atomically."""
        with self._reached():
            place = self._begin(name)
            self._system.pipe_file(place, content)
            self._end(place, name)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless there is one; return whether it was written."""
        with self._reached():
            self._make_folder(name)
            try:
                self._system.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            return True

    def send(self, source: Path, name: str) -> None:
        """Upload a local file atomically."""
        with self._reached():
            place = self._begin(name)
            self._system.put_file(str(source), place)
            self._end(place, name)

    def fetch(self, name: str, target: Path, *, size_bytes: int) -> None:
        """Download a file atomically."""
        with whole_file(target) as partial, partial.open("wb") as file:
            for block in self.chunks(name, size_bytes=size_bytes):
                file.write(block)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._reached():
            try:
                self._system.rm_file(self._path(name))
            except FileNotFoundError as error:
                _require_bucket(error)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def _named(self, found: dict[str, dict[str, Any]]) -> dict[str, Stored]:
        start = self._root.rstrip("/")
        named = {
            path[len(start) :].lstrip("/"): _stored(properties)
            for path, properties in found.items()
            if path.startswith(start)
        }
        # Some stores have an empty object in the place of a folder.
        return {name: named[name] for name in sorted(named) if name and not name.endswith("/")}

    def _begin(self, name: str) -> str:
        """Path to write a file to: its own, or a partial one beside it."""
        self._make_folder(name)
        if self._scheme not in _WITH_RENAME:
            return self._path(name)
        parent, _, last = self._path(name).rpartition("/")
        return f"{parent}/.{last}{PARTIAL}"

    def _end(self, place: str, name: str) -> None:
        if place != self._path(name):
            self._system.mv(place, self._path(name))

    def _make_folder(self, name: str) -> None:
        if self._scheme in _WITH_RENAME:
            self._system.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        # The packages of the protocols share no base class of errors.
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.address}: {_why(error, self._scheme)}") from error


def _stored(properties: dict[str, Any]) -> Stored:
    size_bytes = int(properties.get("size") or 0)
    known = [properties[name] for name in (*_CONTENT, *_TIMES) if properties.get(name)]
    # Some listings give a time as a number where `info` gives a date.
    version = [one.timestamp() if isinstance(one, datetime) else one for one in known[:1]]
    key = " ".join(map(str, [size_bytes, *version]))
    return Stored(size_bytes, key, is_folder=properties.get("type") == "directory")


def _require_bucket(error: FileNotFoundError) -> None:
    """Raise the error again if the bucket itself is missing."""
    if "bucket" in str(error).lower() and "not exist" in str(error):
        raise error


def _why(error: Exception, scheme: str) -> str:
    """Return what is wrong and what to do, without secrets that an error may contain."""
    name = type(error).__name__
    if isinstance(error, ImportError):
        if scheme in ("s3", "s3a") or getattr(error, "name", "") == "fsspec":
            return "a package for it is missing: pip install 'fancam[remote]'"
        packages = re.findall(
            r"[Ii]nstall (?:the )?[\"']?([\w.-]+)|requires \"([\w.-]+)\"", str(error)
        )
        package = next((one or other for one, other in packages), "")
        advice = f": pip install {package}" if package else f" ({error})"
        return f"a package for {scheme}:// is missing{advice}"
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return f"nothing is known about {scheme}://; give a path, or an address such as s3://"
    if isinstance(error, FileNotFoundError):
        return "no such bucket or folder, or it may not be seen; check the address"
    if "Credential" in name or "Token" in name:
        return "no credentials for it; set them as usual, such as AWS_ACCESS_KEY_ID or AWS_PROFILE"
    if isinstance(error, PermissionError):
        return "no permission; check the credentials, and what they allow"
    if isinstance(error, (ConnectionError, TimeoutError)) or re.search(
        "Connect|Timeout|Endpoint|gaierror|HTTPClient", name
    ):
        return "cannot be reached; check the connection, and AWS_ENDPOINT_URL where it is set"
    return f"cannot be read or written ({name}); check the address, and that it is up"
