from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.known_people import LabelledTables, match_known
from data.tables.faces import Faces
from tests.clustering.crowd import crowd

EPS = 0.5


def of(people: Sequence[int], *, seed: int = 0, spread: float = 1.0) -> LabelledTables:
    """Return five faces of each person; person i is the group at the place of i."""
    faces = crowd([[person] for person in people for _ in range(5)], seed=seed, spread=spread)
    return [(faces, np.repeat(np.arange(len(people)), 5))]


def with_sface(tables: LabelledTables, people: Sequence[int]) -> LabelledTables:
    """Return tables with SFace's embeddings of other people than dlib's."""
    (faces, label), *_ = tables
    points = 10 * np.eye(128, dtype=np.float32)[np.repeat(people, 5)]
    return [(faces.replace(sface=points, sface_mirrored=points), label)]


def matched(people: LabelledTables, known: LabelledTables) -> list[int]:
    return [int(row) for row in match_known(people, known, eps=EPS)]


NOBODY: LabelledTables = [(Faces.empty(), np.zeros(0, np.int64))]


@pytest.mark.parametrize(
    ("people", "known", "expected"),
    [
        pytest.param(NOBODY, NOBODY, [], id="no people"),
        pytest.param(NOBODY, of([0]), [], id="no people in the project"),
        pytest.param(of([0]), NOBODY, [-1], id="no known people"),
        pytest.param(of([0, 1, 2]), of([2, 0, 5], seed=1), [1, -1, 0], id="two of three"),
        pytest.param(of([0]), of([0, 0], seed=1), [-1], id="two known people are as near"),
    ],
)
def test_match(people: LabelledTables, known: LabelledTables, expected: list[int]) -> None:
    assert matched(people, known) == expected


def test_the_nearer_of_two_people_is_the_known_one() -> None:
    far = of([0], seed=2, spread=1.3)[0][0]
    near = of([0], seed=3, spread=0.5)[0][0]
    known = of([0], seed=4)
    for order, expected in (((far, near), [-1, 0]), ((near, far), [0, -1])):
        label = np.repeat([0, 1], 5)
        assert matched([(Faces.concatenate([*order]), label)], known) == expected


def test_a_person_in_several_footages_and_unknown_faces() -> None:
    (faces, _), *_ = of([0, 1])
    first, second = faces.take(slice(0, 7)), faces.take(slice(7, 10))
    labels: list[NDArray[np.int64]] = [np.array([0] * 5 + [-1, 1]), np.array([1, 1, -1])]
    people = [(first, labels[0]), (Faces.empty(), np.zeros(0, np.int64)), (second, labels[1])]
    assert matched(people, of([1, 0], seed=1)) == [1, 0]


def test_compared_by_sface_if_all_have_it_and_else_by_dlib() -> None:
    people, known = of([0, 1]), of([0, 1], seed=1)
    swapped = with_sface(known, [1, 0])
    assert matched(with_sface(people, [0, 1]), swapped) == [1, 0]
    assert matched(people, swapped) == [0, 1]
    assert matched(with_sface(people, [0, 1]), known) == [0, 1]
    assert matched(with_sface(people, [0, 1]), [*swapped, *NOBODY]) == [1, 0]
