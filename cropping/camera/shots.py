"""When a person is there, and in which stretches one camera may follow them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

BRIDGED_S: Final = 1.0
"""For so short an absence within a shot nobody looks away: what track-people fills by default."""
GLIMPSE_S: Final = 0.5
"""Who is there for less than this is a flash if it is cut to."""
LONGEST_STEP: Final = 1.5
"""A face that moves by more than so many of its own sizes in a frame was cut to."""

Frames = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """When each frame of a footage is shown, those that nobody looked at too."""

    time_s: NDArray[np.float64]  # (n,) rising

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, timeline: Timeline) -> FrameTimes:
        """All frames up to the last that was looked at, the others' times in between."""
        if not len(timeline):
            return cls(np.zeros(0))
        every = np.arange(int(timeline.frame_index[-1]) + 1)
        return cls(np.interp(every, timeline.frame_index, timeline.time_s))

    @property
    def frame_s(self) -> float:
        """How long a frame is usually shown."""
        return float(np.median(np.diff(self.time_s))) if len(self) > 1 else 0.04

    def spans(self, marked: NDArray[np.bool_]) -> list[tuple[float, float]]:
        """Begin and end in seconds of each run of marked frames, ``(n,)``."""
        ends = np.append(self.time_s[1:], self.time_s[-1:] + self.frame_s)
        steps = np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8))
        first, last = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        return [(float(self.time_s[a]), float(ends[b])) for a, b in zip(first, last, strict=True)]


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames in a row, of one shot, in which one camera follows one person."""

    first: int
    end: int  # exclusive
    rows: slice  # of the person's own tracks


def person_shots(tracks: Tracks, timeline: Timeline, clock: FrameTimes) -> list[Shot]:
    """Where one person can be followed, in order.

    Args:
        tracks: of one person.
        timeline: what was looked at, and the cuts.
        clock: of the footage.
    """
    if not len(tracks):
        return []
    frame, time_s = tracks.frame_index, clock.time_s[tracks.frame_index]
    breaks = np.diff(timeline.shot(frame)) != 0
    step = np.diff(timeline.place(frame))
    breaks |= (np.diff(time_s) > BRIDGED_S + clock.frame_s) & (step > 1)
    breaks |= _jumps(tracks)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(tracks)]])
    rows = [slice(int(a), int(b)) for a, b in pairwise(starts)]
    return [Shot(int(frame[r.start]), int(frame[r.stop - 1]) + 1, r) for r in rows]


def _jumps(tracks: Tracks) -> NDArray[np.bool_]:
    centre = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
    size = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).max(axis=1)
    way = np.abs(np.diff(centre, axis=0)).max(axis=1)
    beside = np.diff(tracks.frame_index) == 1
    return np.asarray(beside & (way > LONGEST_STEP * np.maximum(size[1:], 1)), np.bool_)
