"""dlib's tiled image pyramid: all scales of an image side by side in one detector input.

The layout follows `image_transforms/image_pyramid.h` and `dnn/input.h` (Boost licence). Each level
is 5/6 the size of the previous one, resized by `dlib.resize_image`: dlib's own network input uses
the same routine, so the rounding is identical. It is single-threaded, but measured as fast as
OpenCV's here. Coordinates within a level are in px, with (0, 0) at the centre of the top-left
pixel, as in dlib.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.dlib_graphs import PIXEL_SCALE
from data.core.arrays import Image

ColourPlane: TypeAlias = NDArray[np.float32]  # (h, w) one colour channel of an image, 0..255

LEVEL_RATIO: Final = 5.0 / 6.0
_MIN_LEVEL_HEIGHT: Final = 5
_GAP: Final = 10  # px between two tiles
_MARGIN: Final = 11  # px around all tiles


@dataclass(frozen=True, slots=True, eq=False)
class Tiling:
    """Positions of an image's pyramid levels in the tiled image."""

    size_wh: tuple[int, int]  # px of the tiled image
    tiles: NDArray[np.int64]  # (levels, 4) left, top, width, height in px; full size first

    def nearest(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the pyramid level of the tile nearest to each point.

        Args:
            points: ``(n, 2)`` px of the tiled image.

        Returns:
            ``(n,)`` level; the nearest tile is the one that contains the point, if any.
        """
        upper_left: NDArray[np.int64] = self.tiles[:, :2]
        lower_right = upper_left + self.tiles[:, 2:] - 1
        point = points[:, None, :]
        gap = np.maximum(np.maximum(upper_left - point, point - lower_right), 0)
        squared = np.square(gap, dtype=np.float64).sum(axis=2)
        return np.asarray(np.argmin(squared, axis=1), np.int64)

    def to_image(self, xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map ``(n, 4)`` boxes from px of the tiled image to px of the full-size image."""
        centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
        levels = self.nearest(centres)
        mapped = xyxy - np.tile(self.tiles[levels, :2], 2)
        for level in range(int(levels.max(initial=0))):
            mapped = np.where(levels[:, None] > level, mapped * (6.0 / 5.0) + 0.3, mapped)
        return mapped


@lru_cache(maxsize=64)
def tiling(width: int, height: int) -> Tiling:
    """Lay out the pyramid of an image of ``width`` x ``height`` px, both at least 1."""
    if width < 1 or height < 1:
        raise ValueError(f"an image must have at least 1x1 px, got {width}x{height}")
    sizes = _level_sizes(width, height)
    rows = _first_column_height(sizes)
    tiles = _place_tiles(sizes, rows)
    return Tiling((width + 2 * _MARGIN, rows + 2 * _MARGIN), np.array(tiles, np.int64))


def _level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    sizes = [(width, height)]
    while True:
        width, height = math.floor(LEVEL_RATIO * width), math.floor(LEVEL_RATIO * height)
        if width == 0 or height < _MIN_LEVEL_HEIGHT:
            return sizes
        sizes.append((width, height))


def _first_column_height(sizes: Sequence[tuple[int, int]]) -> int:
    """Return the height of the left column; the remaining levels are stacked on the right."""
    width, height = sizes[0]
    total = sum(level_height + _GAP for _, level_height in sizes) - 2 * _GAP
    column = previous_width = 0
    for level_width, level_height in sizes:
        fits_beside = level_width <= width - previous_width - _GAP
        if fits_beside and 2 * (column - height) >= total - height:
            break
        column += level_height + _GAP
        previous_width = level_width
    return column - _GAP


def _place_tiles(sizes: Sequence[tuple[int, int]], rows: int) -> list[tuple[int, int, int, int]]:
    """Place tiles down the left side, then up the right side, until one would touch the first."""
    tiles: list[tuple[int, int, int, int]] = []
    y = _MARGIN
    for width, height in sizes:
        if y >= rows + _MARGIN:
            break
        tiles.append((_MARGIN, y, width, height))
        y += height + _GAP
    y -= _GAP
    right, bottom = _MARGIN + sizes[0][0], _MARGIN + sizes[0][1]
    for width, height in sizes[len(tiles) :]:
        # Tiles are right-aligned, so only the rows decide whether one touches the first tile.
        if y - height < bottom:
            break
        tiles.append((right - width, y - height, width, height))
        y -= height + _GAP
    return tiles


def colour_planes(image: Image) -> list[ColourPlane]:
    """Return the colour channels of an image as contiguous ``(h, w)`` planes, 0..255.

    Args:
        image: ``(h, w, 3)`` RGB, or ``(h, w)`` grey, whose plane is repeated three times.
    """
    if image.ndim == 2:
        return [image.astype(np.float32)] * 3
    return [image[:, :, channel].astype(np.float32, order="C") for channel in range(3)]


def pyramid_up(planes: Sequence[ColourPlane]) -> list[ColourPlane]:
    """Upsample ``(h, w)`` planes as dlib does: to ``(2h + 1, 2w + 2)``, bilinear, truncated."""
    import dlib

    rows, columns = doubled_hw(*planes[0].shape)
    doubled = {id(plane): dlib.resize_image(plane, rows, columns) for plane in planes}
    for plane in doubled.values():
        np.trunc(plane, out=plane)
    return [doubled[id(plane)] for plane in planes]


def doubled_hw(height: int, width: int) -> tuple[int, int]:
    """Return the size in px of the planes that `pyramid_up` returns."""
    return 2 * height + 1, 2 * width + 2


def down_from_doubled(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map ``(n, 4)`` boxes from px of a doubled image to px of the original."""
    shift = np.array([1.25, 0.75, 1.25, 0.75], np.float64)
    return xyxy / 2 - shift


class TiledPyramid:
    """Build the detector's input, reusing the arrays while the image size stays the same.

    Not thread-safe. A call overwrites the array that the previous call returned.
    """

    def __init__(self, mean_rgb: tuple[float, float, float]) -> None:
        self._mean_rgb = np.array(mean_rgb, np.float32)
        self._tiled = np.zeros((0, 3, 0, 0), np.float32)
        # Reused, because allocating it costs more than the arithmetic.
        self._normal = np.zeros((0, 0), np.float32)
        self._size_wh: tuple[int, int] | None = None

    def __call__(self, planes: Sequence[ColourPlane]) -> NDArray[np.float32]:
        """Normalise an image and lay out its pyramid in one array.

        Args:
            planes: three ``(h, w)`` planes, RGB, 0..255.

        Returns:
            ``(1, 3, rows, columns)``.
        """
        import dlib

        height, width = planes[0].shape
        layout = tiling(width, height)
        tiled = self._tiled_array((width, height), layout)
        for channel, plane in enumerate(planes):
            level = np.subtract(plane, self._mean_rgb[channel], out=self._normal)
            level *= np.float32(1 / PIXEL_SCALE)
            for index, (left, top, columns, rows) in enumerate(layout.tiles.tolist()):
                if index:
                    level = dlib.resize_image(level, rows, columns)
                tiled[0, channel, top : top + rows, left : left + columns] = level
        return tiled

    def _tiled_array(self, size_wh: tuple[int, int], layout: Tiling) -> NDArray[np.float32]:
        """Return the tiled array for an image size; it is 0 between the tiles."""
        if self._size_wh != size_wh:
            columns, rows = layout.size_wh
            self._tiled = np.zeros((1, 3, rows, columns), np.float32)
            self._normal = np.zeros(size_wh[::-1], np.float32)
            self._size_wh = size_wh
        return self._tiled
