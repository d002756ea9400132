from __future__ import annotations

from pathlib import Path

import pytest

from data.core.errors import InputError
from tests.tracking import coloured
from tests.tracking.coloured import FACTS, ColourNetwork
from tests.tracking.training.test_report import result
from tracking import stage, track_cli
from tracking.detection import tasks
from tracking.detection.export import ExportedModel
from tracking.training.report import REPORT, advice, write_report, write_result
from tracking.training.usefulness import require_useful, weakness_lines

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


def test_a_useless_detector_does_not_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(FACTS, b""))
    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (ColourNetwork(), FACTS, 4))
    coloured.write_footage(tmp_path / "film.mp4")
    project = coloured.write_project(tmp_path / "film.fancam")
    report = project.tracker_folder / REPORT
    write_report(report, result(MISSED, names=NAMES), [])
    write_result(report, result(MISSED, names=NAMES))
    command = [str(project.folder), str(tmp_path / "film.mp4")]
    assert track_cli.main(command) == 2
    error = capsys.readouterr().err
    assert "the tracker recognises only 1 of 45 validation faces; train longer: " in error
    assert "train longer</td>" in (report / "report.html").read_text(encoding="utf-8")
    assert not project.tracks_file("film").exists()
    assert track_cli.main([*command, "--force"]) == 0


def test_a_detector_without_a_report_is_accepted(tmp_path: Path) -> None:
    require_useful(tmp_path, tmp_path)
    (tmp_path / "result.json").write_text("{}", encoding="utf-8")
    require_useful(tmp_path, tmp_path)
    write_result(tmp_path, result(MISSED, names=NAMES))
    with pytest.raises(InputError, match="1 of 45"):
        require_useful(tmp_path, tmp_path)
