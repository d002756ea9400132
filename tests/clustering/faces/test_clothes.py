from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.clothes import clothes_histograms, clothes_region
from data.core.boxes import as_boxes
from data.tables.faces import CLOTHES_SIZE
from tests.clustering.faces.clothes_distances import clothes_distances

FACE = (100, 20, 140, 60)  # its clothes are 88..152 wide and 70..108 high
RED, BLUE, GREY = (200, 30, 30), (30, 30, 200), (120, 120, 120)


def picture(
    *colours: tuple[int, int, int], size_wh: tuple[int, int] = (240, 160)
) -> NDArray[np.uint8]:
    """Return horizontal stripes of equal height in these colours."""
    rows = np.array(colours, np.uint8)[np.arange(size_wh[1]) * len(colours) // size_wh[1]]
    return np.repeat(rows[:, None], size_wh[0], axis=1)


def test_no_face() -> None:
    assert clothes_region(as_boxes([])).shape == (0, 4)
    assert clothes_histograms(picture(RED), as_boxes([])).shape == (0, CLOTHES_SIZE)
    no_faces = np.zeros((0, CLOTHES_SIZE), np.float32)
    assert clothes_distances(no_faces, np.ones((3, CLOTHES_SIZE), np.float32)).shape == (0, 3)


def test_region_is_under_the_chin() -> None:
    assert np.allclose(clothes_region(as_boxes([FACE])), [(88, 70, 152, 108)])


@pytest.mark.parametrize(
    ("face", "seen"),
    [
        pytest.param(FACE, True, id="inside"),
        pytest.param((0, 20, 40, 60), True, id="at the edge"),
        pytest.param((100, 60, 140, 100), True, id="half below the frame"),
        pytest.param((100, 101, 140, 141), False, id="nearly all below"),
        pytest.param((100, 120, 140, 160), False, id="below"),
        pytest.param((-60, 20, -20, 60), False, id="left of the frame"),
        pytest.param((400, 20, 440, 60), False, id="right of the frame"),
        pytest.param((100, 20, 102, 22), False, id="a few pixels"),
        pytest.param((100, 20, 100, 20), False, id="no area"),
    ],
)
def test_each_histogram_sums_to_1_or_is_unseen(face: tuple[float, ...], seen: bool) -> None:
    found = clothes_histograms(picture(RED, BLUE), as_boxes([face, FACE]))
    assert found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx([float(seen), 1])


def test_one_colour_is_one_bin() -> None:
    found = clothes_histograms(picture(RED), as_boxes([FACE, (20, 20, 60, 60)]))
    assert np.count_nonzero(found[0]) == 1
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(
    "colour", [(255, 0, 255), (0, 255, 0), (255, 255, 255), (0, 0, 0)], ids=str
)
def test_every_colour_has_a_bin(colour: tuple[int, int, int]) -> None:
    assert clothes_histograms(picture(colour), as_boxes([FACE])).sum() == 1


def test_image_and_boxes_are_unchanged() -> None:
    image, boxes = picture(RED, BLUE), as_boxes([FACE])
    clothes_histograms(image, boxes)
    assert np.array_equal(image, picture(RED, BLUE))
    assert np.array_equal(boxes, as_boxes([FACE]))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param((1, 0), (1, 0), 0, id="the same"),
        pytest.param((1, 0), (0, 1), 1, id="nothing in common"),
        pytest.param((0.5, 0.5), (1, 0), (1 - 0.5**0.5) ** 0.5, id="half in common"),
        pytest.param((0, 0), (1, 0), np.nan, id="one unseen"),
        pytest.param((0, 0), (0, 0), np.nan, id="both unseen"),
    ],
)
def test_hellinger_distance(a: tuple[float, ...], b: tuple[float, ...], expected: float) -> None:
    one, other = (np.array([row], np.float32) for row in (a, b))
    assert clothes_distances(one, other)[0, 0] == pytest.approx(expected, nan_ok=True)
    assert clothes_distances(other, one)[0, 0] == pytest.approx(expected, nan_ok=True)


def test_different_clothes_are_further_apart_than_different_light() -> None:
    images = [picture(RED), picture((190, 36, 34)), picture(BLUE), picture(GREY)]
    seen = np.concatenate([clothes_histograms(image, as_boxes([FACE])) for image in images])
    apart = clothes_distances(seen[:1], seen)[0]
    assert apart[1] < 0.5 < apart[2]
    assert apart[3] > 0.5
