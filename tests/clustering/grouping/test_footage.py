from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.embedding_space import face_embeddings, face_weights
from clustering.grouping import large_linkage
from clustering.grouping.footage import (
    PLAIN_MIN_SAMPLES,
    GroupingSettings,
    default_min_samples,
    group_faces,
)
from clustering.grouping.large_linkage import DEFAULT_LIMITS, LinkageLimits
from clustering.grouping.linkage import Groups, average_linkage
from clustering.grouping.relabel import renumbered
from data.tables.faces import Faces
from tests.clustering.crowd import crowd, embeddings

DEFAULT_GROUPING = GroupingSettings()


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def grouped(
    faces: Faces,
    settings: GroupingSettings = DEFAULT_GROUPING,
    *,
    frames: int = 60,
    video: bool = True,
    limits: LinkageLimits = DEFAULT_LIMITS,
) -> list[int]:
    found = group_faces(faces, settings, frames=frames, video=video, limits=limits)
    return [int(n) for n in found]


def turns(people: int, frames: int) -> list[list[int]]:
    """Return one face per frame, of each person in turn."""
    return [[number % people] for number in range(frames)]


def with_points(faces: Faces, points: NDArray[np.float32]) -> Faces:
    return faces.replace(embedding=points, embedding_mirrored=points)


@pytest.mark.parametrize(
    ("frames", "video", "expected"),
    [(0, True, 3), (299, True, 3), (300, True, 4), (9999, True, 5), (9999, False, 2)],
)
def test_default_min_samples(frames: int, video: bool, expected: int) -> None:
    assert default_min_samples(frames, video=video) == expected


def test_embeddings_and_weights_of_faces() -> None:
    faces = crowd([[0], [1]])
    mirrored = faces.embedding + np.float32(0.5)
    faces = faces.replace(embedding_mirrored=mirrored, sharpness=np.array([0.5, 0.25], np.float32))
    assert np.allclose(face_embeddings(faces), faces.embedding + 0.25)
    assert np.allclose(face_embeddings(faces, mirrored=False), faces.embedding)
    assert np.allclose(face_weights(faces), [1, 0.5])
    assert face_weights(faces, weighted=False).tolist() == [1, 1]


# --- people -----------------------------------------------------------------------------------


@pytest.mark.parametrize("video", [True, False], ids=["video", "photographs"])
@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], [], id="no face"),
        pytest.param([[0]], [-1], id="one face is no person"),
        pytest.param([[0], [1]], [-1, -1], id="two strangers"),
        pytest.param([[0]] * 5, [0] * 5, id="one person"),
    ],
)
def test_few_faces(frames: Sequence[Sequence[int]], expected: list[int], video: bool) -> None:
    assert grouped(crowd(frames), video=video, frames=len(frames)) == expected


@pytest.mark.parametrize("video", [True, False], ids=["video", "photographs"])
@pytest.mark.parametrize("people", [1, 2, 6])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_person_is_found_and_numbered_by_first_row(
    people: int, seed: int, video: bool
) -> None:
    faces = crowd(turns(people, 12 * people), seed=seed)
    assert grouped(faces, video=video) == list(range(people)) * 12


PARTS = ("tracklets", "cannot_link", "mirror", "clothes", "quality", "spread")


@pytest.mark.parametrize("part", PARTS)
def test_any_option_can_be_switched_off(part: str) -> None:
    settings = dataclasses.replace(DEFAULT_GROUPING, **{part: False})
    assert grouped(crowd(turns(3, 30)), settings) == [0, 1, 2] * 10


@pytest.mark.parametrize("eps", [0.2, 0.5, 0.9])
def test_eps_decides_which_faces_are_one_person(eps: float) -> None:
    found = grouped(crowd(turns(2, 40)), GroupingSettings(eps=eps))
    assert found == {0.2: [-1] * 40, 0.5: [0, 1] * 20, 0.9: [0] * 40}[eps]


@pytest.mark.parametrize(("samples", "known"), [(5, True), (6, False)])
def test_min_samples(samples: int, known: bool) -> None:
    faces = crowd([[0]] * 5, spread=0.5)
    expected = [0 if known else -1] * 5
    assert grouped(faces, GroupingSettings(min_samples=samples)) == expected


def test_look_alikes_are_kept_apart_by_the_frames_that_show_both() -> None:
    frames = [[0, 1]] * 15
    faces = crowd(frames, look_alikes=0.35)
    assert grouped(faces) == [0, 1] * 15
    heap = grouped(faces, GroupingSettings(cannot_link=False))
    assert heap == [0] * 30


def test_clothes_tell_people_apart() -> None:
    faces = crowd(turns(2, 30), look_alikes=0.6)
    clothes = np.zeros_like(faces.clothes)
    clothes[0::2, 3] = clothes[1::2, 200] = 1
    faces = faces.replace(clothes=clothes)
    assert grouped(faces) == [0, 1] * 15
    assert grouped(faces, GroupingSettings(clothes=False)) == [0] * 30
    # Photographs may be from different days.
    assert len(set(grouped(faces, GroupingSettings(eps=0.6), video=False))) == 1


def test_a_tracklet_is_one_person_whatever_its_faces_look_like() -> None:
    # The last two faces of the first person look like the second one.
    faces = crowd([[0]] * 10 + [[1]] * 2 + [[1]] * 10)
    tracklet = np.array([0] * 12 + [1] * 10, np.int32)
    faces = faces.replace(tracklet=tracklet)
    assert grouped(faces) == [0] * 12 + [1] * 10
    assert grouped(faces, GroupingSettings(tracklets=False)) == [0] * 10 + [1] * 12


