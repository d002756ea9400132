from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cropping.smiles.table import (
    finish_smiles,
    is_smiling,
    log_odds,
    smiles_key,
    smiling_intervals,
    stored_smiles,
)
from data.project.project import Project
from data.project.stages import TRACKS
from data.tables.smiles import Smiles
from tests.cropping.smile_rows import smiles
from tests.records import tracks_record


def store(project: Project, found: Smiles) -> None:
    found.write(project.smiles_file("film"))
    finish_smiles(project, "film", "m")


def test_no_rows() -> None:
    assert smiling_intervals(Smiles.empty(), 1) == []
    assert is_smiling(Smiles.empty()).shape == (0,)


@pytest.mark.parametrize(
    ("score", "intervals"),
    [
        ([0.1] * 10, []),
        ([0.9] * 10, [(0.0, 1.0)]),
        ([0.9] * 4 + [0.1] * 2 + [0.9] * 4, [(0.0, 1.0)]),
        ([0.9] * 4 + [0.1] * 6 + [0.9] * 4, [(0.0, 0.4), (1.0, 1.4)]),
        ([0.1] * 4 + [0.9] + [0.1] * 6, []),
    ],
    ids=["never", "always", "a short break", "twice", "too short"],
)
def test_intervals(score: list[float], intervals: list[tuple[float, float]]) -> None:
    found = smiling_intervals(smiles(score), 1)
    assert [pytest.approx(span) for span in found] == intervals


def test_intervals_are_of_one_person() -> None:
    both = Smiles.concatenate([smiles([0.9] * 10), smiles([0.1] * 10, person=2)])
    assert smiling_intervals(both, 2) == []
    assert smiling_intervals(both, 3) == []
    assert len(smiling_intervals(both, 1)) == 1


def test_one_frame_is_an_interval_without_length() -> None:
    assert smiling_intervals(smiles([0.9]), 1) == [(0.0, 0.0)]


def test_a_resting_face_that_scores_as_a_smile_is_none() -> None:
    scores = [0.93, 0.95, 0.94] * 20 + [0.999, 0.9995] * 20
    assert is_smiling(smiles(scores)).tolist() == [False] * 60 + [True] * 40


@pytest.mark.parametrize(
    "scores",
    [[0.99, 0.98, 0.995] * 20, [0.1, 0.05] * 20 + [0.99, 0.98] * 20, [0.93] * 5 + [0.9995] * 5],
    ids=["one heap", "a resting face that scores low", "too few frames"],
)
def test_otherwise_the_scores_of_the_model_count(scores: list[float]) -> None:
    assert (is_smiling(smiles(scores)) == (np.array(scores) > 0.5)).all()


def test_log_odds_are_finite() -> None:
    odds = log_odds(np.array([0, 0.5, 1], np.float32))
    assert np.isfinite(odds).all()
    assert odds[1] == 0
    assert odds[0] == pytest.approx(-odds[2])


def test_smiles_are_stored_with_their_key(tmp_path: Path) -> None:
    project = Project(tmp_path / "film.fancam")
    project.finish(TRACKS, tracks_record({1: "Anna"}), "film")
    assert stored_smiles(project, "film", "m") is None
    store(project, smiles([0.2, 0.8]))
    again = stored_smiles(Project(project.folder), "film", "m")
    assert again is not None
    assert again.smile.tolist() == pytest.approx([0.2, 0.8])
    assert stored_smiles(project, "film", "other") is None
    key = smiles_key(project, "film", "m")
    project.finish(TRACKS, tracks_record({1: "Anna", 2: "Ben"}), "film")
    assert stored_smiles(project, "film", "m") is None
    assert smiles_key(project, "film", "m") != key


def test_damaged_smiles_are_scored_again(tmp_path: Path) -> None:
    project = Project(tmp_path / "film.fancam")
    project.finish(TRACKS, tracks_record(), "film")
    store(project, smiles([0.2]))
    project.smiles_file("film").write_bytes(b"nothing")
    assert stored_smiles(project, "film", "m") is None
