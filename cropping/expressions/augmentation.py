"""Other pictures of the same expression: what a training face is turned into, each time anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import PATCH_PX, Patch, cut_patch, even_contrast
from data.core.arrays import Image

_BARE: Final = 0.1
"""Share of patches whose contrast is left as it is: nobody should depend on how it is evened."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much faces are changed.

    Args:
        turn_deg: rotated by at most so much, either way.
        least_crop: share of the face's square that is kept, at least.
        most_zoom_out: the square is seen at most so much smaller, black around it.
        brightness: added, at most, as a share of white.
        contrast: multiplied or divided by at most so much.
        cut_off: share of faces one of whose sides is blacked out, as at the frame's edge.
        cut_share: how much of it, between these.
        cut_upright: of those, the share that loses its top or bottom, not its left or right.
        blur: share of faces that are seen from further away or out of focus.
    """

    turn_deg: float = 20.0
    least_crop: float = 0.6
    most_zoom_out: float = 1.25
    brightness: float = 0.15
    contrast: float = 1.5
    cut_off: float = 0.25
    cut_share: tuple[float, float] = (0.10, 0.25)
    cut_upright: float = 0.7
    blur: float = 0.3


def augmented(
    image: Image, random: np.random.Generator, how: Augmentation = Augmentation()
) -> Patch:
    """Return a ``(64, 64)`` patch of a changed face.

    Args:
        image: ``(h, w)`` grey, the face alone; not changed.
        random: decides.
        how: how much it is changed.
    """
    patch = cv2.warpAffine(
        _shrunk(image, random, how),
        _placing(image.shape, random, how),
        (PATCH_PX, PATCH_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    patch = _lit(np.asarray(patch, np.uint8), random, how)
    if random.random() < how.cut_off:
        patch = cut_off(patch, random, how)
    return patch if random.random() < _BARE else even_contrast(patch)


def plain(image: Image) -> Patch:
    """Return the ``(64, 64)`` patch of a face as it is, its contrast evened."""
    return cut_patch(image, whole(image), scale=1.0)


def whole(image: Image) -> NDArray[np.float32]:
    """Return the box of all of an image, ``(4,)``."""
    return np.array([0, 0, image.shape[1], image.shape[0]], np.float32)


def fitted(image: Image, side_px: int) -> Image:
    """Return a grey image in the middle of a square of ``side_px``, black where it does not reach.

    Its longer side fills the square.
    """
    height, width = image.shape
    factor = side_px / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.zeros((side_px, side_px), np.uint8)
    left, top = (side_px - size[0]) // 2, (side_px - size[1]) // 2
    small = cv2.resize(image, size, interpolation=method)
    square[top : top + size[1], left : left + size[0]] = small
    return square


def cut_off(patch: Patch, random: np.random.Generator, how: Augmentation) -> Patch:
    """Return the patch with one of its sides black."""
    deep = round(PATCH_PX * random.uniform(*how.cut_share))
    upright = random.random() < how.cut_upright
    side = slice(0, deep) if random.random() < 0.5 else slice(PATCH_PX - deep, PATCH_PX)
    cut = patch.copy()
    cut[(side, slice(None)) if upright else (slice(None), side)] = 0
    return cut


def _shrunk(image: Image, random: np.random.Generator, how: Augmentation) -> Image:
    """The face with less detail, in its own size."""
    if random.random() >= how.blur:
        return image
    height, width = image.shape
    factor = random.uniform(16, 48) / max(height, width)
    small = max(round(width * factor), 4), max(round(height * factor), 4)
    less = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(less, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _placing(
    shape: tuple[int, ...], random: np.random.Generator, how: Augmentation
) -> NDArray[np.float64]:
    """Where each pixel of the face goes in the patch, ``(2, 3)``."""
    height, width = shape
    side = max(height, width)
    shown = random.uniform(np.sqrt(how.least_crop), how.most_zoom_out)  # of the side
    zoom = PATCH_PX / (side * shown)
    turn = np.deg2rad(random.uniform(-how.turn_deg, how.turn_deg))
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    # A crop lies anywhere within the square, as the square lies anywhere within a zoomed-out view.
    room = abs(1 - shown) * side / 2
    shift = random.uniform(-room, room, 2)
    mirror = -1.0 if random.random() < 0.5 else 1.0
    linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2]) + shift
    offset = (PATCH_PX - 1) / 2 - linear @ middle
    return np.hstack([linear, offset[:, None]])


def _lit(patch: Patch, random: np.random.Generator, how: Augmentation) -> Patch:
    """The patch in other light."""
    gain = how.contrast ** random.uniform(-1, 1)
    bias = 255 * how.brightness * random.uniform(-1, 1)
    table = np.clip((np.arange(256) - 128) * gain + 128 + bias, 0, 255).astype(np.uint8)
    table[0] = 0  # black is where nothing is seen
    return np.asarray(cv2.LUT(patch, table), np.uint8)
