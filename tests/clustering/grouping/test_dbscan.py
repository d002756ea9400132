from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.dbscan import dbscan, dense
from data.core.arrays import UNKNOWN

Points = NDArray[np.float32]


def reference(points: Points, eps: float, min_samples: int) -> list[int]:
    """Return scikit-learn's labels, which define the expected ones."""
    from sklearn.cluster import DBSCAN

    if len(points) == 0:
        return []
    found = DBSCAN(eps=eps, min_samples=min_samples).fit(points.astype(np.float64))
    return [int(label) for label in found.labels_]


def line(*places: float) -> Points:
    """Return points on a line in the plane."""
    return np.array([(place, 0) for place in places], np.float32).reshape(-1, 2)


def blobs(n: int, dimensions: int, *, seed: int, spread: float) -> Points:
    """Return about a dozen clusters, noise between them, and duplicates, in random order."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (12, dimensions))
    points = centres[rng.integers(0, 12, n)] + rng.normal(0, spread, (n, dimensions))
    points[::7] = rng.normal(0, 1, (len(points[::7]), dimensions))
    points[1::9] = points[: len(points[1::9])]
    return points[rng.permutation(n)].astype(np.float32)


@pytest.mark.parametrize(
    ("points", "eps", "min_samples", "expected"),
    [
        pytest.param(line(), 1, 1, [], id="no point"),
        pytest.param(line(5), 1, 1, [0], id="one point, itself enough"),
        pytest.param(line(5), 1, 2, [-1], id="one point, alone"),
        pytest.param(line(0, 1, 2, 10, 11, 12), 1, 2, [0, 0, 0, 1, 1, 1], id="two clusters"),
        pytest.param(line(10, 0, 11, 1, 12, 2), 1, 2, [0, 1, 0, 1, 0, 1], id="by first point"),
        pytest.param(line(0, 1, 2.001), 1, 2, [0, 0, -1], id="exactly eps, and a little more"),
        pytest.param(line(0, 3, 6), 3, 3, [0, 0, 0], id="one core, two borders"),
        pytest.param(line(4, 4, 4, 4), 0.1, 4, [0, 0, 0, 0], id="all the same"),
        pytest.param(line(4, 4, 4, 9), 0.1, 4, [-1, -1, -1, -1], id="too few the same"),
        # 2 is within 1 of the core points 1 and 3, and is no core point itself.
        pytest.param(
            line(0, 0, 1, 2, 3, 4, 4), 1, 4, [0, 0, 0, 0, 1, 1, 1], id="border of two clusters"
        ),
        pytest.param(
            line(2, 4, 4, 3, 1, 0, 0), 1, 4, [0, 0, 0, 0, 1, 1, 1], id="the same, reversed"
        ),
    ],
)
def test_small_cases(points: Points, eps: float, min_samples: int, expected: list[int]) -> None:
    labels = dbscan(points, eps=eps, min_samples=min_samples)
    assert labels.tolist() == expected
    assert labels.dtype == np.int64
    assert reference(points, eps, min_samples) == expected


@pytest.mark.parametrize(
    ("n", "block"), [(0, 3), (1, 1), (5, 1), (5, 3), (300, 17), (300, 64), (300, 1024)]
)
@pytest.mark.parametrize("eps", [0.1, 0.5, 1.0, 3.0])
def test_labels_equal_scikit_learns(n: int, eps: float, block: int) -> None:
    points = blobs(n, 3, seed=n, spread=0.2)
    for min_samples in (1, 2, 5):
        expected = reference(points, eps, min_samples)
        found = dbscan(points, eps=eps, min_samples=min_samples, block_size=block)
        assert found.tolist() == expected


@pytest.mark.parametrize(
    ("n", "dimensions", "spread", "eps"),
    [
        pytest.param(300, 128, 0.025, 0.5, id="few faces"),
        pytest.param(3000, 128, 0.025, 0.5, id="faces"),
        pytest.param(3000, 128, 0.04, 0.64, id="faces at the edge of their spread"),
        pytest.param(3000, 2, 0.1, 0.05, id="plane"),
    ],
)
def test_many_points(n: int, dimensions: int, spread: float, eps: float) -> None:
    points = blobs(n, dimensions, seed=1, spread=spread)
    expected = reference(points, eps, 5)
    assert dbscan(points, eps=eps, min_samples=5).tolist() == expected
    assert len(set(expected)) > 2


@pytest.mark.parametrize("offset", [0, 1, 100])
@pytest.mark.parametrize("eps", [1, 5, 2**0.5])
def test_points_exactly_eps_apart(eps: float, offset: int) -> None:
    # On an integer grid many pairs are exactly 1, 5 (3-4-5) or the root of 2 apart.
    rng = np.random.default_rng(3)
    points = (rng.integers(0, 30, (200, 2)) + offset).astype(np.float32)
    for min_samples in (2, 4, 9):
        found = dbscan(points, eps=eps, min_samples=min_samples, block_size=50)
        assert found.tolist() == reference(points, eps, min_samples)


@pytest.mark.parametrize("seed", range(5))
def test_borders_reached_by_several_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = (rng.integers(0, 60, 120) / 2).astype(np.float32)[:, None]
    for min_samples in (3, 5, 7):
        found = dbscan(points, eps=1, min_samples=min_samples, block_size=16)
        assert found.tolist() == reference(points, 1, min_samples)


def test_long_chain_over_many_blocks() -> None:
    order = np.random.default_rng(0).permutation(1000)
    points = line(*order.tolist())
    assert not dbscan(points, eps=1, min_samples=2, block_size=32).any()
    assert (dbscan(points, eps=0.9, min_samples=2, block_size=32) == -1).all()


def test_input_is_unchanged_and_labels_repeat() -> None:
    points = blobs(400, 8, seed=2, spread=0.1)
    before = points.copy()
    labels = dbscan(points, eps=0.6, min_samples=4)
    assert np.array_equal(points, before)
    assert np.array_equal(labels, dbscan(points, eps=0.6, min_samples=4))


def test_the_order_of_the_points_only_numbers_the_clusters() -> None:
    points = blobs(400, 8, seed=2, spread=0.1)
    order = np.random.default_rng(0).permutation(400)
    labels = dbscan(points, eps=0.6, min_samples=1)
    shuffled = dbscan(points[order], eps=0.6, min_samples=1)
    pairs = set(zip(labels[order].tolist(), shuffled.tolist(), strict=True))
    assert len(pairs) == labels.max() + 1 == shuffled.max() + 1


@pytest.mark.parametrize(("eps", "min_samples"), [(0, 5), (-1, 5), (0.5, 0)])
def test_invalid_parameters_are_refused(eps: float, min_samples: int) -> None:
    with pytest.raises(ValueError, match="must be > 0 and min_samples >= 1, got"):
        dbscan(line(0), eps=eps, min_samples=min_samples)


@pytest.mark.parametrize("eps", [0.3, 1e3], ids=["clusters", "all are neighbours"])
def test_memory_does_not_grow_with_the_square(eps: float) -> None:
    n = 20_000
    points = blobs(n, 4, seed=5, spread=0.02)
    tracemalloc.start()
    try:
        dbscan(points, eps=eps, min_samples=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n * 4 / 20


@pytest.mark.parametrize("n", [0, 1, 300])
@pytest.mark.parametrize("cell", [40, 1000])
@pytest.mark.parametrize("eps", [0.1, 0.5])
def test_dense_points_are_those_that_are_not_noise(n: int, cell: int, eps: float) -> None:
    points = blobs(n, 3, seed=n, spread=0.2)
    for min_samples in (1, 2, 5):
        expected = dbscan(points, eps=eps, min_samples=min_samples) != UNKNOWN
        found = dense(points, eps=eps, min_samples=min_samples, block_size=16, cell_size=cell)
        assert found.tolist() == expected.tolist()
