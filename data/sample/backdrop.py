"""Blurred backdrops of the film's shots, without face-like shapes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from data.core.arrays import Image
from data.sample.paint import Colour, Points, ellipse, fill, smooth

_PAINT_WH = (960, 540)


def draw_backdrop(name: str, size_wh: tuple[int, int], *, zoom: float, seed: int) -> Image:
    """Draw one of `PLACES` as ``(h, w, 3)`` uint8 RGB.

    Args:
        name: key of `PLACES`.
        size_wh: px.
        zoom: magnification, 1 or more; higher values also blur more.
        seed: of random details.
    """
    image: Image = np.zeros((_PAINT_WH[1], _PAINT_WH[0], 3), np.uint8)
    PLACES[name](image, np.random.default_rng(seed))
    height, width = image.shape[0] / zoom, image.shape[1] / zoom
    left, top = (image.shape[1] - width) * 0.62, (image.shape[0] - height) * 0.35
    cropped = image[int(top) : int(top + height), int(left) : int(left + width)]
    scaled = cv2.resize(
        cropped, size_wh, interpolation=cv2.INTER_AREA if zoom < 1.5 else cv2.INTER_LINEAR
    )
    blur = (0.004 + 0.006 * (zoom - 1)) * size_wh[1]
    return np.asarray(cv2.GaussianBlur(scaled, (0, 0), max(blur, 0.3)), np.uint8)


def _gradient(
    image: Image, upper: Colour, lower: Colour, rows: tuple[float, float] = (0, 1)
) -> None:
    first, last = (round(r * image.shape[0]) for r in rows)
    share = np.linspace(0, 1, last - first)[:, None, None]
    image[first:last] = (np.array(upper) * (1 - share) + np.array(lower) * share).astype(np.uint8)


def _shape(image: Image, corners: list[tuple[float, float]] | Points, colour: Colour, *,
           alpha: float = 1.0, blur: float = 0.0) -> None:  # fmt: skip
    """Fill a polygon ``(n, 2)`` given in fractions of the picture's width and height."""
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    fill(image, np.asarray(corners, np.float64) * size, colour, alpha=alpha, blur_px=blur * size[1])


def _box(image: Image, x: float, y: float, w: float, h: float, colour: Colour, *,
         alpha: float = 1.0, blur: float = 0.0) -> None:  # fmt: skip
    _shape(image, [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], colour, alpha=alpha, blur=blur)


def _stage(image: Image, random: np.random.Generator) -> None:
    _gradient(image, (58, 26, 62), (112, 40, 74))
    for k in range(24):
        x = k / 23 + random.uniform(-0.006, 0.006)
        _box(image, x - 0.004, 0, 0.020, 0.86, (44, 18, 50), alpha=0.55, blur=0.018)
        _box(image, x + 0.018, 0, 0.008, 0.86, (168, 70, 108), alpha=0.35, blur=0.014)
    for x in (0.18, 0.5, 0.82):
        cone = [(x - 0.02, -0.05), (x + 0.02, -0.05), (x + 0.20, 0.95), (x - 0.20, 0.95)]
        _shape(image, cone, (255, 214, 170), alpha=0.16, blur=0.05)
    _gradient(image, (120, 76, 56), (70, 42, 38), (0.86, 1))
    for k in range(12):
        _shape(
            image, ellipse((k / 11, 0.05), (0.010, 0.018)), (255, 226, 160), alpha=0.9, blur=0.006
        )


def _park(image: Image, random: np.random.Generator) -> None:
    _gradient(image, (126, 190, 232), (226, 240, 238), (0, 0.62))
    _gradient(image, (150, 200, 112), (84, 148, 76), (0.60, 1))
    _shape(image, ellipse((0.80, 0.16), (0.05, 0.088)), (255, 246, 206), blur=0.01)
    for _ in range(7):
        x, y = random.uniform(0, 1), random.uniform(0.06, 0.26)
        for step in range(4):
            puff = ellipse((x + 0.035 * step, y - 0.02 * (step % 2)), (0.05, 0.036))
            _shape(image, puff, (255, 255, 255), alpha=0.55, blur=0.012)
    hills = [
        (-0.1, 0.66),
        (0.15, 0.50),
        (0.4, 0.60),
        (0.7, 0.46),
        (1.1, 0.62),
        (1.1, 0.75),
        (-0.1, 0.75),
    ]
    _shape(image, smooth(hills), (116, 172, 128))
    for k in range(9):
        x, size = (k + random.uniform(0.1, 0.9)) / 9, random.uniform(0.7, 1.2)
        _box(image, x - 0.008, 0.50, 0.016, 0.22, (104, 76, 56))
        for dx, dy, r in ((0, 0, 1), (-0.035, 0.05, 0.75), (0.035, 0.05, 0.75)):
            leaf = ellipse((x + dx * size, 0.44 + dy * size), (0.055 * r * size, 0.10 * r * size))
            _shape(image, leaf, (62, 126 + 20 * random.uniform(-1, 1), 72), blur=0.008)
        _shape(
            image, ellipse((x - 0.015, 0.41), (0.03, 0.04)), (134, 186, 104), alpha=0.6, blur=0.012
        )
    for _ in range(60):
        x, y = random.uniform(0, 1), random.uniform(0.76, 1)
        tint = ((250, 224, 110), (246, 246, 250), (240, 150, 170))[random.integers(3)]
        _shape(image, ellipse((x, y), (0.004, 0.007)), tint)


