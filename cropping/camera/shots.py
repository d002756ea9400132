"""Shots of one person: frames between two cuts in which one camera follows them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Values
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

BRIDGED_S: Final = 1.0
"""Shorter gaps within a shot are bridged: track-people interpolates as much by default."""
GLIMPSE_S: Final = 0.5
"""A cut to a shorter appearance looks like a flash."""
LONGEST_STEP: Final = 1.5
"""Between two frames, in sizes of the face: a larger step is a cut."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """Presentation time of every frame of a footage, also of frames that were not sampled."""

    time_s: Values  # (n,) seconds, rising

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, timeline: Timeline) -> FrameTimes:
        """Return all frames up to the last sampled one, the times between interpolated."""
        if not len(timeline):
            return cls(np.zeros(0))
        every = np.arange(int(timeline.frame_index[-1]) + 1)
        return cls(np.interp(every, timeline.frame_index, timeline.time_s))

    @property
    def frame_s(self) -> float:
        """Median duration of a frame."""
        return float(np.median(np.diff(self.time_s))) if len(self) > 1 else 0.04

    def intervals(self, marked: NDArray[np.bool_]) -> list[tuple[float, float]]:
        """Return begin and end in seconds of each run of marked frames.

        Args:
            marked: ``(n,)``, one a frame.
        """
        ends = np.append(self.time_s[1:], self.time_s[-1:] + self.frame_s)
        steps = np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8))
        first, last = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        return [(float(self.time_s[a]), float(ends[b])) for a, b in zip(first, last, strict=True)]


@dataclass(frozen=True, slots=True)
class Shot:
    """Consecutive frames in which one camera follows one person."""

    first: int  # frame index
    end: int  # frame index, exclusive
    rows: slice  # of the person's tracks


def person_shots(tracks: Tracks, timeline: Timeline, frame_times: FrameTimes) -> list[Shot]:
    """Return the shots of one person, in order.

    Args:
        tracks: of this person alone.
        timeline: sampled frames and cuts.
        frame_times: of the footage.
    """
    if not len(tracks):
        return []
    frame, time_s = tracks.frame_index, frame_times.time_s[tracks.frame_index]
    breaks = np.diff(timeline.shot(frame)) != 0
    step = np.diff(timeline.place(frame))
    breaks |= (np.diff(time_s) > BRIDGED_S + frame_times.frame_s) & (step > 1)
    breaks |= _jumps(tracks)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(tracks)]])
    rows = [slice(int(a), int(b)) for a, b in pairwise(starts)]
    return [Shot(int(frame[r.start]), int(frame[r.stop - 1]) + 1, r) for r in rows]


def _jumps(tracks: Tracks) -> NDArray[np.bool_]:
    centre = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
    size = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).max(axis=1)
    moved = np.abs(np.diff(centre, axis=0)).max(axis=1)
    adjacent = np.diff(tracks.frame_index) == 1
    return np.asarray(adjacent & (moved > LONGEST_STEP * np.maximum(size[1:], 1)), np.bool_)
