from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.tables.face_match import same_faces

Faces = tuple[NDArray[np.float64], NDArray[np.float32]]


def faces(*rows: tuple[float, float]) -> Faces:
    """Return faces of 10 x 10 px, from their times and left sides."""
    times = np.array([time_s for time_s, _ in rows], np.float64)
    boxes = [(left, 0, left + 10, 10) for _, left in rows]
    return times, np.array(boxes, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        pytest.param(faces(), faces(), [], id="none at all"),
        pytest.param(faces(), faces((0, 0)), [], id="none of these"),
        pytest.param(faces((0, 0)), faces(), [-1], id="none of those"),
        pytest.param(faces((1, 0), (2, 0)), faces((2, 0), (1, 0)), [1, 0], id="in any order"),
        pytest.param(faces((1, 0)), faces((1.04, 0)), [0], id="a little later"),
        pytest.param(faces((1, 0)), faces((1.06, 0)), [-1], id="too late"),
        pytest.param(faces((1, 0)), faces((1, 3)), [0], id="a little aside"),
        pytest.param(faces((1, 0)), faces((1, 4)), [-1], id="too far aside"),
        pytest.param(faces((1, 0)), faces((1, 2), (1, 0), (1, -2)), [1], id="the nearest"),
        pytest.param(
            faces((1, 0), (1.04, 0)),
            faces((1, 0), (1.04, 0)),
            [0, 1],
            id="a person who stands still",
        ),
        pytest.param(faces((1, 0), (1, 50)), faces((1, 50), (1, 0)), [1, 0], id="two in a frame"),
    ],
)
def test_same_faces(some: Faces, others: Faces, expected: list[int]) -> None:
    before = [column.tobytes() for column in (*some, *others)]
    assert same_faces(*some, *others).tolist() == expected
    assert [column.tobytes() for column in (*some, *others)] == before


def test_no_area_is_no_face() -> None:
    nothing = np.zeros((1, 4), np.float32)
    assert same_faces(np.zeros(1), nothing, np.zeros(1), nothing).tolist() == [-1]
