"""Running only what the status and the reports name next leads to the page, from any state."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fancam.cli
from clustering import cli as clustering_cli
from clustering.output.write import clustered_record, mark_stopped
from cropping import crop_cli
from cropping.smiles import cli as smile_cli
from data.project.project import Project
from data.project.stages import GIFS, TRACKER
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import open_people
from fancam.status import _next, statuses_of
from tests.clips.encoding import encode
from tests.clips.numbered import CORNERS, WIDTH, pictures
from tests.clustering import fakes
from tests.clustering.child import install_fakes
from tests.records import training_result
from tests.renames import rename
from tests.tracking.coloured import ColourNetwork
from tracking import stage as tracking_stage
from tracking import track_cli
from tracking.detection import tasks
from tracking.detection.export import ExportedModel, ModelMetadata, weights_key
from tracking.training import cli as training_cli
from tracking.training import report as training_report
from tracking.training import stage as training_stage
from tracking.training.report import write_report, write_result

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "cluster-faces": clustering_cli.main,
    "train-tracker": training_cli.main,
    "track-people": track_cli.main,
    "crop-people": crop_cli.main,
    "smile-gifs": smile_cli.main,
}
MOST_STEPS = 10
_COLOURS = [CORNERS["red"], CORNERS["green"], CORNERS["blue"], (1, 2, 3)]  # the last: undetected


def install(replace: Callable[[Any, str, Any], None]) -> None:
    """Replace all networks, and the training, by cheap ones."""
    install_fakes(replace, fakes.CornerDetector())
    replace(training_stage, "find_weights", lambda *_: SimpleNamespace(key="w"))
    replace(training_stage, "_load", lambda *_: None)
    replace(training_stage._TrackerTraining, "train", _train)
    replace(tracking_stage, "exported_model", lambda file: ExportedModel(_metadata(file), b""))
    replace(tasks, "load_yolo", _load_yolo)


def _train(self: Any, person_id: list[int]) -> None:
    file = self.project.tracker_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([list(self.examples.names), list(person_id)]))
    result = training_result(self.examples.names)
    report = file.parent / training_report.REPORT
    write_result(report, result)
    write_report(report, result, [])
    self.project.finish(TRACKER, self.inputs)


def _metadata(file: Path) -> ModelMetadata:
    key = weights_key(file)
    names, ids = json.loads(file.read_text())
    return ModelMetadata(tuple(names), tuple(ids), WIDTH, key)


def _load_yolo(file: Path, **_: Any) -> tuple[ColourNetwork, ModelMetadata, int]:
    metadata = _metadata(file)
    colours = [_COLOURS[min(person, len(_COLOURS)) - 1] for person in metadata.person_id]
    return ColourNetwork(colours), metadata, 4


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with film.mp4 and p.fancam, after all stages."""
    folder = tmp_path_factory.mktemp("done")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        install(patch.setattr)
        encode(folder / "film.mp4", pictures(50), rate=25)
        assert clustering_cli.main(["film.mp4", "--project", "p.fancam", "--every", "0.1"]) == 0
        for name in list(COMMANDS)[1:]:
            assert COMMANDS[name](["p.fancam"]) == 0, name
    return folder


