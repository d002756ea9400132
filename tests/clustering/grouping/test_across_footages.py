from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.across_footages import ClusteredFootage, identify
from data.core.arrays import UNKNOWN
from data.tables.faces import Faces
from data.tables.people import Assignments
from tests.clustering.crowd import crowd

EPS = 0.5
NO_ASSIGNMENTS = Assignments.empty()


def turns(*people: int, times: int = 10) -> list[list[int]]:
    """Return one face per frame, of these people in turn."""
    return [[person] for person in people] * times


def assignments(faces: Faces, person_id: Sequence[int]) -> Assignments:
    """Return the assignments of an earlier run for these faces."""
    return Assignments(
        time_s=faces.time_s, xyxy=faces.xyxy, person_id=np.array(person_id, np.int64)
    )


def clustered(
    faces: Faces,
    cluster: Sequence[int],
    *,
    before: Assignments = NO_ASSIGNMENTS,
    seconds_per_face: float = 1.0,
) -> ClusteredFootage:
    return ClusteredFootage(faces, np.array(cluster, np.int64), before, seconds_per_face)


def identified(next_person_id: int = 1, **footages: ClusteredFootage) -> dict[str, list[int]]:
    found = identify(footages, eps=EPS, next_person_id=next_person_id)
    assert list(found) == list(footages)
    return {name: [int(person) for person in ids] for name, ids in found.items()}


# --- the first run ----------------------------------------------------------------------------


def test_no_footage() -> None:
    assert identified() == {}
    assert identified(a=clustered(Faces.empty(), [])) == {"a": []}


def test_only_unknown_faces() -> None:
    one, two = (clustered(crowd(turns(0, times=3)), [-1] * 3) for _ in range(2))
    assert identified(a=one, b=two) == {"a": [-1] * 3, "b": [-1] * 3}


def test_people_are_numbered_by_how_long_they_are_seen() -> None:
    faces = crowd([[0]] * 5 + [[1]] * 9 + [[2]] * 7)
    cluster = [0] * 5 + [1] * 9 + [2] * 7
    assert identified(a=clustered(faces, cluster)) == {"a": [3] * 5 + [1] * 9 + [2] * 7}
    assert identified(8, a=clustered(faces, cluster)) == {"a": [10] * 5 + [8] * 9 + [9] * 7}


def test_people_are_numbered_by_time_not_samples() -> None:
    often = clustered(crowd([[0]] * 20), [0] * 20, seconds_per_face=0.2)
    seldom = clustered(crowd([[1]] * 5), [0] * 5, seconds_per_face=1.0)
    assert identified(a=often, b=seldom) == {"a": [2] * 20, "b": [1] * 5}


def test_equal_times_are_numbered_by_first_row() -> None:
    faces = crowd(turns(0, 1, 2))
    assert identified(a=clustered(faces, [0, 1, 2] * 10)) == {"a": [1, 2, 3] * 10}


# --- several footages -------------------------------------------------------------------------


def test_people_of_several_footages_are_one() -> None:
    a = clustered(crowd(turns(0, 1), seed=1), [0, 1] * 10)
    b = clustered(crowd(turns(1, 2, 0), seed=2), [0, 1, 2] * 10)
    c = clustered(crowd(turns(3), seed=3), [0] * 10)
    found = identified(a=a, b=b, c=c)
    assert found == {"a": [1, 2] * 10, "b": [2, 3, 1] * 10, "c": [4] * 10}


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")])
def test_the_order_of_the_footages_only_numbers_people(order: tuple[str, ...]) -> None:
    footages = {
        "a": clustered(crowd(turns(0, 1), seed=1), [0, 1] * 10),
        "b": clustered(crowd(turns(1, 2, 0), seed=2), [0, 1, 2] * 10),
        "c": clustered(crowd(turns(2, 3), seed=3), [0, 1] * 10),
    }
    found = identified(1, **{name: footages[name] for name in order})
    one, other = found["a"][:2]
    third = found["b"][1]
    assert found["b"][:3] == [other, third, one]
    assert found["c"][0] == third
    assert {one, other, third, found["c"][1]} == {1, 2, 3, 4}


