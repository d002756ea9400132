"""Pictures of single faces for labels and training, cut out of portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clustering.faces.portraits import cut, fit_region, portrait_region
from data.core.arrays import Image
from data.core.atomic import write_bytes
from data.core.boxes import Box
from data.video.pictures.jpeg import encode_jpeg, read_jpeg

SCALE = 1.2
"""Ratio of the picture's side to the face box's longer side: includes forehead, chin and cheeks."""
MAX_PX = 224
"""Maximum side of a picture; pictures are never enlarged."""


def face_picture(portrait: Image, xyxy: Box, frame_wh: tuple[int, int]) -> Image:
    """Cut the square picture of a face out of its portrait, ``(s, s, 3)`` RGB.

    Args:
        portrait: ``(h, w, 3)`` RGB, from :mod:`clustering.faces.portraits`.
        xyxy: ``(4,)`` face box, px of the frame.
        frame_wh: width and height of the frame, px.
    """
    box = box_in_portrait(xyxy, frame_wh, portrait.shape[1])
    half = (box[2:] - box[:2]).max() * SCALE / 2
    centre = (box[:2] + box[2:]) / 2
    square = np.concatenate([centre - half, centre + half]).astype(np.float32)
    height, width = portrait.shape[:2]
    region = fit_region(square, 1.0, (width, height))
    side = min(int(region[2] - region[0]), MAX_PX)
    return cut(portrait, region, (side, side))


def box_in_portrait(xyxy: Box, frame_wh: tuple[int, int], width_px: int) -> Box:
    """Return a face's box in px of its portrait, ``(4,)``.

    Args:
        xyxy: ``(4,)`` face box, px of the frame.
        frame_wh: width and height of the frame, px.
        width_px: width of the portrait, px.
    """
    region = portrait_region(xyxy, frame_wh)
    scale = width_px / (region[2] - region[0])
    return np.asarray((xyxy - np.tile(region[:2], 2)) * scale, np.float32)


def write_face_picture(portrait: Path, xyxy: Box, frame_wh: tuple[int, int], file: Path) -> None:
    """Write the picture of a face atomically, unless it exists.

    Args:
        portrait: JPEG file of the portrait.
        xyxy: ``(4,)`` face box, px of the frame.
        frame_wh: width and height of the frame, px.
        file: JPEG file to write.

    Raises:
        InputError: the portrait is missing or damaged.
    """
    if not file.exists():
        picture = face_picture(read_jpeg(portrait), xyxy, frame_wh)
        write_bytes(file, encode_jpeg(picture, quality=92))
