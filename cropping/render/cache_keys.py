"""Cache keys of the videos: a video is stale when its key has changed."""

from __future__ import annotations

from typing import Final

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.digest import digest
from data.core.streams import StreamChoice
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

VERSION: Final = 4
"""Increase when a code change alters the videos for unchanged tracks and settings."""


def video_keys(
    tracks: Tracks,
    timeline: Timeline,
    *,
    size_bytes: int,
    streams: StreamChoice,
    settings: str,
    blurred: bool,
) -> dict[int, str]:
    """Return the key of each person's video, by person id.

    Args:
        tracks: tracks of all people in the footage.
        timeline: sampled frames and cuts.
        size_bytes: size of the footage's file.
        streams: streams of the footage that the user chose.
        settings: from `CropSettings.video_key`.
        blurred: other people's faces are blurred, so the video also depends on their tracks.
    """
    common = digest(
        f"{VERSION} {size_bytes} {settings}{_shown(streams)}",
        *(column.tobytes() for column in (timeline.frame_index, timeline.time_s, timeline.cuts)),
    )
    all_tracks = _bytes(tracks) if blurred else b""
    keys = {}
    for person in np.unique(tracks.person_id[tracks.person_id != UNKNOWN]).tolist():
        own = tracks.take(tracks.person_id == person)
        keys[person] = digest(common, str(person), _bytes(own), all_tracks)
    return keys


def _shown(streams: StreamChoice) -> str:
    return f" {streams.video} {streams.audio}" if streams else ""


def _bytes(tracks: Tracks) -> bytes:
    return b"".join(getattr(tracks, name).tobytes() for name in tracks.COLUMNS)
