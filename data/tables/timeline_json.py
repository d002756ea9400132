"""Read and write timeline.json: the times at which each person is visible and smiles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, Final

from data.core.atomic import write_bytes
from data.core.errors import InputError
from data.core.intervals import Interval

TIMELINE_FILE: Final = "timeline.json"
"""File name in a footage's folder of crops."""
TIMELINE_VERSION: Final = 1
"""Increase if earlier versions cannot read the file."""

_DIGITS: Final = 6
_MAKE_AGAIN: Final = "run crop-people PROJECT --force"


@dataclass(frozen=True, slots=True)
class PersonTimes:
    """One person's video and intervals, in seconds of presentation time."""

    person_id: int
    name: str  # at the time of the crop
    video: str  # file name in the timeline's folder
    size_wh: tuple[int, int]  # px, of the video
    seen: tuple[Interval, ...]  # face detected
    body: tuple[Interval, ...]  # only the body detected
    filled: tuple[Interval, ...]  # interpolated between detections
    absent: tuple[Interval, ...]
    smiling: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class FootageTimes:
    """Content of a timeline: one footage and its people."""

    footage: str
    frames: int
    duration_s: float
    rate: Fraction | None  # frames per second
    size_wh: tuple[int, int]  # px, of the footage
    people: tuple[PersonTimes, ...]


# --- writing ------------------------------------------------------------------------------------


def timeline_json(times: FootageTimes) -> bytes:
    """Encode a timeline; times are rounded to microseconds."""
    rate = times.rate
    content = {
        "version": TIMELINE_VERSION,
        "footage": times.footage,
        "frames": times.frames,
        "duration_s": round(times.duration_s, _DIGITS),
        "rate": f"{rate.numerator}/{rate.denominator}" if rate else None,
        "size_wh": list(times.size_wh),
        "people": [_person_entry(person) for person in times.people],
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _person_entry(person: PersonTimes) -> dict[str, Any]:
    body = {"body": _rounded(person.body)} if person.body else {}
    return {
        "person_id": person.person_id,
        "name": person.name,
        "video": person.video,
        "size_wh": list(person.size_wh),
        "seen": _rounded(person.seen),
        **body,
        "filled": _rounded(person.filled),
        "absent": _rounded(person.absent),
        "smiling": _rounded(person.smiling),
    }


def _rounded(intervals: Iterable[Interval]) -> list[list[float]]:
    return [[round(begin, _DIGITS), round(end, _DIGITS)] for begin, end in intervals]


def write_smiling(file: Path, smiling: Mapping[int, Iterable[Interval]]) -> None:
    """Replace the smile intervals in an existing timeline.

    Args:
        file: the timeline; nothing is written if it is missing, since crop-people will create it.
        smiling: intervals in seconds, by person id.

    Raises:
        InputError: the timeline is damaged or of another version.
    """
    if not file.exists():
        return
    times = read_timeline_json(file)
    people = tuple(
        replace(person, smiling=tuple(smiling.get(person.person_id, ()))) for person in times.people
    )
    write_bytes(file, timeline_json(replace(times, people=people)))


# --- reading ------------------------------------------------------------------------------------


def read_timeline_json(file: Path) -> FootageTimes:
    """Read a timeline.

    Raises:
        InputError: the timeline is missing, damaged or of another version.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] == TIMELINE_VERSION:
            return _times(content)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        message = f"{file}: damaged ({type(error).__name__}: {error}); {_MAKE_AGAIN}"
        raise InputError(message) from error
    raise InputError(f"{file}: made by another version of fancam; {_MAKE_AGAIN}")


def _times(content: Mapping[str, Any]) -> FootageTimes:
    duration_s = float(content["duration_s"])
    if not isfinite(duration_s) or duration_s < 0:
        raise ValueError(f"duration_s is {duration_s}")
    rate = Fraction(content["rate"]) if content["rate"] is not None else None
    people = tuple(_person(entry) for entry in content["people"])
    if len({person.person_id for person in people}) < len(people):
        raise ValueError("a person occurs twice")
    return FootageTimes(
        footage=str(content["footage"]),
        frames=int(content["frames"]),
        duration_s=duration_s,
        rate=rate or None,
        size_wh=_size_wh(content),
        people=people,
    )


def _person(entry: Mapping[str, Any]) -> PersonTimes:
    return PersonTimes(
        person_id=int(entry["person_id"]),
        name=str(entry["name"]),
        video=str(entry["video"]),
        size_wh=_size_wh(entry),
        seen=_intervals(entry["seen"]),
        body=_intervals(entry.get("body", [])),  # none in timelines of earlier versions
        filled=_intervals(entry["filled"]),
        absent=_intervals(entry["absent"]),
        smiling=_intervals(entry.get("smiling", [])),
    )


def _size_wh(entry: Mapping[str, Any]) -> tuple[int, int]:
    width, height = entry["size_wh"]
    return int(width), int(height)


def _intervals(entry: list[list[float]]) -> tuple[Interval, ...]:
    intervals = tuple((float(begin), float(end)) for begin, end in entry)
    if not all(isfinite(begin) and isfinite(end) for begin, end in intervals):
        raise ValueError("an interval is not finite")
    return intervals
