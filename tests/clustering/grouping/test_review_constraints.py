"""Review decisions as clustering constraints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.across_footages import ClusteredFootage, identify
from clustering.grouping.footage import GroupingSettings, group_faces
from clustering.grouping.review_constraints import (
    ReviewConstraints,
    review_constraints,
    review_links,
    separate_nodes,
)
from data.tables.decisions import Reviewed, ReviewedFaces
from data.tables.faces import Faces
from data.tables.people import Assignments
from tests.clustering.crowd import crowd

X = -1


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def constraints(
    person_id: Sequence[int],
    *,
    pinned: Sequence[int] | None = None,
    never: Sequence[Sequence[int]] | None = None,
    apart: Sequence[tuple[int, int]] = (),
) -> ReviewConstraints:
    n = len(person_id)
    thrown_out = np.array(never, np.int64) if never is not None else np.zeros((n, 0), np.int64)
    put = ints(*(pinned if pinned is not None else [X] * n))
    return ReviewConstraints(ints(*person_id), put, thrown_out, frozenset(apart))


def forbidden(
    node: NDArray[np.int64], other: NDArray[np.int64], review: ReviewConstraints
) -> NDArray[np.bool_]:
    """Return which nodes must not be merged with which others."""
    sizes = [int(label.max(initial=-1)) + 1 for label in (node, other)]
    one, two = (
        review_links(label, size, review) for label, size in zip((node, other), sizes, strict=True)
    )
    return one.conflicts_with(two)


# --- links ------------------------------------------------------------------------------------


def test_no_constraints() -> None:
    nothing = ReviewConstraints.empty(4)
    assert not nothing.any()
    node = ints(0, 1, 1, 2)
    assert separate_nodes(node, nothing).tolist() == node.tolist()
    assert not forbidden(node, node, nothing).any()
    assert not ReviewConstraints.empty(0).any()
    assert forbidden(ints(), ints(), ReviewConstraints.empty(0)).shape == (0, 0)


@pytest.mark.parametrize(
    ("pinned", "never"),
    [
        pytest.param(ints(1), np.zeros((2, 0), np.int64), id="pinned"),
        pytest.param(ints(1, 2), np.zeros((3, 0), np.int64), id="never"),
        pytest.param(ints(1, 2), ints(1, 2), id="never is flat"),
    ],
)
def test_shapes(pinned: NDArray[np.int64], never: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="pinned and never must be"):
        ReviewConstraints(ints(1, 1), pinned, never, frozenset())


def test_an_assigned_face_leaves_its_tracklet() -> None:
    node = ints(0, 0, 0, 1, 1, 2)
    put = constraints([1] * 6, pinned=[X, 7, X, 7, X, 8])
    separate = separate_nodes(node, put)
    same = separate[:, None] == separate[None]
    assert same[0].tolist() == [True, False, True, False, False, False]
    assert same[1].tolist() == [False, True, False, True, False, False]
    assert same[4].sum() == same[5].sum() == 1


def test_a_removed_face_leaves_its_tracklet() -> None:
    out = constraints([X, X, 1, 1], never=[[1], [1], [X], [X]])
    separate = separate_nodes(ints(0, 0, 0, 1), out)
    assert separate[0] == separate[1]
    assert len(np.unique(separate)) == 3


@pytest.mark.parametrize(
    ("review", "expected"),
    [
        pytest.param(constraints([1, 2, 3], apart=[(1, 2)]), {(0, 1)}, id="different people"),
        pytest.param(constraints([X, 1, 2], never=[[1], [X], [X]]), set(), id="thrown out"),
        pytest.param(
            constraints([1, 1, 2], pinned=[1, X, X]), {(0, 2)}, id="assigned to one, not to others"
        ),
        pytest.param(constraints([1, 2, X], pinned=[1, 2, X]), {(0, 1)}, id="put to two"),
        pytest.param(constraints([X, X, X], pinned=[5, X, X]), set(), id="unknown ones may join"),
        pytest.param(constraints([1, 2, 3], apart=[(8, 9)]), set(), id="other people differ"),
    ],
)
def test_forbidden(review: ReviewConstraints, expected: set[tuple[int, int]]) -> None:
    node = ints(0, 1, 2)
    clash = forbidden(node, node, review)
    assert np.array_equal(clash, clash.T)
    pairs = {(int(i), int(j)) for i, j in zip(*np.nonzero(clash), strict=True) if i < j}
    assert pairs == expected


def test_forbidden_between_nodes_and_people() -> None:
    review = constraints([X, 1, 1, 2], apart=[(1, 2)])
    clash = forbidden(ints(0, 1, 2, 3), ints(X, 0, 0, 1), review)
    assert clash.tolist() == [[False, False], [False, True], [False, True], [True, False]]


def test_a_removed_face_is_rejected_by_its_person() -> None:
    review = constraints([X, 1, 1, 2], never=[[1], [X], [X], [X]])
    label = ints(X, 0, 0, 1)
    assert review.rejects(label, ints(0, X, X, X)).tolist() == [True, False, False, False]
    assert not review.rejects(label, ints(1, X, X, X)).any()
    assert review.removed().tolist() == [True, False, False, False]
    assert not ReviewConstraints.empty(2).rejects(ints(X, 0), ints(0, X)).any()


@pytest.mark.parametrize(
    ("person", "pinned", "expected"),
    [
        pytest.param([X] * 5, [X, 7, X, 7, X], [7] * 5, id="new faces between and beside"),
        pytest.param([7, 7, X, X, X], [7, X, X, X, X], [7] * 5, id="of the person before"),
        pytest.param([X] * 5, [7, X, X, 8, X], [7, X, X, 8, 8], id="between two people"),
        pytest.param([1, X, 8, X, 1], [X, X, 8, X, X], [X, X, 8, X, X], id="one face was moved"),
        pytest.param([1, 1, X, 1, X], [X] * 5, [X] * 5, id="nothing is assigned"),
        pytest.param([7, 1, 7, X, 7], [7, X, X, X, 7], [7, X, 7, 7, 7], id="another's stays"),
    ],
)
def test_faces_follow_their_tracklet(
    person: list[int], pinned: list[int], expected: list[int]
) -> None:
    tracklet = np.zeros(5, np.int32)
    found = constraints(person, pinned=pinned).with_tracklets(tracklet)
    assert found.pinned.tolist() == expected
    later = np.where(found.pinned == X, person, found.pinned).tolist()
    again = constraints(later, pinned=pinned).with_tracklets(tracklet)
    assert again.pinned.tolist() == expected  # the next run finds the same
    alone = constraints(person, pinned=pinned).with_tracklets(np.full(5, -1, np.int32))
    assert alone.pinned.tolist() == pinned


def test_faces_of_other_tracklets_and_removed_ones_do_not_follow() -> None:
    tracklet = np.array([0, 1, 0, 1, 2, 0], np.int32)
    review = constraints([X] * 6, pinned=[7, X, X, 8, X, X], never=[[X]] * 5 + [[7]])
    assert review.with_tracklets(tracklet).pinned.tolist() == [7, 8, 7, 8, X, X]


def test_removed_faces_count_for_the_person_they_were_removed_from() -> None:
    review = constraints([1, 1, X, X, 2, X], never=[[X], [X], [1], [2], [X], [1]])
    counts = review.removed_from_continued(ints(0, 0, 0, 0, 1, 1))
    assert counts.tolist() == [False, False, True, False, False, False]
    assert not ReviewConstraints.empty(2).removed_from_continued(ints(0, 0)).any()


def test_two_names_are_two_people() -> None:
    labels = ReviewedFaces(ints(1, 2, 3), ints(X, X, X), np.zeros((3, 0), np.int64))
    names = {1: "Anna", 3: "Ben"}
    reviewed = Reviewed({"a": labels}, names, frozenset(), frozenset({(1, 2)}), {}, {})
    assert review_constraints(labels, reviewed).apart == {(1, 2), (1, 3)}


# --- clustering with constraints --------------------------------------------------------------

DEFAULT_GROUPING = GroupingSettings()


def grouped(
    faces: Faces, review: ReviewConstraints | None, settings: GroupingSettings = DEFAULT_GROUPING
) -> list[int]:
    found = group_faces(faces, settings, frames=60, constraints=review)
    return [int(number) for number in found]


def turns(*people: int, times: int = 10) -> list[list[int]]:
    return [[person] for person in people] * times


def test_no_decisions_change_nothing() -> None:
    faces = crowd(turns(0, 1, 2), seed=3)
    assert (
        grouped(faces, None)
        == grouped(faces, ReviewConstraints.empty(len(faces)))
        == [0, 1, 2] * 10
    )


@pytest.mark.parametrize("loose", [1.0, 2.0])
def test_people_marked_as_different_stay_apart(loose: float) -> None:
    """This holds even where the clustering alone would find one person."""
    faces = crowd(turns(0, 1), seed=1)
    settings = GroupingSettings(eps=loose)
    assert grouped(faces, None, settings) == [0] * 20
    review = constraints([1, 2] * 10, apart=[(1, 2)])
    assert grouped(faces, review, settings) == [0, 1] * 10


def test_faces_assigned_to_one_person_are_one() -> None:
    """Four faces that resemble no other face become one person."""
    faces = crowd([*turns(0), [1], [2], [3], [4]], seed=2)
    pinned = [X] * 10 + [9] * 4
    assert grouped(faces, None)[10:] == [X] * 4
    assert grouped(faces, constraints([1] * 10 + [9] * 4, pinned=pinned))[10:] == [1] * 4


def test_a_removed_face_does_not_come_back() -> None:
    faces = crowd(turns(0), seed=4)
    review = constraints([X] + [1] * 9, never=[[1]] + [[X]] * 9)
    assert grouped(faces, review) == [X] + [0] * 9


@pytest.mark.parametrize("tracklets", [False, True], ids=["single", "tracklets"])
def test_removed_faces_found_no_person_and_move_no_other_face(tracklets: bool) -> None:
    """Five removed faces of each person would be enough for five new people."""
    faces = crowd(turns(0, 1, times=12), seed=6)
    if tracklets:
        faces = faces.replace(tracklet=np.tile(np.array([0, 1], np.int32), 12))
    person = [1, 2] * 12
    out = [row < 10 for row in range(24)]
    left = [X if gone else p for p, gone in zip(person, out, strict=True)]
    never = [[p if gone else X] for p, gone in zip(person, out, strict=True)]
    assert grouped(faces, constraints(left, never=never)) == [X] * 10 + [0, 1] * 7


def test_a_person_of_just_enough_faces_keeps_the_others() -> None:
    faces = crowd(turns(0, times=4), seed=7)
    assert grouped(faces, None) == [0] * 4
    review = constraints([X, X, 1, 1], never=[[1], [1], [X], [X]])
    assert grouped(faces, review) == [X, X, 0, 0]
    # Their remaining faces do not make a second person of one whose other faces are elsewhere.
    more = crowd([*turns(0, times=8), *turns(1, times=3)], seed=7)
    review = constraints([1] * 9 + [X] * 2, never=[[X]] * 9 + [[1]] * 2)
    assert grouped(more, review)[8:] == [X] * 3


def test_faces_removed_from_another_person_do_not_keep_a_person() -> None:
    """Person 3 of an earlier run has one face left, which resembles removed ones of person 1."""
    faces = crowd([*turns(0, times=4), *turns(1)], seed=7)
    never = [[X]] + [[1]] * 3 + [[X]] * 10
    review = constraints([3, X, X, X] + [1] * 10, never=never)
    assert grouped(faces, review) == [X] * 4 + [0] * 10


def test_new_faces_of_a_reviewed_tracklet_are_the_persons() -> None:
    """Every second face is sampled for the first time, and resembles nobody."""
    people = [face for number in range(8) for face in ([0], [2 + number])]
    faces = crowd(people, seed=5).replace(tracklet=np.zeros(16, np.int32))
    review = constraints([7, X] * 8, pinned=[7, X] * 8)
    assert grouped(faces, review) == [0] * 16


def test_a_removed_face_joins_only_whom_it_clearly_is() -> None:
    """A face of the second person was taken for one of the first."""
    faces = crowd([*turns(0), *turns(1)], seed=8)
    review = constraints([1] * 10 + [2] * 9 + [X], never=[[X]] * 19 + [[1]])
    assert grouped(faces, review) == [0] * 10 + [1] * 10
    # A face of the first person, removed from it, is not the second's.
    review = constraints([X] + [1] * 9 + [2] * 10, never=[[1]] + [[X]] * 19)
    assert grouped(faces, review)[0] == X


def test_other_faces_of_a_tracklet_stay_when_some_leave() -> None:
    faces = crowd(turns(0), seed=5)
    faces = faces.replace(tracklet=np.zeros(10, np.int32))
    review = constraints([1] * 8 + [2] * 2, pinned=[X] * 8 + [2] * 2)
    assert grouped(faces, review) == [0] * 8 + [1] * 2


def test_a_person_missed_in_one_run_keeps_the_number() -> None:
    """The previous run found person 7 alone, and an earlier one person 8."""
    faces = crowd(turns(0, 1), seed=9)
    before = Assignments(faces.time_s, faces.xyxy, np.tile([7, X], 10))
    former = np.tile([7, 8], 10)
    entry = ClusteredFootage(faces, np.tile([0, 1], 10), before, 1.0, former)
    found = identify({"a": entry}, eps=0.5, next_person_id=9)
    assert found["a"].tolist() == [7, 8] * 10


def test_input_is_not_changed() -> None:
    review = constraints([1, 2] * 10, pinned=[X] * 19 + [2], never=[[X]] * 20, apart=[(1, 2)])
    before = [review.person_id.copy(), review.pinned.copy(), review.never.copy()]
    grouped(crowd(turns(0, 1)), review)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(before, (review.person_id, review.pinned, review.never), strict=True)
    )


@pytest.mark.parametrize(
    ("whole", "expected"),
    [((), [7] * 12 + [8] * 8), ((7,), [7] * 20), ((3,), [7] * 12 + [8] * 8)],
    ids=["usually the larger part", "composed by a reviewer", "another person"],
)
def test_a_merged_person_stays_whole_when_the_cluster_splits(
    whole: tuple[int, ...], expected: list[int]
) -> None:
    faces = crowd(turns(0, times=20))
    before = Assignments(faces.time_s, faces.xyxy, np.full(20, 7))
    parts = ClusteredFootage(faces, ints(*[0] * 12 + [1] * 8), before, 1.0)
    found = identify({"a": parts}, eps=0.5, next_person_id=8, reviewed_people=whole)
    assert found["a"].tolist() == expected
