from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import DETECTIONS, TRACKER, TRACKS
from data.tables.people import open_people
from tests.bars import Bars
from tests.records import tracker_record
from tests.tracking import coloured
from tests.tracking.coloured import FACTS
from tests.tracking.drawn_project import draw_project
from tracking import stage
from tracking.detection import inputs
from tracking.detection.export import ExportedModel, weights_key
from tracking.stage import TrackSettings, track_people
from tracking.state import states
from tracking.training.examples import read_examples
from tracking.training.stage import VERSION

DONE = [("tracker", "done", ""), ("tracks", "done", "")]


@pytest.fixture
def project(
    tmp_path: Path,
    network: coloured.ColourNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """Return a project whose records say that it is trained and tracked."""
    del network
    drawn = draw_project(tmp_path / "film.fancam", train=3, val=2, names=tuple(FACTS.names))
    model = drawn.tracker_folder / "best.pt"
    model.parent.mkdir()
    model.write_bytes(b"a network")
    metadata = dataclasses.replace(FACTS, key=weights_key(model), person_id=(10, 20))
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(metadata, b""))
    key = read_examples(drawn.dataset_folder).key
    drawn.finish(TRACKER, tracker_record(version=VERSION, dataset=key, person_id=(10, 20)))
    footage = coloured.write_footage(tmp_path / "film.mp4")
    track_people(drawn, [footage], TrackSettings(), context=RunContext(Bars()))
    return drawn


def statuses(project: Project) -> list[tuple[str, str, str]]:
    return [(one.output, one.state, one.reason) for one in states(Project(project.folder))]


def test_before_anything(tmp_path: Path) -> None:
    assert statuses(Project(tmp_path / "a.fancam")) == [("tracker", "missing", "no people yet")]
    assert not (tmp_path / "a.fancam").exists()


def test_not_trained_yet(tmp_path: Path) -> None:
    drawn = draw_project(tmp_path / "film.fancam", train=2, val=1)
    assert statuses(drawn) == [("tracker", "optional", "not trained; tracking works without it")]
    (drawn.tracker_folder / "training").mkdir(parents=True)
    assert statuses(drawn) == [("tracker", "missing", "its training is not finished")]


def test_all_is_done(project: Project) -> None:
    assert statuses(project) == DONE


def write(file: Callable[[Project], Path], content: bytes) -> Callable[[Project], Any]:
    return lambda project: file(project).write_bytes(content)


def rename(project: Project) -> None:
    with open_people(project.people_file) as people:
        people.connection.execute("UPDATE people SET name = 'Cleo' WHERE person_id = 20")
        people.connection.commit()


def retrain(project: Project) -> None:
    (project.tracker_folder / "best.pt").write_bytes(b"another network")


def lose_tracks(project: Project) -> None:
    project.tracks_file("film").unlink()


def grow(project: Project) -> None:
    with project.footages["film"].path.open("ab") as file:
        file.write(b"more")


def other_dataset(project: Project) -> None:
    label = next(project.dataset_folder.glob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.2 0.2\n", encoding="utf-8")
    (project.dataset_folder / ".generated.json").write_text('{"files": {}}', encoding="utf-8")


def stop(project: Project) -> None:
    project.unfinish(TRACKS, "film")


def forget_detections(project: Project) -> None:
    project.unfinish(DETECTIONS, "film")


def no_tracker(project: Project) -> None:
    shutil.rmtree(project.tracker_folder)


CASES: dict[str, tuple[Callable[[Project], Any], list[tuple[str, str, str]]]] = {
    "trained again": (
        retrain,
        [DONE[0], ("tracks", "stale", "tracked by an earlier detector")],
    ),
    "no tracker": (
        no_tracker,
        [
            ("tracker", "optional", "not trained; tracking works without it"),
            ("tracks", "stale", "its detector is missing or can no longer be used"),
        ],
    ),
    "lost": (lose_tracks, [DONE[0], ("tracks", "missing", "film.csv is gone")]),
    "changed": (grow, [DONE[0], ("tracks", "stale", "the footage has changed")]),
    "dataset": (other_dataset, [("tracker", "stale", "the dataset has changed since"), DONE[1]]),
    "stopped": (stop, [DONE[0], ("tracks", "missing", "not tracked yet")]),
    "detections": (
        forget_detections,
        [DONE[0], ("tracks", "stale", "its detections are missing")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_unfinished_stages_have_a_reason(project: Project, case: str) -> None:
    change, expected = CASES[case]
    change(project)
    assert statuses(project) == expected
    unfinished = [one for one in states(Project(project.folder)) if one.state != "done"]
    # Without a tracker, track-people refuses until train-tracker has run.
    has_tracker = project.tracker_file.exists()
    assert all(one.command for one in unfinished if has_tracker or one.output == "tracker")
    assert unfinished[0].command


def test_other_names(project: Project) -> None:
    rename(project)
    assert statuses(project)[1] == ("tracks", "stale", "people were renamed")


def test_another_version(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "VERSION", inputs.VERSION + 1)
    assert statuses(project)[1] == ("tracks", "stale", "tracked by another version of fancam")


def test_tracked_without_the_faces(project: Project) -> None:
    settings = TrackSettings(faces=False, every_nth=2, mot=True)
    track_people(project, [], settings, context=RunContext(Bars()))
    assert statuses(project) == DONE
