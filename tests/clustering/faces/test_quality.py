from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.quality import quality, sharpness, turn
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table

Chip = NDArray[np.uint8]


def chip(blur_px: float = 0, contrast: float = 1.0) -> Chip:
    """Return a chip full of detail, blurred and dimmed."""
    cells = np.random.default_rng(0).integers(0, 256, (30, 30, 3)).astype(np.uint8)
    image = cv2.resize(cells, (150, 150), interpolation=cv2.INTER_NEAREST)
    if blur_px:
        image = cv2.GaussianBlur(image, (0, 0), blur_px)
    return np.asarray(image * contrast, np.uint8)


def face(height_px: float = 100, *, sharp: float = 1, aside: float = 0, score: float = 1) -> Faces:
    return table(
        Faces, 1, xyxy=(0, 0, height_px, height_px), sharpness=sharp, turn=aside, score=score
    )


def points(nose_x: float, *, tilt: float = 0) -> NDArray[np.float32]:
    """Return the eyes at x 60 and 20, in dlib's order, and the nose, rotated about the origin."""
    five = np.array([(70, 0), (50, 0), (10, 0), (30, 0), (nose_x, 30)], np.float32)
    cos, sin = np.cos(tilt), np.sin(tilt)
    return np.asarray(five @ np.array([[cos, sin], [-sin, cos]]), np.float32)


def test_no_face() -> None:
    assert sharpness(np.zeros((0, 150, 150, 3), np.uint8)).shape == (0,)
    assert turn(np.zeros((0, 5, 2), np.float32)).shape == (0,)
    assert quality(Faces.empty()).shape == (0,)


def test_blur_lowers_sharpness() -> None:
    chips = np.stack([chip(blur) for blur in (0, 1, 2, 4, 8)])
    kept = chips.copy()
    found = sharpness(chips)
    assert found.dtype == np.float32
    assert (np.diff(found) < 0).all()
    assert found[-1] < found[0] / 10
    assert np.array_equal(chips, kept)


def test_a_plain_chip_has_no_detail() -> None:
    assert sharpness(np.full((1, 150, 150, 3), 90, np.uint8)).tolist() == [0]


def test_dimming_does_not_lower_sharpness() -> None:
    bright, dim = sharpness(np.stack([chip(), chip(contrast=0.5)]))
    assert dim == pytest.approx(bright, rel=0.15)


def test_surroundings_of_the_face_do_not_count() -> None:
    framed = np.full((150, 150, 3), 90, np.uint8)
    framed[:28] = chip()[:28]
    assert sharpness(framed[None]).tolist() == [0]


@pytest.mark.parametrize(
    ("nose_x", "expected"),
    [
        pytest.param(40, 0, id="frontal"),
        pytest.param(50, 0.5, id="half"),
        pytest.param(60, 1, id="nose under an eye"),
        pytest.param(20, 1, id="nose under the other eye"),
        pytest.param(400, 2, id="no more than 2"),
    ],
)
@pytest.mark.parametrize("tilt", [0, 0.5, -2], ids=["upright", "tilted", "upside down"])
def test_turn(nose_x: float, expected: float, tilt: float) -> None:
    assert turn(points(nose_x, tilt=tilt)[None])[0] == pytest.approx(expected, abs=1e-5)
    assert turn(points(nose_x, tilt=tilt)[None] * 7)[0] == pytest.approx(expected, abs=1e-5)


def test_turn_of_eyes_in_one_place() -> None:
    assert turn(np.zeros((1, 5, 2), np.float32)).tolist() == [0]


@pytest.mark.parametrize(
    ("face_row", "expected"),
    [
        pytest.param(face(), 1, id="a good face"),
        pytest.param(face(500, sharp=5, aside=0.2), 1, id="no better than good"),
        pytest.param(face(40), 0.5, id="half as high as 80 px"),
        pytest.param(face(sharp=0.25), 0.5, id="half as sharp"),
        pytest.param(face(aside=0.7), 0.5, id="turned aside"),
        pytest.param(face(aside=2), 0.1, id="profile"),
        pytest.param(face(score=0), 0.3, id="unsure"),
        pytest.param(face(score=-5), 0.1, id="very unsure"),
        pytest.param(face(40, sharp=0.25, aside=0.7), 0.125, id="all together"),
        pytest.param(face(0, sharp=0), 0.01, id="never nothing"),
    ],
)
def test_quality(face_row: Faces, expected: float) -> None:
    assert quality(face_row)[0] == pytest.approx(expected)
