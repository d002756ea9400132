"""The square around a smiling face: the face in one place and of one size from frame to frame."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Square = tuple[float, float, float]  # left, top, side in px of the frame

_ROOM: Final = 2.3  # side of the square over the face's: hair and chin, and a little air
_DOWN: Final = -0.06  # of the side: dlib's box begins at the brows, and hair is above them


def square_of(
    xyxy: NDArray[np.float32], frame_wh: tuple[int, int], *, room: float = _ROOM
) -> Square:
    """Return the square to show of one face, wholly inside the frame.

    Args:
        xyxy: ``(4,)`` px, the face as dlib frames it.
        frame_wh: px.
        room: side of the square over the face's, where the frame has it.
    """
    width, height = frame_wh
    side = min(float((xyxy[2:] - xyxy[:2]).max()) * room, float(width), float(height))
    x, y = ((xyxy[:2] + xyxy[2:]) / 2).tolist()
    left = min(max(x - side / 2, 0.0), width - side)
    top = min(max(y + (_DOWN - 0.5) * side, 0.0), height - side)
    return left, top, side


def steady_box(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one box for a burst: where its faces, ``(n, 4)``, are on the whole."""
    return np.asarray(np.median(xyxy, axis=0), np.float32)


def crop_square(image: NDArray[np.uint8], square: Square, side_px: int) -> NDArray[np.uint8]:
    """Return what is in a square of a frame, ``(side_px, side_px, 3)``, to fractions of a pixel."""
    left, top, side = square
    x1, y1 = int(left), int(top)
    x2, y2 = int(np.ceil(left + side)), int(np.ceil(top + side))
    region = image[y1:y2, x1:x2]
    shrink = side_px / side
    if shrink < 1:
        # INTER_AREA knows whole pixels only: half of one more or less is not seen.
        small = cv2.resize(region, (side_px, side_px), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
    place = np.array([[shrink, 0, (x1 - left) * shrink], [0, shrink, (y1 - top) * shrink]])
    place[:, 2] += (shrink - 1) / 2
    large = cv2.warpAffine(
        region, place, (side_px, side_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(large, np.uint8)
