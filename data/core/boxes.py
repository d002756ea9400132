"""Pure functions on boxes: ``xyxy`` float32 pixels, right and bottom exclusive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = NDArray[np.float32]
"""``(4,)`` px: left, top, right, bottom."""
Boxes = NDArray[np.float32]
"""``(n, 4)`` px: left, top, right, bottom of one box per row."""


def as_boxes(values: object) -> Boxes:
    """Return ``values`` as a fresh ``(n, 4)`` float32 array; no values become ``(0, 4)``."""
    return np.array(values, dtype=np.float32).reshape(-1, 4)


def sizes_wh(xyxy: Boxes) -> NDArray[np.float32]:
    """Return the width and height of each box in px, ``(n, 2)``, never negative."""
    return np.asarray(np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0), np.float32)


def areas(xyxy: Boxes) -> NDArray[np.float32]:
    """Return the area of each box in square pixels, ``(n,)``."""
    return np.asarray(np.prod(sizes_wh(xyxy), axis=1), np.float32)


def centres(xyxy: Boxes) -> NDArray[np.float32]:
    """Return the centre ``(x, y)`` of each box in px, ``(n, 2)``."""
    return ((xyxy[:, :2] + xyxy[:, 2:]) / 2).astype(np.float32)


def iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return the IoU of every pair of boxes of ``a`` ``(n, 4)`` and ``b`` ``(m, 4)``: ``(n, m)``.

    The IoU of two boxes without area is 0.
    """
    upper_left = np.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(lower_right - upper_left, 0), axis=2)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-9), 0).astype(np.float32)


def non_maximum_suppression(xyxy: Boxes, max_iou: float) -> list[int]:
    """Suppress boxes whose IoU with a better one reaches ``max_iou``; return the kept rows.

    Args:
        xyxy: ``(n, 4)`` px, best first.
        max_iou: 0 to 1, exclusive.
    """
    kept: list[int] = []
    remaining = np.arange(len(xyxy))
    while remaining.size:
        best, remaining = int(remaining[0]), remaining[1:]
        kept.append(best)
        remaining = remaining[iou(xyxy[[best]], xyxy[remaining])[0] < max_iou]
    return kept


def clamp(xyxy: Boxes, frame_wh: tuple[int, int]) -> Boxes:
    """Clip ``(n, 4)`` boxes to a frame of width and height ``frame_wh``, in px."""
    width, height = frame_wh
    limits = np.array([width, height, width, height], np.float32)
    return np.asarray(np.clip(xyxy, 0, limits), np.float32)


def expand(xyxy: Boxes, margin: float) -> Boxes:
    """Expand each of ``(n, 4)`` boxes by ``margin`` times its width and height on each side."""
    grown = np.tile(sizes_wh(xyxy) * margin, 2) * np.array([-1, -1, 1, 1], np.float32)
    return np.asarray(xyxy + grown, np.float32)
