"""Take the detector's trembling out of the boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.people import UNKNOWN
from data.tracks import Tracks
from tracking.timeline import Timeline

_SAME_TIME_S = 1e-6


def smooth(tracks: Tracks, timeline: Timeline, *, window_s: float) -> Tracks:
    """Return ``tracks`` with each person's positions and sizes smoothed within a shot.

    Args:
        tracks: filled already; rows of nobody known (-1) stay as they are.
        timeline: the frames that were read.
        window_s: length of the centred window; 0 changes nothing.
    """
    xyxy = tracks.xyxy.copy()
    for rows in runs(tracks, timeline):
        boxes = tracks.xyxy[rows].astype(np.float64)
        xyxy[rows] = smoothed(boxes, tracks.time_s[rows], window_s)
    return tracks.replace(xyxy=xyxy)


def runs(tracks: Tracks, timeline: Timeline) -> list[NDArray[np.int64]]:
    """Rows of each unbroken run: one person in every frame that was read, within one shot."""
    order = np.lexsort((tracks.frame_index, tracks.person_id)).astype(np.int64)
    order = order[tracks.person_id[order] != UNKNOWN]
    place, person = timeline.place(tracks.frame_index[order]), tracks.person_id[order]
    shot = timeline.shot(tracks.frame_index[order])
    breaks = (np.diff(place) != 1) | (np.diff(person) != 0) | (np.diff(shot) != 0)
    return np.split(order, np.flatnonzero(breaks) + 1) if len(order) else []


def smoothed(
    values: NDArray[np.float64], time_s: NDArray[np.float64], window_s: float
) -> NDArray[np.float64]:
    """Centred moving average: ``values`` ``(m, c)`` at rising times ``(m,)``."""
    reach = np.minimum(time_s - time_s[0], time_s[-1] - time_s)
    reach = np.minimum(reach, window_s / 2) + _SAME_TIME_S
    first = np.searchsorted(time_s, time_s - reach)
    last = np.searchsorted(time_s, time_s + reach)
    sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float64)
