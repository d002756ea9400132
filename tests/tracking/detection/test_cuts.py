from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tracking.detection.cuts import THUMBNAIL_WH, find_cuts, thumbnail

Scene = tuple[int, int]  # seed, frames


def film(scenes: list[Scene], *, step: int = 0) -> NDArray[np.uint8]:
    """Return random pictures, each shown for some frames, moving right by ``step`` px per frame."""
    width, height = THUMBNAIL_WH
    frames = []
    for seed, count in scenes:
        blocks = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
        picture = np.kron(blocks, np.ones((6, 8, 1), np.uint8))
        frames += [np.roll(picture, i * step, axis=1)[:height, :width] for i in range(count)]
    return np.array(frames, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize(
    ("scenes", "step", "expected"),
    [
        pytest.param([], 0, [], id="no frame"),
        pytest.param([(1, 1)], 0, [], id="one frame"),
        pytest.param([(1, 30)], 0, [], id="a still picture"),
        pytest.param([(1, 30)], 1, [], id="the camera turns"),
        pytest.param([(1, 12), (2, 12)], 0, [12], id="one cut"),
        pytest.param([(1, 12), (2, 12), (1, 12)], 0, [12, 24], id="there and back"),
        pytest.param([(1, 20), (2, 4), (3, 20)], 0, [20, 24], id="short shot"),
    ],
)
def test_cuts(scenes: list[Scene], step: int, expected: list[int]) -> None:
    pictures = film(scenes, step=step)
    assert find_cuts(np.arange(len(pictures)), pictures).tolist() == expected


def test_cuts_are_named_by_frame() -> None:
    pictures = film([(1, 12), (2, 12)])
    assert find_cuts(np.arange(len(pictures)) * 3 + 1, pictures).tolist() == [37]


def test_thumbnail() -> None:
    small = thumbnail(np.full((90, 160, 3), (9, 80, 200), np.uint8))
    assert small.shape == (18, 32, 3)
    assert (small == (9, 80, 200)).all()
