"""timeline.json: when each person is seen and smiles, for the page and for scripts of users."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes
from data.core.atomic import write_bytes
from data.core.errors import InputError
from data.project.project import TIMELINE_VERSION
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

_DIGITS: Final = 6

IntervalList = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class PersonTimes:
    """Intervals of one person, each ``(begin, end)`` in seconds of presentation time."""

    person_id: int
    name: str
    video: str  # file beside the timeline
    seen: IntervalList
    filled: IntervalList  # interpolated between frames with the person
    absent: IntervalList
    smiling: IntervalList


def person_times(
    person_id: int,
    name: str,
    video: str,
    tracks: Tracks,
    timeline: Timeline,
    *,
    smiling: IntervalList,
) -> PersonTimes:
    """Return when one person is seen; a frame between two sampled ones counts as the first."""
    frame_times = FrameTimes(timeline.time_s)
    seen, filled = (_marked(timeline, tracks, tracks.filled == is_) for is_ in (False, True))
    return PersonTimes(
        person_id,
        name,
        video,
        frame_times.intervals(seen),
        frame_times.intervals(filled & ~seen),
        frame_times.intervals(~(seen | filled)),
        smiling,
    )


def _marked(timeline: Timeline, tracks: Tracks, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    marked = np.zeros(len(timeline), np.bool_)
    marked[timeline.place(tracks.frame_index[rows])] = True
    return marked


def timeline_json(
    footage: str,
    *,
    frames: int,
    duration_s: float,
    rate: Fraction | None,
    frame_wh: tuple[int, int],
    video_wh: tuple[int, int],
    people: Sequence[PersonTimes],
) -> bytes:
    """Return the content of timeline.json."""
    content = {
        "version": TIMELINE_VERSION,
        "footage": footage,
        "frames": frames,
        "duration_s": round(duration_s, _DIGITS),
        "rate": f"{rate.numerator}/{rate.denominator}" if rate else None,
        "size_wh": list(frame_wh),
        "people": [_person(person, video_wh) for person in people],
    }
    return formatted(content)


def _person(person: PersonTimes, video_wh: tuple[int, int]) -> dict[str, Any]:
    intervals = {
        name: _rounded(found)
        for name, found in (
            ("seen", person.seen),
            ("filled", person.filled),
            ("absent", person.absent),
            ("smiling", person.smiling),
        )
    }
    named = {"person_id": person.person_id, "name": person.name, "video": person.video}
    return {**named, "size_wh": list(video_wh), **intervals}


def write_smiling(file: Path, smiling: Mapping[int, IntervalList]) -> None:
    """Write the intervals of smiles into an existing timeline.

    Args:
        file: the timeline; a missing one stays missing, as crop-people will write it.
        smiling: ``(begin, end)`` in seconds, by person id.

    Raises:
        InputError: the timeline is damaged.
    """
    if not file.exists():
        return
    content = read_timeline_file(file)
    for person in content["people"]:
        person["smiling"] = _rounded(smiling.get(person["person_id"], []))
    write_bytes(file, formatted(content))


def read_timeline_file(file: Path) -> dict[str, Any]:
    """Read a timeline.

    Raises:
        InputError: it cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = [person["person_id"] for person in content["people"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged ({error}); run crop-people --force") from error
    return content


def formatted(content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a timeline's file."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _rounded(intervals: IntervalList) -> list[list[float]]:
    return [[round(begin, _DIGITS), round(end, _DIGITS)] for begin, end in intervals]
