from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.execution.context import RunContext
from data.project.project import Project
from data.tables.tracks import read_tracks
from tests.bars import Bars
from tests.records import stored_records
from tests.tracking import coloured
from tests.tracking.coloured import NAMES
from tracking.detection.detections import FootageDetections
from tracking.erasure import erase_tracks
from tracking.stage import TrackSettings, track_people

ANNA, BEN = NAMES


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return coloured.write_project(tmp_path / "film.fancam")


@pytest.mark.usefixtures("network")
def test_no_residue_is_left(project: Project, tmp_path: Path) -> None:
    footage = coloured.write_footage(tmp_path / "film.mp4")
    settings = TrackSettings(overlay=True, mot=True)
    track_people(project, [footage], settings, context=RunContext(Bars()))
    before, _ = read_tracks(project, "film")
    report = project.tracker_folder / "report"
    report.mkdir(parents=True)
    for path in (project.tracker_folder / "best.pt", report / "report.html"):
        path.write_text("Anna", encoding="utf-8")
    (report / "mine.txt").write_text("my own notes", encoding="utf-8")
    timeline = FootageDetections.read(project.tracks_file("film").with_suffix(".npz")).timeline

    assert erase_tracks(project, ANNA)
    after, names = read_tracks(Project(project.folder), "film")
    assert names == {BEN: NAMES[BEN]}
    rows = before.take(before.person_id == BEN)
    np.testing.assert_allclose(after.xyxy, rows.xyxy, atol=0.01)
    found = FootageDetections.read(project.tracks_file("film").with_suffix(".npz"))
    assert len(found.detections) == 0
    np.testing.assert_array_equal(found.timeline.cuts, timeline.cuts)
    mot = project.tracks_file("film").with_suffix(".txt").read_text("utf-8").splitlines()
    assert {line.split(",")[1] for line in mot} == {str(BEN)}
    assert sorted(p.name for p in project.tracks_file("film").parent.iterdir()) == [
        "film.csv",
        "film.npz",
        "film.txt",
    ]
    assert [p.name for p in report.iterdir()] == ["mine.txt"]
    left = [p for p in project.folder.rglob("*") if p.is_file() and p.suffix != ".sqlite"]
    assert not [p for p in left if b"Anna" in p.read_bytes()]
    assert "Anna" not in json.dumps(stored_records(project.folder))
    assert not erase_tracks(project, ANNA)


def test_a_project_without_tracks(project: Project) -> None:
    shutil.rmtree(project.tracker_folder)
    assert not erase_tracks(project, ANNA)
    assert not project.tracker_folder.exists()
