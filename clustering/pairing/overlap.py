"""The overlap of two recordings of a lesson, and the disconnects in it."""

from __future__ import annotations

from dataclasses import dataclass

from data.core.intervals import Intervals, gaps, intersection, lengths_s

_MIN_OVERLAP_S = 0.001  # a shorter overlap is a rounding error of two clocks


@dataclass(frozen=True, slots=True)
class Disconnect:
    """An interval in which one recording is off air; times are on the common clock."""

    recording: int  # 0 for the first, 1 for the second
    off_s: float
    back_s: float  # may be after the overlap, which ends when the other recording ends

    @property
    def lasts_s(self) -> float:
        """Duration in seconds."""
        return self.back_s - self.off_s


@dataclass(frozen=True, slots=True)
class Overlap:
    """Time from when both recordings are first on air until either ends."""

    begin_s: float
    end_s: float
    disconnects: tuple[Disconnect, ...]  # in order of time


def find_overlap(first: Intervals, second: Intervals) -> Overlap | None:
    """Return the overlap of two recordings, or None if they are never on air at the same time.

    Args:
        first: ``(n, 2)`` on-air times of the first recording, seconds of a common clock.
        second: ``(m, 2)`` on-air times of the second recording, seconds of the same clock.
    """
    common = intersection(first, second)
    common = common[lengths_s(common) > _MIN_OVERLAP_S]
    if not len(common):
        return None
    begin_s, end_s = float(common[0, 0]), float(min(first[-1, 1], second[-1, 1]))
    disconnects = [
        Disconnect(recording, off_s, back_s)
        for recording, on in enumerate((first, second))
        for off_s, back_s in gaps(on).tolist()
        if begin_s <= off_s < end_s
    ]
    disconnects.sort(key=lambda disconnect: (disconnect.off_s, disconnect.recording))
    return Overlap(begin_s, end_s, tuple(disconnects))
