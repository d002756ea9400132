"""A lesson recorded by two cameras: the overlap in the time of each recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clustering.pairing.overlap import Overlap
from clustering.pairing.start_times import Offset
from data.core.intervals import Intervals, as_intervals, clock, intersection, lengths_s

DIGITS = 6
"""Decimals of stored seconds: finer than a container's time base."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Two recordings of a lesson; the common clock is the first one's presentation time."""

    names: tuple[str, str]  # of the footages, in the project
    offset: Offset
    later_s: float  # from the first frame of the first recording to that of the second
    on: tuple[Intervals, Intervals]  # (n, 2) s: when each is on, in its own presentation time
    overlap: Overlap

    def own_s(self, recording: int, time_s: float) -> float:
        """Convert a time of the common clock to a recording's own time."""
        return round(time_s - (0.0, self.later_s)[recording], DIGITS)

    def own_overlap(self, recording: int) -> tuple[float, float]:
        """Return start and end of the overlap in a recording's own time."""
        begin_s, end_s = self.overlap.begin_s, self.overlap.end_s
        return self.own_s(recording, begin_s), self.own_s(recording, end_s)

    def analysed(self, recording: int) -> Intervals:
        """Return the intervals of a recording to analyse: the overlap while it is on.

        ``(n, 2)`` seconds in its own presentation time.
        """
        return intersection(self.on[recording], as_intervals([self.own_overlap(recording)]))

    def as_json(self) -> dict[str, Any]:
        """Return the content of the JSON file; each time is in the recording's own clock."""
        return {
            "recordings": [self._recording(recording) for recording in (0, 1)],
            "second_begins_later_s": self.offset.seconds,
            "first_frames_apart_s": self.later_s,
            "told_by": self.offset.source,
            "common_s": round(self.overlap.end_s - self.overlap.begin_s, DIGITS),
            "disconnects": [
                {
                    "name": self.names[one.recording],
                    "off_s": self.own_s(one.recording, one.off_s),
                    "back_s": self.own_s(one.recording, one.back_s),
                    "lasts_s": round(one.lasts_s, DIGITS),
                }
                for one in self.overlap.disconnects
            ],
        }

    def _recording(self, recording: int) -> dict[str, Any]:
        begin_s, end_s = self.own_overlap(recording)
        analysed = self.analysed(recording)
        return {
            "name": self.names[recording],
            "begun": self.offset.starts[recording] if self.offset.starts else None,
            "on": self.on[recording].tolist(),
            "common": [begin_s, end_s],
            "looked_at": analysed.tolist(),
            "looked_at_s": round(float(lengths_s(analysed).sum()), DIGITS),
        }


def lesson_lines(lesson: Lesson) -> list[str]:
    """Return the lines of a lesson for the command's output."""
    first, second = lesson.names
    ranges = ["{} to {}".format(*map(clock, lesson.own_overlap(index))) for index in (0, 1)]
    disconnects = lesson.overlap.disconnects
    count = f"{len(disconnects) or 'no'} disconnect{'s' if len(disconnects) != 1 else ''}"
    source = lesson.offset.source
    overlap = f"overlap {ranges[0]} of {first}, {ranges[1]} of {second} (by {source})"
    lines = [f"{first} + {second}: {overlap}, {count}"]
    for one in disconnects:
        off, back = (clock(lesson.own_s(one.recording, at_s)) for at_s in (one.off_s, one.back_s))
        later = ", after the overlap" if one.back_s > lesson.overlap.end_s else ""
        name = lesson.names[one.recording]
        lines.append(f"  {name} off at {off} for {one.lasts_s:.0f} s, back at {back}{later}")
    return lines
