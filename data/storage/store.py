"""Read and write files at an address through fsspec, with timeouts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from data.core.atomic import PARTIAL, atomic_write
from data.core.errors import InputError

CHUNK_BYTES: Final = 16 << 20
"""Bytes per read, and memory per concurrent transfer."""

_CONNECT_S, _READ_S, _ATTEMPTS = 10, 60, 2
_S3: Final = {
    "config_kwargs": {
        "connect_timeout": _CONNECT_S,
        "read_timeout": _READ_S,
        "retries": {"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    }
}
# Partial files are visible in these stores, so a file is renamed when it is complete. Object stores
# show only complete objects, and cannot rename them.
_WITH_RENAME: Final = {"file", "local", "ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs"}
# fsspec properties that identify a version of a file, most reliable first.
_CONTENT: Final = ("ETag", "etag", "md5Hash", "contentMd5", "content_md5", "Content-MD5")
_TIMES: Final = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file or folder at an address."""

    size_bytes: int
    key: str  # changes with the content
    is_folder: bool = False


class Store:
    """Files at and below an address; names are relative to it, ``""`` is the address itself.

    Every method raises an InputError if the store cannot be reached or denies access.

    Raises:
        InputError: the protocol is unknown, or its package is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._scheme = address.partition("://")[0]
        with self._input_errors():
            from fsspec.core import url_to_fs

            # Without cached connections and listings.
            fresh = {"skip_instance_cache": True, "use_listings_cache": False}
            options = _S3 if self._scheme in ("s3", "s3a") else {}
            self._system, self._root = url_to_fs(self.address, **fresh, **options)

    def info(self, name: str = "") -> Stored | None:
        """Return the size and version of a file or folder; None if it does not exist."""
        with self._input_errors():
            try:
                return _stored(self._system.info(self._path(name)))
            except FileNotFoundError as error:
                _require_bucket(error)
                _require_connection(error)
                return None

    def files(self) -> dict[str, Stored]:
        """Return all files below the address by name, sorted."""
        with self._input_errors():
            found = self._system.find(self._root, detail=True)
        return self._named(found)

    def matching(self, pattern: str) -> dict[str, Stored]:
        """Return the files and folders below the address that match ``pattern`` by name, sorted."""
        with self._input_errors():
            found = self._system.glob(self._path(pattern), detail=True)
        return self._named(found)

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if it does not exist."""
        with self._input_errors():
            try:
                return bytes(self._system.cat_file(self._path(name)))
            except FileNotFoundError as error:
                _require_bucket(error)
                return None

    def chunks(self, name: str, *, size_bytes: int, start: int = 0) -> Iterator[bytes]:
        """Yield the content of a file of ``size_bytes`` from byte ``start``, block by block."""
        if start == 0 and size_bytes <= CHUNK_BYTES:
            with self._input_errors():
                yield bytes(self._system.cat_file(self._path(name)))
            return
        with self._input_errors():
            source = self._system.open(self._path(name), "rb", block_size=CHUNK_BYTES)
        with source:
            while True:
                with self._input_errors():
                    if source.tell() < start:
                        source.seek(start)
                    block = bytes(source.read(CHUNK_BYTES))
                if not block:
                    return
                yield block

    def write(self, name: str, content: bytes) -> None:
        """Write a small file atomically."""
        with self._input_errors():
            path = self._begin(name)
            self._system.pipe_file(path, content)
            self._end(path, name)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless it exists; return whether it was written."""
        with self._input_errors():
            self._make_folder(name)
            try:
                self._system.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            return True

    def send(self, source: Path, name: str) -> None:
        """Upload a local file atomically."""
        with self._input_errors():
            path = self._begin(name)
            self._system.put_file(str(source), path)
            self._end(path, name)

    def fetch(self, name: str, target: Path, *, size_bytes: int) -> None:
        """Download a file atomically."""
        with atomic_write(target) as partial, partial.open("wb") as file:
            for block in self.chunks(name, size_bytes=size_bytes):
                file.write(block)

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        with self._input_errors():
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
        # Some stores list an empty object for a folder.
        return {name: named[name] for name in sorted(named) if name and not name.endswith("/")}

    def _begin(self, name: str) -> str:
        """Return the path to write a file to: its own, or that of a partial file next to it."""
        self._make_folder(name)
        if self._scheme not in _WITH_RENAME:
            return self._path(name)
        parent, _, last = self._path(name).rpartition("/")
        return f"{parent}/.{last}{PARTIAL}"

    def _end(self, path: str, name: str) -> None:
        if path != self._path(name):
            self._system.mv(path, self._path(name))

    def _make_folder(self, name: str) -> None:
        if self._scheme in _WITH_RENAME:
            self._system.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _input_errors(self) -> Iterator[None]:
        # The packages of the protocols have no common base class of errors.
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.address}: {_advice(error, self._scheme)}") from error


def _stored(properties: dict[str, Any]) -> Stored:
    size_bytes = int(properties.get("size") or 0)
    values = [properties[name] for name in (*_CONTENT, *_TIMES) if properties.get(name)]
    # Some listings hold a time as a number where `info` returns a date.
    version = [v.timestamp() if isinstance(v, datetime) else v for v in values[:1]]
    key = " ".join(map(str, [size_bytes, *version]))
    return Stored(size_bytes, key, is_folder=properties.get("type") == "directory")


def _require_bucket(error: FileNotFoundError) -> None:
    """Raise the error if the bucket itself is missing."""
    if "bucket" in str(error).lower() and "not exist" in str(error):
        raise error


def _require_connection(error: FileNotFoundError) -> None:
    """Raise the connection error behind an error; fsspec reports one as a missing file."""
    for cause in (error.__cause__, error.__context__):
        if isinstance(cause, Exception) and _is_connection_error(cause):
            raise cause


def _is_connection_error(error: Exception) -> bool:
    is_known = isinstance(error, (ConnectionError, TimeoutError))
    pattern = "Connect|Timeout|Endpoint|gaierror|HTTPClient"
    return is_known or re.search(pattern, type(error).__name__) is not None


def _advice(error: Exception, scheme: str) -> str:
    """Describe an error and its remedy, without secrets that its message may contain."""
    name = type(error).__name__
    if isinstance(error, ImportError):
        if scheme in ("s3", "s3a") or getattr(error, "name", "") == "fsspec":
            return "a package for it is missing: pip install 'fancam[remote]'"
        packages = re.findall(
            r"[Ii]nstall (?:the )?[\"']?([\w.-]+)|requires \"([\w.-]+)\"", str(error)
        )
        package = next((first or second for first, second in packages), "")
        remedy = f": pip install {package}" if package else f" ({error})"
        return f"a package for {scheme}:// is missing{remedy}"
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return f"unknown protocol {scheme}://; give a path, or an address such as s3://"
    if isinstance(error, FileNotFoundError):
        return "no such bucket or folder, or no permission to see it; check the address"
    if "Credential" in name or "Token" in name:
        return "no credentials found; set them, for example with AWS_ACCESS_KEY_ID or AWS_PROFILE"
    if isinstance(error, PermissionError):
        return "no permission; check the credentials and what they may access"
    if _is_connection_error(error):
        endpoint = ", and AWS_ENDPOINT_URL if it is set" if scheme in ("s3", "s3a") else ""
        return f"cannot be reached; check the address and the connection{endpoint}"
    return f"cannot be read or written ({name}); check the address, and that the server is up"
