"""The committed animation equals the output of `python -m tests.docs.preview`."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from tests.docs.preview import EVERY_NTH, FILE, SHOTS, Preview, preview

MAX_BYTES = 1_000_000
MAX_DIFFERENCE = 8.0
"""Largest mean absolute difference per channel, 0..255, since WebP is lossy."""


@pytest.fixture(scope="module")
def drawn() -> Preview:
    return preview()


def test_is_small() -> None:
    assert FILE.stat().st_size < MAX_BYTES


def test_shows_every_frame_in_a_loop(drawn: Preview) -> None:
    with PIL.Image.open(FILE) as picture:
        assert getattr(picture, "n_frames", 1) == len(drawn.frame_indices)
        assert picture.info["loop"] == 0
        picture.load()
        assert picture.info["duration"] == 1000 * EVERY_NTH / drawn.film.truth.fps


@pytest.mark.parametrize("shot", range(len(SHOTS)), ids=SHOTS)
def test_frames_equal_the_drawn_ones(drawn: Preview, shot: int) -> None:
    starts = [0, *drawn.film.cuts.tolist(), drawn.film.frame_count]
    number = (starts[shot] + starts[shot + 1]) // 2 // EVERY_NTH
    with PIL.Image.open(FILE) as picture:
        picture.seek(number)
        committed = np.asarray(picture.convert("RGB"), np.float64)
    again = drawn.frame(drawn.frame_indices[number])
    assert np.abs(again - committed).mean() < MAX_DIFFERENCE
