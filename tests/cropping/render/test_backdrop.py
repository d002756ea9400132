from __future__ import annotations

from functools import partial

import numpy as np

from cropping.render.backdrop import fill_with_backdrop
from cropping.render.resize import crop
from data.video.yuv import BT709, Planes


def planes(width: int, height: int, yuv: tuple[int, int, int]) -> Planes:
    half = (height + 1) // 2, (width + 1) // 2
    y, u, v = yuv
    return Planes(
        np.full((height, width), y, np.uint8),
        np.full(half, u, np.uint8),
        np.full(half, v, np.uint8),
        BT709,
    )


def shown(source: Planes, xyxy: tuple[float, float, float, float]) -> Planes:
    target = planes(90, 160, (0, 0, 0))
    crop(source, xyxy, target, fill_bars=partial(fill_with_backdrop, source, xyxy))
    return target


def test_the_picture_is_whole_and_the_rest_is_dark_and_of_its_colour() -> None:
    source = planes(320, 180, (180, 100, 170))
    found = shown(source, (0, 0, 320, 180))
    middle, above = found.y[64:96], found.y[:50]
    assert (middle == 180).all()
    # No border is darker than the rest, and there is no seam.
    assert np.ptp(above) == np.ptp(found.y[110:]) == 0
    share = (int(above[0, 0]) - 16) / (180 - 16)
    assert 0.3 < share < 0.6
    for plane, value in ((found.u, 100), (found.v, 170)):
        assert abs((int(plane[0, 0]) - 128) / (value - 128) - share) < 0.03
        assert np.ptp(plane[:20]) == 0


def test_it_is_blurred_and_shows_the_middle() -> None:
    """A checkerboard becomes even, and what is left and right of the middle part is not seen."""
    source = planes(320, 180, (20, 128, 128))
    source.y[:, 110:210] = 200 * (np.indices((180, 100)).sum(axis=0) % 2)
    found = shown(source, (0, 0, 320, 180))
    assert np.ptp(found.y[4:40].astype(int)) < 8
    assert found.y[4:40].mean() > 30


def test_bars_of_the_footage_are_not_enlarged() -> None:
    source = planes(320, 180, (16, 128, 128))
    source.y[30:150] = 160
    found = shown(source, (0, 30, 320, 150))
    assert found.y.min() > 60


def test_a_picture_of_the_same_shape_needs_none() -> None:
    source = planes(180, 320, (120, 110, 130))
    assert (shown(source, (0, 0, 180, 320)).y == 120).all()


def test_tiny_pictures() -> None:
    for size in ((2, 2), (1, 40), (40, 1)):
        source = planes(*size, (120, 110, 130))
        assert shown(source, (0, 0, *size)).y.shape == (160, 90)
