"""Take the detector's trembling out of the boxes."""

from __future__ import annotations

from data.tracks import Tracks
from tracking.timeline import Timeline


def smooth(tracks: Tracks, timeline: Timeline, *, window_s: float) -> Tracks:
    """Return ``tracks`` with each person's positions and sizes smoothed within a shot.

    Args:
        tracks: filled already; rows of nobody known (-1) stay as they are.
        timeline: the frames that were read.
        window_s: length of the centred window; 0 changes nothing.
    """
    raise NotImplementedError
