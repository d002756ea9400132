"""Synthetic faces resemble the real ones behind them; many are clustered as well as few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.embedding_space import SFACE_SCALE, face_embeddings
from clustering.grouping.footage import GroupingSettings, group_faces
from clustering.grouping.large_linkage import DEFAULT_LIMITS, LinkageLimits
from clustering.grouping.neighbours import SearchLimits
from data.tables.faces import Faces
from tests.benchmarks.scale import (
    Pairwise,
    best_dbscan,
    distance_lines,
    find_people,
    make_project,
    name_people,
    pairwise,
)
from tests.benchmarks.scale_faces import (
    FILE,
    PERCENTILES,
    distances,
    draw,
    load,
    measure,
    mixed_people,
    people_by_footage,
    save,
    shares,
)

MIN_F = 0.93
"""F of 20,000 faces of 1,000 people; see `test_many_people_keep_the_committed_f`."""


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def clustered(faces: Faces, limits: LinkageLimits = DEFAULT_LIMITS) -> NDArray[np.int64]:
    return group_faces(faces, GroupingSettings(), frames=len(faces), video=False, limits=limits)


# --- the score --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        pytest.param((), (), (1, 1), id="no face"),
        pytest.param((0, 0, 1), (5, 5, 7), (1, 1), id="right"),
        pytest.param((0, 0, 1), (5, 5, 5), (1 / 3, 1), id="all one"),
        pytest.param((0, 0, 0, 1), (1, 1, 2, 2), (1 / 2, 1 / 3), id="half"),
        pytest.param((0, 0, 1), (-1, -1, -1), (1, 0), id="unknown faces are in no pair"),
    ],
)
def test_pairwise_score(
    truth: tuple[int, ...], found: tuple[int, ...], expected: tuple[float, float]
) -> None:
    score = pairwise(ints(*truth), ints(*found))
    assert (score.precision, score.recall) == pytest.approx(expected)
    assert Pairwise(0.5, 1.0).f == pytest.approx(2 / 3)


# --- the faces --------------------------------------------------------------------------------


def test_synthetic_faces_are_as_far_apart_as_real_ones() -> None:
    """Except for near duplicates, which collections of photographs have."""
    statistics = load()
    person = np.arange(2000) // 11
    same, different = distances(face_embeddings(draw(statistics, person)), person)
    middle = slice(PERCENTILES.index(5), PERCENTILES.index(95) + 1)
    made = [np.percentile(found, PERCENTILES)[middle] for found in (same, different)]
    assert made[0] == pytest.approx(statistics.same[middle], abs=0.05)
    assert made[1] == pytest.approx(statistics.different[middle], abs=0.04)
    nearest = PERCENTILES.index(0.1)
    assert np.percentile(different, 0.1) == pytest.approx(statistics.different[nearest], abs=0.04)
    assert len(distance_lines(statistics, faces=300)) == 5


def test_synthetic_faces_have_the_statistics_they_are_drawn_from(tmp_path: Path) -> None:
    statistics = load()
    person = np.arange(2000) // 10
    faces = draw(statistics, person)
    save(measure(faces, person), tmp_path / "again.npz")
    again = load(tmp_path / "again.npz")
    assert np.abs(again.mean - statistics.mean).max() < 0.05
    for name in ("between", "within", "mirror"):
        one, other = ((getattr(s, name) ** 2).sum() for s in (again, statistics))
        assert one == pytest.approx(other, rel=0.15), name
    assert np.median(again.length) == pytest.approx(np.median(statistics.length), rel=0.05)
    norms = [np.percentile(values, [1, 5, 50]) for values in (again.norm, statistics.norm)]
    assert norms[0] == pytest.approx(norms[1], abs=0.1)
    assert np.linalg.norm(face_embeddings(faces), axis=1) == pytest.approx(SFACE_SCALE, abs=1e-3)


def test_the_stored_statistics_are_small_and_anonymous() -> None:
    assert FILE.stat().st_size < 100_000
    statistics = load()
    assert statistics.between.shape == statistics.within.shape == (128, 128)
    assert len(statistics.length) == len(statistics.norm)


def test_drawing_is_repeatable_and_people_differ_in_frequency() -> None:
    share = shares(500)
    person = mixed_people(20_000, share)
    counts = np.bincount(person, minlength=500)
    assert counts.max() > 8 * counts.mean()
    assert np.median(counts) < 0.7 * counts.mean()
    one, other = (draw(load(), person[:300]) for _ in range(2))
    assert np.array_equal(one.sface, other.sface)


def test_footages_share_a_few_people_each() -> None:
    person = people_by_footage(4000, shares(60), footages=8, cast=10).reshape(8, 500)
    casts = [set(row.tolist()) for row in person]
    assert all(len(cast) <= 10 for cast in casts)
    assert any(casts[0] & other for other in casts[1:])


# --- clustering -------------------------------------------------------------------------------


def test_rounds_score_as_well_as_pairwise_linkage() -> None:
    """Compare rounds among nearest neighbours with linking one pair at a time."""
    person = mixed_people(800, shares(40), seed=1)
    faces = draw(load(), person)
    at_once = pairwise(person, clustered(faces))
    limits = LinkageLimits(50, SearchLimits(all_pairs=300, cell_size=60))
    in_rounds = pairwise(person, clustered(faces, limits))
    assert in_rounds.f > at_once.f - 0.01
    assert in_rounds.f > 0.95


@pytest.mark.slow
def test_a_project_is_clustered_in_a_separate_process(tmp_path: Path) -> None:
    person = people_by_footage(600, shares(12), footages=3, cast=6)
    project = make_project(tmp_path / "a.fancam", draw(load(), person), footages=3)
    first = find_people(project)
    names = name_people(project, first.person)
    assert pairwise(person, first.person).f > 0.9
    assert first.cpu_s > 0
    assert 50 < first.peak_mb < 2000
    again = find_people(project)
    assert np.array_equal(again.person, first.person)
    assert len(names) == len(set(names.values())) > 5


@pytest.mark.slow
def test_many_people_keep_the_committed_f() -> None:
    person = mixed_people(20_000, shares(1000))
    faces = draw(load(), person)
    ours = pairwise(person, clustered(faces))
    assert ours.f >= MIN_F
    assert ours.f >= best_dbscan(face_embeddings(faces), person).score.f