def test_two_people_of_one_footage_are_never_merged() -> None:
    # This holds however alike they look: their own footage is better evidence than a comparison.
    a = clustered(crowd(turns(0), seed=1), [0, 1] * 5)
    b = clustered(crowd(turns(0), seed=2), [0] * 10)
    found = identified(a=a, b=b)
    assert len(set(found["a"])) == 2
    assert set(found["b"]) < set(found["a"])


def test_clothes_do_not_count_across_footages() -> None:
    a, b = crowd(turns(0), seed=1), crowd(turns(0), seed=2)
    for faces, colour in ((a, 3), (b, 200)):
        faces.clothes[:, colour] = 1
    found = identified(a=clustered(a, [0] * 10), b=clustered(b, [0] * 10))
    assert found == {"a": [1] * 10, "b": [1] * 10}


def test_a_leftover_face_joins_a_person_of_another_footage() -> None:
    a = clustered(crowd(turns(0, 1), seed=1), [0, 1] * 10)
    b = clustered(crowd([[1], [2], [0]], seed=2), [-1, -1, -1])
    assert identified(a=a, b=b) == {"a": [1, 2] * 10, "b": [2, -1, 1]}
    # A single footage is clustered already.
    assert identified(a=clustered(crowd(turns(0, times=11)), [0] * 10 + [-1]))["a"][-1] == UNKNOWN


def test_a_leftover_face_never_joins_a_person_in_its_frame() -> None:
    a = clustered(crowd(turns(0), seed=1), [0] * 10)
    b = clustered(crowd([[0, 0]] * 5, seed=2), [0, -1] * 5)
    assert identified(a=a, b=b) == {"a": [1] * 10, "b": [1, -1] * 5}


def test_of_two_leftover_faces_of_a_frame_one_joins() -> None:
    a = clustered(crowd(turns(0), seed=1), [0] * 10)
    b = clustered(crowd([[0, 0], [0]], seed=2), [-1, -1, -1])
    found = identified(a=a, b=b)["b"]
    assert sorted(found[:2]) == [-1, 1]
    assert found[2] == 1


def test_equal_frame_indices_of_two_footages_are_different_frames() -> None:
    a = clustered(crowd(turns(0), seed=1), [0] * 10)
    b = clustered(crowd([[0]], seed=2), [-1])
    c = clustered(crowd([[0]], seed=3), [-1])
    assert identified(a=a, b=b, c=c) == {"a": [1] * 10, "b": [1], "c": [1]}


# --- later runs -------------------------------------------------------------------------------


def test_a_second_run_gives_the_same_numbers() -> None:
    faces = crowd(turns(0, 1, 2))
    before = assignments(faces, [7, 3, 5] * 10)
    for cluster in ([0, 1, 2], [2, 0, 1]):
        again = clustered(faces, cluster * 10, before=before)
        assert identified(8, a=again) == {"a": [7, 3, 5] * 10}


def test_later_footage_keeps_people_and_numbers_new_ones_after_them() -> None:
    old = crowd(turns(0, 1), seed=1)
    a = clustered(old, [0, 1] * 10, before=assignments(old, [4, 2] * 10))
    b = clustered(crowd(turns(2, 1, 3), seed=2), [0, 1, 2] * 10)
    assert identified(6, a=a, b=b) == {"a": [4, 2] * 10, "b": [6, 2, 7] * 10}


def test_people_who_were_separate_stay_separate() -> None:
    one, two = crowd(turns(0), seed=1), crowd(turns(0), seed=2)
    a = clustered(one, [0] * 10, before=assignments(one, [1] * 10))
    b = clustered(two, [0] * 10, before=assignments(two, [2] * 10))
    assert identified(3, a=a, b=b) == {"a": [1] * 10, "b": [2] * 10}


