"""File lists of a project at an address: remote manifest, local state, and local folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from data.core.atomic import PARTIAL, write_json
from data.core.errors import RUN_AGAIN, InputError
from data.project.manifest import leads_out
from data.project.project import CACHE_FOLDER, PROJECT_FILE

MANIFEST_FILE: Final = ".mirror.json"
IN_USE_FILE: Final = ".in-use.json"
REMOTE_FOLDER: Final = ".away"
"""Results of tasks on other machines, until they are collected into the project."""
SCHEMA: Final = 1
_NOT_SYNCED: Final = frozenset({PROJECT_FILE, MANIFEST_FILE, IN_USE_FILE, ".lock"})
_MAX_NS: Final = 1 << 62  # the year 2116
_PARTIAL_MARKS: Final = (PARTIAL, ".part", ".old")


class Stamp(NamedTuple):
    """Version of a file. Transfers preserve modification times.

    A file that is up to date on one machine is therefore up to date on every machine.
    """

    size_bytes: int
    mtime_ns: int
    sha256: str = ""  # empty if not computed

    def matches(self, other: Stamp | None) -> bool:
        """Whether size and modification time are equal."""
        return other is not None and self[:2] == other[:2]


Files = dict[str, Stamp]
"""Stamps by path relative to the project folder, with ``/`` as separator."""


@dataclass(frozen=True, slots=True)
class RemoteManifest:
    """List of the files at the address, without `PROJECT_FILE`.

    As in `data.project.manifest`, a file is listed before it is written and until it is removed.
    Its stamp is None while the content may be the old or the new version.
    """

    revision: str  # changes with every push
    files: Mapping[str, Stamp | None]

    def to_bytes(self) -> bytes:
        """Return the content of the manifest file."""
        note = "the files that fancam wrote here, and will remove when they are out of date"
        content = {
            "schema": SCHEMA,
            "note": note,
            "revision": self.revision,
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(content, ensure_ascii=False, indent=0).encode()

    @classmethod
    def from_bytes(cls, content: bytes, *, address: str) -> Self:
        """Parse the untrusted content of a manifest file.

        Raises:
            InputError: the manifest is of another version, damaged, or lists a file outside the
                project folder.
        """
        try:
            fields = json.loads(content)
            schema, revision = fields["schema"], str(fields["revision"])
            files = (
                {str(p): _stamp(s) for p, s in fields["files"].items()} if schema == SCHEMA else {}
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            message = f"{MANIFEST_FILE} is damaged ({error!r}); remove it there, and {RUN_AGAIN}"
            raise InputError(f"{address}: {message}") from error
        if schema != SCHEMA:
            message = "made by another version of fancam"
            remedy = "use that version, or give another address"
            raise InputError(f"{address}: {message}; {remedy}")
        require_inside(files, address)
        return cls(revision, files)


@dataclass(slots=True)
class SyncState:
    """State of the last sync of this machine, stored next to the project folder."""

    file: Path
    machine: str = ""
    revision: str | None = None  # of the manifest after the last sync; None without a manifest
    project_sha256: str = ""  # of the remote `PROJECT_FILE` after the last sync; empty without one
    sending: str | None = None  # revision of an unfinished push
    at_work: bool = False  # a command is changing the folder, or was killed
    files: Files = field(default_factory=dict)  # equal on both sides

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read the state of a project's folder."""
        return cls.read(sibling(folder, "state.json"))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the state of the last run; return an empty state if it cannot be read."""
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
            fields["files"] = {path: Stamp(*stamp) for path, stamp in fields["files"].items()}
            return cls(file, **fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(file)

    def write(self) -> None:
        """Write the state atomically."""
        names = ("machine", "revision", "project_sha256", "sending", "at_work", "files")
        write_json(self.file, {name: getattr(self, name) for name in names})


def sibling(folder: Path, name: str) -> Path:
    """Return the path of an internal file next to a project folder."""
    return folder.with_name(f".{folder.name}.{name}")


def require_inside(paths: Mapping[str, Any], address: str) -> None:
    """Check that all paths are inside the project folder and synced.

    Raises:
        InputError: a path leads out of the folder or is never synced.
    """
    for path in paths:
        if leads_out(path) or not is_synced(path):
            message = f"contains {path[:80]!r}, which does not belong in a project"
            raise InputError(f"{address}: {message}; remove it there, or give another address")


def is_synced(path: str) -> bool:
    """Whether a file of the project's folder is synced."""
    *_, name = parts = path.split("/")
    is_partial = name.startswith(".") and any(word in name for word in _PARTIAL_MARKS)
    folders = (CACHE_FOLDER, REMOTE_FOLDER)
    return path not in _NOT_SYNCED and parts[0] not in folders and not is_partial


def local_files(folder: Path) -> Files:
    """Return the synced files of a project folder; links are not followed."""
    return {path: Stamp(stat.st_size, stat.st_mtime_ns) for path, stat in _walk(folder)}


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent) / name
            path = file.relative_to(folder).as_posix()
            if is_synced(path) and not file.is_symlink() and file.is_file():
                yield path, file.stat()


def sha256_of(path: Path) -> str:
    """Return the hash of a file; empty if the file does not exist."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(fields: Any) -> Stamp | None:
    if fields is None:
        return None
    size_bytes, mtime_ns, sha256 = fields
    if not 0 <= int(mtime_ns) < _MAX_NS:
        raise ValueError(f"modification time {mtime_ns}")
    return Stamp(int(size_bytes), int(mtime_ns), str(sha256))
