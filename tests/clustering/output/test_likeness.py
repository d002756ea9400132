from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.output.likeness import LIKELY, Likeness
from data.tables.faces import Faces
from tests.clustering.crowd import crowd

X = -1


def ids(person_id: Sequence[int]) -> NDArray[np.int64]:
    return np.array(person_id, np.int64)


def turns(*people: int, times: int = 8) -> list[list[int]]:
    return [[person] for person in people] * times


@pytest.mark.parametrize("tables", [[], [Faces.empty()]], ids=["no footage", "no face"])
def test_no_faces(tables: list[Faces]) -> None:
    empty = Likeness(tables)
    assert len(empty) == 0
    assert empty.alike(ids([])) == []
    assert empty.doubts(ids([]), ids([])).tolist() == []
    assert empty.likely(ids([]))[0].tolist() == []


def test_the_most_similar_pair_comes_first() -> None:
    """Person 3 is person 1 and not 2: no pair with 2 is closer than theirs."""
    likeness = Likeness([crowd(turns(0, 1, 0), seed=1)])
    pairs = likeness.alike(ids([1, 2, 3] * 8))
    assert (pairs[0].person_id, pairs[0].other_id) == (1, 3)
    assert (
        pairs[0].distance < LIKELY / 2 < min([pair.distance for pair in pairs[1:]], default=LIKELY)
    )
    assert [pair.distance for pair in pairs] == sorted(pair.distance for pair in pairs)


def test_pairs_of_two_footages() -> None:
    likeness = Likeness([crowd(turns(0), seed=1), crowd(turns(0), seed=2)])
    assert [(p.person_id, p.other_id) for p in likeness.alike(ids([4] * 8 + [2] * 8))] == [(2, 4)]


def test_people_marked_as_different_are_not_paired() -> None:
    likeness = Likeness([crowd(turns(0, 0))])
    assert likeness.alike(ids([1, 2] * 8), apart={(1, 2)}) == []


def test_two_in_one_frame_are_two_people() -> None:
    likeness = Likeness([crowd([[0, 0]] * 8)])
    assert likeness.alike(ids([1, 2] * 8)) == []


def test_the_wrong_face_is_the_most_doubtful() -> None:
    faces = crowd([*turns(0, 1), [1]], seed=3)
    doubts = Likeness([faces]).doubts(ids([1, 2] * 8 + [1]), np.arange(17))
    assert doubts.argmax() == 16


def test_doubt_is_defined_for_a_single_person() -> None:
    faces = crowd([*turns(0), [1], [2]], seed=3)
    doubts = Likeness([faces]).doubts(ids([1] * 9 + [X]), np.arange(9))
    assert doubts.argmax() == 8


def test_unknown_faces_have_a_most_similar_person() -> None:
    faces = crowd([*turns(0, 1), [0], [1]], seed=4)
    likeness = Likeness([faces])
    labels = ids([7, 9] * 8 + [X, X])
    person, distance = likeness.likely(labels)
    assert person[16:].tolist() == [7, 9]
    assert person[:16].tolist() == [X] * 16
    assert np.isfinite(distance[16:]).all()
    assert np.isinf(distance[:16]).all()
    never = np.full((18, 1), X)
    never[16] = 7
    assert likeness.likely(labels, never=never)[0][16:].tolist() == [9, 9]
    both = np.tile([7, 9], (18, 1))
    assert likeness.likely(labels, never=both)[0].tolist() == [X] * 18
    # A person who no longer exists.
    assert likeness.likely(labels, never=np.full((18, 1), 5))[0][16:].tolist() == [7, 9]


def test_portraits_are_some_of_the_rows() -> None:
    likeness = Likeness([crowd(turns(0, times=40))])
    chosen = likeness.portraits(1, np.arange(5, 35), count=6)
    assert len(chosen) == 6
    assert set(chosen.tolist()) <= set(range(5, 35))
    # The choice is repeatable, and changes with the faces.
    assert likeness.portraits(1, np.arange(5, 35), count=6).tolist() == chosen.tolist()
    assert len(likeness.portraits(1, np.arange(5, 35), count=3)) == 3
    assert likeness.portraits(1, np.arange(3), count=6).tolist() == [0, 1, 2]


def test_caching_changes_no_result() -> None:
    faces = crowd(turns(0, 1, 0), seed=1)
    likeness = Likeness([faces])
    random = np.random.default_rng(5)
    labels = [ids([1, 2, 3] * 8), ids([1, 2, 4] * 8), ids([1, X, 4] * 8), ids([X] * 24)]
    labels += [random.integers(-1, 6, 24) for _ in range(20)]
    for person_id in labels:
        anew, known = Likeness([faces]), np.flatnonzero(person_id != X)
        assert likeness.alike(person_id) == anew.alike(person_id)
        assert likeness.doubts(person_id, known).tolist() == anew.doubts(person_id, known).tolist()
        for column, other in zip(likeness.likely(person_id), anew.likely(person_id), strict=True):
            assert column.tolist() == other.tolist()


def test_input_is_not_changed() -> None:
    faces = crowd(turns(0, 1))
    labels = ids([1, X] * 8)
    before = labels.tolist(), faces.embedding.tobytes()
    likeness = Likeness([faces])
    likeness.alike(labels)
    likeness.doubts(labels, np.flatnonzero(labels != X))
    likeness.likely(labels)
    assert (labels.tolist(), faces.embedding.tobytes()) == before