def test_a_person_who_was_one_stays_one() -> None:
    one, two = crowd(turns(0), seed=1), crowd(turns(1), seed=2)
    a = clustered(one, [0] * 10, before=assignments(one, [5] * 10))
    b = clustered(two, [0] * 10, before=assignments(two, [5] * 10))
    assert identified(6, a=a, b=b) == {"a": [5] * 10, "b": [5] * 10}


@pytest.mark.parametrize("larger", [0, 1])
def test_the_larger_part_of_a_split_person_keeps_the_number(larger: int) -> None:
    faces = crowd(turns(0, times=10))
    cluster = [larger] * 6 + [1 - larger] * 4
    split = clustered(faces, cluster, before=assignments(faces, [1] * 10))
    assert identified(2, a=split) == {"a": [1] * 6 + [2] * 4}


def test_merged_people_keep_the_number_of_most_faces() -> None:
    faces = crowd(turns(0))
    merged = clustered(faces, [0] * 10, before=assignments(faces, [4] * 4 + [9] * 6))
    assert identified(10, a=merged) == {"a": [9] * 10}


def test_numbers_are_assigned_jointly_by_most_faces() -> None:
    # Clusters 0 and 1 were both mostly person 1; only a joint decision keeps the most faces.
    faces = crowd([[0]] * 20)
    before = assignments(faces, [1] * 6 + [2] * 5 + [1] * 9)
    found = identified(3, a=clustered(faces, [0] * 11 + [1] * 9, before=before))
    assert found == {"a": [2] * 11 + [1] * 9}


def test_resampled_footage_keeps_its_people() -> None:
    before = assignments(crowd(turns(0, 1), every_s=1.0), [4, 2] * 10)
    # Sampled twice as often: every second face is where one was before.
    faces = crowd([[person] for person in (0, 1) * 10 for _ in range(2)], every_s=0.5)
    again = clustered(faces, [0, 0, 1, 1] * 10, before=before, seconds_per_face=0.5)
    assert identified(5, a=again) == {"a": [4, 4, 2, 2] * 10}
    # Sampled later by less than a frame.
    late = faces.replace(time_s=faces.time_s + 0.03)
    found = identified(5, a=clustered(late, [0, 0, 1, 1] * 10, before=before))
    assert found == {"a": [4, 4, 2, 2] * 10}


@pytest.mark.parametrize(("moved", "same"), [(20, True), (40, False)], ids=["a little", "too far"])
def test_a_face_is_matched_by_its_position(moved: float, same: bool) -> None:
    faces = crowd([[0, 1]] * 5)
    shift: NDArray[np.float32] = np.array([moved, 0, moved, 0], np.float32)
    before = assignments(faces.replace(xyxy=faces.xyxy + shift), [3, 8] * 5)
    found = identified(9, a=clustered(faces, [0, 1] * 5, before=before))
    assert found == {"a": ([3, 8] if same else [9, 10]) * 5}


def test_a_face_unknown_before_gives_no_number() -> None:
    faces = crowd(turns(0))
    found = identified(2, a=clustered(faces, [0] * 10, before=assignments(faces, [-1] * 9 + [1])))
    assert found == {"a": [1] * 10}


def test_input_is_not_changed() -> None:
    faces = crowd(turns(0, 1), seed=1)
    a = clustered(faces, [0, 1] * 10, before=assignments(faces, [4, 2] * 10))
    b = clustered(crowd(turns(1), seed=2), [-1] * 10)
    identified(5, a=a, b=b)
    assert a.cluster.tolist() == [0, 1] * 10
    assert a.previous.person_id.tolist() == [4, 2] * 10
    assert b.cluster.tolist() == [-1] * 10
    assert np.array_equal(faces.embedding, crowd(turns(0, 1), seed=1).embedding)
