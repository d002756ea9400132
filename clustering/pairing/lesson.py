"""A lesson that two cameras recorded: what both have in common, by each one's own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clustering.pairing.overlap import CommonPart
from clustering.pairing.start_times import Offset
from data.core.intervals import Intervals, as_intervals, clock, intersection, lengths_s

DIGITS = 6
"""Decimals of a second that are kept: below a container's tick."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Two recordings of a lesson; their common clock is the first one's presentation time."""

    names: tuple[str, str]  # of the footages, in the project
    offset: Offset
    later_s: float  # from the first's first frame to the second's
    on: tuple[Intervals, Intervals]  # when each is on, by its own presentation time
    part: CommonPart

    def own_s(self, who: int, time_s: float) -> float:
        """Return a time of the common clock by a recording's own."""
        return round(time_s - (0.0, self.later_s)[who], DIGITS)

    def common(self, who: int) -> tuple[float, float]:
        """Return beginning and end of the common part by a recording's own time."""
        return self.own_s(who, self.part.begin_s), self.own_s(who, self.part.end_s)

    def looked_at(self, who: int) -> Intervals:
        """Return what of a recording is looked at: the common part, while it is on itself."""
        return intersection(self.on[who], as_intervals([self.common(who)]))

    def as_json(self) -> dict[str, Any]:
        """Return all of it for other people's programs; every time is the recording's own."""
        return {
            "recordings": [self._recording(who) for who in (0, 1)],
            "second_begins_later_s": self.offset.seconds,
            "first_frames_apart_s": self.later_s,
            "told_by": self.offset.told_by,
            "common_s": round(self.part.end_s - self.part.begin_s, DIGITS),
            "disconnects": [
                {
                    "name": self.names[one.who],
                    "off_s": self.own_s(one.who, one.off_s),
                    "back_s": self.own_s(one.who, one.back_s),
                    "lasts_s": round(one.lasts_s, DIGITS),
                }
                for one in self.part.disconnects
            ],
        }

    def _recording(self, who: int) -> dict[str, Any]:
        begin_s, end_s = self.common(who)
        looked_at = self.looked_at(who)
        return {
            "name": self.names[who],
            "begun": self.offset.starts[who] if self.offset.starts else None,
            "on": self.on[who].tolist(),
            "common": [begin_s, end_s],
            "looked_at": looked_at.tolist(),
            "looked_at_s": round(float(lengths_s(looked_at).sum()), DIGITS),
        }


def lesson_lines(lesson: Lesson) -> list[str]:
    """Return what is known of a lesson, for a person to read."""
    first, second = lesson.names
    ranges = ["{} to {}".format(*map(clock, lesson.common(who))) for who in (0, 1)]
    told_by = lesson.offset.told_by
    away = lesson.part.disconnects
    count = f"{len(away) or 'no'} disconnect{'s' if len(away) != 1 else ''}"
    common = f"common part {ranges[0]} of {first}, {ranges[1]} of {second} (by {told_by})"
    lines = [f"{first} + {second}: {common}, {count}"]
    for one in away:
        off, back = (clock(lesson.own_s(one.who, at_s)) for at_s in (one.off_s, one.back_s))
        later = ", after the common part" if one.back_s > lesson.part.end_s else ""
        name = lesson.names[one.who]
        lines.append(f"  {name} off at {off} for {one.lasts_s:.0f} s, back at {back}{later}")
    return lines
