"""Segments of a footage, which tasks process independently."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, inf
from pathlib import Path
from typing import Final, TypeVar

from data.core.atomic import write_json
from data.core.freed_memory import return_freed_memory
from data.project.checkpoints import Checkpoints
from data.video.footage import Footage
from data.video.frames import Damage

T = TypeVar("T")

SEGMENT_S: Final = 600.0
"""Minimum length of a segment in a footage with several segments."""
MAX_SEGMENTS: Final = 12
"""Per footage: each task reads the file from its start, which takes 1 s per hour of footage."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An interval of a footage in presentation time, processed by one task."""

    number: int  # from 0
    from_s: float
    until_s: float  # exclusive; infinite for the last


def segments_of(footage: Footage, *, step_s: float = 1.0) -> tuple[Segment, ...]:
    """Split a footage into segments; pictures and short videos are a single segment.

    The result depends on the arguments only, so every machine splits a footage in the same way.

    Args:
        footage: footage to split; the last segment is open-ended, since the duration in the header
            may be wrong.
        step_s: segments start at multiples of this, in seconds.
    """
    if footage.kind != "video":
        return (Segment(0, 0.0, inf),)
    starts = segment_starts(footage.duration_s, step=step_s, shortest=round(SEGMENT_S / step_s))
    return tuple(map(Segment, range(len(starts)), starts, [*starts[1:], inf]))


def segment_starts(total: float, *, step: float, shortest: int) -> list[float]:
    """Return the start of each segment; a segment ends at the start of the next one.

    A remainder shorter than half a segment is added to the last segment.

    Args:
        total: length of the footage, in any unit.
        step: segments start at multiples of this, in the same unit.
        shortest: minimum length of a segment, in steps.
    """
    length = max(shortest, ceil(total / MAX_SEGMENTS / step), 1) * step
    return [number * length for number in range(max(int(total / length + 0.5), 1))]


def write_damage(file: Path, damage: Damage) -> None:
    """Record a finished segment and its damage."""
    write_json(file, dataclasses.asdict(damage))


def read_damage(file: Path) -> Damage | None:
    """Return the damage of a finished segment; None for an unfinished one."""
    try:
        return Damage(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def resume_segment(
    record_file: Path,
    checkpoints: Checkpoints[T],
    parts_after: Callable[[list[T], Damage], Iterable[T]],
) -> Damage:
    """Write the missing checkpoints of a segment, record it as finished, and return its damage.

    Args:
        record_file: file that records a finished segment; see `write_damage`.
        checkpoints: checkpoints of the segment, which may be incomplete.
        parts_after: returns the parts that follow the finished ones, and adds to the damage.
    """
    recorded = read_damage(record_file)
    if recorded is not None:
        return recorded
    damage = Damage()
    for part in parts_after(checkpoints.read(), damage):
        checkpoints.append(part)
        return_freed_memory()
    write_damage(record_file, damage)
    return damage


def damage_of_all(segments: Iterable[Damage]) -> Damage:
    """Combine the damage of all segments of a footage; each counts the file's end and clock."""
    damages = [Damage(), *segments]
    return Damage(
        sum(damage.frames for damage in damages),
        max(damage.missing for damage in damages),
        [name for damage in damages for name in damage.pictures],
        [name for damage in damages for name in damage.paged],
        restarts=max(damage.restarts for damage in damages),
        strays=max(damage.strays for damage in damages),
        converted=max(damage.converted for damage in damages),
    )
