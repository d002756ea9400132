"""Mask faces of unknown people in the dataset's copy of a frame.

A detector learns every unlabelled region of an image as background. An unassigned face is often a
turned, small or blurred face of a known person that the clustering was not certain about: visible
and unlabelled, it would teach the detector that such faces are background. It cannot be labelled,
so it is filled smoothly from its surroundings, because the detector would learn a hard edge.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Boxes, clamp

COVER_VERSION = "1"  # increment when the same frame gives a different picture

_FEATHER = 0.2  # width of the fade-out around a box, as a share of its size
_SURROUNDINGS = 0.6  # width of the margin that the fill is computed from, as a share of its size
_MEAN_WEIGHT = 1e-4  # weight of the mean colour relative to nearby colours
_FIELD_PX = 48  # the fill is smooth, so it is computed at this size


def cover(image: Image, boxes: Boxes, *, keep: Boxes) -> Image:
    """Return a copy with the boxes filled smoothly from their surroundings.

    Args:
        image: ``(h, w, 3)`` RGB.
        boxes: ``(n, 4)`` px to fill; the fill fades out around them.
        keep: ``(m, 4)`` px that stay unchanged, even inside ``boxes``.

    Returns:
        ``(h, w, 3)`` RGB.
    """
    covered = image.copy()
    hidden = _box_mask(image.shape[:2], boxes)
    for box in boxes:
        _fill(covered, image, hidden, box)
    for x1, y1, x2, y2 in _rounded_outwards(keep, image.shape[:2]):
        covered[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return covered


def _rounded_outwards(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Round boxes outwards to whole px inside an image, ``(n, 4)``."""
    inside = clamp(boxes, (shape[1], shape[0]))
    return np.hstack([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])]).astype(np.int64)


def _box_mask(shape: tuple[int, ...], boxes: Boxes) -> NDArray[np.uint8]:
    """Return an ``(h, w)`` mask: 1 in the boxes, whose colours no fill may use."""
    hidden = np.zeros(shape, np.uint8)
    for x1, y1, x2, y2 in _rounded_outwards(boxes, shape):
        hidden[y1:y2, x1:x2] = 1
    return hidden


def _fill(
    covered: Image, image: Image, hidden: NDArray[np.uint8], box: NDArray[np.float32]
) -> None:
    size = np.maximum(box[2:] - box[:2], 1)
    around = box + np.concatenate([-size, size]) * _SURROUNDINGS
    x1, y1, x2, y2 = _rounded_outwards(around[None].astype(np.float32), image.shape[:2])[0]
    if x2 <= x1 or y2 <= y1:
        return
    fill = _surroundings(image[y1:y2, x1:x2], hidden[y1:y2, x1:x2])
    weight = _weight(box - np.array([x1, y1, x1, y1]), size, (x2 - x1, y2 - y1))
    patch = covered[y1:y2, x1:x2].astype(np.float32)
    covered[y1:y2, x1:x2] = np.rint(patch + (fill - patch) * weight[:, :, None]).astype(np.uint8)


def _surroundings(patch: Image, hidden: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blur the visible colours over all of ``patch`` (normalised convolution: Knutsson, 1993)."""
    height, width = hidden.shape
    scale = _FIELD_PX / max(height, width)
    small_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    visible = (1 - hidden).astype(np.float32)
    colours, share = (
        np.asarray(cv2.resize(values, small_wh, interpolation=cv2.INTER_AREA), np.float32)
        for values in (patch * visible[:, :, None], visible)
    )
    # The mean colour matters only where no visible pixel is near.
    any_visible = share.sum() > 0
    mean = colours.sum(axis=(0, 1)) / share.sum() if any_visible else patch.mean(axis=(0, 1))
    blurred = _blur(colours) + _MEAN_WEIGHT * mean
    fill = (blurred / (_blur(share) + _MEAN_WEIGHT)[:, :, None]).astype(np.float32)
    return np.asarray(cv2.resize(fill, (width, height)), np.float32)


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    sigma = _FIELD_PX / 9
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def _weight(
    box: NDArray[np.float32], size: NDArray[np.float32], patch_wh: tuple[int, int]
) -> NDArray[np.float32]:
    """Return ``(h, w)`` weights: 1 in the box, 0 beyond the feather, and smooth in between."""
    distances = []
    for axis in (0, 1):
        centres = np.arange(patch_wh[axis], dtype=np.float32) + 0.5
        outside = np.maximum(np.maximum(box[axis] - centres, centres - box[axis + 2]), 0)
        distances.append(outside / (size[axis] * _FEATHER))
    distance = np.minimum(np.hypot(distances[1][:, None], distances[0][None, :]), 1)
    return np.asarray(1 - distance**2 * (3 - 2 * distance), np.float32)