@pytest.fixture
def project(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    install(monkeypatch.setattr)
    return Project(Path("p.fancam"))


def decide(project: Project, *decisions: Decision) -> None:
    with open_people(project.people_file) as people:
        for decision in decisions:
            DecisionLog(people).decide(decision)


def swap(project: Project) -> None:
    rename(project, {1: "x", 2: "Person 1"})
    rename(project, {1: "Person 2"})


def merge(project: Project) -> None:
    decide(project, Decision(DecisionKind.MERGE, 2, 1))


def merge_and_reuse(project: Project) -> None:
    merge(project)
    rename(project, {1: "Person 2"})


def undone_merge(project: Project) -> None:
    merge(project)
    arrive(project)
    with open_people(project.people_file) as people:
        DecisionLog(people).undo(seen=people.revision())


def faces(project: Project, person: int, count: int | None) -> dict[str, FaceKeys]:
    with open_people(project.people_file) as people:
        found = people.assignments("film")
    rows = np.flatnonzero(found.person_id == person)[:count]
    return {"film": FaceKeys(found.time_s[rows], found.xyxy[rows])}


def eject(project: Project) -> None:
    decide(project, Decision(DecisionKind.EJECT, 1, faces=faces(project, 1, 3)))


def split(project: Project) -> None:
    decide(project, Decision(DecisionKind.SPLIT, -1, faces=faces(project, 1, 8)))


def move_all(project: Project) -> None:
    decide(project, Decision(DecisionKind.MOVE, 2, faces=faces(project, 3, None)))


def hide(project: Project) -> None:
    decide(project, Decision(DecisionKind.HIDE, 2))


def lose(path: str) -> Callable[[Project], None]:
    def lost(project: Project) -> None:
        place = project.folder / path
        assert place.exists(), path
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    return lost


def clean(kind: str) -> Callable[[Project], None]:
    def cleaned(project: Project) -> None:
        arguments = ["clean", str(project.folder), "--yes", "--only", kind]
        assert fancam.cli.main(arguments) == 0

    return cleaned


def stopped_writing(project: Project) -> None:
    mark_stopped(project, clustered_record(project))


def add(project: Project) -> None:
    encode(Path("encore.mp4"), pictures(30), rate=25)
    arguments = ["encore.mp4", "--project", str(project.folder), "--every", "0.1"]
    assert clustering_cli.main(arguments) == 0


def add_and_remove(project: Project) -> None:
    add(project)
    arrive(project)
    assert fancam.cli.main(["remove", "p.fancam", "encore", "--yes"]) == 0


def move_footage(project: Project) -> None:
    del project
    Path("film.mp4").rename("finale.mp4")
    assert clustering_cli.main(["finale.mp4", "--project", "p.fancam", "--every", "0.1"]) == 0


def change_footage(project: Project) -> None:
    del project
    encode(Path("film.mp4"), pictures(46), rate=25)


def forget(project: Project) -> None:
    assert fancam.cli.main(["forget", str(project.folder), "Person 3", "--yes"]) == 0


def only_best(project: Project) -> None:
    assert crop_cli.main([str(project.folder), "--only-present"]) == 0
    rename(project, {3: "Cleo"})


STATES: dict[str, Callable[[Project], None]] = {
    "done": lambda _: None,
    "renamed": lambda project: rename(project, {1: "Anna"}),
    "names swapped": swap,
    "merged": merge,
    "merged, and the name reused": merge_and_reuse,
    "a merge undone": undone_merge,
    "ejected": eject,
    "split": split,
    "all faces moved": move_all,
    "hidden": hide,
    "forgotten": forget,
    "best-of and renamed": only_best,
    "video lost": lose("crops/film/Person 1.mp4"),
    "timeline lost": lose("crops/film/timeline.json"),
    "tracks lost": lose("tracks/film.csv"),
    "detections lost": lose("tracks/film.npz"),
    "tracker lost": lose("tracker/best.pt"),
    "faces lost": lose("faces/film.parquet"),
    "dataset lost": lose("dataset"),
    "people folder lost": lose("people"),
    "crops cleaned": clean("crops"),
    "tracks cleaned": clean("tracks"),
    "tracker cleaned": clean("tracker"),
    "GIFs unfinished": lambda project: project.unfinish(GIFS, "film"),
    "writing stopped": stopped_writing,
    "footage added": add,
    "footage removed": add_and_remove,
    "footage moved": move_footage,
    "footage changed": change_footage,
}


def last_line(project: Project) -> str:
    """Return the last line of the status."""
    read = Project(project.folder)
    return _next(read, statuses_of(read))[-1]


def arrive(project: Project) -> list[str]:
    """Run what the status names next until everything is up to date; return the commands."""
    commands: list[str] = []
    while (line := last_line(project)).startswith("next: "):
        words = shlex.split(line.removeprefix("next: "))
        commands.append(line)
        assert len(commands) <= MOST_STEPS, commands
        assert commands.count(line) == 1, commands  # the command brought its output up to date
        extra = ["--every", "0.1"] if words[0] == "cluster-faces" else []
        assert COMMANDS[words[0]]([*words[1:], *extra]) == 0, commands
    assert line == "everything is up to date; watch it: serve-people p.fancam --open", commands
    return commands


@pytest.mark.parametrize("state", STATES)
def test_the_status_leads_to_the_page(project: Project, state: str) -> None:
    STATES[state](project)
    before = last_line(project)
    assert bool(arrive(project)) == before.startswith("next: ")
    if state not in ("done", "footage moved"):
        assert before.startswith("next: ")


def test_the_reports_lead_to_the_page(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    add(project)
    assert "then train-tracker p.fancam" in capsys.readouterr().out
    assert training_cli.main(["p.fancam"]) == 0
    for _ in range(3):
        line = capsys.readouterr().out.splitlines()[-1]
        words = shlex.split(line.split("next: ")[1])
        assert COMMANDS[words[0]](words[1:]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("next: serve-people p.fancam --open")
