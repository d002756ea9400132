"""Segments: the parts of a long footage that tasks process independently."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf
from pathlib import Path
from typing import Final

from data.core.atomic import write_json
from data.video.footage import Footage
from data.video.frames import Damage

SEGMENT_S: Final = 600.0
"""Shortest segment of a footage that has several."""
MAX_SEGMENTS: Final = 12
"""Of a footage: each task reads the file from its beginning, which takes a second an hour."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An interval of a footage in presentation time, processed by one task."""

    number: int  # from 0
    from_s: float
    until_s: float  # exclusive; infinite for the last


def segments_of(footage: Footage, *, step_s: float = 1.0) -> tuple[Segment, ...]:
    """Split a footage into segments; anything but a long video is one segment.

    The result depends on nothing else, so every machine splits a footage alike.

    Args:
        footage: its header may state a wrong duration, so the last segment has no end.
        step_s: segments begin at multiples of this.
    """
    if footage.kind != "video":
        return (Segment(0, 0.0, inf),)
    begins = segment_begins(footage.duration_s, step=step_s, shortest=round(SEGMENT_S / step_s))
    return tuple(map(Segment, range(len(begins)), begins, [*begins[1:], inf]))


def segment_begins(total: float, *, step: float, shortest: int) -> list[float]:
    """Return where the segments of a footage begin; each ends where the next one begins.

    A remainder of less than half a segment is part of the last one.

    Args:
        total: length of the footage, in any unit.
        step: segments begin at multiples of this, in the same unit.
        shortest: steps of a segment, at least.
    """
    length = max(shortest, ceil(total / MAX_SEGMENTS / step), 1) * step
    return [number * length for number in range(max(int(total / length + 0.5), 1))]


def note_damage(file: Path, damage: Damage) -> None:
    """Record that a segment is finished, and its damage."""
    write_json(file, dataclasses.asdict(damage))


def noted_damage(file: Path) -> Damage | None:
    """Read the record of `note_damage`; None while the segment is unfinished."""
    try:
        return Damage(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def damage_of_all(segments: Iterable[Damage]) -> Damage:
    """Combine the damage of all segments of a footage; each one counts the missing end."""
    known = list(segments)
    missing = max((one.missing for one in known), default=0)
    return Damage(sum(one.frames for one in known), missing)
