from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cropping.render.resize import BLACK, Placement, crop, fill, fit
from data.video.yuv import BT709, Planes

WIDTH, HEIGHT = 640, 360


def blank(width: int, height: int, value: int = 7) -> Planes:
    half = (height // 2, width // 2)
    y, u, v = (np.full(size, value, np.uint8) for size in ((height, width), half, half))
    return Planes(y, u, v, BT709)


def wave(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values of a picture that is defined between its pixels too."""
    return np.asarray(128 + 60 * np.sin(x / 17) * np.cos(y / 23))


def drawn() -> Planes:
    """Return planes of waves, with chroma where MPEG-2 has it: every other pixel, between lines."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    bright = wave(x, y)
    colour = wave(x[::2, ::2], y[::2, ::2] + 0.5)
    rounded = [np.round(plane).astype(np.uint8) for plane in (bright, colour, 255 - colour)]
    return Planes(rounded[0], rounded[1], rounded[2], BT709)


@pytest.mark.parametrize(
    ("xyxy", "video_wh"),
    [
        ((100, 0, 302, 360), (202, 360)),
        ((100.3, 0, 302.3, 360), (202, 360)),
        ((101, 11, 303, 351), (202, 340)),
        ((438, 0, 640, 360), (202, 360)),
        ((438.5, 0.25, 640, 359.3), (202, 360)),
        ((0, 0, 101, 180), (202, 360)),
        ((50.7, 33.3, 151.7, 213.3), (202, 360)),
        ((539, 180, 640, 360), (202, 360)),
        ((20.2, 10.1, 290.2, 350.1), (216, 272)),
        ((0, 0, 640, 360), (202, 114)),
    ],
    ids=[
        "as it is",
        "between pixels",
        "odd pixels",
        "right edge",
        "edge, between",
        "twice as large",
        "twice, between",
        "twice, in the corner",
        "somewhat smaller",
        "a third",
    ],
)
def test_every_pixel_comes_from_its_place(
    xyxy: tuple[float, float, float, float], video_wh: tuple[int, int]
) -> None:
    target = blank(*video_wh)
    source = drawn()
    before = source.y.copy()
    crop(source, xyxy, target)
    step_x = (xyxy[2] - xyxy[0]) / video_wh[0]
    step_y = (xyxy[3] - xyxy[1]) / video_wh[1]
    row, column = np.mgrid[0 : video_wh[1], 0 : video_wh[0]].astype(float)
    bright = wave(xyxy[0] + (column + 0.5) * step_x - 0.5, xyxy[1] + (row + 0.5) * step_y - 0.5)
    colour = wave(
        xyxy[0] + (column[::2, ::2] + 0.5) * step_x - 0.5,
        xyxy[1] + (row[::2, ::2] + 1) * step_y - 0.5,
    )
    # Up to 3.5 per pixel: at most half a pixel of the larger one.
    assert np.abs(target.y - bright).max() < 3
    assert np.abs(target.u - colour).max() < 5
    np.testing.assert_array_equal(source.y, before)


def test_as_it_is_means_the_same_numbers() -> None:
    source, target = drawn(), blank(200, 300)
    crop(source, (44, 20, 244, 320), target)
    np.testing.assert_array_equal(target.y, source.y[20:320, 44:244])
    np.testing.assert_array_equal(target.v, source.v[10:160, 22:122])


@pytest.mark.parametrize(
    ("window_wh", "place"),
    [
        ((640, 360), Placement(0, 122, 202, 114)),
        ((202, 360), Placement(0, 0, 202, 360)),
        ((404, 720), Placement(0, 0, 202, 360)),
        ((10, 360), Placement(96, 0, 10, 360)),
        ((0.5, 360), Placement(100, 0, 2, 360)),
    ],
    ids=["wide", "same", "half", "narrow", "hair's breadth"],
)
def test_fit(window_wh: tuple[float, float], place: Placement) -> None:
    assert fit(window_wh, (202, 360)) == place


def test_bars_are_black() -> None:
    target = blank(202, 360)
    crop(drawn(), (0, 0, 640, 360), target)
    assert set(target.y[:122].ravel().tolist()) == {BLACK[0]}
    assert set(target.u[-60:].ravel().tolist()) == {BLACK[1]}
    assert np.ptp(target.y[122:236]) > 50


def test_no_area_is_black() -> None:
    target, black = blank(20, 10), blank(20, 10)
    crop(drawn(), (0, 0, 0, 0), target)
    fill(black)
    np.testing.assert_array_equal(target.y, black.y)
    assert target.wh == (20, 10)
