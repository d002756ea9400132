"""Read the timeline of a footage: its people, their videos, and when each is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.filenames import CropKind
from data.project.project import TIMELINE_FILE, TIMELINE_VERSION

Interval = tuple[float, float]
"""From and to, s."""


@dataclass(frozen=True, slots=True)
class PersonCrop:
    """One person's video, and the intervals in which they are seen."""

    person_id: int
    name: str  # at the time of the crop
    folder: Path
    video: str  # file name in the folder
    size_wh: tuple[int, int]  # px
    seen: tuple[Interval, ...]  # detected
    filled: tuple[Interval, ...]  # interpolated between detections
    absent: tuple[Interval, ...]
    smiling: tuple[Interval, ...]

    def file(self, kind: CropKind) -> Path | None:
        """Return the file of this kind; None if it was not made."""
        name = self.video
        if kind is not CropKind.VIDEO:
            name = kind.file_name(CropKind.VIDEO.base(name))
        return self.folder / name if is_own_file(self.folder, name) else None


@dataclass(frozen=True, slots=True)
class FootageCrops:
    """Files that crop-people and smile-gifs made of one footage."""

    duration_s: float
    rate: Fraction | None  # frames per second
    people: tuple[PersonCrop, ...]

    def person(self, person_id: int) -> PersonCrop | None:
        """Return the person of this id; None without a video."""
        return next((p for p in self.people if p.person_id == person_id), None)


def read_crops(folder: Path) -> FootageCrops | None:
    """Read the timeline of a footage; None before crop-people has run.

    Args:
        folder: see `Project.crops_folder`.

    Raises:
        InputError: the timeline is damaged or another version's.
    """
    file = folder / TIMELINE_FILE
    return _read(file, file_key(file)) if file.is_file() else None


# Cached, because every range request of a video needs it.
@lru_cache(maxsize=64)
def _read(file: Path, key: str) -> FootageCrops:
    del key  # part of the cache key only: it changes with the file
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] == TIMELINE_VERSION:
            return _crops(file.parent, content)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        message = f"{file}: damaged ({type(error).__name__}: {error}); run crop-people --force"
        raise InputError(message) from error
    versions = f"timeline {content['version']}, this one reads {TIMELINE_VERSION}"
    raise InputError(f"{file}: made by another version ({versions}); run crop-people --force")


def _crops(folder: Path, content: Mapping[str, Any]) -> FootageCrops:
    duration_s = float(content["duration_s"])
    if not isfinite(duration_s) or duration_s < 0:
        raise ValueError(f"duration_s is {duration_s}")
    rate = Fraction(content["rate"]) if content["rate"] is not None else None
    people = tuple(_person(folder, entry) for entry in content["people"])
    if len({person.person_id for person in people}) < len(people):
        raise ValueError("a person is in it twice")
    return FootageCrops(duration_s, rate or None, people)


def _person(folder: Path, entry: Mapping[str, Any]) -> PersonCrop:
    width, height = entry["size_wh"]
    return PersonCrop(
        person_id=int(entry["person_id"]),
        name=str(entry["name"]),
        folder=folder,
        video=str(entry["video"]),
        size_wh=(int(width), int(height)),
        seen=_intervals(entry["seen"]),
        filled=_intervals(entry["filled"]),
        absent=_intervals(entry["absent"]),
        smiling=_intervals(entry.get("smiling", [])),
    )


def _intervals(entry: list[list[float]]) -> tuple[Interval, ...]:
    intervals = tuple((float(start), float(end)) for start, end in entry)
    if not all(isfinite(start) and isfinite(end) for start, end in intervals):
        raise ValueError("an interval is not finite")
    return intervals


def is_own_file(folder: Path, name: str) -> bool:
    """Return whether ``name`` is a file directly in ``folder``.

    Names come from a file that another program may have written.
    """
    # Backslashes and colons leave the folder on Windows only; no name written here has them.
    if not name or name.startswith(".") or set(name) & set("/\\:\0"):
        return False
    file = folder / name
    return file.is_file() and file.resolve().parent == folder.resolve()
