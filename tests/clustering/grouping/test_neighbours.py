from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.linkage import Distance, Groups, groups_of
from clustering.grouping.neighbours import DEFAULT_SEARCH, SearchLimits, k_means, near_groups
from tests.clustering.crowd import embeddings

PLAIN = Distance(clothes_share=0)


def groups(people: int, times: int) -> Groups:
    """Return groups of one or two faces."""
    points = embeddings([*range(people)] * times, seed=1)
    label = np.concatenate([np.arange(len(points) - 10), np.arange(10)])
    return groups_of(label, np.ones(len(label)), points, np.zeros((len(label), 1)))


def near(nodes: Groups, count: int, limits: SearchLimits = DEFAULT_SEARCH) -> NDArray[np.int64]:
    everything = np.ones(len(nodes), np.bool_)
    return near_groups(
        nodes, everything, spread_share=PLAIN.spread_share, count=count, limits=limits
    )


@pytest.mark.parametrize(
    ("n", "count", "expected"), [(1, 2, [[-1, -1]]), (2, 2, [[1, -1], [0, -1]])]
)
def test_few_points(n: int, count: int, expected: list[list[int]]) -> None:
    few = groups_of(np.arange(n), np.ones(n), embeddings([0] * n), np.zeros((n, 1)))
    assert near(few, count).tolist() == expected


@pytest.mark.parametrize("cell", [7, 64, 1000])
def test_few_groups_are_compared_exhaustively(cell: int) -> None:
    nodes = groups(10, 12)
    apart = PLAIN(nodes, nodes)
    np.fill_diagonal(apart, np.inf)
    expected = np.argsort(apart, axis=1, kind="stable")[:, :3]
    assert np.array_equal(near(nodes, 3, SearchLimits(cell_size=cell)), expected)


def test_few_neighbours_are_missed_among_many() -> None:
    nodes = groups(100, 20)
    exact = near(nodes, 1)
    approximate = near(nodes, 1, SearchLimits(all_pairs=500, cell_size=100))
    assert (approximate == exact).mean() > 0.8


def test_neighbours_of_selected_groups_only() -> None:
    nodes = groups(5, 10)
    selected = np.arange(len(nodes)) % 3 == 0
    found = near_groups(nodes, selected, spread_share=0.4, count=1)[:, 0]
    assert np.array_equal(found >= 0, selected)


def test_every_point_is_in_one_cell() -> None:
    points = embeddings([*range(30)] * 20)
    members, centres = k_means(points, cell_size=50)
    assert len(members) == len(centres) == 12
    assert np.array_equal(np.sort(np.concatenate(members)), np.arange(len(points)))
