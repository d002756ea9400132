from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.output.masking import cover
from data.core.boxes import as_boxes


def scene() -> NDArray[np.uint8]:
    """Return an image that is blue on the left, green on the right, with a red face between."""
    image = np.zeros((120, 200, 3), np.uint8)
    image[:, :100] = (20, 40, 200)
    image[:, 100:] = (30, 180, 60)
    image[40:80, 80:120] = (255, 0, 0)
    return image


FACE = [78, 38, 122, 82]


def test_nothing_to_mask() -> None:
    assert np.array_equal(cover(scene(), as_boxes([]), keep=as_boxes([])), scene())


def test_the_face_is_masked_and_its_surroundings_stay() -> None:
    image, before = scene(), scene()
    covered = cover(image, as_boxes([FACE]), keep=as_boxes([]))
    assert np.array_equal(image, before)
    assert covered[38:82, 78:122, 0].max() <= 40
    assert np.array_equal(covered[:, :60], image[:, :60])
    assert np.array_equal(covered[:20], image[:20])
    assert covered[60, 82, 2] > covered[60, 118, 2]


def test_the_fill_has_no_edge() -> None:
    ramp = np.repeat(np.linspace(0, 255, 200).astype(np.uint8)[None, :, None], 120, 0).repeat(3, 2)
    ramp[40:80, 80:120] = 255
    covered = cover(ramp, as_boxes([FACE]), keep=as_boxes([])).astype(int)
    assert np.abs(np.diff(covered, axis=1)).max() <= 12


def test_another_hidden_face_does_not_show_in_the_fill() -> None:
    image = scene()
    image[40:80, 122:160] = (255, 0, 0)
    covered = cover(image, as_boxes([FACE, [122, 38, 162, 82]]), keep=as_boxes([]))
    assert covered[..., 0].max() <= 40


def test_protected_areas_are_unchanged() -> None:
    keep = as_boxes([[115, 30, 150, 90]])
    covered = cover(scene(), as_boxes([FACE]), keep=keep)
    assert np.array_equal(covered[30:90, 115:150], scene()[30:90, 115:150])


@pytest.mark.parametrize(
    "box",
    [
        [-30, -20, 20, 25],
        [190, 110, 260, 160],
        [0, 0, 200, 120],
        [300, 300, 340, 340],
        [5, 5, 5, 5],
    ],
    ids=["upper left", "lower right", "all", "outside", "no area"],
)
def test_at_the_edge_of_the_frame(box: list[float]) -> None:
    covered = cover(scene(), as_boxes([box]), keep=as_boxes([]))
    assert covered.shape == scene().shape
    x1, y1, x2, y2 = (int(v) for v in np.clip(box, 0, [200, 120, 200, 120]))
    if x2 - x1 > 10:
        assert covered[y1:y2, x1:x2].std(axis=(0, 1)).max() < 15
