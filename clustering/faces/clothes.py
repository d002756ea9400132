"""Clothing cue: colour histograms of the region under the chin, used within one footage."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Boxes, clamp
from data.tables.faces import CLOTHES_BINS, CLOTHES_SIZE

# In face widths and heights from the box: below the neck, including the shoulders.
_SIDE, _TOP, _BOTTOM = 0.3, 0.25, 1.2
_MIN_INSIDE_SHARE = 0.25
"""Minimum share of the region that must be inside the frame."""
_COLOUR_RANGE = (64, 192)
"""Range of OpenCV's 8-bit a* and b*: clothes outside it are rare, and there are few bins."""


def clothes_region(xyxy: Boxes) -> Boxes:
    """Return the region of each face's clothes, ``(n, 4)`` px, not clamped to the frame.

    Args:
        xyxy: ``(n, 4)`` face boxes, px.
    """
    x1, y1, x2, y2 = xyxy.T
    width, height = x2 - x1, y2 - y1
    top, bottom = y2 + _TOP * height, y2 + _BOTTOM * height
    return np.stack([x1 - _SIDE * width, top, x2 + _SIDE * width, bottom], axis=1)


def clothes_histograms(image: Image, xyxy: Boxes) -> NDArray[np.float32]:
    """Compute a colour histogram of each face's clothes, ``(n, CLOTHES_SIZE)``, summing to 1.

    A row of zeros means that the clothes are outside the frame.

    Args:
        image: ``(h, w, 3)`` RGB.
        xyxy: ``(n, 4)`` face boxes, px of the image.
    """
    region = clothes_region(xyxy)
    inside = np.round(clamp(region, (image.shape[1], image.shape[0]))).astype(int)
    area = np.prod(region[:, 2:] - region[:, :2], axis=1)
    rows = [np.zeros(CLOTHES_SIZE, np.float32)] * len(xyxy)
    for i, (x1, y1, x2, y2) in enumerate(inside):
        if max(x2 - x1, 0) * max(y2 - y1, 0) >= max(_MIN_INSIDE_SHARE * area[i], 16):
            rows[i] = _histogram(image[y1:y2, x1:x2])
    return np.array(rows, np.float32).reshape(-1, CLOTHES_SIZE)


def _histogram(patch: Image) -> NDArray[np.float32]:
    small = cv2.resize(patch, (32, 32), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    lab[..., 1:] = np.clip(lab[..., 1:], _COLOUR_RANGE[0], _COLOUR_RANGE[1] - 1)
    ranges = [0, 256, *_COLOUR_RANGE, *_COLOUR_RANGE]
    counts = cv2.calcHist([lab], [0, 1, 2], None, list(CLOTHES_BINS), ranges).reshape(-1)
    return np.asarray(counts / max(counts.sum(), 1), np.float32)
