"""Shots of one person: frames between two cuts in which the crop window follows the person."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Values
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

MAX_GAP_S: Final = 1.0
"""Longest gap without the face within a shot: as long as track-people interpolates by default."""
MIN_SHOT_S: Final = 0.5
"""A cut to a shorter shot looks like a flash."""
MAX_STEP: Final = 1.5
"""Largest motion of the face between two frames, in face sizes: a larger one is a cut."""

_SAME_BODY: Final = 0.3
"""Smallest overlap of the same body in two adjacent frames, relative to the larger box."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """Presentation times of all frames of a footage, including those that were not sampled."""

    time_s: Values  # (n,) seconds, increasing

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, timeline: Timeline) -> FrameTimes:
        """Interpolate the times of all frames up to the last sampled one."""
        if not len(timeline):
            return cls(np.zeros(0))
        frame_index = np.arange(int(timeline.frame_index[-1]) + 1)
        return cls(np.interp(frame_index, timeline.frame_index, timeline.time_s))

    @property
    def frame_s(self) -> float:
        """Median duration of a frame in seconds."""
        median_s = float(np.median(np.diff(self.time_s))) if len(self) > 1 else 0.0
        # 0 if most frames precede the first sampled one, and have its time.
        return median_s or 0.04

    def intervals(self, mask: NDArray[np.bool_]) -> list[tuple[float, float]]:
        """Return the begin and end in seconds of each run of frames in a mask.

        Args:
            mask: ``(n,)``, one value per frame.
        """
        ends = np.append(self.time_s[1:], self.time_s[-1:] + self.frame_s)
        steps = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
        first, last = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        return [(float(self.time_s[a]), float(ends[b])) for a, b in zip(first, last, strict=True)]


@dataclass(frozen=True, slots=True)
class Shot:
    """Consecutive frames in which the crop window follows one person."""

    first: int  # frame index
    end: int  # frame index, exclusive
    rows: slice  # rows in the person's tracks


def person_shots(tracks: Tracks, timeline: Timeline, frame_times: FrameTimes) -> list[Shot]:
    """Return the shots of one person, in order.

    Args:
        tracks: rows of this person only.
        timeline: sampled frames and cuts.
        frame_times: times of all frames of the footage.
    """
    if not len(tracks):
        return []
    frame, time_s = tracks.frame_index, frame_times.time_s[tracks.frame_index]
    breaks = np.diff(timeline.shot(frame)) != 0
    step = np.diff(timeline.rows(frame))
    breaks |= (np.diff(time_s) > MAX_GAP_S + frame_times.frame_s) & (step > 1)
    breaks |= _jumps(tracks)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(tracks)]])
    rows = [slice(int(a), int(b)) for a, b in pairwise(starts)]
    return [Shot(int(frame[r.start]), int(frame[r.stop - 1]) + 1, r) for r in rows]


def _jumps(tracks: Tracks) -> NDArray[np.bool_]:
    centre = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
    size = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).max(axis=1)
    moved = np.abs(np.diff(centre, axis=0)).max(axis=1)
    adjacent = np.diff(tracks.frame_index) == 1
    jumps = adjacent & (moved > MAX_STEP * np.maximum(size[1:], 1))
    return np.asarray(jumps & ~_same_bodies(tracks), np.bool_)


def _same_bodies(tracks: Tracks) -> NDArray[np.bool_]:
    """Return whether the bodies of each row and the next one overlap, ``(n - 1,)``.

    A head that is estimated from a body may be far from the face that was detected before.
    """
    before, after = tracks.body_xyxy[:-1], tracks.body_xyxy[1:]
    corner, end = np.maximum(before[:, :2], after[:, :2]), np.minimum(before[:, 2:], after[:, 2:])
    shared = np.prod(np.maximum(end - corner, 0), axis=1)
    sizes = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (before, after)]
    # Comparisons with NaN, where there is no body, are false.
    return np.asarray(shared >= _SAME_BODY * np.maximum(*sizes), np.bool_)
