from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.portraits import cut_portrait, fit_region, portrait_region


def box(*sides: float) -> NDArray[np.float32]:
    return np.array(sides, np.float32)


def gradient(width: int, height: int) -> NDArray[np.uint8]:
    """Return an image whose red is the column and whose green is the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return image


@pytest.mark.parametrize(
    ("face", "frame_wh", "expected"),
    [
        pytest.param((300, 300, 400, 400), (1000, 1000), (250, 225, 450, 475), id="middle"),
        pytest.param((0, 0, 100, 100), (1000, 1000), (0, 0, 200, 250), id="corner"),
        pytest.param((-80, 950, 20, 1050), (1000, 1000), (0, 750, 200, 1000), id="half outside"),
        pytest.param((1500, 300, 1600, 400), (1000, 1000), (800, 225, 1000, 475), id="outside"),
        pytest.param((0, 0, 640, 360), (640, 360), (176, 0, 464, 360), id="fills the frame"),
        pytest.param((40, 100, 160, 220), (200, 900), (0, 35, 200, 285), id="narrow frame"),
        pytest.param((50, 50, 50, 50), (100, 100), (50, 50, 51, 51), id="no area"),
        pytest.param((0, 0, 9, 9), (1, 1), (0, 0, 1, 1), id="one pixel frame"),
    ],
)
def test_region(
    face: tuple[float, ...], frame_wh: tuple[int, int], expected: tuple[float, ...]
) -> None:
    region = portrait_region(box(*face), frame_wh)
    assert np.abs(region - box(*expected)).max() <= 1
    assert np.array_equal(region, region.round())


def test_any_region_is_inside_and_undistorted() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        frame_wh = (int(rng.integers(200, 2000)), int(rng.integers(200, 2000)))
        corner, size = rng.uniform(-300, 2000, 2), rng.uniform(20, 900, 2)
        x1, y1, x2, y2 = portrait_region(box(*corner, *(corner + size)), frame_wh)
        assert 0 <= x1 < x2 <= frame_wh[0]
        assert 0 <= y1 < y2 <= frame_wh[1]
        assert abs((x2 - x1) - (y2 - y1) * 0.8) <= 1


@pytest.mark.parametrize("side", [6, 100, 300])
def test_portrait_shows_the_face_in_the_middle(side: int) -> None:
    image = gradient(1200, 1000)
    face = box(600 - side / 2, 500 - side / 2, 600 + side / 2, 500 + side / 2)
    portrait = cut_portrait(image, face)
    assert portrait.shape == (500, 400, 3)
    assert portrait.dtype == np.uint8
    middle = portrait[245:255, 195:205, :2].mean(axis=(0, 1))
    assert np.allclose(middle, (127.5, 127.5), atol=1.5)


def test_width_is_exact_and_the_image_unchanged() -> None:
    image = gradient(90, 70)
    before = image.copy()
    assert cut_portrait(image, box(60, 50, 99, 99), width_px=123).shape == (154, 123, 3)
    assert np.array_equal(image, before)


def test_square_regions() -> None:
    assert fit_region(box(10, 10, 20, 40), 1.0, (100, 100)).tolist() == [0, 10, 30, 40]
