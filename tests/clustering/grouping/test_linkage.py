from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.grouping.arrays import Floats
from clustering.grouping.linkage import Distance, Groups, average_linkage, groups_of
from clustering.grouping.relabel import by_first_row

FACES_ALONE = Distance(clothes_share=0, spread_share=0)


def random_groups(
    n: int, groups: int, *, seed: int = 0, dimensions: int = 6
) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Return label, weight, embedding and clothes of faces; a third have no visible clothes."""
    rng = np.random.default_rng(seed)
    label = np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)])
    clothes = rng.dirichlet(np.ones(5), n)
    clothes[rng.random(n) < 1 / 3] = 0
    return label, rng.uniform(0.1, 1, n), rng.normal(0, 1, (n, dimensions)), clothes


def points(*places: float) -> Groups:
    """Return groups of one face each, on a line."""
    n = len(places)
    embedding = np.array(places, np.float64).reshape(n, 1)
    return groups_of(np.arange(n), np.ones(n), embedding, np.zeros((n, 1)))


def nothing_forbidden(groups: Groups) -> NDArray[np.bool_]:
    return np.zeros((len(groups), len(groups)), np.bool_)


def forbidden(size: int, *pairs: tuple[int, int]) -> NDArray[np.bool_]:
    cannot = np.zeros((size, size), np.bool_)
    for a, b in pairs:
        cannot[a, b] = cannot[b, a] = True
    return cannot


def same_moments(a: Groups, b: Groups) -> bool:
    return all(np.allclose(getattr(a, name), getattr(b, name)) for name in Groups.__slots__)


# --- moments ----------------------------------------------------------------------------------


def test_no_faces() -> None:
    groups = groups_of(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)), np.zeros((0, 3)))
    assert len(groups) == 0
    assert groups.mean.shape == (0, 4)
    assert FACES_ALONE(groups, groups).shape == (0, 0)


def test_moments() -> None:
    # Group 0: 1 (weight 1) and 4 (weight 2); its mean is 3, its variance (4 + 2 * 1) / 3.
    label = np.array([0, -1, 0, 1])
    weight = np.array([1.0, 9.0, 2.0, 0.5])
    embedding = np.array([[1.0], [50.0], [4.0], [7.0]])
    clothes = np.array([[0.25, 0.75], [1, 0], [0, 0], [1, 0]])
    groups = groups_of(label, weight, embedding, clothes)
    assert groups.weight.tolist() == [3, 0.5]
    assert groups.count.tolist() == [2, 1]
    assert np.allclose(groups.mean, [[3], [7]])
    assert np.allclose(groups.variance, [2, 0])
    assert groups.clothes_weight.tolist() == [1, 0.5]
    assert np.allclose(groups.clothes, [[0.5, 0.75**0.5], [1, 0]])


@pytest.mark.parametrize("seed", range(5))
def test_merge_is_the_moments_of_the_union(seed: int) -> None:
    label, weight, embedding, clothes = random_groups(30, 6, seed=seed)
    merged = groups_of(label, weight, embedding, clothes)
    merged.merge(1, 4)
    merged.merge(1, 3)
    union = groups_of(np.array([0, 1, 2, 1, 1, 3])[label], weight, embedding, clothes)
    for name in Groups.__slots__:
        assert np.allclose(getattr(merged, name)[[0, 1, 2, 5]], getattr(union, name))


@pytest.mark.parametrize("seen", [(False, False), (True, False), (False, True)], ids=str)
def test_merge_where_clothes_are_unseen(seen: tuple[bool, bool]) -> None:
    clothes = np.array([[0.5, 0.5], [0.5, 0.5]]) * np.array(seen)[:, None]
    groups = groups_of(np.arange(2), np.ones(2), np.zeros((2, 1)), clothes)
    groups.merge(0, 1)
    assert groups.clothes_weight[0] == sum(seen)
    assert np.allclose(groups.clothes[0], np.sqrt(0.5) * any(seen))


def test_a_copy_is_independent() -> None:
    groups = points(1, 2, 3)
    groups.copy().merge(0, 2)
    assert same_moments(groups, points(1, 2, 3))


# --- distance ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_distance_is_that_of_the_faces(seed: int) -> None:
    label, weight, embedding, clothes = random_groups(40, 5, seed=seed)
    groups = groups_of(label, weight, embedding, clothes)
    found = FACES_ALONE(groups, groups)
    for a in range(5):
        for b in range(5):
            one, other = label == a, label == b
            squares = ((embedding[one][:, None] - embedding[other][None]) ** 2).sum(axis=2)
            pairs = np.outer(weight[one], weight[other])
            assert np.isclose(found[a, b] ** 2, (squares * pairs).sum() / pairs.sum())


@pytest.mark.parametrize("seed", range(3))
def test_clothes_are_the_mean_squared_hellinger_distance(seed: int) -> None:
    label, weight, embedding, clothes = random_groups(40, 5, seed=seed)
    clothes[label == 4] = 0
    groups = groups_of(label, weight, embedding, clothes)
    term = Distance(clothes_share=0.4, spread_share=0)(groups, groups) - FACES_ALONE(groups, groups)
    seen = clothes.sum(axis=1) > 0
    for a in range(5):
        for b in range(5):
            one, other = (label == a) & seen, (label == b) & seen
            if not (one.any() and other.any()):
                assert term[a, b] == 0
                continue
            squares = 1 - np.sqrt(clothes[one]) @ np.sqrt(clothes[other]).T
            pairs = np.outer(weight[one], weight[other])
            hellinger = np.sqrt((squares * pairs).sum() / pairs.sum())
            assert np.isclose(term[a, b], 0.4 * (hellinger - 0.5))


def test_high_variance_lowers_the_distance() -> None:
    rng = np.random.default_rng(0)
    steady, varied = rng.normal(0, 0.01, (50, 1)), rng.normal(0, 1, (50, 1))
    label = np.repeat([0, 1], 50)
    groups = groups_of(label, np.ones(100), np.concatenate([steady, varied]), np.zeros((100, 1)))
    lonely = points(1)
    gain = FACES_ALONE(groups, lonely) - Distance(clothes_share=0)(groups, lonely)
    assert gain[0, 0] < 0 < gain[1, 0]
    # Groups of one face have no measured spread: the typical one is assumed.
    two = points(0, 1)
    assert np.allclose(Distance(clothes_share=0)(two, two), FACES_ALONE(two, two))


@pytest.mark.parametrize(
    "distance", [FACES_ALONE, Distance(), Distance(poor_share=0.3)], ids=["faces", "usual", "poor"]
)
def test_distance_is_symmetric_and_rows_equal_the_full_matrix(distance: Distance) -> None:
    groups = groups_of(*random_groups(40, 5))
    one = groups_of(*(a[random_groups(40, 5)[0] == 0] for a in random_groups(40, 5)))
    found = distance(groups, groups)
    assert np.allclose(found, found.T)
    assert np.allclose(distance(one, groups), found[:1])


# --- linkage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "cannot", "threshold", "expected"),
    [
        pytest.param((), (), 1, [], id="no group"),
        pytest.param((3,), (), 1, [0], id="one"),
        pytest.param((0, 5), (), 1, [0, 1], id="two people"),
        pytest.param((0, 0.5), (), 1, [0, 0], id="one person"),
        pytest.param((0, 1), (), 1, [0, 1], id="exactly the threshold is too far"),
        pytest.param((0, 9, 0.1, 9.1), (), 1, [0, 1, 0, 1], id="by first member"),
        # 0 and 1 merge (mean .5, variance .25); 2.2 is sqrt(1.7^2 + .25) = 1.77 away, 1.2 from 1.
        pytest.param((0, 1, 2.2), (), 1.7, [0, 0, 1], id="average, not single linkage"),
        pytest.param((0, 1, 2.2), (), 1.8, [0, 0, 0], id="average, not complete linkage"),
        pytest.param((0, 0.1), ((0, 1),), 9, [0, 1], id="two of one frame"),
        # 1 is closer to 0.9; after that merge, 0 may not join them.
        pytest.param((0, 0.9, 1), ((0, 2),), 9, [0, 1, 1], id="forbidden to a member"),
        pytest.param((0, 0.1, 5, 5.1), ((0, 3),), 99, [0, 0, 1, 1], id="forbidden for both sides"),
        pytest.param((0, 1, 2), ((0, 1), (1, 2), (0, 2)), 99, [0, 1, 2], id="three of one frame"),
    ],
)
def test_linkage(
    places: tuple[float, ...],
    cannot: tuple[tuple[int, int], ...],
    threshold: float,
    expected: list[int],
) -> None:
    groups, apart = points(*places), forbidden(len(places), *cannot)
    found = average_linkage(groups, apart, distance=FACES_ALONE, threshold=threshold)
    assert found.tolist() == expected


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 10, 120])
def test_without_constraints_it_equals_scipys_average_linkage(n: int, seed: int) -> None:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    embedding = np.random.default_rng(seed).normal(0, 1, (n, 3))
    groups = groups_of(np.arange(n), np.ones(n), embedding, np.zeros((n, 1)))
    tree = linkage(pdist(embedding, "sqeuclidean"), method="average")
    for threshold in (0.3, 1.0, 1.7, 2.5):
        expected = fcluster(tree, threshold**2, criterion="distance")
        found = average_linkage(
            groups, nothing_forbidden(groups), distance=FACES_ALONE, threshold=threshold
        )
        assert found.tolist() == by_first_row(expected.astype(np.int64)).tolist()


def brute_force(
    groups: Groups, cannot: NDArray[np.bool_], distance: Distance, threshold: float
) -> list[int]:
    """Link by the definition: compare all pairs of clusters again after every merge."""
    members = [[i] for i in range(len(groups))]
    while True:
        now = groups.copy()
        for cluster in members:
            for other in cluster[1:]:
                now.merge(cluster[0], other)
        heads = [cluster[0] for cluster in members]
        apart = distance(now, now)[np.ix_(heads, heads)]
        for i, j in np.ndindex(apart.shape):
            if i == j or cannot[np.ix_(members[i], members[j])].any():
                apart[i, j] = np.inf
        if len(members) == 0 or apart.min() >= threshold:
            break
        first, second = sorted(int(i) for i in np.unravel_index(apart.argmin(), apart.shape))
        members[first] += members.pop(second)
    labels = np.zeros(len(groups), np.int64)
    for number, cluster in enumerate(members):
        labels[cluster] = number
    return [int(label) for label in by_first_row(labels)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("threshold", [1.5, 3.0, np.inf])
def test_constraints_as_defined(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    groups = groups_of(*random_groups(60, 25, seed=seed, dimensions=2))
    cannot = forbidden(25, *(tuple(rng.choice(25, 2, replace=False)) for _ in range(30)))
    found = average_linkage(groups, cannot, distance=Distance(), threshold=threshold)
    for cluster in range(int(found.max()) + 1):
        together = np.flatnonzero(found == cluster)
        assert not cannot[np.ix_(together, together)].any()
    assert found.tolist() == brute_force(groups, cannot, Distance(), threshold)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_groups_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, weight, embedding, clothes = random_groups(90, 40, seed=seed, dimensions=2)
    cannot = forbidden(40, *(tuple(rng.choice(40, 2, replace=False)) for _ in range(40)))
    order = rng.permutation(40)
    place = np.argsort(order)
    found = average_linkage(
        groups_of(label, weight, embedding, clothes), cannot, distance=Distance(), threshold=1.5
    )
    shuffled = average_linkage(
        groups_of(place[label], weight, embedding, clothes),
        cannot[np.ix_(order, order)],
        distance=Distance(),
        threshold=1.5,
    )
    assert by_first_row(shuffled[place]).tolist() == found.tolist()


def test_a_higher_threshold_only_merges_clusters() -> None:
    groups = groups_of(*random_groups(60, 30, dimensions=2))
    cuts = [
        average_linkage(groups, nothing_forbidden(groups), distance=FACES_ALONE, threshold=t)
        for t in (0.5, 1, 1.5, 2, 3)
    ]
    for fine, coarse in pairwise(cuts):
        assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == fine.max() + 1


def test_input_is_not_changed() -> None:
    groups, cannot = groups_of(*random_groups(60, 30)), forbidden(30, (0, 1), (4, 9))
    kept, cannot_kept = groups.copy(), cannot.copy()
    average_linkage(groups, cannot, distance=Distance(), threshold=np.inf)
    assert same_moments(groups, kept)
    assert np.array_equal(cannot, cannot_kept)
