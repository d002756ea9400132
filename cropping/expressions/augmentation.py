"""Random augmentation of training faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import PATCH_PX, Patch, cut_patch, equalise_contrast
from data.core.arrays import Image
from data.core.boxes import Box

_UNEQUALISED_SHARE: Final = 0.1
"""Share of patches without CLAHE, so that the network does not depend on it."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the random changes.

    Args:
        max_rotation_deg: maximum rotation in either direction.
        min_crop: minimum area of a crop, as a share of the face's square.
        max_zoom_out: maximum side of the view, as a multiple of the square's; black outside.
        brightness: maximum offset in either direction, as a share of white.
        contrast: maximum gain; the minimum is its inverse.
        cut_probability: share of faces with one side blacked out, as at the edge of a frame.
        cut_share: minimum and maximum share of the patch that is blacked out.
        cut_vertical: share of cuts at the top or bottom rather than left or right.
        blur: share of faces with reduced detail, as if distant or out of focus.
    """

    max_rotation_deg: float = 20.0
    min_crop: float = 0.6
    max_zoom_out: float = 1.25
    brightness: float = 0.15
    contrast: float = 1.5
    cut_probability: float = 0.25
    cut_share: tuple[float, float] = (0.10, 0.25)
    cut_vertical: float = 0.7
    blur: float = 0.3


def augment(
    image: Image, random: np.random.Generator, settings: Augmentation = Augmentation()
) -> Patch:
    """Return a randomly augmented grey patch of a face, ``(64, 64)``.

    Args:
        image: ``(h, w)`` grey, cropped to the face; not modified.
        random: source of randomness.
        settings: ranges of the changes.
    """
    patch = cv2.warpAffine(
        _reduce_detail(image, random, settings),
        _affine_matrix(image.shape, random, settings),
        (PATCH_PX, PATCH_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    patch = _relight(np.asarray(patch, np.uint8), random, settings)
    if random.random() < settings.cut_probability:
        patch = black_out_side(patch, random, settings)
    return patch if random.random() < _UNEQUALISED_SHARE else equalise_contrast(patch)


def plain_patch(image: Image) -> Patch:
    """Return the equalised patch, ``(64, 64)``, of a grey face, ``(h, w)``, unaugmented."""
    return cut_patch(image, full_box(image), scale=1.0)


def full_box(image: Image) -> Box:
    """Return the box of the full image, ``(4,)`` float32 px, xyxy."""
    return np.array([0, 0, image.shape[1], image.shape[0]], np.float32)


def letterbox(image: Image, side_px: int) -> Image:
    """Scale a grey image, ``(h, w)``, into a black square, ``(side_px, side_px)``, centred."""
    height, width = image.shape
    factor = side_px / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.zeros((side_px, side_px), np.uint8)
    left, top = (side_px - size[0]) // 2, (side_px - size[1]) // 2
    small = cv2.resize(image, size, interpolation=method)
    square[top : top + size[1], left : left + size[0]] = small
    return square


def black_out_side(patch: Patch, random: np.random.Generator, settings: Augmentation) -> Patch:
    """Return a copy of a patch, ``(64, 64)``, with one random side black."""
    depth_px = round(PATCH_PX * random.uniform(*settings.cut_share))
    vertical = random.random() < settings.cut_vertical
    side = slice(0, depth_px) if random.random() < 0.5 else slice(PATCH_PX - depth_px, PATCH_PX)
    cut = patch.copy()
    cut[(side, slice(None)) if vertical else (slice(None), side)] = 0
    return cut


def _reduce_detail(image: Image, random: np.random.Generator, settings: Augmentation) -> Image:
    """Return a grey face, ``(h, w)``, with randomly reduced detail."""
    if random.random() >= settings.blur:
        return image
    height, width = image.shape
    factor = random.uniform(16, 48) / max(height, width)
    small = max(round(width * factor), 4), max(round(height * factor), 4)
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )


def _affine_matrix(
    shape: tuple[int, ...], random: np.random.Generator, settings: Augmentation
) -> NDArray[np.float64]:
    """Return a random affine matrix from face to patch pixels, ``(2, 3)``."""
    height, width = shape
    side = max(height, width)
    # Side of the view as a multiple of the square's.
    view = random.uniform(np.sqrt(settings.min_crop), settings.max_zoom_out)
    zoom = PATCH_PX / (side * view)
    turn = np.deg2rad(random.uniform(-settings.max_rotation_deg, settings.max_rotation_deg))
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    # Crops are anywhere in the square; a zoomed-out view has the square anywhere inside.
    max_shift = abs(1 - view) * side / 2
    shift = random.uniform(-max_shift, max_shift, 2)
    mirror = -1.0 if random.random() < 0.5 else 1.0
    linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2]) + shift
    offset = (PATCH_PX - 1) / 2 - linear @ middle
    return np.hstack([linear, offset[:, None]])


def _relight(patch: Patch, random: np.random.Generator, settings: Augmentation) -> Patch:
    """Return the patch with random contrast and brightness."""
    gain = settings.contrast ** random.uniform(-1, 1)
    bias = 255 * settings.brightness * random.uniform(-1, 1)
    table = np.clip((np.arange(256) - 128) * gain + 128 + bias, 0, 255).astype(np.uint8)
    table[0] = 0  # black marks the area outside the face
    return np.asarray(cv2.LUT(patch, table), np.uint8)
