"""Smooth positions and sizes of tracked boxes over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from tracking.linking.interpolation import steps

WINDOW_S = 0.5
"""Length of the window. With a trained detector on the drawn film, local regression left less
jitter at the same accuracy than a moving average of this length, which does not smooth the ends of
a run."""

MAX_STEP = 1.0
"""Maximum movement between consecutive frames, in face sizes, that is smoothed: a larger one is an
undetected cut or another person."""

_MIN_HALF_WINDOW_S = 1e-6


def smooth(tracks: Tracks, timeline: Timeline, *, window_s: float = WINDOW_S) -> Tracks:
    """Return ``tracks`` with each person's positions and sizes smoothed within a shot.

    Only rows in consecutive sampled frames are smoothed together: never across a cut, an open gap,
    or a movement of more than MAX_STEP.

    Args:
        tracks: with gaps interpolated; rows of unknown people (-1) stay unchanged.
        timeline: the sampled frames.
        window_s: length of the centred window, s; 0 for no smoothing.

    Raises:
        ValueError: a row is in no frame of ``timeline``, or ``window_s`` is negative.
    """
    if not window_s >= 0:
        raise ValueError(f"window_s must be 0 or more, got {window_s}")
    xyxy = tracks.xyxy.copy()
    for rows in _runs(tracks, timeline):
        boxes = tracks.xyxy[rows].astype(np.float64)
        xyxy[rows] = smoothed(boxes, tracks.time_s[rows], window_s)
    return tracks.replace(xyxy=xyxy)


def _runs(tracks: Tracks, timeline: Timeline) -> list[NDArray[np.int64]]:
    """Return the rows, ``(m,)``, of each run of consecutive frames of one person."""
    order = np.lexsort((tracks.frame_index, tracks.person_id)).astype(np.int64)
    order = order[tracks.person_id[order] != UNKNOWN]
    frame = tracks.frame_index[order]
    position, shot, person = timeline.rows(frame), timeline.shot(frame), tracks.person_id[order]
    breaks = (np.diff(position) != 1) | (np.diff(person) != 0) | (np.diff(shot) != 0)
    xyxy = tracks.xyxy[order]
    breaks |= steps(xyxy[:-1], xyxy[1:]) > MAX_STEP
    return np.split(order, np.flatnonzero(breaks) + 1)


def smoothed(
    values: NDArray[np.float64], time_s: NDArray[np.float64], window_s: float
) -> NDArray[np.float64]:
    """Smooth by local linear regression over time, evaluated at each row.

    Inside a run this is a weighted centred moving average. At the ends of a run and at a varying
    frame rate it neither delays nor shifts uniform movement. For measurements see WINDOW_S.

    Source: W. S. Cleveland, "Robust locally weighted regression and smoothing scatterplots",
    Journal of the American Statistical Association, 1979; first degree, without robust
    iterations.

    Args:
        values: ``(m, c)`` in any unit.
        time_s: ``(m,)`` presentation time, s, ascending.
        window_s: length of the centred window of tricube weights, s.

    Returns:
        ``(m, c)`` smoothed values.
    """
    moments = np.zeros((3, len(values)))
    sums = np.zeros((2, *values.shape))
    for offset in range(-_reach(time_s, window_s), _reach(time_s, window_s) + 1):
        here = slice(max(-offset, 0), max(len(values) - max(offset, 0), 0))
        there = slice(max(offset, 0), max(len(values) + min(offset, 0), 0))
        offset_s = time_s[there] - time_s[here]
        weight = _tricube(offset_s, window_s / 2)
        for power in range(3):
            moments[power, here] += weight * offset_s**power
        for power in range(2):
            sums[power, here] += (weight * offset_s**power)[:, None] * values[there]
    return _line_at_zero(moments, sums)


def _reach(time_s: NDArray[np.float64], window_s: float) -> int:
    """Return the maximum number of rows within half a window on one side of a row."""
    last = np.searchsorted(time_s, time_s + window_s / 2, side="right") - 1
    return int((last - np.arange(len(time_s))).max(initial=0))


def _tricube(offset_s: NDArray[np.float64], half_s: float) -> NDArray[np.float64]:
    """Return the weight of each offset: 1 at 0, falling to 0 at half a window."""
    share = np.minimum(np.abs(offset_s) / max(half_s, _MIN_HALF_WINDOW_S), 1)
    return np.asarray((1 - share**3) ** 3, np.float64)


def _line_at_zero(moments: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the weighted least-squares lines at offset 0; the mean if no line is defined."""
    weight, first, second = moments[:, :, None]
    spread = weight * second - first**2
    line = (second * sums[0] - first * sums[1]) / np.where(spread > 0, spread, 1)
    return np.asarray(np.where(spread > 1e-12, line, sums[0] / weight), np.float64)
