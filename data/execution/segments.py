"""Long footage in segments: parts of the work that wait for no other, whoever does them."""

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
"""So long is a segment, at least about."""
MOST: Final = 12
"""Segments of a footage: each reads the file from its beginning, which takes a second an hour."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a footage, in the footage's own time."""

    number: int  # from 0
    from_s: float
    until_s: float  # exclusive; infinite for the last


def segments_of(footage: Footage, *, step_s: float = 1.0) -> tuple[Segment, ...]:
    """Cut a footage into segments; what is not a long video is one.

    They depend on nothing but the footage, so that it is cut alike wherever it is worked on.

    Args:
        footage: its header may be wrong about how long it is: the last segment has no end.
        step_s: segments begin at multiples of this.
    """
    if footage.kind != "video":
        return (Segment(0, 0.0, inf),)
    steps = max(round(SEGMENT_S / step_s), ceil(footage.duration_s / MOST / step_s), 1)
    length_s = steps * step_s
    # A last one of less than half a segment belongs to the one before.
    count = max(int(footage.duration_s / length_s + 0.5), 1)
    begins = [number * length_s for number in range(count)]
    return tuple(map(Segment, range(count), begins, [*begins[1:], inf]))


def note_damage(file: Path, damage: Damage) -> None:
    """Write what was damaged in a segment that is done."""
    write_json(file, dataclasses.asdict(damage))


def noted_damage(file: Path) -> Damage | None:
    """Read what `note_damage` wrote; None where the segment is not done."""
    try:
        return Damage(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def damage_of_all(segments: Iterable[Damage]) -> Damage:
    """Return what is damaged in a footage, from its segments: each knows what the end lacks."""
    known = list(segments)
    missing = max((one.missing for one in known), default=0)
    return Damage(sum(one.frames for one in known), missing)
