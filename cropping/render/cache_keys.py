"""What everybody's videos and GIFs depend on: a key of it is kept with each file."""

from __future__ import annotations

from typing import Final

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.digest import digest
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

VERSION: Final = 3
"""Raised when the same tracks and settings would give other videos."""


def video_keys(
    tracks: Tracks, timeline: Timeline, *, size_bytes: int, settings: str, blurred: bool
) -> dict[int, str]:
    """Return the key of everybody's video who is seen, by person.

    Args:
        tracks: of everybody.
        timeline: of the footage.
        size_bytes: of the footage.
        settings: all that a video's content depends on.
        blurred: whether the others are, so that their tracks count too.
    """
    common = digest(
        f"{VERSION} {size_bytes} {settings}",
        *(column.tobytes() for column in (timeline.frame_index, timeline.time_s, timeline.cuts)),
    )
    everybody = _bytes(tracks) if blurred else b""
    keys = {}
    for person in np.unique(tracks.person_id[tracks.person_id != UNKNOWN]).tolist():
        own = tracks.take(tracks.person_id == person)
        keys[person] = digest(common, str(person), _bytes(own), everybody)
    return keys


def _bytes(tracks: Tracks) -> bytes:
    return b"".join(getattr(tracks, name).tobytes() for name in tracks.COLUMNS)
