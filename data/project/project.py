"""The project folder: its footages, and the records of the stages that are finished."""

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
from data.core.errors import InputError, unreadable
from data.core.streams import DEFAULT_STREAMS, StreamChoice
from data.project.paths import ProjectFolder, ProjectPaths
from data.project.record import Scalar
from data.project.stages import (
    DETECTIONS,
    FACES,
    FOOTAGE_STAGES,
    PEOPLE,
    SMILES,
    TRACKS,
    RecordT,
    Stage,
)
from data.storage.addresses import (
    footage_address,
    footage_path,
    from_address,
    is_address,
    project_address,
    to_address,
)
from data.storage.shown import command_line

SCHEMA = 1
"""Incremented whenever older versions cannot read the files of this one."""
SUFFIX = ".fancam"
PROJECT_FILE = "project.json"
CACHE_FOLDER = ".web"
"""Thumbnails and sounds that the pages generated; may be deleted at any time."""

_REPLACE = "put back a copy of it, or make a new project"
_NAME_BYTES = 120  # the limit is 255 for a file name and 260 for a Windows path
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # in a file name on some platform
_OWN_SUFFIXES = (".parquet", ".frames", ".parts")
"""Not allowed at the end of a footage's name: its files could be those of another footage."""


@dataclass(frozen=True, slots=True)
class FootageEntry:
    """A footage of the project; ``name`` is unique in the project."""

    name: str
    path: Path  # absolute; the path in the cache for a footage at an address
    size_bytes: int
    duration_s: float
    rate: Fraction | None  # frames per second; None for images
    width: int  # px, upright
    height: int
    streams: StreamChoice = DEFAULT_STREAMS  # as the user chose


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """Footages and records of a project at one time; see `Project.restore`."""

    footages: Mapping[str, FootageEntry]
    records: Mapping[str, Mapping[str, Any]]


