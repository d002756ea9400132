"""Portraits: a face with generous margins, cut from its frame."""

from __future__ import annotations

import cv2
import numpy as np

from data.core.arrays import Image
from data.core.boxes import Box

WIDTH_PX = 400
ASPECT = 4 / 5  # width to height
MARGIN = (0.5, 0.6, 0.5, 0.6)  # left, top, right, bottom, as shares of the face's width and height


def cut_portrait(image: Image, xyxy: Box, *, width_px: int = WIDTH_PX) -> Image:
    """Cut out a face with its surroundings, ``width_px`` wide, with an aspect ratio of 4:5.

    At the frame's edge, the region is shifted inwards, and shrunk if that is not enough. It is
    never padded or distorted.

    Args:
        image: ``(h, w, 3)`` RGB.
        xyxy: ``(4,)`` px of the frame; may extend beyond the frame.
        width_px: width of the portrait, px.

    Returns:
        ``(width_px * 5 / 4, width_px, 3)`` RGB.
    """
    height, width = image.shape[:2]
    region = portrait_region(xyxy, (width, height))
    return cut(image, region, (width_px, round(width_px / ASPECT)))


def portrait_region(xyxy: Box, frame_wh: tuple[int, int]) -> Box:
    """Return the region shown in a face's portrait, ``(4,)`` whole px of the frame.

    Args:
        xyxy: ``(4,)`` face box, px of the frame.
        frame_wh: width and height of the frame, px.
    """
    width, height = np.maximum(xyxy[2:] - xyxy[:2], 1)
    left, top, right, bottom = MARGIN
    margins = np.array([-left * width, -top * height, right * width, bottom * height])
    return fit_region((xyxy + margins).astype(np.float32), ASPECT, frame_wh)


def fit_region(xyxy: Box, aspect: float, frame_wh: tuple[int, int]) -> Box:
    """Return the smallest region with this ``aspect`` that contains a box and is inside the frame.

    The region is shifted into the frame, and shrunk if the frame is too small.

    Args:
        xyxy: ``(4,)`` px.
        aspect: ratio of width to height.
        frame_wh: width and height of the frame, px.

    Returns:
        ``(4,)`` whole px inside the frame, at least one px wide and high.
    """
    box = xyxy.astype(np.float64)
    frame = np.array(frame_wh, np.float64)
    width = max(box[2] - box[0], (box[3] - box[1]) * aspect, 1e-3)
    width = min(width, frame[0], frame[1] * aspect)
    size = np.clip(np.round([width, width / aspect]), 1, frame)
    upper_left = np.clip(np.round((box[:2] + box[2:] - size) / 2), 0, frame - size)
    return np.concatenate([upper_left, upper_left + size]).astype(np.float32)


def cut(image: Image, region: Box, size_wh: tuple[int, int]) -> Image:
    """Cut a region out of an image and resize it.

    Args:
        image: ``(h, w, 3)`` RGB.
        region: ``(4,)`` whole px inside the image.
        size_wh: width and height of the result, px.

    Returns:
        ``(height, width, 3)`` RGB.
    """
    x1, y1, x2, y2 = (int(side) for side in region)
    patch = image[y1:y2, x1:x2]
    shrinks = patch.shape[1] > size_wh[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(patch, size_wh, interpolation=interpolation), np.uint8)
