"""Pictures of single faces for labels and training, cut out of portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clustering.faces.portraits import cut, fit_region, portrait_region
from data.core.arrays import Image
from data.core.atomic import write_bytes
from data.core.boxes import Box
from data.video.jpeg import encode_jpeg, read_jpeg

SCALE = 1.2
"""Ratio of the picture's side to that of the face's box: includes forehead, chin and cheeks."""
MOST_PX = 224
"""Longest side; pictures are never enlarged."""


def face_picture(portrait: Image, xyxy: Box, frame_wh: tuple[int, int]) -> Image:
    """Cut the square picture of a face out of its portrait, ``(s, s, 3)`` RGB.

    Args:
        portrait: ``(h, w, 3)`` RGB, from :mod:`clustering.faces.portraits`.
        xyxy: ``(4,)`` px of the frame.
        frame_wh: px.
    """
    box = box_in_portrait(xyxy, frame_wh, portrait.shape[1])
    half = (box[2:] - box[:2]).max() * SCALE / 2
    middle = (box[:2] + box[2:]) / 2
    square = np.concatenate([middle - half, middle + half]).astype(np.float32)
    height, width = portrait.shape[:2]
    inside = fit_region(square, 1.0, (width, height))
    side = min(int(inside[2] - inside[0]), MOST_PX)
    return cut(portrait, inside, (side, side))


def box_in_portrait(xyxy: Box, frame_wh: tuple[int, int], width_px: int) -> Box:
    """Return a face's box in px of its portrait, ``(4,)``.

    Args:
        xyxy: ``(4,)`` px of the frame.
        frame_wh: px.
        width_px: width of the portrait.
    """
    region = portrait_region(xyxy, frame_wh)
    scale = width_px / (region[2] - region[0])
    return np.asarray((xyxy - np.tile(region[:2], 2)) * scale, np.float32)


def write_face_picture(portrait: Path, xyxy: Box, frame_wh: tuple[int, int], place: Path) -> None:
    """Write the picture of a face atomically, unless it exists.

    Args:
        portrait: JPEG file.
        xyxy: ``(4,)`` px of the frame.
        frame_wh: px.
        place: file to write.

    Raises:
        InputError: the portrait is missing or damaged.
    """
    if not place.exists():
        picture = face_picture(read_jpeg(portrait), xyxy, frame_wh)
        write_bytes(place, encode_jpeg(picture, quality=92))
