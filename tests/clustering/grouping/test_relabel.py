from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.relabel import by_first_row, renumbered


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("label", "by_sight", "keeping_unknown"),
    [
        pytest.param((), [], [], id="none"),
        pytest.param((7,), [0], [0], id="one"),
        pytest.param((5, 3, 5, 9), [0, 1, 0, 2], [0, 1, 0, 2], id="by first occurrence"),
        pytest.param((-1, 4, -1, 0), [0, 1, 0, 2], [-1, 0, -1, 1], id="unknown"),
        pytest.param((-1, -1), [0, 0], [-1, -1], id="all unknown"),
    ],
)
def test_numbering(label: tuple[int, ...], by_sight: list[int], keeping_unknown: list[int]) -> None:
    assert by_first_row(ints(*label)).tolist() == by_sight
    assert renumbered(ints(*label)).tolist() == keeping_unknown
