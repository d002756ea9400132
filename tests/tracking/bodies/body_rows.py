"""Bodies and recognised faces from short rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.tables.people import Assignments
from tests.tracking.track_rows import timeline
from tracking.detection.bodies import Bodies, FootageBodies
from tracking.detection.detections import Detections, FootageDetections

WIDTH, HEIGHT, HEAD = 60.0, 160.0, 24.0
RATE = 10.0
Place = tuple[int, float]
"""Frame, and left side of a body at the top of the frame."""


def bodies(places: Sequence[Place], *, score: float = 0.9) -> Bodies:
    """Return standing bodies of WIDTH x HEIGHT px, 20 px below the top of the frame."""
    places = sorted(places)
    left = np.array([x for _, x in places], np.float32)
    top = np.full_like(left, 20)
    return Bodies(
        frame_index=np.array([frame for frame, _ in places], np.int64),
        xyxy=np.stack([left, top, left + WIDTH, top + HEIGHT], axis=1).reshape(-1, 4),
        score=np.full(len(places), score, np.float32),
    )


def still(frames: int) -> np.ndarray:
    """Return the motion of a camera that stands still, ``(f, 2, 3)``."""
    return np.tile(np.eye(2, 3, dtype=np.float32), (frames, 1, 1))


def faces(seen: Sequence[tuple[int, float, int]]) -> Assignments:
    """Return recognised faces in bodies: frame, left side of the body, and person."""
    seen = sorted(seen)
    x = np.array([left + WIDTH / 2 for _, left, _ in seen], np.float32)
    half, y = HEAD / 2, np.full_like(x, 40)
    return Assignments(
        time_s=np.array([frame / RATE for frame, _, _ in seen]),
        xyxy=np.stack([x - half, y - half, x + half, y + half], axis=1).reshape(-1, 4),
        person_id=np.array([person for _, _, person in seen], np.int64),
    )


def footage(places: Sequence[Place], frames: int, *, cuts: Sequence[int] = ()) -> FootageDetections:
    """Return a footage with bodies and without a trained detector."""
    found = FootageBodies(bodies(places), still(frames))
    return FootageDetections(timeline(frames, cuts=cuts), Detections.empty(0), found)
