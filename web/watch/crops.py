"""Read the timeline of a footage: its people, their videos, and when each person is seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from data.core.digest import file_key
from data.project.filenames import CropKind
from data.tables.timeline_json import TIMELINE_FILE, PersonTimes, read_timeline_json


@dataclass(frozen=True, slots=True)
class PersonCrop(PersonTimes):
    """A person's times and the folder of their video files."""

    folder: Path

    def file(self, kind: CropKind) -> Path | None:
        """Return the file of this kind; None if it does not exist."""
        name = self.video
        if kind is not CropKind.VIDEO:
            name = kind.file_name(CropKind.VIDEO.base(name))
        return self.folder / name if is_own_file(self.folder, name) else None


@dataclass(frozen=True, slots=True)
class FootageCrops:
    """People of one footage and the files that crop-people and smile-gifs made."""

    duration_s: float
    rate: Fraction | None  # frames per second
    people: tuple[PersonCrop, ...]

    def person(self, person_id: int) -> PersonCrop | None:
        """Return the person with this id; None without a video."""
        return next((p for p in self.people if p.person_id == person_id), None)


def read_crops(folder: Path) -> FootageCrops | None:
    """Read the timeline of a footage; None before crop-people has run.

    Args:
        folder: see `Project.crops_folder`.

    Raises:
        InputError: the timeline is damaged or has another version.
    """
    file = folder / TIMELINE_FILE
    return _read(file, file_key(file)) if file.is_file() else None


# Cached, because every range request of a video needs it.
@lru_cache(maxsize=64)
def _read(file: Path, key: str) -> FootageCrops:
    del key  # part of the cache key only: it changes with the file
    times = read_timeline_json(file)
    people = tuple(PersonCrop(**asdict(person), folder=file.parent) for person in times.people)
    return FootageCrops(times.duration_s, times.rate, people)


def is_own_file(folder: Path, name: str) -> bool:
    """Return whether ``name`` is a file directly in ``folder``.

    The names are not trusted: another program may have written the timeline.
    """
    # Backslashes and colons can leave the folder on Windows only, but fancam never writes them.
    if not name or name.startswith(".") or set(name) & set("/\\:\0"):
        return False
    file = folder / name
    return file.is_file() and file.resolve().parent == folder.resolve()
