"""The project folder: where everything about some footage lives, and what has been done to it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from data.core.atomic import write_json
from data.core.errors import InputError
from data.project.paths import ProjectFolder, ProjectPaths
from data.project.stages import PEOPLE, RecordT, Stage
from data.storage.addresses import (
    footage_address,
    footage_place,
    from_address,
    is_address,
    project_address,
    to_address,
)

SCHEMA = 1
"""Raised whenever an older version could not read what this one writes."""
SUFFIX = ".fancam"
PROJECT_FILE = "project.json"
CACHE_FOLDER = ".web"
"""Small pictures and sounds that the pages have made; may be deleted at any time."""

_NAME_BYTES = 120  # a file name may have 255, a Windows path 260 characters
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # somewhere, in a file name
_OWN_SUFFIXES = (".parquet", ".frames", ".parts")
"""A footage whose name ended so would share files with another's; see the paths below."""


@dataclass(frozen=True, slots=True)
class FootageEntry:
    """One footage as the project knows it; ``name`` is unique in the project."""

    name: str
    path: Path  # absolute; of one at an address, where it is kept on this machine
    size_bytes: int
    duration_s: float
    rate: Fraction | None  # frames a second; None for images
    width: int  # px, upright
    height: int


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """What a project knew at some time; see `Project.restore`."""

    footages: Mapping[str, FootageEntry]
    records: Mapping[str, Mapping[str, Any]]


