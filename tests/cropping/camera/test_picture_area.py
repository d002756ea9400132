from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cropping.camera.picture_area import NO_BARS, bars_of, picture_areas, three_levels
from data.video.yuv import Plane

WH = (320, 180)


def luma(left: int, top: int, right: int, bottom: int, *, level: int = 120, seed: int = 0) -> Plane:
    """Draw a noisy picture between bars with the noise of compression."""
    random = np.random.default_rng(seed)
    plane = random.integers(16, 20, (WH[1], WH[0]))
    inside = plane[top : WH[1] - bottom, left : WH[0] - right]
    inside[:] = random.integers(max(level - 40, 16), level + 40, inside.shape)
    return plane.astype(np.uint8)


def area(*shots: Sequence[Plane]) -> list[list[float]]:
    found: list[list[float]] = picture_areas([bars_of(samples) for samples in shots], WH).tolist()
    levels = [bars_of([three_levels(sample) for sample in samples]) for samples in shots]
    assert found == picture_areas(levels, WH).tolist()
    return found


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ((0, 0, 0, 0), [0, 0, 320, 180]),
        ((0, 22, 0, 22), [0, 24, 320, 156]),
        ((0, 21, 0, 25), [0, 22, 320, 154]),
        ((109, 0, 109, 0), [110, 0, 210, 180]),
        ((40, 22, 40, 22), [42, 24, 278, 156]),
        ((0, 0, 0, 30), [0, 0, 320, 148]),
        ((0, 1, 0, 1), [0, 0, 320, 180]),
        ((140, 0, 140, 0), [0, 0, 320, 180]),
    ],
    ids=["none", "letterbox", "uneven", "pillarbox", "both", "one side", "a line", "a slit"],
)
def test_bars(bars: tuple[int, int, int, int], expected: list[int]) -> None:
    assert area([luma(*bars)]) == [expected]


def test_bars_are_black_in_all_samples() -> None:
    """A title in a bar is picture, and so is what a black frame hides."""
    titled = luma(0, 22, 0, 22)
    titled[165:170, 100:220] = 200
    assert area([luma(0, 22, 0, 22), titled])[0][3] > 170
    black = luma(0, 0, 0, 0, level=16) // 4 + 12
    assert area([black, luma(0, 0, 0, 0)]) == [[0, 0, 320, 180]]


def test_darkness_without_an_edge_is_picture() -> None:
    """A spotlight on a black stage, and a stage whose ceiling fades to black."""
    spot = luma(0, 0, 0, 0, level=16) // 8 + 14
    rows, columns = np.indices(spot.shape)
    spot[((rows - 100) / 50) ** 2 + ((columns - 150) / 60) ** 2 < 1] = 150
    fading = np.tile(np.linspace(10, 90, WH[1])[:, None], (1, WH[0])).astype(np.uint8)
    assert area([spot], [fading]) == [[0, 0, 320, 180]] * 2


def test_a_dark_shot_takes_the_bars_of_another_one() -> None:
    dark = luma(0, 22, 0, 22)
    rows, columns = np.indices(dark.shape)
    dark[(rows < 158) & (columns + 2 * rows < 400)] = 18  # a diagonal shadow
    shots = [[luma(0, 22, 0, 22)], [dark], [luma(0, 0, 0, 0)]]
    assert [one[1::2] for one in area(*shots)] == [[24, 156], [24, 156], [0, 180]]


def test_a_black_shot_has_no_bars() -> None:
    black = bars_of([np.full((180, 320), 16, np.uint8)])
    assert black.is_dark
    assert black.clear == NO_BARS
    assert area([np.full((180, 320), 16, np.uint8)]) == [[0, 0, 320, 180]]
