"""Read the timeline of a footage: its people, their videos, and when each person is seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from data.core.digest import file_key
from data.core.errors import InputError
from data.core.intervals import Interval
from data.project.filenames import CropKind, person_file_name
from data.project.manifest import MANIFEST, OutputFolder
from data.project.project import Project
from data.project.stages import GIFS, GifsRecord
from data.tables.crop_files import CropFiles, crop_files
from data.tables.people import open_people
from data.tables.timeline_json import TIMELINE_FILE, PersonTimes, read_timeline_json


@dataclass(frozen=True, slots=True)
class PersonCrop(PersonTimes):
    """A person's times and the names of their video files in a folder, by kind."""

    folder: Path
    files: Mapping[CropKind, str]

    def file(self, kind: CropKind) -> Path | None:
        """Return the file of this kind; None if it does not exist."""
        name = self.files.get(kind, "")
        return self.folder / name if is_own_file(self.folder, name) else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the files that exist."""
        return tuple(kind.value for kind in CropKind if self.file(kind) is not None)

    def download_name(self, kind: CropKind) -> str:
        """Return the file name for a download, after the person's current name."""
        return kind.file_name(person_file_name(self.name))


@dataclass(frozen=True, slots=True)
class MergedPerson:
    """A person with a video who was merged into another one since crop-people."""

    person_id: int
    name: str  # before the merge
    merged_into: int


@dataclass(frozen=True, slots=True)
class FootageCrops:
    """People of one footage and the files that crop-people and smile-gifs made."""

    duration_s: float
    rate: Fraction | None  # frames per second
    people: tuple[PersonCrop, ...]
    merged: tuple[MergedPerson, ...] = ()

    def person(self, person_id: int) -> PersonCrop | None:
        """Return the person with this id; None without a video."""
        return next((p for p in self.people if p.person_id == person_id), None)


def current_crops(project: Project, footage: str) -> FootageCrops | None:
    """Read the people and videos of a footage under the current names; None before crop-people.

    A person who was merged into another one is left out if that one has a video, and shown as that
    one otherwise. Hidden people are left out.

    Args:
        project: project of the footage.
        footage: name of the footage.

    Raises:
        InputError: the timeline is damaged or has another version, the people are unreadable, or
            the videos are outside the project.
    """
    folder = project.crops_folder(footage)
    if not folder.resolve().is_relative_to(project.folder.resolve()):
        message = "a symbolic link leads out of the project; move the videos into the project"
        raise InputError(f"{folder}: {message}")
    crops = read_crops(folder, project.record(GIFS, footage))
    if crops is None or not project.people_file.is_file():
        return crops
    with open_people(project.people_file) as people, people.reading():
        names, merged_into, hidden = people.names(), people.merged_into(), people.hidden()
    merged = tuple(
        MergedPerson(person.person_id, person.name, merged_into[person.person_id])
        for person in crops.people
        if _is_merged(person, names, merged_into)
    )
    current = _current(crops.people, names, merged_into)
    shown = tuple(person for person in current if person.person_id not in hidden)
    return replace(crops, people=shown, merged=merged)


def read_crops(folder: Path, gifs: GifsRecord | None = None) -> FootageCrops | None:
    """Read the timeline of a footage; None before crop-people has run.

    The files of each person are found by id: a file may still have the name of another person.

    Args:
        folder: see `Project.crops_folder`.
        gifs: record of smile-gifs.

    Raises:
        InputError: the timeline is damaged or has another version.
    """
    file, manifest = folder / TIMELINE_FILE, folder / MANIFEST
    if not file.is_file():
        return None
    listed_key = file_key(manifest) if manifest.is_file() else ""
    keys = (gifs or GifsRecord()).keys
    return _read(folder, file_key(file), listed_key, tuple(keys.items()))


def _current(
    people: tuple[PersonCrop, ...], names: Mapping[int, str], merged_into: Mapping[int, int]
) -> tuple[PersonCrop, ...]:
    current: dict[int, PersonCrop] = {}
    merged = [person for person in people if _is_merged(person, names, merged_into)]
    # Those who were not merged first, then the merged ones by how long they are seen.
    own = [person for person in people if not _is_merged(person, names, merged_into)]
    for person in [*own, *sorted(merged, key=lambda person: -_length_s(person.seen))]:
        number = person.person_id
        if _is_merged(person, names, merged_into):
            number = merged_into[number]
        name = names.get(number, person.name)
        current.setdefault(number, replace(person, person_id=number, name=name))
    return tuple(current[number] for number in sorted(current))


def _is_merged(
    person: PersonCrop, names: Mapping[int, str], merged_into: Mapping[int, int]
) -> bool:
    return person.person_id in merged_into and person.person_id not in names


def _length_s(intervals: tuple[Interval, ...]) -> float:
    return sum(end - begin for begin, end in intervals)


# Cached, because every range request of a video needs it.
@lru_cache(maxsize=64)
def _read(
    folder: Path, key: str, listed_key: str, gifs: tuple[tuple[str, str], ...]
) -> FootageCrops:
    del key, listed_key  # parts of the cache key only: they change with the files
    times = read_timeline_json(folder / TIMELINE_FILE)
    outputs = OutputFolder(folder)
    files = crop_files(folder, outputs.keys(), GifsRecord(dict(gifs)))
    others = {*files.owners, *files.unfinished, *outputs.unfinished()}
    people = tuple(
        PersonCrop(**asdict(person), folder=folder, files=_files(person, files, others))
        for person in times.people
    )
    return FootageCrops(times.duration_s, times.rate, people)


def _files(person: PersonTimes, files: CropFiles, others: Collection[str]) -> dict[CropKind, str]:
    """Return the names of a person's files by kind: listed ones, else after the video's name.

    Args:
        person: the person.
        files: the listed files.
        others: files that may show somebody else, unless they are listed as the person's.
    """
    base, found = CropKind.VIDEO.base(person.video), {}
    for kind in CropKind:
        name = person.video if kind is CropKind.VIDEO else kind.file_name(base)
        listed = files.of_person(person.person_id, kind)
        if listed is not None or name not in others:
            found[kind] = listed or name
    return found


def is_own_file(folder: Path, name: str) -> bool:
    """Return whether ``name`` is a file directly in ``folder``.

    The names are not trusted: another program may have written the timeline.
    """
    # Backslashes and colons can leave the folder on Windows only, but fancam never writes them.
    if not name or name.startswith(".") or set(name) & set("/\\:\0"):
        return False
    file = folder / name
    return file.is_file() and file.resolve().parent == folder.resolve()
