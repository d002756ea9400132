from __future__ import annotations

import numpy as np
import pytest

from cropping.expressions.augmentation import (
    Augmentation,
    augment,
    black_out_side,
    letterbox,
    plain_patch,
)
from cropping.expressions.patch import PATCH_PX
from tests.cropping.drawn_faces import face

NO_CHANGE = Augmentation(
    max_rotation_deg=0,
    min_crop=1,
    max_zoom_out=1,
    brightness=0,
    contrast=1,
    cut_probability=0,
    blur=0,
)


def test_augmented_patches_differ_and_leave_the_image_unchanged() -> None:
    image = face("smile", 0, 0)
    before = image.copy()
    random = np.random.default_rng(0)
    patches = [augment(image, random) for _ in range(20)]
    assert all(patch.shape == (PATCH_PX, PATCH_PX) for patch in patches)
    assert len({patch.tobytes() for patch in patches}) == 20
    assert (image == before).all()


def test_the_same_seed_gives_the_same_patch() -> None:
    image = face("smile", 0, 0)
    first, second = (augment(image, np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()


def test_no_change_gives_the_plain_face_or_its_mirror_image() -> None:
    image = face("smile", 0, 0)
    plain_face = plain_patch(image).astype(int)
    for seed in range(8):
        patch = augment(image, np.random.default_rng(seed), NO_CHANGE).astype(int)
        mirror = plain_patch(np.ascontiguousarray(image[:, ::-1])).astype(int)
        bare = image.astype(int), image[:, ::-1].astype(int)
        near = [np.abs(patch - other).mean() for other in (plain_face, mirror, *bare)]
        assert min(near) < 6


def test_black_out_side_covers_10_to_25_percent_of_a_side_mostly_top_and_bottom() -> None:
    patch = np.full((PATCH_PX, PATCH_PX), 200, np.uint8)
    random, sides = np.random.default_rng(0), []
    for _ in range(400):
        black = black_out_side(patch, random, Augmentation()) == 0
        assert 0.09 <= black.mean() <= 0.26
        rows, columns = black.all(axis=1), black.all(axis=0)
        assert rows.any() != columns.any()
        sides.append("vertical" if rows.any() else "horizontal")
        assert (rows if rows.any() else columns)[[0, -1]].any()
    assert 0.6 < sides.count("vertical") / 400 < 0.8
    assert (patch == 200).all()


@pytest.mark.parametrize("shape", [(50, 50), (100, 40), (40, 100), (300, 200)])
def test_letterbox_fits_any_shape_into_a_square(shape: tuple[int, int]) -> None:
    square = letterbox(np.full(shape, 100, np.uint8), 64)
    assert square.shape == (64, 64)
    assert (square == 100).mean() == pytest.approx(min(shape) / max(shape), abs=0.03)
