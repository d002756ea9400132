"""Numbered frames: bits of the number across the middle, and a colour in each corner.

A test reads the number and the orientation of a frame from its pixels.
"""

from __future__ import annotations

import numpy as np

from data.core.arrays import Image

WIDTH, HEIGHT = 160, 96
FRAMES = 90
BITS = 10
CORNER_PX = 24
CORNERS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (240,) * 3}


def picture(number: int, *, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Draw an upright frame that encodes ``number``."""
    image = np.full((height, width, 3), 110, np.uint8)
    near, far_x, far_y = slice(0, CORNER_PX), slice(-CORNER_PX, None), slice(-CORNER_PX, None)
    places = [(near, near), (near, far_x), (far_y, near), (far_y, far_x)]
    for (rows, columns), colour in zip(places, CORNERS.values(), strict=True):
        image[rows, columns] = colour
    for bit, (rows, columns) in enumerate(_bit_places(height, width)):
        image[rows, columns] = 235 if number >> bit & 1 else 16
    return image


def number_of(image: Image) -> int:
    """Read the number of a frame."""
    places = _bit_places(image.shape[0], image.shape[1])
    middles = [image[rows, columns][4:-4, 4:-4].mean() for rows, columns in places]
    return sum(1 << bit for bit, middle in enumerate(middles) if middle > 125)


def corners_of(image: Image) -> list[str]:
    """Read the colours of the corners: top left, top right, bottom left, bottom right."""
    spots = [image[8, 8], image[8, -8], image[-8, 8], image[-8, -8]]
    names, colours = list(CORNERS), np.array(list(CORNERS.values()), int)
    return [names[int(np.abs(colours - spot).sum(axis=1).argmin())] for spot in spots]


def pictures(count: int = FRAMES, **size: int) -> list[Image]:
    """Draw the first ``count`` frames."""
    return [picture(number, **size) for number in range(count)]


def _bit_places(height: int, width: int) -> list[tuple[slice, slice]]:
    wide, top = width // BITS, height // 2 - 12
    return [(slice(top, top + 24), slice(i * wide, (i + 1) * wide)) for i in range(BITS)]