class Project(ProjectPaths):
    """A project folder on disk: its paths, footages, and a record of each finished stage."""

    def __init__(self, folder: Path) -> None:
        """Read ``project.json`` of ``folder`` if it exists; write nothing.

        Raises:
            InputError: ``folder`` is not a project folder, or belongs to another version.
        """
        self.folder = absolute(folder)
        self.footages: dict[str, FootageEntry] = {}
        self.options: dict[str, dict[str, Scalar]] = {}  # of the last run of each stage
        self._records: dict[str, dict[str, Any]] = {}  # JSON objects as stored
        if self._file.exists():
            self._load(_read_json(self._file))
        elif self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{folder}: a file, not a project folder; choose another --project")

    @property
    def _file(self) -> Path:
        return self.folder / PROJECT_FILE

    @property
    def paths(self) -> ProjectFolder:
        """The paths only, for tasks on any machine."""
        return ProjectFolder(self.folder)

    def add_footage(
        self,
        path: Path,
        *,
        size_bytes: int,
        duration_s: float,
        rate: Fraction | None,
        frame_wh: tuple[int, int],
        streams: StreamChoice = DEFAULT_STREAMS,
        force: bool = False,
    ) -> FootageEntry:
        """Add a footage to the project unless it is there already; return its entry.

        Raises:
            InputError: the file or the chosen streams have changed since it was added and ``force``
                is false, or its name is not Unicode.
        """
        path = absolute(path)
        known = next((e for e in self.footages.values() if e.path == path), None)
        name = known.name if known else self._unused_name(path)
        entry = FootageEntry(name, path, size_bytes, duration_s, rate, *frame_wh, streams)
        if known and known.streams.video != streams.video and not force:
            message = f"the project uses {_stream_shown(known.streams)}"
            stream = ("--video-stream", str(streams.video)) if streams.video else ()
            remedy = f"to change it: {self.analysed_again(path, *stream)}"
            raise InputError(f"{path.name}: {message}; {remedy}")
        if known and dataclasses.replace(known, streams=streams) != entry and not force:
            message = _change(known, size_bytes, frame_wh, since="cluster-faces analysed it")
            remedy = f"to analyse it again: {self.analysed_again(path)}"
            raise InputError(f"{path.name}: {message}; {remedy}")
        if known != entry:
            if known and frame_wh != (known.width, known.height):
                # Their boxes are those of another size.
                for stage in (FACES, DETECTIONS, TRACKS, SMILES):
                    self._records.pop(stage.key(name), None)
            self.footages[name] = entry
            self.save()
        return entry

    def require_unchanged(
        self, entry: FootageEntry, *, size_bytes: int, frame_wh: tuple[int, int]
    ) -> None:
        """Check that a footage is the one that was tracked.

        Args:
            entry: its entry in the project.
            size_bytes: its size on disk now.
            frame_wh: the size of its frames in px now.

        Raises:
            InputError: the footage has changed.
        """
        if (size_bytes, frame_wh) == (entry.size_bytes, (entry.width, entry.height)):
            return
        message = _change(entry, size_bytes, frame_wh, since="it was tracked")
        track = command_line("track-people", self.folder)
        remedy = f"to track it again: {self.analysed_again(entry.path)}, then {track}"
        raise InputError(f"{entry.path.name}: {message}; {remedy}")

    def analysed_again(self, path: Path, *options: str) -> str:
        """Return the command that replaces the faces of a footage."""
        return command_line("cluster-faces", "--project", self.folder, path, "--force", *options)

    def footage_at(self, path: Path) -> FootageEntry | None:
        """Return the footage with this path; None if it is not in the project."""
        path = absolute(path)
        return next((entry for entry in self.footages.values() if entry.path == path), None)

    def streams_of(self, path: Path) -> StreamChoice:
        """Return the streams that the user chose of a footage; the defaults if it is not known."""
        entry = self.footage_at(path)
        return DEFAULT_STREAMS if entry is None else entry.streams

    def move_footage(self, name: str, path: Path) -> None:
        """Change the path of a footage; its name and records stay."""
        self.footages[name] = dataclasses.replace(self.footages[name], path=absolute(path))
        self.save()

    def drop_footage(self, name: str) -> None:
        """Remove the entry and all records of a footage; its files are left to the caller."""
        del self.footages[name]
        for stage in FOOTAGE_STAGES:
            self._records.pop(stage.key(name), None)
        self.save()

    def _unused_name(self, path: Path) -> str:
        stem = _file_stem(path)
        name, number = stem, 2
        taken = {taken.casefold() for taken in self.footages}
        while name.casefold() in taken:
            name, number = f"{stem} ({number})", number + 1
        return name

    def has_record(self, stage: Stage[Any], footage: str | None = None) -> bool:
        """Whether ``stage`` is finished, with any settings and by any version."""
        return stage.key(footage) in self._records

    def record(self, stage: Stage[RecordT], footage: str | None = None) -> RecordT | None:
        """Return the record of ``stage``; None if it has none that this version can read."""
        stored = self._records.get(stage.key(footage))
        try:
            return None if stored is None else stage.record.from_json(stored)
        except (ValueError, TypeError):
            return None

    def require_record(self, stage: Stage[RecordT], footage: str | None = None) -> RecordT:
        """Return the record of ``stage``.

        Raises:
            InputError: the stage is not finished, or was finished by another version.
        """
        record = self.record(stage, footage)
        if record is None:
            unfinished = "" if footage is None else f" {footage}"
            message = f"{stage.command} has not finished{unfinished}, or was run by another version"
            raise InputError(f"{self.folder}: {message} of fancam; run {stage.command} again")
        return record

    def records(self, stage: Stage[RecordT]) -> dict[str, RecordT]:
        """Return the records of ``stage`` by footage, including removed footages."""
        names = [name for key in self._records if (name := stage.footage_of(key)) is not None]
        found = {name: self.record(stage, name) for name in names}
        return {name: record for name, record in found.items() if record is not None}

    def footages_with(self, stage: Stage[Any]) -> list[FootageEntry]:
        """Return the footages for which ``stage`` is finished; see `has_record`."""
        return [entry for name, entry in self.footages.items() if self.has_record(stage, name)]

    @property
    def label_margin(self) -> float:
        """Margin of a label on each side, as a share of the face size; 0 before clustering."""
        people = self.record(PEOPLE)
        return 0.0 if people is None else float(people.label_margin)

    def is_finished(
        self, stage: Stage[RecordT], record: RecordT, footage: str | None = None
    ) -> bool:
        """Whether ``stage`` is finished with exactly this record."""
        return self._records.get(stage.key(footage)) == record.to_json()

    def finish(self, stage: Stage[RecordT], record: RecordT, footage: str | None = None) -> None:
        """Store the record of a finished stage."""
        self._records[stage.key(footage)] = record.to_json()
        self.save()

    def unfinish(self, stage: Stage[Any], footage: str | None = None) -> None:
        """Remove the record of ``stage``, before its output is changed."""
        if self._records.pop(stage.key(footage), None) is not None:
            self.save()

    def remember(self, command: str, options: Mapping[str, Scalar]) -> None:
        """Store the options of a stage's run, which are those of its next one."""
        if self.options.get(command) != options:
            self.options[command] = dict(options)
            self.save()

    def snapshot(self) -> ProjectSnapshot:
        """Return the current footages and records."""
        return ProjectSnapshot(dict(self.footages), dict(self._records))

    def restore(self, before: ProjectSnapshot, stage: Stage[Any], footages: Iterable[str]) -> None:
        """Restore footages, and their records of ``stage``, from a snapshot."""
        changed = self.snapshot()
        for name in footages:
            _restore_key(self.footages, before.footages, name)
            _restore_key(self._records, before.records, stage.key(name))
        if self.snapshot() != changed:
            self.save()

    def save(self) -> None:
        """Write ``project.json``."""
        footages = [self._entry_to_json(entry) for entry in self.footages.values()]
        # Sorted, since footages may be finished in any order.
        stages = dict(sorted(self._records.items()))
        content = {"schema": SCHEMA, "footages": footages, "stages": stages}
        write_json(self._file, content | ({"options": self.options} if self.options else {}))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the project against other runs within the block, and reload it.

        Raises:
            InputError: another run holds the lock.
        """
        import filelock

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            message = "another run is using this project; wait for it, or stop it"
            raise InputError(f"{self.folder}: {message}") from error
        try:
            # A run that ended since this project was read may have changed it.
            if self._file.exists():
                self._load(_read_json(self._file))
            yield
        finally:
            lock.release()

    def _entry_to_json(self, entry: FootageEntry) -> dict[str, Any]:
        fields = dataclasses.asdict(entry)
        fields["rate"] = str(entry.rate) if entry.rate is not None else None
        if not entry.streams:
            del fields["streams"]
        # Relative below the project's parent folder, so that both can be moved together.
        is_near = entry.path.is_relative_to(self.folder.parent)
        fields["path"] = os.path.relpath(entry.path, self.folder) if is_near else str(entry.path)
        if (address := footage_address(entry.path)) is not None:
            # The cache path differs on other machines.
            home = project_address(self.folder)
            fields["path"] = from_address(address, home) if home else address
        return fields

    def _entry_from_json(self, fields: dict[str, Any]) -> FootageEntry:
        rate = Fraction(fields["rate"]) if fields["rate"] is not None else None
        if _FORBIDDEN.search(fields["name"]) or fields["name"] in ("", ".."):
            raise ValueError(f"name {fields['name']!r}")  # files are named after it
        path, home = (
            Path(os.path.normpath(self.folder / fields["path"])),
            project_address(self.folder),
        )
        if is_address(fields["path"]):
            path = footage_path(fields["path"])
        elif home and not Path(fields["path"]).is_absolute():
            path = footage_path(to_address(fields["path"], home))
        streams = StreamChoice(**fields.get("streams", {}))
        return FootageEntry(**{**fields, "rate": rate, "path": path, "streams": streams})

    def _load(self, content: dict[str, Any]) -> None:
        schema = content.get("schema")
        if schema != SCHEMA:
            is_newer = isinstance(schema, int) and schema > SCHEMA
            maker = "a newer fancam" if is_newer else "another version of fancam"
            remedy = "upgrade fancam" if is_newer else "use that version, or make a new project"
            raise InputError(f"{self.folder}: made by {maker}; {remedy}")
        try:
            entries = [self._entry_from_json(fields) for fields in content["footages"]]
            self._records = dict(content["stages"])
            self.options = {name: dict(of) for name, of in content.get("options", {}).items()}
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise InputError(f"{self._file}: damaged ({error!r}); {_REPLACE}") from error
        self.footages = {entry.name: entry for entry in entries}


def _stream_shown(streams: StreamChoice) -> str:
    return f"video stream {streams.video}" if streams.video else "the default video stream"


def _change(entry: FootageEntry, size_bytes: int, frame_wh: tuple[int, int], *, since: str) -> str:
    """Describe how a footage differs from its entry.

    Args:
        entry: the footage as it was.
        size_bytes: its size on disk now.
        frame_wh: the size of its frames in px now.
        since: when the entry was written.
    """
    if size_bytes == entry.size_bytes and frame_wh != (entry.width, entry.height):
        now, before = "{} x {}".format(*frame_wh), f"{entry.width} x {entry.height}"
        return f"it has changed since {since} (its frames are displayed at {now} px, not {before})"
    return f"it has changed since {since}"


def require_project(folder: Path) -> None:
    """Check that a folder is a project.

    Raises:
        InputError: the folder is not a project.
    """
    if not (folder / PROJECT_FILE).is_file():
        message = "not a fancam project; give the folder that cluster-faces made"
        raise InputError(f"{folder}: {message}")


def _file_stem(path: Path) -> str:
    """Return a stem for the files of a footage that is valid and unambiguous on every platform."""
    path = Path(os.path.normpath(path))
    stem = path.name if path.is_dir() else path.stem
    try:
        stem = stem.encode()[:_NAME_BYTES].decode(errors="ignore") or "footage"
    except UnicodeEncodeError as error:
        raise InputError(f"{path.name!a}: the name is not Unicode; rename it") from error
    stem = _FORBIDDEN.sub("_", stem)
    return f"{stem}_" if stem.casefold().endswith(_OWN_SUFFIXES) or stem == ".." else stem


def absolute(path: Path) -> Path:
    """Return the absolute path without ``..``, so that every footage has a unique path."""
    return Path(os.path.normpath(path.absolute()))


def _restore_key(now: dict[str, Any], before: Mapping[str, Any], key: str) -> None:
    if key in before:
        now[key] = before[key]
    else:
        now.pop(key, None)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); {_REPLACE}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a file that fancam wrote; {_REPLACE}")
    return content
