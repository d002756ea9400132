"""The part of a lesson that two recordings have in common, and who was away in it."""

from __future__ import annotations

from dataclasses import dataclass

from data.core.intervals import Intervals, gaps, intersection, lengths_s

_SHORTEST_S = 0.001  # less is a rounding of two clocks


@dataclass(frozen=True, slots=True)
class Disconnect:
    """One recording is off, and comes back."""

    who: int  # 0 the first recording, 1 the second
    off_s: float
    back_s: float  # may be after the common part, which ends when the other is off for good

    @property
    def lasts_s(self) -> float:
        """How long it is off."""
        return self.back_s - self.off_s


@dataclass(frozen=True, slots=True)
class CommonPart:
    """From the first moment when both recordings are on until either is off for good."""

    begin_s: float
    end_s: float
    disconnects: tuple[Disconnect, ...]  # in order of time


def common_part(first: Intervals, second: Intervals) -> CommonPart | None:
    """Return the common part of two recordings; ``None`` where they are never on together.

    Args:
        first: when the first recording is on, on a clock that both go by.
        second: when the second is, on the same clock.
    """
    both = intersection(first, second)
    both = both[lengths_s(both) > _SHORTEST_S]
    if not len(both):
        return None
    begin_s, end_s = float(both[0, 0]), float(min(first[-1, 1], second[-1, 1]))
    away = [
        Disconnect(who, off_s, back_s)
        for who, on in enumerate((first, second))
        for off_s, back_s in gaps(on).tolist()
        if begin_s <= off_s < end_s
    ]
    away.sort(key=lambda disconnect: (disconnect.off_s, disconnect.who))
    return CommonPart(begin_s, end_s, tuple(away))
