"""Selection of frames by time or index, planned before decoding and checked while decoding."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.core.intervals import Intervals, containing_start

# Times closer than this are equal: far below a container's tick, far above rounding errors.
SAME_TIME_S = 1e-6


class FrameSelection(Protocol):
    """Rule that selects frames of a footage."""

    def plan(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the frames to decode if none is damaged, ``(n,)`` bool.

        Args:
            times_s: ``(n,)`` presentation times of all frames in seconds, in order.
        """
        ...

    def takes(self, index: int, time_s: float) -> bool:
        """Return whether the next undamaged frame in order is selected."""
        ...

    def is_over(self, index: int, time_s: float) -> bool:
        """Return whether neither this frame nor a later one can be selected."""
        ...


class ChosenFrames:
    """Select frames by their index.

    Args:
        frame_index: ``(n,)`` int64, in any order.
    """

    def __init__(self, frame_index: NDArray[np.int64]) -> None:
        self._chosen = frozenset(frame_index.tolist())
        self._last = max(self._chosen, default=-1)

    def plan(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the selected frames, ``(n,)`` bool; see `FrameSelection.plan`."""
        return np.array([index in self._chosen for index in range(len(times_s))], bool)

    def takes(self, index: int, time_s: float) -> bool:  # noqa: ARG002 - see FrameSelection
        """Return whether the next undamaged frame in order is selected."""
        return index in self._chosen

    def is_over(self, index: int, time_s: float) -> bool:  # noqa: ARG002 - see FrameSelection
        """Return whether neither this frame nor a later one can be selected."""
        return index > self._last


class FrameRange:
    """Select every frame within a range of indices and times.

    Args:
        after_index: exclude frames up to and including this index.
        until_index: exclude frames from this index on; None for no limit.
        from_s: exclude frames before this time.
        until_s: exclude frames from this time on.
    """

    def __init__(
        self,
        *,
        after_index: int = -1,
        until_index: int | None = None,
        from_s: float = 0.0,
        until_s: float = inf,
    ) -> None:
        self._after, self._until = after_index, inf if until_index is None else until_index
        self._from_s, self._until_s = from_s - SAME_TIME_S, until_s - SAME_TIME_S

    def plan(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the selected frames, ``(n,)`` bool; see `FrameSelection.plan`."""
        index = np.arange(len(times_s))
        inside = (index > self._after) & (index < self._until)
        return inside & (times_s >= self._from_s) & (times_s < self._until_s)

    def takes(self, index: int, time_s: float) -> bool:
        """Return whether the next undamaged frame in order is selected."""
        return index > self._after and time_s >= self._from_s and not self.is_over(index, time_s)

    def is_over(self, index: int, time_s: float) -> bool:
        """Return whether neither this frame nor a later one can be selected."""
        return index >= self._until or time_s >= self._until_s


class SampledFrames:
    """Select the first frame at or after each multiple of an interval.

    Args:
        every_s: the interval, above 0.
        from_s: exclude multiples before this time.
        until_s: exclude multiples from this time on.
        intervals: ``(n, 2)`` seconds; a multiple and its frame must be in the same interval.
        after_index: exclude frames up to and including this index.
    """

    def __init__(
        self,
        every_s: float,
        *,
        from_s: float,
        until_s: float,
        intervals: Intervals | None,
        after_index: int,
    ) -> None:
        self._every_s, self._intervals, self._after = every_s, intervals, after_index
        # Number of the latest multiple whose frame has been selected.
        self._served = ceil((from_s - SAME_TIME_S) / every_s) - 1
        # Number of the first multiple beyond the end.
        self._end = inf if until_s == inf else ceil((until_s - SAME_TIME_S) / every_s)

    def plan(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the selected frames, ``(n,)`` bool; see `FrameSelection.plan`."""
        latest = np.floor((times_s + SAME_TIME_S) / self._every_s)
        if 0 <= self._after < len(latest):
            self._served = max(self._served, int(latest[self._after]))
        new = np.diff(latest, prepend=-1.0) > 0
        inside = (
            (latest > self._served) & (latest < self._end) & self._in_intervals(times_s, latest)
        )
        return new & inside & (np.arange(len(latest)) > self._after)

    def takes(self, index: int, time_s: float) -> bool:
        """Return whether the next undamaged frame in order is selected."""
        latest = self._latest(time_s)
        if not self._served < latest < self._end:
            return False
        if not self._in_intervals(np.array([time_s]), np.array([float(latest)]))[0]:
            return False
        self._served = latest
        return index > self._after

    def _in_intervals(
        self, times_s: NDArray[np.float64], latest: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return whether each frame is in the interval of its ``latest`` multiple, all ``(n,)``."""
        if self._intervals is None:
            return np.ones(len(times_s), np.bool_)
        start_s = containing_start(self._intervals - SAME_TIME_S, times_s)
        return np.asarray(start_s <= latest * self._every_s)

    def is_over(self, index: int, time_s: float) -> bool:  # noqa: ARG002 - see FrameSelection
        """Return whether neither this frame nor a later one can be selected."""
        return self._latest(time_s) >= self._end

    def _latest(self, time_s: float) -> int:
        return floor((time_s + SAME_TIME_S) / self._every_s)
