from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.boxes import (
    Boxes,
    areas,
    as_boxes,
    centres,
    clamp,
    expand,
    iou,
    non_maximum_suppression,
    sizes_wh,
)

Row = list[float]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([1, 2, 3, 4], [[1, 2, 3, 4]], id="one flat"),
        pytest.param([[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 2, 3, 4], [5, 6, 7, 8]], id="two"),
    ],
)
def test_as_boxes(values: object, expected: list[Row]) -> None:
    boxes = as_boxes(values)

    assert boxes.shape == (len(expected), 4)
    assert boxes.dtype == np.float32
    assert boxes.tolist() == expected


def test_as_boxes_copies() -> None:
    given = np.zeros((2, 4), np.float32)

    as_boxes(given)[0] = 1

    assert not given.any()


@pytest.mark.parametrize(
    ("box", "wh", "area", "centre"),
    [
        pytest.param([0, 0, 0, 0], [0, 0], 0, [0, 0], id="a point"),
        pytest.param([2, 3, 12, 8], [10, 5], 50, [7, 5.5], id="plain"),
        pytest.param([-4, -2, 4, 2], [8, 4], 32, [0, 0], id="around the origin"),
        pytest.param([5, 5, 3, 9], [0, 4], 0, [4, 7], id="left of itself"),
        pytest.param([0.5, 0.25, 1, 0.75], [0.5, 0.5], 0.25, [0.75, 0.5], id="fractions"),
    ],
)
def test_size_area_and_centre(box: Row, wh: Row, area: float, centre: Row) -> None:
    boxes = as_boxes(box)

    assert sizes_wh(boxes).tolist() == [wh]
    assert areas(boxes).tolist() == [area]
    assert centres(boxes).tolist() == [centre]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([0, 0, 2, 2], [0, 0, 2, 2], 1, id="itself"),
        pytest.param([0, 0, 2, 2], [2, 0, 4, 2], 0, id="side by side"),
        pytest.param([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3, id="half over"),
        pytest.param([0, 0, 4, 4], [1, 1, 3, 3], 0.25, id="inside"),
        pytest.param([0, 0, 2, 2], [3, 3, 1, 1], 0, id="inside out"),
        pytest.param([1, 1, 1, 1], [1, 1, 1, 1], 0, id="two points"),
    ],
)
def test_iou(a: Row, b: Row, expected: float) -> None:
    assert iou(as_boxes(a), as_boxes(b))[0, 0] == pytest.approx(expected)
    assert iou(as_boxes(b), as_boxes(a))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_iou_is_of_every_pair(n: int, m: int) -> None:
    box = [0, 0, 2, 2]

    assert iou(as_boxes([box] * n), as_boxes([box] * m)).shape == (n, m)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param([1, 2, 3, 4], [1, 2, 3, 4], id="inside"),
        pytest.param([-5, -5, 30, 30], [0, 0, 20, 10], id="larger than the frame"),
        pytest.param([25, 12, 40, 50], [20, 10, 20, 10], id="outside"),
    ],
)
def test_clamp(box: Row, expected: Row) -> None:
    assert clamp(as_boxes(box), (20, 10)).tolist() == [expected]


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        pytest.param([0, 0, 10, 20], 0.0, [0, 0, 10, 20], id="nothing"),
        pytest.param([0, 0, 10, 20], 0.5, [-5, -10, 15, 30], id="half on each side"),
        pytest.param([0, 0, 10, 20], -0.25, [2.5, 5, 7.5, 15], id="inwards"),
        pytest.param([3, 3, 3, 3], 1.0, [3, 3, 3, 3], id="a point"),
    ],
)
def test_expand(box: Row, margin: float, expected: Row) -> None:
    assert expand(as_boxes(box), margin).tolist() == [expected]


FUNCTIONS: dict[str, Callable[[Boxes], NDArray[Any]]] = {
    "sizes_wh": sizes_wh,
    "areas": areas,
    "centres": centres,
    "iou": lambda boxes: iou(boxes, boxes),
    "clamp": lambda boxes: clamp(boxes, (20, 10)),
    "expand": lambda boxes: expand(boxes, 0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_boxes_give_no_rows(name: str) -> None:
    result = FUNCTIONS[name](as_boxes([]))

    assert len(result) == 0
    assert result.dtype == np.float32


@pytest.mark.parametrize("name", FUNCTIONS)
def test_boxes_are_unchanged(name: str) -> None:
    boxes = as_boxes([[-3, 2, 30, 8], [1, 1, 4, 4]])
    before = boxes.copy()

    result = FUNCTIONS[name](boxes)

    assert np.array_equal(boxes, before)
    assert not np.shares_memory(result, boxes)
    assert result.dtype == np.float32


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([[0, 0, 10, 10]], [0], id="one"),
        pytest.param([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1], id="apart"),
        pytest.param([[0, 0, 10, 10], [1, 0, 11, 10]], [0], id="the worse of two"),
        pytest.param([[0, 0, 10, 10], [0, 0, 10, 5]], [0], id="exactly at the limit"),
        pytest.param(
            [[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]],
            [0, 2],
            id="a suppressed one is no rival",
        ),
    ],
)
def test_non_maximum_suppression(boxes: list[Row], kept: list[int]) -> None:
    assert non_maximum_suppression(as_boxes(boxes), 0.5) == kept
