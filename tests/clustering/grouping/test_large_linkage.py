"""Linkage in rounds, which must give the clusters of pairwise linkage."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping import large_linkage
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.large_linkage import DEFAULT_LIMITS, LinkageLimits, joined, link
from clustering.grouping.linkage import Distance, Groups, groups_of, merged_groups
from clustering.grouping.neighbours import SearchLimits
from tests.clustering.crowd import embeddings

PLAIN = Distance(clothes_share=0)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def faces(people: list[int], *, spread: float = 1.0) -> Groups:
    points = embeddings(people, seed=2, spread=spread)
    return groups_of(
        np.arange(len(people)), np.ones(len(people)), points, np.zeros((len(people), 1))
    )


def no_constraints(size: int) -> CannotLink:
    return CannotLink.exclusive(np.arange(size), np.full(size, -1), size)


def linked(
    groups: Groups, cannot: CannotLink | None = None, *, limits: LinkageLimits = DEFAULT_LIMITS
) -> list[int]:
    cannot = cannot or no_constraints(len(groups))
    found = link(groups, cannot, distance=PLAIN, threshold=0.6, limits=limits)
    return [int(n) for n in found]


@pytest.mark.parametrize("max_pairwise", [2, 10, 39, 10_000])
@pytest.mark.parametrize("max_exact", [50, 10_000])
def test_rounds_find_the_same_people(max_pairwise: int, max_exact: int) -> None:
    limits = LinkageLimits(max_pairwise, SearchLimits(max_exact, 100))
    people = [*range(40)] * 10
    assert linked(faces(people, spread=0.7), limits=limits) == people


def test_groups_that_cannot_link_stay_apart() -> None:
    """Look-alikes are separated only by the frames that show both."""
    limits = LinkageLimits(4)
    people = [0, 1, 2, 3] * 30
    groups = groups_of(
        np.arange(120),
        np.ones(120),
        embeddings(people, seed=3, look_alikes=0.3, spread=0.5),
        np.zeros((120, 1)),
    )
    frame = np.arange(120) // 2
    cannot = CannotLink.exclusive(np.arange(120), frame, 120)
    found = np.array(linked(groups, cannot, limits=limits))
    assert (found[0::2] != found[1::2]).all()
    assert len(set(linked(groups, limits=limits))) < 4


def test_pairs_are_joined_nearest_first_unless_they_conflict() -> None:
    cannot = CannotLink.exclusive(ints(0, 3), ints(7, 7), 4)
    assert joined(ints(0, 1, 2), ints(1, 2, 3), no_constraints(4)).tolist() == [0, 0, 0, 0]
    assert joined(ints(0, 1, 2), ints(1, 2, 3), cannot).tolist() == [0, 0, 0, 1]
    assert joined(ints(2, 1, 0), ints(3, 2, 1), cannot).tolist() == [0, 1, 1, 1]
    assert joined(ints(), ints(), cannot).tolist() == [0, 1, 2, 3]


def test_moments_of_merged_groups_are_those_of_the_faces() -> None:
    rng = np.random.default_rng(0)
    label = np.concatenate([np.arange(12), rng.integers(0, 12, 60)])
    weight, points = rng.uniform(0.1, 1, 72), rng.normal(0, 1, (72, 5))
    clothes = rng.dirichlet(np.ones(4), 72) * (rng.random((72, 1)) < 0.7)
    again = np.arange(12) % 5
    one = merged_groups(groups_of(label, weight, points, clothes), again)
    other = groups_of(again[label], weight, points, clothes)
    for name in Groups.__slots__:
        assert np.allclose(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("distance", [Distance(), Distance(0.0, 0.4, 0.3)], ids=["video", "across"])
def test_pair_distances_equal_the_full_matrix(distance: Distance) -> None:
    rng = np.random.default_rng(1)
    label = np.concatenate([np.arange(9), rng.integers(0, 9, 30)])
    clothes = rng.dirichlet(np.ones(4), 39) * (rng.random((39, 1)) < 0.6)
    groups = groups_of(label, rng.uniform(0.1, 1, 39), rng.normal(0, 1, (39, 5)), clothes)
    i, j = np.indices((9, 9)).reshape(2, -1)
    assert np.allclose(distance.of_pairs(groups, i, j).reshape(9, 9), distance(groups, groups))


def test_look_alikes_lower_the_threshold_only_where_people_are_many() -> None:
    def alike(people: int, look_alikes: float) -> float:
        labels = [*range(people)] * 6
        points = embeddings(labels, look_alikes=look_alikes)
        groups = groups_of(
            np.array(labels), np.ones(len(labels)), points, np.zeros((len(labels), 1))
        )
        rounds = large_linkage._Rounds(groups, no_constraints(people), PLAIN, LinkageLimits())
        return rounds.stranger_distance()

    assert alike(99, 1.0) == np.inf
    limits = [alike(120, share) for share in (1.0, 0.8, 0.6)]
    assert all(a > b for a, b in pairwise(limits))
    assert limits[0] > 0.6


def test_input_is_not_changed() -> None:
    groups, fresh = faces([0, 1, 2] * 10), faces([0, 1, 2] * 10)
    linked(groups, limits=LinkageLimits(5))
    assert all(np.array_equal(getattr(groups, n), getattr(fresh, n)) for n in Groups.__slots__)
