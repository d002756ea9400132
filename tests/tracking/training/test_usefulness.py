from __future__ import annotations

from pathlib import Path

import pytest

from data.project.stages import TRACKER, TrackerRecord
from data.storage.shown import command_line
from data.tables.people import open_people
from tests.tracking import coloured
from tests.tracking.coloured import FACTS, ColourNetwork
from tests.tracking.training.test_report import result
from tracking import stage, track_cli
from tracking.detection import tasks
from tracking.detection.export import ExportedModel
from tracking.training.report import REPORT, advice, write_report, write_result
from tracking.training.stage import TRAINING_FOLDER
from tracking.training.usefulness import (
    ChosenDetector,
    choose_detector,
    longer_training,
    weakness_lines,
)

MISSED = [[0, 0, 20], [0, 1, 24], [0, 0, 0]]
NAMES = ("Anna", "Ben")


@pytest.mark.parametrize(
    ("confusion", "warning"),
    [
        pytest.param(MISSED, "only 1 of 45 validation faces", id="useless"),
        pytest.param([[9, 0, 11], [0, 9, 16], [0, 0, 0]], "only 18 of 45", id="weak"),
        pytest.param([[19, 0, 1], [0, 24, 1], [0, 0, 0]], "", id="good"),
        pytest.param([[0, 0, 0], [0, 0, 0], [0, 0, 0]], "", id="not checked"),
    ],
)
def test_a_weak_detector_is_named_with_the_command_that_trains_longer(
    confusion: list[list[int]], warning: str
) -> None:
    lines = weakness_lines(result(confusion, names=NAMES), Path("a.fancam"))
    assert len(lines) == bool(warning)
    assert all(warning in line for line in lines)
    assert all(line.endswith("train-tracker a.fancam --force --epochs 100") for line in lines)


def test_more_examples_are_no_advice_for_a_training_that_failed() -> None:
    failed = result([[0, 0, 20], [0, 0, 25], [0, 0, 0]], names=NAMES)
    assert [advice(failed, person) for person in (0, 1)] == ["", ""]


def test_a_useless_detector_is_not_used_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, and without recognised faces, nobody is followed, which a line says."""
    network = ColourNetwork()
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(FACTS, b""))
    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (network, FACTS, 4))
    coloured.write_footage(tmp_path / "film.mp4")
    project = coloured.write_project(tmp_path / "film.fancam")
    report = project.tracker_folder / REPORT
    write_report(report, result(MISSED, names=NAMES), [])
    write_result(report, result(MISSED, names=NAMES))
    assert "train longer</td>" in (report / "report.html").read_text(encoding="utf-8")
    command = [str(project.folder), str(tmp_path / "film.mp4"), "--offline"]
    assert track_cli.main(command) == 0
    said = capsys.readouterr().out
    assert "the trained detector recognises only 1 of 45 validation faces, so it is not" in said
    assert f"train longer: {longer_training(result(MISSED, names=NAMES), project.folder)}" in said
    assert network.images == 0
    assert track_cli.main([*command, "--training"]) == 0
    assert network.images > 0


def test_a_detector_without_a_report_is_used(tmp_path: Path) -> None:
    project = coloured.write_project(tmp_path / "film.fancam")
    with open_people(project.people_file) as people:
        assert choose_detector(project, people, None) == ChosenDetector(project.tracker_file)
        assert choose_detector(project, people, False) == ChosenDetector(None)
        write_result(project.tracker_folder / REPORT, result(MISSED, names=NAMES))
        assert "1 of 45" in choose_detector(project, people, None).note
        assert choose_detector(project, people, True) == ChosenDetector(project.tracker_file)
        project.tracker_file.unlink()
        assert choose_detector(project, people, None) == ChosenDetector(None)


def test_a_detector_that_was_not_written_to_its_end_is_not_used(tmp_path: Path) -> None:
    project = coloured.write_project(tmp_path / "film.fancam")
    (project.tracker_folder / TRAINING_FOLDER).mkdir()
    with open_people(project.people_file) as people:
        chosen = choose_detector(project, people, None)
        assert chosen.weights is None
        assert chosen.note.endswith(f"continue: {command_line('train-tracker', project.folder)}")
        assert choose_detector(project, people, True) == ChosenDetector(project.tracker_file)
        ids = tuple(people.names())
        project.finish(TRACKER, TrackerRecord(1, ids, "", "", None, None, None, 0))
        assert choose_detector(project, people, None) == ChosenDetector(project.tracker_file)


def test_a_detector_of_people_who_are_gone_is_not_used(tmp_path: Path) -> None:
    project = coloured.write_project(tmp_path / "film.fancam")
    project.finish(TRACKER, TrackerRecord(1, (1, 99), "", "", None, None, None, 0))
    with open_people(project.people_file) as people:
        chosen = choose_detector(project, people, None)
    assert chosen.weights is None
    assert chosen.note.endswith(f"train again: {command_line('train-tracker', project.folder)}")