def test_poor_faces_start_no_person_but_may_join_one() -> None:
    faces = crowd(turns(2, 40))
    sharpness = np.where(np.arange(40) % 2 == 1, 0.05, 0.5).astype(np.float32)
    assert grouped(faces.replace(sharpness=sharpness)) == [0, -1] * 20
    sharpness[1] = 0.5
    assert grouped(faces.replace(sharpness=sharpness)) == [0, 1] * 20
    found = grouped(faces.replace(sharpness=np.full(40, 0.05, np.float32)))
    assert found == [-1] * 40


def test_a_leftover_face_joins_only_a_clear_match() -> None:
    faces = crowd([*turns(2, 40), [0], [0], [0]], spread=0.6)
    points = faces.embedding.copy()
    first, second = points[:40:2].mean(axis=0), points[1:40:2].mean(axis=0)
    off = np.zeros(128, np.float32)
    off[90] = 1
    points[40] = first + 0.48 * off  # beyond the linkage threshold, but no other person is near
    points[41] = (first + second) / 2 + 0.35 * off  # equally close to both
    points[42] = first + 0.9 * off  # close to no person
    settings = GroupingSettings(eps=0.42)
    assert grouped(with_points(faces, points), settings) == [0, 1] * 20 + [0, -1, -1]


def test_leftover_faces_of_one_frame_do_not_join_one_person() -> None:
    faces = crowd([*[[0]] * 20, [0, 0], [0]], spread=0.6)
    points = faces.embedding.copy()
    middle = points[:20].mean(axis=0)
    points[20:23] = middle
    points[[20, 21, 22], [90, 91, 92]] += (0.49, 0.47, 0.48)
    faces = with_points(faces, points)
    settings = GroupingSettings(eps=0.42)
    assert grouped(faces, settings) == [0] * 20 + [-1, 0, 0]
    assert grouped(faces, dataclasses.replace(settings, cannot_link=False)) == [0] * 23


@pytest.mark.parametrize("seed", range(4))
def test_no_person_is_in_a_frame_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 5, rng.integers(0, 5)).tolist() for _ in range(80)]
    faces = crowd(frames, seed=seed, spread=1.3)
    faces = faces.replace(sharpness=rng.uniform(0, 0.6, len(faces)).astype(np.float32))
    found = grouped(faces)
    seen = [(f, n) for f, n in zip(faces.frame_index, found, strict=True) if n >= 0]
    assert len(seen) > 40
    assert len(set(seen)) == len(seen)


def test_order_within_and_of_frames_only_numbers_people() -> None:
    frames = [[0, 1], [1], [2], [2, 0]] * 10
    there = grouped(crowd(frames))
    faces = crowd(frames)
    order = np.lexsort((-np.arange(len(faces)), -faces.frame_index))
    back = faces.take(order).replace(frame_index=39 - faces.frame_index[order])
    found = np.empty(len(order), np.int64)
    found[order] = grouped(back)
    assert renumbered(found).tolist() == there


def test_deterministic_and_input_unmodified() -> None:
    frames = [[0, 1], [1], [2], [2, 0]] * 10
    faces = crowd(frames)
    assert grouped(faces) == grouped(faces)
    fresh = crowd(frames)
    assert all(np.array_equal(getattr(faces, n), getattr(fresh, n)) for n in Faces.COLUMNS)


@pytest.mark.parametrize("tracklets", [False, True])
@pytest.mark.parametrize("max_pairwise", [7, 20, 100])
def test_rounds_find_the_same_people(max_pairwise: int, tracklets: bool) -> None:
    faces = crowd([[number % 4, (number + 1) % 4] for number in range(100)], seed=3)
    if tracklets:
        faces = faces.replace(tracklet=np.repeat(np.arange(100), 2).astype(np.int32))
        points = embeddings(np.repeat(np.arange(100) % 5, 2).tolist(), seed=4)
        frame_index = np.arange(200)
        faces = with_points(faces, points).replace(frame_index=frame_index)
    at_once = grouped(faces)
    assert max(at_once) == 3 + tracklets
    assert grouped(faces, limits=LinkageLimits(max_pairwise)) == at_once


def test_many_groups_are_linked_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    link = average_linkage

    def counted(groups: Groups, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        sizes.append(len(groups))
        return link(groups, *args, **kwargs)

    monkeypatch.setattr(large_linkage, "average_linkage", counted)
    # Each of 50 people is in three frames that are far apart in time.
    faces = crowd([[person] for person in [*range(50)] * 3])
    found = grouped(faces, limits=LinkageLimits(20))
    assert max(sizes, default=0) <= 20
    together = np.array(found).reshape(3, 50)
    assert (together == together[0]).mean() > 0.9


def test_rounds_end_where_no_two_groups_are_similar() -> None:
    faces = crowd([[person] for person in range(60)])
    assert grouped(faces, limits=LinkageLimits(10)) == [-1] * 60


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_plain_dbscan_equals_scikit_learns(share: float) -> None:
    from sklearn.cluster import DBSCAN

    from clustering.grouping.dbscan import dbscan

    points = crowd(turns(4, 80), look_alikes=share).embedding
    expected = DBSCAN(eps=0.5, min_samples=PLAIN_MIN_SAMPLES).fit(points).labels_
    found = dbscan(points, eps=DEFAULT_GROUPING.eps, min_samples=PLAIN_MIN_SAMPLES)
    assert found.tolist() == expected.tolist()
