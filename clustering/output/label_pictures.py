"""Pictures of faces to label and to learn from: the face alone, cut out of its portrait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clustering.faces.portraits import cut, fit_region, portrait_region
from data.core.atomic import write_bytes
from data.core.boxes import Box
from data.video.jpeg import encode_jpeg, read_jpeg

SCALE = 1.2
"""Side of the picture over the face's box: forehead, chin and cheeks."""
MOST_PX = 224
"""Side, at most; never enlarged."""


def face_picture(
    portrait: NDArray[np.uint8], xyxy: Box, frame_wh: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the square picture of a face, ``(s, s, 3)``.

    Args:
        portrait: ``(h, w, 3)``, as :mod:`clustering.faces.portraits` cut it.
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
    """Return where a face is in its portrait, ``(4,)`` px, of a portrait so wide."""
    region = portrait_region(xyxy, frame_wh)
    scale = width_px / (region[2] - region[0])
    return np.asarray((xyxy - np.tile(region[:2], 2)) * scale, np.float32)


def write_face_picture(portrait: Path, xyxy: Box, frame_wh: tuple[int, int], place: Path) -> None:
    """Write the picture of a face, whole, unless it is there.

    Raises:
        InputError: the portrait is missing or damaged.
    """
    if not place.exists():
        picture = face_picture(read_jpeg(portrait), xyxy, frame_wh)
        write_bytes(place, encode_jpeg(picture, quality=92))
