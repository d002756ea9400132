"""How sharp a face is, whatever its size and light."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.face_patch import cut_square

_SIDE_PX: Final = 96  # a smaller face is enlarged to it, so that smallness counts as blur


def face_sharpness(image: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> float:
    """Return the strength of a face's fine detail over its contrast; about 0 for a blurred one.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        xyxy: ``(4,)`` px of the face.
    """
    face = cut_square(image, xyxy, scale=0.9, side_px=_SIDE_PX)
    detail = cv2.Laplacian(face, cv2.CV_32F, ksize=3)
    return float(detail.std() / (face.std() + 5))
