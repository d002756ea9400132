"""Take the detector's trembling out of the boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from tracking.linking.interpolation import steps

WINDOW_S = 0.5
"""With a trained detector on the drawn film it left less of the boxes' trembling than a moving
average of the same window, which leaves the ends of every run as they are, at the same accuracy."""

LONGEST_STEP = 1.0
"""A face that moves by more than its own size from one frame to the next is not smoothed across
that: it was an unseen cut, or somebody else."""

_SAME_TIME_S = 1e-6


def smooth(tracks: Tracks, timeline: Timeline, *, window_s: float = WINDOW_S) -> Tracks:
    """Return ``tracks`` with each person's positions and sizes smoothed within a shot.

    Only rows in frames that follow each other are smoothed together: never across a cut, a gap
    that was left open, or a step of more than LONGEST_STEP.

    Args:
        tracks: filled already; rows of nobody known (-1) stay as they are.
        timeline: the frames that were read.
        window_s: length of the centred window; 0 changes nothing.

    Raises:
        ValueError: a row is in no frame of ``timeline``, or the window is below 0.
    """
    if not window_s >= 0:
        raise ValueError(f"window_s must be 0 or more, got {window_s}")
    xyxy = tracks.xyxy.copy()
    for rows in _runs(tracks, timeline):
        boxes = tracks.xyxy[rows].astype(np.float64)
        xyxy[rows] = smoothed(boxes, tracks.time_s[rows], window_s)
    return tracks.replace(xyxy=xyxy)


def _runs(tracks: Tracks, timeline: Timeline) -> list[NDArray[np.int64]]:
    """Rows of each unbroken run of one person."""
    order = np.lexsort((tracks.frame_index, tracks.person_id)).astype(np.int64)
    order = order[tracks.person_id[order] != UNKNOWN]
    frame = tracks.frame_index[order]
    place, shot, person = timeline.place(frame), timeline.shot(frame), tracks.person_id[order]
    breaks = (np.diff(place) != 1) | (np.diff(person) != 0) | (np.diff(shot) != 0)
    xyxy = tracks.xyxy[order]
    breaks |= steps(xyxy[:-1], xyxy[1:]) > LONGEST_STEP
    return np.split(order, np.flatnonzero(breaks) + 1)


def smoothed(
    values: NDArray[np.float64], time_s: NDArray[np.float64], window_s: float
) -> NDArray[np.float64]:
    """Fit a line to the neighbours of each row in time and take it where the row is.

    Inside, this is a centred moving average with weights that fall off; at the ends and at a
    varying rate it neither lags nor shifts what moves evenly. Measured better than the moving
    average, see WINDOW_S.

    Source: W. S. Cleveland, "Robust locally weighted regression and smoothing scatterplots",
    Journal of the American Statistical Association, 1979; of the first degree, not robust.

    Args:
        values: ``(m, c)``.
        time_s: ``(m,)`` rising.
        window_s: neighbours up to half of this away count, with tricube weights.
    """
    moments = np.zeros((3, len(values)))
    sums = np.zeros((2, *values.shape))
    for offset in range(-_reach(time_s, window_s), _reach(time_s, window_s) + 1):
        here = slice(max(-offset, 0), max(len(values) - max(offset, 0), 0))
        there = slice(max(offset, 0), max(len(values) + min(offset, 0), 0))
        away_s = time_s[there] - time_s[here]
        weight = _tricube(away_s, window_s / 2)
        for power in range(3):
            moments[power, here] += weight * away_s**power
        for power in range(2):
            sums[power, here] += (weight * away_s**power)[:, None] * values[there]
    return _line_at_zero(moments, sums)


def _reach(time_s: NDArray[np.float64], window_s: float) -> int:
    """Most rows that any row has within half a window on one side."""
    last = np.searchsorted(time_s, time_s + window_s / 2, side="right") - 1
    return int((last - np.arange(len(time_s))).max(initial=0))


def _tricube(away_s: NDArray[np.float64], half_s: float) -> NDArray[np.float64]:
    """Weight by distance: 1 at the row itself, 0 from half a window on."""
    share = np.minimum(np.abs(away_s) / max(half_s, _SAME_TIME_S), 1)
    return np.asarray((1 - share**3) ** 3, np.float64)


def _line_at_zero(moments: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value at 0 of the weighted least-squares line, from its sums; the mean if no line."""
    weight, first, second = moments[:, :, None]
    spread = weight * second - first**2
    line = (second * sums[0] - first * sums[1]) / np.where(spread > 0, spread, 1)
    return np.asarray(np.where(spread > 1e-12, line, sums[0] / weight), np.float64)
