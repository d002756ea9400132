from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.boxes import as_boxes
from tests.quality.metrics import BCubed, b_cubed, match_boxes


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("truth", "clusters", "precision", "recall"),
    [
        pytest.param((), (), 1, 1, id="no face"),
        pytest.param((7,), (3,), 1, 1, id="one face"),
        pytest.param((7,), (-1,), 1, 1, id="one unknown face"),
        pytest.param((1, 1, 2, 2), (5, 5, 0, 0), 1, 1, id="right, by other numbers"),
        pytest.param((1, 1, 2, 2), (0, 0, 0, 0), 1 / 2, 1, id="one heap"),
        pytest.param((1, 1, 2, 2), (0, 1, 2, 3), 1, 1 / 2, id="all apart"),
        pytest.param((1, 1, 2, 2), (-1, -1, -1, -1), 1, 1 / 2, id="all unknown stand alone"),
        # The cluster of three: 2/3, 2/3, 1/3 right; person 2 found by halves.
        pytest.param(
            (1, 1, 2, 2), (0, 0, 0, 1), (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 3 / 4, id="one astray"
        ),
        pytest.param((1, 1, 1, 2), (0, 0, -1, 1), 1, (2 + 2 + 1 + 3) / 12, id="one unknown"),
        pytest.param((-5, -5, 9), (0, 0, 1), 1, 1, id="any number names a person"),
    ],
)
def test_b_cubed(
    truth: tuple[int, ...], clusters: tuple[int, ...], precision: float, recall: float
) -> None:
    score = b_cubed(ints(*truth), ints(*clusters))
    assert score.precision == pytest.approx(precision)
    assert score.recall == pytest.approx(recall)


@pytest.mark.parametrize(
    ("precision", "recall", "f"), [(1, 1, 1), (0.5, 1, 2 / 3), (0.2, 0.2, 0.2), (0, 0, 0)]
)
def test_f_is_the_harmonic_mean(precision: float, recall: float, f: float) -> None:
    assert BCubed(precision, recall).f == pytest.approx(f)


def test_b_cubed_is_the_mean_over_faces() -> None:
    rng = np.random.default_rng(0)
    truth, clusters = rng.integers(0, 4, 60), rng.integers(-1, 5, 60)
    kept = clusters.copy()
    precision, recall = [], []
    for i in range(60):
        alone = np.arange(60) == i
        cluster = alone if clusters[i] == -1 else clusters == clusters[i]
        both = (cluster & (truth == truth[i])).sum()
        precision.append(both / cluster.sum())
        recall.append(both / (truth == truth[i]).sum())
    score = b_cubed(truth, clusters)
    assert score.precision == pytest.approx(np.mean(precision))
    assert score.recall == pytest.approx(np.mean(recall))
    assert np.array_equal(clusters, kept)
    order = rng.permutation(60)
    assert b_cubed(truth[order], clusters[order]).f == pytest.approx(score.f)


def test_b_cubed_of_other_lengths() -> None:
    with pytest.raises(ValueError, match=r"clusters must have shape \(2,\), got \(1,\)"):
        b_cubed(ints(1, 2), ints(1))


@pytest.mark.parametrize(
    ("found", "labelled", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([], [(0, 0, 4, 4)], [], id="nothing found"),
        pytest.param([(0, 0, 4, 4)], [], [-1], id="nothing labelled"),
        pytest.param([(0, 0, 4, 4)], [(0, 0, 4, 4)], [0], id="the same"),
        pytest.param([(0, 0, 4, 4)], [(4, 0, 8, 4)], [-1], id="side by side"),
        pytest.param([(0, 0, 4, 4)], [(0, 0, 8, 8)], [0], id="a quarter is just enough"),
        pytest.param([(0, 0, 4, 4)], [(0, 0, 8, 8.1)], [-1], id="less is not"),
        pytest.param(
            [(10, 0, 14, 4), (0, 0, 4, 4)], [(0, 0, 4, 4), (10, 0, 14, 4)], [1, 0], id="any order"
        ),
        pytest.param([(0, 0, 4, 4), (0, 0, 4, 5)], [(0, 0, 4, 4)], [0, -1], id="one label, once"),
        # Both are nearest to the first label; the total is larger with one label each.
        pytest.param(
            [(0, 0, 10, 10), (0, 0, 8, 10)],
            [(0, 0, 8, 10), (0, 0, 20, 10)],
            [1, 0],
            id="matched jointly",
        ),
        # The first pair has IoU 0.43; crosswise it would be 0.23 and 0.21, a larger sum.
        pytest.param(
            [(0, 0, 10, 10), (10.5, 0, 20.5, 10)],
            [(4, 0, 14, 10), (-6.2, 0, 3.8, 10)],
            [0, -1],
            id="not traded for two below the limit",
        ),
    ],
)
def test_match_boxes(
    found: list[tuple[float, ...]], labelled: list[tuple[float, ...]], expected: list[int]
) -> None:
    assert match_boxes(as_boxes(found), as_boxes(labelled)).tolist() == expected
