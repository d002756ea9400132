"""Cover faces of unknown people in the dataset's copy of a frame.

A detector learns every unlabelled part of an image as background. An unassigned face is often one
of a known person that the clustering was not sure of, mostly turned, small or blurred: visible and
unlabelled, it would teach that such faces are background. It cannot be labelled, so it is filled
smoothly from its surroundings, since the detector would learn a hard edge.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Boxes, clamp

COVER_VERSION = "1"  # increment when the same frame gives another picture

_FEATHER = 0.2  # of the box's size: width of the fade-out around it
_SURROUNDINGS = 0.6  # of the box's size: width of the margin that the fill is computed from
_TRACE = 1e-4  # weight of the mean colour against the nearby colours
_FIELD_PX = 48  # the fill is smooth, so it is computed at this size


def cover(image: Image, boxes: Boxes, *, keep: Boxes) -> Image:
    """Return a copy with the boxes filled smoothly from their surroundings.

    Args:
        image: ``(h, w, 3)`` RGB.
        boxes: ``(n, 4)`` px to fill; the fill fades out around them.
        keep: ``(m, 4)`` px that stay unchanged, also under ``boxes``.

    Returns:
        ``(h, w, 3)`` RGB.
    """
    covered = image.copy()
    hidden = _hidden(image.shape[:2], boxes)
    for box in boxes:
        _fill(covered, image, hidden, box)
    for x1, y1, x2, y2 in _whole(keep, image.shape[:2]):
        covered[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return covered


def _whole(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Round boxes outwards to whole px inside an image, ``(n, 4)``."""
    inside = clamp(boxes, (shape[1], shape[0]))
    return np.hstack([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])]).astype(np.int64)


def _hidden(shape: tuple[int, ...], boxes: Boxes) -> NDArray[np.uint8]:
    """Return ``(h, w)``: 1 in the boxes, whose colours no fill may use."""
    hidden = np.zeros(shape, np.uint8)
    for x1, y1, x2, y2 in _whole(boxes, shape):
        hidden[y1:y2, x1:x2] = 1
    return hidden


def _fill(
    covered: Image, image: Image, hidden: NDArray[np.uint8], box: NDArray[np.float32]
) -> None:
    size = np.maximum(box[2:] - box[:2], 1)
    around = box + np.concatenate([-size, size]) * _SURROUNDINGS
    x1, y1, x2, y2 = _whole(around[None].astype(np.float32), image.shape[:2])[0]
    if x2 <= x1 or y2 <= y1:
        return
    field = _surroundings(image[y1:y2, x1:x2], hidden[y1:y2, x1:x2])
    weight = _weight(box - np.array([x1, y1, x1, y1]), size, (x2 - x1, y2 - y1))
    part = covered[y1:y2, x1:x2].astype(np.float32)
    covered[y1:y2, x1:x2] = np.rint(part + (field - part) * weight[:, :, None]).astype(np.uint8)


def _surroundings(part: Image, hidden: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blur the visible colours over all of ``part`` (normalised convolution: Knutsson, 1993)."""
    height, width = hidden.shape
    scale = _FIELD_PX / max(height, width)
    small_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    seen = (1 - hidden).astype(np.float32)
    colours, share = (
        np.asarray(cv2.resize(values, small_wh, interpolation=cv2.INTER_AREA), np.float32)
        for values in (part * seen[:, :, None], seen)
    )
    # The mean colour counts only where no visible pixel is near.
    visible = share.sum() > 0
    mean = colours.sum(axis=(0, 1)) / share.sum() if visible else part.mean(axis=(0, 1))
    blurred = _blur(colours) + _TRACE * mean
    field = (blurred / (_blur(share) + _TRACE)[:, :, None]).astype(np.float32)
    return np.asarray(cv2.resize(field, (width, height)), np.float32)


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    sigma = _FIELD_PX / 9
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def _weight(
    box: NDArray[np.float32], size: NDArray[np.float32], part_wh: tuple[int, int]
) -> NDArray[np.float32]:
    """Return ``(h, w)``: 1 in the box, 0 beyond the feather, smooth (and round) between."""
    beyond = []
    for axis in (0, 1):
        centres = np.arange(part_wh[axis], dtype=np.float32) + 0.5
        outside = np.maximum(np.maximum(box[axis] - centres, centres - box[axis + 2]), 0)
        beyond.append(outside / (size[axis] * _FEATHER))
    distance = np.minimum(np.hypot(beyond[1][:, None], beyond[0][None, :]), 1)
    return np.asarray(1 - distance**2 * (3 - 2 * distance), np.float32)
