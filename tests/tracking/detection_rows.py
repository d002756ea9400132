"""Detections from short rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracking.detection.detections import Detections

SIDE = 20.0
Box = tuple[int, float, float, Sequence[float]]
"""Frame, left side, score, and evidence for each person."""


def detections(boxes: Sequence[Box], *, people: int = 2) -> Detections:
    """Return squares of SIDE px at the top edge of the frame; missing evidence is 0."""
    left = np.array([box[1] for box in boxes], np.float32)
    top = np.zeros_like(left)
    evidence = [list(box[3]) + [0.0] * (people - len(box[3])) for box in boxes]
    return Detections(
        frame_index=np.array([box[0] for box in boxes], np.int64),
        xyxy=np.stack([left, top, left + SIDE, top + SIDE], axis=1),
        score=np.array([box[2] for box in boxes], np.float32),
        evidence=np.array(evidence, np.float32).reshape(-1, people),
    )
