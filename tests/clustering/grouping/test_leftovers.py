from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.leftovers import clear_nearest, match_leftovers, one_per_frame
from clustering.grouping.linkage import Distance, groups_of
from tests.clustering.crowd import embeddings


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param((0.3,), 0, id="only person"),
        pytest.param((0.5,), -1, id="at the limit"),
        pytest.param((0.4, 0.3), 1, id="nearest"),
        pytest.param((0.3, 0.33), -1, id="two are as near"),
        pytest.param((0.3, np.inf), 0, id="the other cannot be"),
        pytest.param((np.inf, np.inf), -1, id="none can be"),
    ],
)
def test_clear_nearest(row: tuple[float, ...], expected: int) -> None:
    assert clear_nearest(np.array([row]), limit=0.5).tolist() == [expected]


@pytest.mark.parametrize(
    ("joins", "node", "frame", "expected"),
    [
        pytest.param((), (), (), [], id="no node"),
        pytest.param((0, 0), (0, 1), (5, 6), [0, 0], id="two frames"),
        pytest.param((0, 0), (0, 1), (5, 5), [-1, 0], id="one frame, the nearer"),
        pytest.param((0, 1), (0, 1), (5, 5), [0, 1], id="one frame, two people"),
        pytest.param((0, -1), (0, 1), (5, 5), [0, -1], id="the nearer joins no person"),
        pytest.param((0, 0, 0), (0, 1, 1, 2), (5, 5, 6, 6), [0, -1, 0], id="in turn"),
        pytest.param((0, 0), (-1, 1, 0, -1), (5, 5, 6, 6), [0, 0], id="faces that have joined"),
    ],
)
def test_one_per_frame(
    joins: tuple[int, ...], node: tuple[int, ...], frame: tuple[int, ...], expected: list[int]
) -> None:
    # Later nodes are closer.
    apart = np.linspace(0.9, 0.1, len(joins))
    found = one_per_frame(ints(*joins), apart, node=ints(*node), frame=ints(*frame))
    assert found.tolist() == expected


@pytest.mark.parametrize("block", [1, 10, 10_000])
def test_matches_do_not_depend_on_the_block_size(block: int) -> None:
    label = np.repeat(np.arange(3), 5)
    people = groups_of(label, np.ones(15), embeddings(label.tolist()), np.zeros((15, 1)))
    left = groups_of(np.arange(4), np.ones(4), embeddings([0, 1, 2, 9], seed=1), np.zeros((4, 1)))
    # The second is in one frame with the person it resembles.
    own = CannotLink.exclusive(np.arange(4), ints(-1, 5, -1, -1), 4)
    theirs = CannotLink.exclusive(np.arange(3), ints(-1, 5, -1), 3)
    column, apart = match_leftovers(
        left,
        people,
        own,
        theirs,
        distance=Distance(clothes_share=0),
        limit=0.55,
        block_distances=block,
    )
    assert column.tolist() == [0, -1, 2, -1]
    assert (apart[[0, 2]] < 0.55).all()
