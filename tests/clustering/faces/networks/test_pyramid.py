from __future__ import annotations

import numpy as np
import pytest

from clustering.faces.networks.pyramid import (
    TiledPyramid,
    colour_planes,
    doubled_hw,
    down_from_doubled,
    pyramid_up,
    tiling,
)
from data.core.arrays import Image
from tests.clustering.parity import drawn_face, gradient, noise


@pytest.mark.parametrize("size_wh", [(0, 0), (0, 5), (5, 0)])
def test_an_empty_image_is_refused(size_wh: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1x1"):
        tiling(*size_wh)


def test_tiling_of_one_pixel() -> None:
    layout = tiling(1, 1)
    assert layout.size_wh == (23, 23)
    assert layout.tiles.tolist() == [[11, 11, 1, 1]]


def test_tiling_of_a_large_frame() -> None:
    """The expected values are dlib's for a 640x360 frame doubled once."""
    layout = tiling(1282, 721)
    assert layout.tiles[:3].tolist() == [
        [11, 11, 1282, 721],
        [11, 742, 1068, 600],
        [11, 1352, 890, 500],
    ]


@pytest.mark.parametrize("width", [1, 2, 7, 40, 133, 640])
@pytest.mark.parametrize("height", [1, 4, 5, 50, 97, 360])
def test_tiles_are_inside_and_disjoint(width: int, height: int) -> None:
    layout = tiling(width, height)
    columns, rows = layout.size_wh
    taken = np.zeros((rows, columns), int)
    for left, top, tile_width, tile_height in layout.tiles:
        assert left >= 11
        assert top >= 11
        assert left + tile_width <= columns - 11
        assert top + tile_height <= rows - 11
        taken[top : top + tile_height, left : left + tile_width] += 1
    assert taken.max() == 1


def test_levels_shrink_by_five_sixths() -> None:
    sizes = tiling(600, 120).tiles[:, 2:].tolist()
    assert sizes[:4] == [[600, 120], [500, 100], [416, 83], [346, 69]]
    assert sizes[-1][1] >= 5


def test_nearest_tile_of_a_point() -> None:
    layout = tiling(200, 200)
    first, second = layout.tiles[0], layout.tiles[1]
    points = np.array([[11, 11], [0, 0], first[:2] + 100, second[:2], second[:2] + 20], np.float64)
    assert layout.nearest(points).tolist() == [0, 0, 0, 1, 1]
    assert layout.nearest(np.zeros((0, 2))).tolist() == []


def test_map_to_the_image() -> None:
    layout = tiling(200, 200)
    left, top = layout.tiles[1, :2]
    box = np.array([[11, 11, 21, 21], [left, top, left + 10, top + 10]], np.float64)
    assert layout.to_image(box).tolist() == [[0, 0, 10, 10], [0.3, 0.3, 12.3, 12.3]]
    assert layout.to_image(np.zeros((0, 4))).shape == (0, 4)


def test_grey_planes_are_equal() -> None:
    grey = noise(5, 7)[:, :, 0]
    red, green, blue = colour_planes(grey)
    assert np.array_equal(red, grey)
    assert red is green is blue


def test_doubling_a_pixel() -> None:
    image = np.array([[[10, 20, 30]]], np.uint8)
    assert doubled_hw(1, 1) == (3, 4)
    assert [plane.tolist() for plane in pyramid_up(colour_planes(image))] == [
        [[value] * 4] * 3 for value in (10.0, 20.0, 30.0)
    ]


@pytest.mark.parametrize(
    "image",
    [noise(1, 9), noise(9, 1), noise(37, 64), gradient(50, 71), drawn_face((101, 90))],
    ids=["row", "column", "noise", "gradient", "face"],
)
def test_doubling_equals_dlibs_bit_for_bit(image: Image) -> None:
    """dlib doubles RGB images and fancam planes, which may differ in the last columns only."""
    import dlib

    expected = dlib.resize_image(image, *doubled_hw(*image.shape[:2])).astype(np.float32)
    found = np.stack(pyramid_up(colour_planes(image)), axis=2)
    assert found.shape == expected.shape
    assert np.array_equal(found[:, :-8], expected[:, :-8])
    assert np.abs(found - expected).max() <= 1


def test_mapping_back_from_doubled() -> None:
    box = np.array([[2.5, 1.5, 22.5, 21.5]])
    assert down_from_doubled(box).tolist() == [[0, 0, 10, 10]]


def bilinear(
    plane: np.ndarray[tuple[int, int], np.dtype[np.float64]], hw: tuple[int, int]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Resize bilinearly with aligned corners, one axis after the other."""
    for axis, side in enumerate(hw):
        at = np.linspace(0, plane.shape[axis] - 1, side)
        low = np.minimum(at.astype(int), max(plane.shape[axis] - 2, 0))
        high = np.minimum(low + 1, plane.shape[axis] - 1)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        plane = np.take(plane, low, axis) * (1 - share) + np.take(plane, high, axis) * share
    return plane


def test_tiled_pyramid_holds_every_level() -> None:
    image = gradient(60, 83)
    mean = (100.0, 50.0, 25.0)
    tiled = TiledPyramid(mean)(colour_planes(image))
    layout = tiling(83, 60)
    columns, rows = layout.size_wh
    assert tiled.shape == (1, 3, rows, columns)
    outside = np.ones((rows, columns), bool)
    levels = [(image[:, :, c].astype(np.float64) - mean[c]) / 256 for c in range(3)]
    for left, top, width, height in layout.tiles:
        levels = [bilinear(level, (height, width)) for level in levels]
        place = np.s_[top : top + height, left : left + width]
        assert np.abs(tiled[0][:, *place] - np.stack(levels)).max() < 1e-4
        outside[place] = False
    assert not tiled[0][:, outside].any()


def test_changing_sizes_leave_no_residue() -> None:
    pyramid = TiledPyramid((0.0, 0.0, 0.0))
    for image in (noise(40, 60), noise(41, 60), noise(40, 60, seed=1), noise(10, 10)):
        fresh = TiledPyramid((0.0, 0.0, 0.0))(colour_planes(image))
        assert np.array_equal(pyramid(colour_planes(image)), fresh)
