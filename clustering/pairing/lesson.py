"""A lesson recorded by two cameras, and the overlap in each recording's own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clustering.pairing.overlap import Overlap
from clustering.pairing.start_times import Offset
from data.core.counts import counted
from data.core.intervals import Intervals, as_intervals, clock, intersection, lengths_s

DIGITS = 6
"""Decimal places of stored seconds: finer than a container's time base."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Two recordings of a lesson; the common clock is the presentation time of the first."""

    names: tuple[str, str]  # names of the footages in the project
    offset: Offset
    later_s: float  # time from the first frame of the first recording to that of the second
    on: tuple[Intervals, Intervals]  # (n, 2) s: on-air times of each, in its presentation time
    overlap: Overlap

    def own_s(self, recording: int, time_s: float) -> float:
        """Convert a time of the common clock to a recording's own time."""
        return round(time_s - (0.0, self.later_s)[recording], DIGITS)

    def own_overlap(self, recording: int) -> tuple[float, float]:
        """Return the start and end of the overlap in a recording's own time, seconds."""
        begin_s, end_s = self.overlap.begin_s, self.overlap.end_s
        return self.own_s(recording, begin_s), self.own_s(recording, end_s)

    def analysed(self, recording: int) -> Intervals:
        """Return the intervals to analyse: the parts of the overlap in which a recording is on air.

        Returns:
            ``(n, 2)`` seconds of the recording's presentation time.
        """
        return intersection(self.on[recording], as_intervals([self.own_overlap(recording)]))

    def as_json(self) -> dict[str, Any]:
        """Return the content of the JSON file; times are in each recording's own clock."""
        return {
            "recordings": [self._recording(recording) for recording in (0, 1)],
            "second_begins_later_s": self.offset.seconds,
            "first_frames_apart_s": self.later_s,
            "told_by": self.offset.source,
            "common_s": round(self.overlap.end_s - self.overlap.begin_s, DIGITS),
            "disconnects": [
                {
                    "name": self.names[disconnect.recording],
                    "off_s": self.own_s(disconnect.recording, disconnect.off_s),
                    "back_s": self.own_s(disconnect.recording, disconnect.back_s),
                    "lasts_s": round(disconnect.lasts_s, DIGITS),
                }
                for disconnect in self.overlap.disconnects
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
    """Return the lines about a lesson in the command's output."""
    first, second = lesson.names
    ranges = ["{} to {}".format(*map(clock, lesson.own_overlap(index))) for index in (0, 1)]
    disconnects = lesson.overlap.disconnects
    count = counted(len(disconnects), "disconnect") if disconnects else "no disconnects"
    source = lesson.offset.source_shown
    overlap = f"overlap {ranges[0]} of {first}, {ranges[1]} of {second} (from {source})"
    lines = [f"{first} + {second}: {overlap}, {count}"]
    for disconnect in disconnects:
        off, back = (
            clock(lesson.own_s(disconnect.recording, at_s))
            for at_s in (disconnect.off_s, disconnect.back_s)
        )
        later = ", after the overlap" if disconnect.back_s > lesson.overlap.end_s else ""
        name = lesson.names[disconnect.recording]
        lasts = f"{disconnect.lasts_s:.0f} s"
        lines.append(f"  {name} has no picture from {off} for {lasts}, back at {back}{later}")
    return lines