class Project(ProjectPaths):
    """A project folder on disk: its paths, footages, and a record of each finished stage."""

    def __init__(self, folder: Path) -> None:
        """Read ``project.json`` of ``folder`` if there is one; write nothing yet.

        Raises:
            InputError: the folder holds something else, or a project of another version.
        """
        self.folder = absolute(folder)
        self.footages: dict[str, FootageEntry] = {}
        self._records: dict[str, dict[str, Any]] = {}  # JSON objects, as they were stored
        if self._file.exists():
            self._load(_read_json(self._file))
        elif self.folder.exists() and not self.folder.is_dir():
            raise InputError(
                f"{folder}: a file is in the place of the project folder; move it away"
            )

    @property
    def _file(self) -> Path:
        return self.folder / PROJECT_FILE

    @property
    def paths(self) -> ProjectFolder:
        """The paths alone, for tasks that run elsewhere."""
        return ProjectFolder(self.folder)

    def add_footage(
        self,
        path: Path,
        *,
        size_bytes: int,
        duration_s: float,
        rate: Fraction | None,
        frame_wh: tuple[int, int],
        force: bool = False,
    ) -> FootageEntry:
        """Take a footage into the project, or find it there, and return its entry.

        Raises:
            InputError: the file has changed since the project read it, and ``force`` is false; or
                its name is not Unicode.
        """
        path = absolute(path)
        known = next((e for e in self.footages.values() if e.path == path), None)
        name = known.name if known else self._free_name(path)
        entry = FootageEntry(name, path, size_bytes, duration_s, rate, *frame_wh)
        if known and known != entry and not force:
            message = "it has changed since the project read it; read it again with --force"
            raise InputError(f"{path.name}: {message}, or choose another --project")
        if known != entry:
            self.footages[name] = entry
            self.save()
        return entry

    def _free_name(self, path: Path) -> str:
        stem = _file_stem(path)
        name, number = stem, 2
        taken = {taken.casefold() for taken in self.footages}
        while name.casefold() in taken:
            name, number = f"{stem} ({number})", number + 1
        return name

    def has_record(self, stage: Stage[Any], footage: str | None = None) -> bool:
        """Whether ``stage`` was finished, with any settings and by any version."""
        return stage.key(footage) in self._records

    def record(self, stage: Stage[RecordT], footage: str | None = None) -> RecordT | None:
        """Return the record of ``stage``; None where it has none that this version can read."""
        stored = self._records.get(stage.key(footage))
        try:
            return None if stored is None else stage.record.from_json(stored)
        except (ValueError, TypeError):
            return None

    def require_record(self, stage: Stage[RecordT], footage: str | None = None) -> RecordT:
        """Return the record of ``stage``.

        Raises:
            InputError: it is not finished, or another version finished it.
        """
        record = self.record(stage, footage)
        if record is None:
            message = f"{stage.key(footage)!r} is not finished, or by another version"
            raise InputError(f"{self._file}: {message}; run {stage.command} again")
        return record

    def records(self, stage: Stage[RecordT]) -> dict[str, RecordT]:
        """Return the records of ``stage`` by footage, also of footages that have left."""
        names = [name for key in self._records if (name := stage.footage_of(key)) is not None]
        found = {name: self.record(stage, name) for name in names}
        return {name: record for name, record in found.items() if record is not None}

    def footages_with(self, stage: Stage[Any]) -> list[FootageEntry]:
        """Return the footages for which ``stage`` was finished; see `has_record`."""
        return [entry for name, entry in self.footages.items() if self.has_record(stage, name)]

    @property
    def label_margin(self) -> float:
        """Share of the face that its label is larger by, on each side; 0 before clustering."""
        people = self.record(PEOPLE)
        return 0.0 if people is None else float(people.label_margin)

    def is_finished(
        self, stage: Stage[RecordT], record: RecordT, footage: str | None = None
    ) -> bool:
        """Whether ``stage`` was finished with just this record."""
        return self._records.get(stage.key(footage)) == record.to_json()

    def finish(self, stage: Stage[RecordT], record: RecordT, footage: str | None = None) -> None:
        """Store the record of a stage that is finished."""
        self._records[stage.key(footage)] = record.to_json()
        self.save()

    def unfinish(self, stage: Stage[Any], footage: str | None = None) -> None:
        """Remove the record of ``stage``, before its output is touched."""
        if self._records.pop(stage.key(footage), None) is not None:
            self.save()

    def snapshot(self) -> ProjectSnapshot:
        """Return what the project knows now."""
        return ProjectSnapshot(dict(self.footages), dict(self._records))

    def restore(self, before: ProjectSnapshot, stage: Stage[Any], footages: Iterable[str]) -> None:
        """Set footages and their records of ``stage`` back to what they were."""
        changed = self.snapshot()
        for name in footages:
            _set_back(self.footages, before.footages, name)
            _set_back(self._records, before.records, stage.key(name))
        if self.snapshot() != changed:
            self.save()

    def save(self) -> None:
        """Write ``project.json`` whole."""
        footages = [self._entry_to_json(entry) for entry in self.footages.values()]
        # In an order of their own: footages may be finished in any.
        stages = dict(sorted(self._records.items()))
        write_json(self._file, {"schema": SCHEMA, "footages": footages, "stages": stages})

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other run out of this project meanwhile, and read it as it is by then.

        Raises:
            InputError: another run is at work in it.
        """
        import filelock

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            message = "another run is at work in this project; wait for it, or stop it"
            raise InputError(f"{self.folder}: {message}") from error
        try:
            # A run that ended since this project was read may have written it anew.
            if self._file.exists():
                self._load(_read_json(self._file))
            yield
        finally:
            lock.release()

    def _entry_to_json(self, entry: FootageEntry) -> dict[str, Any]:
        fields = dataclasses.asdict(entry)
        fields["rate"] = str(entry.rate) if entry.rate is not None else None
        # Relative where the footage lies beside the project: both can then be moved together.
        beside = entry.path.is_relative_to(self.folder.parent)
        fields["path"] = os.path.relpath(entry.path, self.folder) if beside else str(entry.path)
        if (address := footage_address(entry.path)) is not None:
            # On another machine it is kept elsewhere.
            home = project_address(self.folder)
            fields["path"] = from_address(address, home) if home else address
        return fields

    def _entry_from_json(self, fields: dict[str, Any]) -> FootageEntry:
        rate = Fraction(fields["rate"]) if fields["rate"] is not None else None
        if _FORBIDDEN.search(fields["name"]) or fields["name"] in ("", ".."):
            raise ValueError(f"name {fields['name']!r}")  # files are called after it
        path, home = (
            Path(os.path.normpath(self.folder / fields["path"])),
            project_address(self.folder),
        )
        if is_address(fields["path"]):
            path = footage_place(fields["path"])
        elif home and not Path(fields["path"]).is_absolute():
            path = footage_place(to_address(fields["path"], home))
        return FootageEntry(**{**fields, "rate": rate, "path": path})

    def _load(self, content: dict[str, Any]) -> None:
        schema = content.get("schema")
        if schema != SCHEMA:
            later = isinstance(schema, int) and schema > SCHEMA
            remedy = "update fancam, or choose" if later else "choose"
            message = f"made by another version (project schema {schema}, this one reads {SCHEMA})"
            raise InputError(f"{self.folder}: {message}; {remedy} another --project")
        try:
            entries = [self._entry_from_json(fields) for fields in content["footages"]]
            self._records = dict(content["stages"])
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise InputError(
                f"{self._file}: damaged ({error!r}); choose another --project"
            ) from error
        self.footages = {entry.name: entry for entry in entries}


def require_project(folder: Path) -> None:
    """Refuse a folder that is no project.

    Raises:
        InputError: it is none.
    """
    if not (folder / PROJECT_FILE).is_file():
        message = "no fancam project; give the folder that cluster-faces made"
        raise InputError(f"{folder}: {message}")


def _file_stem(path: Path) -> str:
    """What files about a footage can be called on any system, and no other file is."""
    path = Path(os.path.normpath(path))
    stem = path.name if path.is_dir() else path.stem
    try:
        stem = stem.encode()[:_NAME_BYTES].decode(errors="ignore") or "footage"
    except UnicodeEncodeError as error:
        raise InputError(f"{path.name!a}: the name is not Unicode; rename it") from error
    stem = _FORBIDDEN.sub("_", stem)
    return f"{stem}_" if stem.casefold().endswith(_OWN_SUFFIXES) or stem == ".." else stem


def absolute(path: Path) -> Path:
    """The path from the root, without ``..``: one footage has one path, however it was written."""
    return Path(os.path.normpath(path.absolute()))


def _set_back(now: dict[str, Any], before: Mapping[str, Any], key: str) -> None:
    if key in before:
        now[key] = before[key]
    else:
        now.pop(key, None)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable ({error}); choose another --project") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a fancam project; choose another --project")
    return content