def _cafe(image: Image, random: np.random.Generator) -> None:
    _gradient(image, (226, 186, 140), (196, 146, 104))
    _box(image, 0.06, 0.10, 0.34, 0.50, (94, 62, 44))
    _box(image, 0.075, 0.13, 0.31, 0.44, (184, 220, 232))
    _shape(image, ellipse((0.16, 0.44), (0.07, 0.13)), (126, 176, 120), blur=0.01)
    _shape(image, ellipse((0.31, 0.48), (0.06, 0.10)), (104, 160, 112), blur=0.01)
    _box(image, 0.222, 0.13, 0.014, 0.44, (94, 62, 44))
    for row in (0.22, 0.42):
        _box(image, 0.52, row, 0.42, 0.02, (112, 72, 48))
        for k in range(9):
            tint = ((206, 90, 70), (70, 128, 140), (236, 206, 120), (240, 236, 226))[
                random.integers(4)
            ]
            height = random.uniform(0.05, 0.11)
            _box(image, 0.535 + 0.044 * k, row - height, 0.028, height, tint)
    for x in (0.30, 0.62, 0.90):
        _box(image, x - 0.002, 0, 0.004, 0.07, (60, 44, 40))
        _shape(image, ellipse((x, 0.12), (0.12, 0.2)), (255, 236, 180), alpha=0.35, blur=0.06)
        _shape(
            image,
            [(x - 0.03, 0.11), (x - 0.012, 0.06), (x + 0.012, 0.06), (x + 0.03, 0.11)],
            (196, 84, 60),
        )
    _box(image, 0, 0.66, 1, 0.02, (142, 96, 66))
    _gradient(image, (150, 100, 70), (116, 76, 56), (0.68, 1))


def _street(image: Image, random: np.random.Generator) -> None:
    _gradient(image, (46, 52, 104), (236, 138, 110), (0, 0.70))
    x = -0.02
    while x < 1:
        w, top = random.uniform(0.08, 0.15), random.uniform(0.10, 0.40)
        _box(image, x, top, w, 0.8, (58 + 90 * top, 54 + 40 * top, 96))
        for row in np.arange(top + 0.04, 0.62, 0.075):
            for column in np.arange(x + 0.014, x + w - 0.02, 0.028):
                glow = (255, 220, 140) if random.uniform() < 0.5 else (84, 84, 128)
                _box(image, float(column), float(row), 0.014, 0.036, glow)
        x += w + 0.004
    _gradient(image, (112, 106, 124), (76, 72, 92), (0.70, 1))
    _box(image, 0, 0.70, 1, 0.012, (150, 142, 156))
    for k in range(5):
        _box(image, 0.02 + 0.24 * k, 0.88, 0.12, 0.014, (226, 214, 180), alpha=0.8)
    for x in (0.12, 0.52, 0.92):
        _box(image, x, 0.22, 0.006, 0.50, (40, 38, 52))
        _shape(
            image, ellipse((x + 0.003, 0.20), (0.06, 0.10)), (255, 226, 160), alpha=0.5, blur=0.04
        )
        _shape(image, ellipse((x + 0.003, 0.20), (0.013, 0.022)), (255, 246, 214))


def _beach(image: Image, random: np.random.Generator) -> None:
    _gradient(image, (110, 196, 236), (214, 238, 240), (0, 0.46))
    _gradient(image, (40, 140, 176), (110, 204, 206), (0.46, 0.66))
    _gradient(image, (244, 222, 172), (224, 190, 136), (0.66, 1))
    for _ in range(40):
        x, y = random.uniform(0, 1), random.uniform(0.48, 0.64)
        _shape(
            image, ellipse((x, y), (random.uniform(0.01, 0.04), 0.003)), (236, 250, 250), alpha=0.6
        )
    foam = [
        (-0.1, 0.65),
        (0.2, 0.675),
        (0.5, 0.65),
        (0.8, 0.68),
        (1.1, 0.655),
        (1.1, 0.64),
        (-0.1, 0.64),
    ]
    _shape(image, smooth(foam), (250, 254, 250), blur=0.004)
    for x, tint in ((0.16, (236, 96, 84)), (0.84, (250, 196, 70))):
        _box(image, x - 0.003, 0.42, 0.006, 0.36, (240, 240, 236))
        for k in range(4):
            panel = [(x - 0.10 + 0.05 * k, 0.46), (x - 0.05 + 0.05 * k, 0.46), (x, 0.33)]
            _shape(image, panel, tint if k % 2 == 0 else (250, 246, 240))
    for x in (0.36, 0.62):
        _shape(
            image,
            [(x, 0.46), (x + 0.05, 0.46), (x + 0.04, 0.485), (x + 0.01, 0.485)],
            (150, 92, 66),
        )
        _shape(image, [(x + 0.024, 0.455), (x + 0.024, 0.36), (x + 0.055, 0.45)], (255, 252, 244))


PLACES: dict[str, Callable[[Image, np.random.Generator], None]] = {
    "stage": _stage,
    "park": _park,
    "cafe": _cafe,
    "street": _street,
    "beach": _beach,
}
