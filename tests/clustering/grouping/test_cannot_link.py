"""Cannot-link constraints of groups, also after groups are merged."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.cannot_link import CannotLink, incidence


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def of_pairs(cannot: CannotLink) -> NDArray[np.bool_]:
    """Return `against` for all groups, one pair at a time."""
    i, j = np.indices((len(cannot), len(cannot))).reshape(2, -1)
    return cannot.of_pairs(i, j).reshape(len(cannot), len(cannot))


@pytest.mark.parametrize(
    ("node", "trait", "expected"),
    [
        pytest.param(ints(), ints(), set(), id="nothing"),
        pytest.param(ints(0, 1), ints(-1, -1), set(), id="no trait"),
        pytest.param(ints(0, 1, 2), ints(4, 5, 4), {(0, 2)}, id="one trait, two nodes"),
        pytest.param(ints(0, 0, 1), ints(4, 4, 5), set(), id="twice in one node"),
        pytest.param(ints(0, 0, 1, 2), ints(4, 5, 5, 4), {(0, 1), (0, 2)}, id="two traits"),
        pytest.param(ints(0, -1, 1), ints(4, 4, 5), set(), id="in no node"),
    ],
)
def test_exclusive(
    node: NDArray[np.int64], trait: NDArray[np.int64], expected: set[tuple[int, int]]
) -> None:
    cannot = CannotLink.exclusive(node, trait, int(node.max(initial=-1)) + 1)
    clash = cannot.conflicts_with(cannot)
    found = {(int(i), int(j)) for i, j in zip(*np.nonzero(clash), strict=True) if i < j}
    assert found == expected
    assert np.array_equal(clash, of_pairs(cannot))
    assert not cannot.clashes_inside().any()


def random_constraints(seed: int = 0, nodes: int = 30) -> CannotLink:
    """Return constraints by frames, by assigned and rejected people, and by different people."""
    rng = np.random.default_rng(seed)
    frames = CannotLink.exclusive(np.arange(nodes), rng.integers(-1, 20, nodes), nodes)
    holds = rng.random((nodes, 6)) < 0.1
    bars = (rng.random((nodes, 6)) < 0.05) & ~holds
    apart = incidence(ints(0, 3), ints(3, 0), (6, 6))
    is_one, is_not = np.argwhere(holds).T, np.argwhere(bars).T
    people = CannotLink.of(
        incidence(is_one[0], is_one[1], (nodes, 6)),
        incidence(is_not[0], is_not[1], (nodes, 6)),
        apart,
    )
    return frames.combined_with(people)


@pytest.mark.parametrize("seed", range(3))
def test_two_constraints_combine_with_or(seed: int) -> None:
    cannot = random_constraints(seed)
    clash = cannot.conflicts_with(cannot)
    assert np.array_equal(clash, clash.T)
    assert np.array_equal(clash, of_pairs(cannot))
    assert 0 < clash.sum() < clash.size / 2
    assert cannot.any()


@pytest.mark.parametrize("seed", range(3))
def test_merged_groups_have_all_constraints_of_their_members(seed: int) -> None:
    cannot = random_constraints(seed)
    clash = cannot.conflicts_with(cannot)
    label = np.arange(len(cannot)) // 2
    merged = cannot.merged(label).conflicts_with(cannot.merged(label))
    by_hand = np.asarray(clash.reshape(15, 2, 15, 2).any(axis=(1, 3)))
    apart = ~np.eye(15, dtype=np.bool_)
    assert np.array_equal(merged[apart], by_hand[apart])


@pytest.mark.parametrize("seed", range(3))
def test_a_conflict_inside_a_group_is_never_missed(seed: int) -> None:
    cannot = random_constraints(seed)
    clash = cannot.conflicts_with(cannot)
    label = np.arange(len(cannot)) // 3
    inside = clash.reshape(10, 3, 10, 3)[np.arange(10), :, np.arange(10)]
    expected = np.asarray((inside & ~np.eye(3, dtype=np.bool_)).any(axis=(1, 2)))
    assert cannot.merged(label).clashes_inside()[expected].all()


def test_traits_of_a_single_node() -> None:
    people = CannotLink.of(
        incidence(ints(0), ints(0), (1, 3)),
        incidence(ints(0), ints(2), (1, 3)),
        incidence(ints(0, 1), ints(1, 0), (3, 3)),
    )
    assert people.traits(0) == ({0}, {1, 2})
