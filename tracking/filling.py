"""Bridge the gaps in which a person was not found: turned away, covered, missed."""

from __future__ import annotations

from data.tracks import Tracks
from tracking.timeline import Timeline


def fill_gaps(tracks: Tracks, timeline: Timeline, *, max_gap_s: float) -> Tracks:
    """Return ``tracks`` with each person's short gaps filled linearly in time.

    Args:
        tracks: sightings; rows of nobody known (-1) stay as they are.
        timeline: the frames that were read: only they are filled.
        max_gap_s: the longest time from one sighting to the next that is bridged.
    """
    raise NotImplementedError
