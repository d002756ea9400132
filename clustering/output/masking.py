"""Cover faces of unknown people in the dataset's copy of a frame.

A detector learns from every part of an image: what has no label is background. An unassigned face
is often that of a known person which the clustering was not sure of, so leaving it visible and
unlabelled would teach that such a face is nobody, and just the hard looks (turned, small, blurred)
would be lost. A label it cannot get. So it is taken out of the picture: filled with what surrounds
it, softly, since a hard edge would itself be something to learn.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Boxes, clamp

COVER_VERSION = "1"  # raised when the same frame gives another picture

_FEATHER = 0.2  # shares of the covered box, outside it: from filled to untouched
_SURROUNDINGS = 0.6  # shares of the covered box: how far around it colours are taken from
_TRACE = 1e-4  # weight of the mean colour beside what is near
_FIELD_PX = 48  # the fill is smooth, so a small picture of it is enough


def cover(image: Image, boxes: Boxes, *, keep: Boxes) -> Image:
    """Return a copy in which the boxes are filled smoothly from their surroundings.

    Args:
        image: ``(h, w, 3)``.
        boxes: ``(n, 4)`` px to fill whole; the fill fades out around them.
        keep: ``(m, 4)`` px that stay untouched, whatever overlaps them.
    """
    covered = image.copy()
    hidden = _hidden(image.shape[:2], boxes)
    for box in boxes:
        _fill(covered, image, hidden, box)
    for x1, y1, x2, y2 in _whole(keep, image.shape[:2]):
        covered[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return covered


def _whole(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the whole px that the boxes touch inside an image."""
    inside = clamp(boxes, (shape[1], shape[0]))
    return np.hstack([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])]).astype(np.int64)


def _hidden(shape: tuple[int, ...], boxes: Boxes) -> NDArray[np.uint8]:
    """Return ``(h, w)``: 1 where a face is, whose colours shall not show in any fill."""
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
    """Blur what is not hidden over all of ``part`` (normalised convolution: Knutsson, 1993)."""
    height, width = hidden.shape
    scale = _FIELD_PX / max(height, width)
    small_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    seen = (1 - hidden).astype(np.float32)
    colours, share = (
        np.asarray(cv2.resize(values, small_wh, interpolation=cv2.INTER_AREA), np.float32)
        for values in (part * seen[:, :, None], seen)
    )
    # A trace of the mean colour decides where nothing around is to be seen, and only there.
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
