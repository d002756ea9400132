"""Face patches, the network's input: small grey squares around dlib's boxes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Box

PATCH_PX: Final = 64
SCALE: Final = 1.2
"""Side of the square as a multiple of dlib's box, to match the framing of the labelled faces."""
VIEWS: Final = ((1.0, False), (0.9, True))
"""Crops whose scores are averaged, since a single one is noisy: (factor on `SCALE`, mirrored)."""
PATCH_VERSION: Final = 1
"""Increase it when a change alters the patches of faces. Models of other versions are refused."""

_SHARPNESS_PX: Final = 96  # smaller faces are enlarged, so that a small size counts as blur
_CLIP_LIMIT: Final = 2.0
_TILES: Final = (4, 4)  # of 16 px, the size of an eye or a corner of the mouth

Patch = NDArray[np.uint8]
"""One grey patch, ``(64, 64)``."""
Patches = NDArray[np.uint8]
"""Grey patches, ``(n, 64, 64)``."""


def cut_patch(
    image: Image,
    xyxy: Box,
    *,
    scale: float = SCALE,
    mirrored: bool = False,
) -> Patch:
    """Return the equalised grey patch of one face, ``(64, 64)``, black outside the image.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey; not modified.
        xyxy: ``(4,)`` px, dlib's box of the face; may extend beyond the image.
        scale: side of the square as a multiple of the box.
        mirrored: whether to flip left and right.
    """
    patch = cut_square(image, xyxy, scale=scale, side_px=PATCH_PX)
    return equalise_contrast(patch[:, ::-1] if mirrored else patch)


def cut_views(image: Image, xyxy: Box, *, scale: float = SCALE) -> Patches:
    """Return the patches of one face whose scores are averaged, ``(views, 64, 64)``.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey; not modified.
        xyxy: ``(4,)`` px, dlib's box of the face; may extend beyond the image.
        scale: side of the square as a multiple of the box, before the factors of `VIEWS`.
    """
    patches = [
        cut_patch(image, xyxy, scale=scale * factor, mirrored=mirrored)
        for factor, mirrored in VIEWS
    ]
    return np.stack(patches)


def cut_square(image: Image, xyxy: Box, *, scale: float, side_px: int) -> Image:
    """Return the grey square around a box, ``(side_px, side_px)``, black outside the image.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey; not modified.
        xyxy: ``(4,)`` px; may extend beyond the image.
        scale: side of the square as a multiple of the box's longer side.
        side_px: side of the result.
    """
    height, width = image.shape[:2]
    half = max(float((xyxy[2:] - xyxy[:2]).max()) * scale / 2, 1.0)
    x, y = ((xyxy[:2] + xyxy[2:]) / 2).tolist()
    left, top = round(x - half), round(y - half)
    side = max(round(2 * half), 1)
    x1, y1 = min(max(left, 0), width), min(max(top, 0), height)
    x2, y2 = min(max(left + side, x1), width), min(max(top + side, y1), height)
    inside = image[y1:y2, x1:x2]
    if inside.size == 0:
        return np.zeros((side_px, side_px), np.uint8)
    # Resize before padding, to avoid a full-size copy of a face that fills an 8K frame.
    factor = side_px / side
    size = max(round((x2 - x1) * factor), 1), max(round((y2 - y1) * factor), 1)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = as_grey(np.asarray(cv2.resize(inside, size, interpolation=method), np.uint8))
    square = np.zeros((side_px, side_px), np.uint8)
    column, row = round((x1 - left) * factor), round((y1 - top) * factor)
    column, row = min(column, side_px - 1), min(row, side_px - 1)
    fits = small[: side_px - row, : side_px - column]
    square[row : row + fits.shape[0], column : column + fits.shape[1]] = fits
    return square


def equalise_contrast(image: Image) -> Image:
    """Return a grey image, ``(h, w)``, with its contrast equalised per tile (CLAHE).

    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.
    """
    equalised = cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply(np.ascontiguousarray(image))
    return np.asarray(equalised, np.uint8)


def as_grey(image: Image) -> Image:
    """Return the luma, ``(h, w)``, of an RGB image, ``(h, w, 3)``; return grey images as is."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def face_sharpness(image: Image, xyxy: Box) -> float:
    """Return the sharpness of a face: the deviation of its Laplacian over its contrast.

    The sharpness is 0 or more, and near 0 for a blurred face.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        xyxy: ``(4,)`` px, dlib's box of the face.
    """
    face = cut_square(image, xyxy, scale=0.9, side_px=_SHARPNESS_PX)
    detail = cv2.Laplacian(face, cv2.CV_32F, ksize=3)
    return float(detail.std() / (face.std() + 5))
