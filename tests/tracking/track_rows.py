"""Tracks from short rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

SIDE = 10.0
"""Width and height of a face, px."""

Row = tuple[int, int, float]
"""Frame, person, and left side of the face in px."""


def timeline(
    frames: int, *, rate: float = 10.0, cuts: Sequence[int] = (), times_s: Sequence[float] = ()
) -> Timeline:
    """Return frames 0, 1, ... at a constant rate, or at ``times_s``."""
    times = np.array(times_s, np.float64) if len(times_s) else np.arange(frames) / rate
    return Timeline(np.arange(frames), times, np.array(cuts, np.int64))


def tracks(
    rows: Sequence[Row], line: Timeline, *, confidence: float = 0.8, side: float = SIDE
) -> Tracks:
    """Return square faces at the top edge of the frame."""
    frame = np.array([row[0] for row in rows], np.int64)
    left = np.array([row[2] for row in rows], np.float32)
    zero = np.zeros_like(left)
    return Tracks.ordered(
        frame_index=frame,
        time_s=line.time_s[line.rows(frame)],
        person_id=np.array([row[1] for row in rows], np.int64),
        xyxy=np.stack([left, zero, left + side, zero + side], axis=1),
        confidence=np.full(len(rows), confidence, np.float32),
        source=np.zeros(len(rows), np.int8),
    )


def rows_of(tracks: Tracks) -> list[tuple[int, int, float, bool]]:
    """Return frame, person, left side and whether interpolated, of every row."""
    return [
        (int(frame), int(person), round(float(box[0]), 3), bool(filled))
        for frame, person, box, filled in zip(
            tracks.frame_index, tracks.person_id, tracks.xyxy, tracks.filled, strict=True
        )
    ]
