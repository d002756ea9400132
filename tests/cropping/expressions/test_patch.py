from __future__ import annotations

import numpy as np
import pytest

from cropping.expressions.patch import (
    PATCH_PX,
    VIEWS,
    cut_patch,
    cut_square,
    cut_views,
    equalise_contrast,
)

BOX = np.array([20, 10, 60, 50], np.float32)


def gradient(height: int = 80, width: int = 100) -> np.ndarray:
    """Return an image whose brightness is twice the column."""
    return np.tile(np.arange(width, dtype=np.uint8) * 2, (height, 1))


def test_a_square_shows_its_box() -> None:
    square = cut_square(gradient(), BOX, scale=1.0, side_px=40)
    assert (square == gradient()[10:50, 20:60]).all()


def test_a_square_has_the_longer_side_of_its_box() -> None:
    low = np.array([20, 20, 60, 40], np.float32)
    assert (cut_square(gradient(), low, scale=1.0, side_px=40) == gradient()[10:50, 20:60]).all()


@pytest.mark.parametrize(
    ("box", "black"),
    [
        ((-20, 10, 20, 50), np.s_[:, :19]),
        ((80, 10, 120, 50), np.s_[:, 21:]),
        ((20, -20, 60, 20), np.s_[:19]),
        ((20, 60, 60, 100), np.s_[21:]),
        ((300, 300, 340, 340), np.s_[:]),
    ],
    ids=["left", "right", "above", "below", "outside"],
)
def test_outside_the_image_is_black(box: tuple[int, ...], black: tuple[slice, ...]) -> None:
    image = np.full((80, 100), 200, np.uint8)
    square = cut_square(image, np.array(box, np.float32), scale=1.0, side_px=40)
    assert (square[black] == 0).all()
    assert (
        (square == 200).sum() == square.size - square[black].size
        or (square == 200).any()
        or (np.asarray(box) >= 300).any()
    )


@pytest.mark.parametrize("side", [0, 1, 3, 500])
def test_any_size_of_box_gives_a_patch(side: int) -> None:
    box = np.array([10, 10, 10 + side, 10 + side], np.float32)
    assert cut_patch(gradient(), box).shape == (PATCH_PX, PATCH_PX)


def test_colour_and_its_brightness_give_the_same_patch() -> None:
    grey = gradient()
    colour = np.repeat(grey[..., None], 3, axis=2)
    assert np.abs(cut_patch(colour, BOX).astype(int) - cut_patch(grey, BOX)).max() <= 1


def test_a_mirrored_patch_is_the_patch_of_the_mirror_image() -> None:
    mirrored = cut_patch(gradient(), BOX, mirrored=True)
    other = np.array([40, 10, 80, 50], np.float32)
    assert (mirrored == cut_patch(np.ascontiguousarray(gradient()[:, ::-1]), other)).all()


def test_views_differ_and_leave_the_image_unchanged() -> None:
    image = gradient()
    before = image.copy()
    views = cut_views(image, BOX)
    assert views.shape == (len(VIEWS), PATCH_PX, PATCH_PX)
    assert (views[0] != views[1]).any()
    assert (image == before).all()


def test_contrast_is_equalised() -> None:
    dim = np.random.default_rng(0).integers(100, 120, (64, 64)).astype(np.uint8)
    assert equalise_contrast(dim).std() > 2 * dim.std()
