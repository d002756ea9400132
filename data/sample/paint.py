"""Draw anti-aliased shapes with soft edges on an image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image

Points = NDArray[np.float64]
Colour = tuple[float, float, float]

SHIFT = 4  # fractional bits of OpenCV's polygon coordinates


def fill(
    image: Image,
    points: Points,
    colour: Colour,
    *,
    alpha: float = 1.0,
    blur_px: float = 0.0,
    clip: Points | None = None,
) -> None:
    """Fill a polygon in place.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA, uint8.
        points: ``(n, 2)`` corners, x and y in px.
        colour: RGB, 0 to 255.
        alpha: opacity, 0 to 1.
        blur_px: standard deviation of a soft edge.
        clip: ``(m, 2)`` corners of a polygon that limits the fill, px.
    """
    pad = int(3 * blur_px) + 2
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - pad, 0)
    size = np.array(image.shape[1::-1])
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + pad + 1, size)
    if np.any(high <= low):
        return
    mask = _soft_mask(points - low, high - low, blur_px)
    if clip is not None:
        mask = np.minimum(mask, _mask(clip - low, high - low))
    blend(image[low[1] : high[1], low[0] : high[0]], colour, mask * np.float32(alpha / 255))


def blend(region: Image, colour: Colour, alpha: NDArray[np.float32]) -> None:
    """Blend ``colour`` into ``region`` in place, with opacity ``alpha``, ``(h, w)`` 0 to 1."""
    full = np.array([*colour, 255.0], np.float32)[: region.shape[2]]
    mixed = region + (full - region) * alpha[:, :, None]
    region[:] = (mixed + 0.5).astype(np.uint8)


def _soft_mask(points: Points, size_wh: NDArray[np.int64], blur_px: float) -> Image:
    if not blur_px:
        return _mask(points, size_wh)
    # A large blur is computed at reduced size: much faster without a visible difference.
    step = max(int(blur_px / 3), 1)
    small = _mask((points + 0.5) / step - 0.5, -(-size_wh // step))
    soft = cv2.GaussianBlur(small, (0, 0), blur_px / step)
    if step == 1:
        return np.asarray(soft, np.uint8)
    width, height = (-(-size_wh // step) * step).tolist()
    large = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large[: size_wh[1], : size_wh[0]], np.uint8)


def _mask(points: Points, size_wh: NDArray[np.int64]) -> Image:
    mask = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    fixed = np.round(points * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, SHIFT)
    return mask


def ellipse(centre: tuple[float, float], radii: tuple[float, float], corners: int = 40) -> Points:
    """Return the corners of an axis-aligned ellipse as a polygon, ``(corners, 2)``."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], 1)


def ribbon(line: Points, widths: NDArray[np.float64]) -> Points:
    """Return the outline, ``(2 n, 2)``, of a line ``(n, 2)`` with varying ``widths``, ``(n,)``."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], 1) * widths[:, None] / 2
    return np.concatenate([line + across, (line - across)[::-1]])


def smooth(corners: Points | list[tuple[float, float]], steps: int = 8) -> Points:
    """Return a closed Catmull-Rom curve, ``(n * steps, 2)``, through ``corners``, ``(n, 2)``."""
    p = np.asarray(corners, np.float64)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (q[:, None, :] for q in (before, p, after, beyond))
    curve = p1 + 0.5 * t * (
        (p2 - p0) + t * ((2 * p0 - 5 * p1 + 4 * p2 - p3) + t * (3 * (p1 - p2) + p3 - p0))
    )
    return np.asarray(curve.reshape(-1, 2))
