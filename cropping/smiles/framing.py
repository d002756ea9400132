"""Square crops with the face at the same position and size in all frames."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.camera.subject import PictureArea
from data.core.arrays import Image

Square = tuple[float, float, float]  # left, top, side in px of the frame

_SCALE: Final = 2.3  # side of the square / longer side of the face box: room for hair and chin
_OFFSET: Final = -0.06  # vertical shift / side of the square: dlib's box begins at the brows


def square_of(
    xyxy: NDArray[np.float32], frame_wh: tuple[int, int], *, scale: float = _SCALE
) -> Square:
    """Return the square around a face, within the frame.

    Args:
        xyxy: ``(4,)`` px, dlib's box of the face.
        frame_wh: size of the frame in px.
        scale: ratio of the square's side to the longer side of the box, unless the frame is
            smaller.
    """
    width, height = frame_wh
    side = min(float((xyxy[2:] - xyxy[:2]).max()) * scale, float(width), float(height))
    x, y = ((xyxy[:2] + xyxy[2:]) / 2).tolist()
    left = min(max(x - side / 2, 0.0), width - side)
    top = min(max(y + (_OFFSET - 0.5) * side, 0.0), height - side)
    return left, top, side


def square_in(xyxy: NDArray[np.float32], area: PictureArea) -> Square:
    """Return the square around a face, ``(4,)`` px, within the area of the picture."""
    corner = np.array([area.left, area.top] * 2, np.float32)
    left, top, side = square_of(xyxy - corner, area.wh)
    return left + area.left, top + area.top, side


def steady_box(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median box, ``(4,)`` px, of the faces of a burst, ``(n, 4)`` px."""
    return np.asarray(np.median(xyxy, axis=0), np.float32)


def crop_square(image: Image, square: Square, side_px: int) -> Image:
    """Return a square of an RGB frame, ``(side_px, side_px, 3)``, at its subpixel position."""
    left, top, side = square
    x1, y1 = int(left), int(top)
    x2, y2 = int(np.ceil(left + side)), int(np.ceil(top + side))
    region = image[y1:y2, x1:x2]
    factor = side_px / side
    if factor < 1:
        # INTER_AREA needs whole pixels; half a pixel is not visible at this scale.
        small = cv2.resize(region, (side_px, side_px), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
    matrix = np.array([[factor, 0, (x1 - left) * factor], [0, factor, (y1 - top) * factor]])
    matrix[:, 2] += (factor - 1) / 2
    large = cv2.warpAffine(
        region, matrix, (side_px, side_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(large, np.uint8)
