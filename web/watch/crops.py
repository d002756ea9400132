"""The videos that crop-people made of a footage: whose, and when each person is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Final

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.project import TIMELINE_FILE, TIMELINE_VERSION

Span = tuple[float, float]
"""From and to, in seconds."""


class CropKind(StrEnum):
    """What there may be of a person, by its word in addresses."""

    VIDEO = "video"
    BEST = "best"
    GIF = "gif"
    WEBP = "webp"
    LOOP = "loop"


_ENDINGS: Final = {
    CropKind.VIDEO: ".mp4",
    CropKind.BEST: ".best.mp4",
    CropKind.GIF: ".gif",
    CropKind.WEBP: ".webp",
    CropKind.LOOP: ".loop.mp4",
}


@dataclass(frozen=True, slots=True)
class PersonCrop:
    """One person's video, and when they are in it."""

    person_id: int
    name: str  # when the video was made
    folder: Path
    video: str  # file in the folder
    size_wh: tuple[int, int]  # px
    seen: tuple[Span, ...]  # detected in the footage
    filled: tuple[Span, ...]  # not detected, but before and after
    absent: tuple[Span, ...]
    smiling: tuple[Span, ...]

    def file(self, kind: CropKind) -> Path | None:
        """The file of this kind, if it has been made."""
        name = self.video
        if kind is not CropKind.VIDEO:
            name = name.removesuffix(_ENDINGS[CropKind.VIDEO]) + _ENDINGS[kind]
        return self.folder / name if is_own_file(self.folder, name) else None


@dataclass(frozen=True, slots=True)
class FootageCrops:
    """Everything that crop-people and smile-gifs made of one footage."""

    duration_s: float
    rate: Fraction | None  # frames a second
    people: tuple[PersonCrop, ...]

    def person(self, person_id: int) -> PersonCrop | None:
        """The person of this id, if there is a video of them."""
        return next((p for p in self.people if p.person_id == person_id), None)


def read_crops(folder: Path) -> FootageCrops | None:
    """Read what has been made of a footage; None before crop-people has run.

    Args:
        folder: see `Project.crops_folder`.

    Raises:
        InputError: the timeline is damaged or another version's.
    """
    file = folder / TIMELINE_FILE
    return _read(file, file_key(file)) if file.is_file() else None


# A page asks for a video in many ranges, each by its person's id.
@lru_cache(maxsize=64)
def _read(file: Path, key: str) -> FootageCrops:
    del key  # another one means that the file is another
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
        seen=_spans(entry["seen"]),
        filled=_spans(entry["filled"]),
        absent=_spans(entry["absent"]),
        smiling=_spans(entry.get("smiling", [])),
    )


def _spans(entry: list[list[float]]) -> tuple[Span, ...]:
    spans = tuple((float(start), float(end)) for start, end in entry)
    if not all(isfinite(start) and isfinite(end) for start, end in spans):
        raise ValueError("a span that never ends")
    return spans


def is_own_file(folder: Path, name: str) -> bool:
    """Whether ``name`` is a file in ``folder``, and no way out of it.

    The names come from a file that another program may have written.
    """
    # Backslashes and colons lead elsewhere on Windows only; no name of ours has them.
    if not name or name.startswith(".") or set(name) & set("/\\:\0"):
        return False
    place = folder / name
    return place.is_file() and place.resolve().parent == folder.resolve()
