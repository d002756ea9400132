from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tracking import coloured
from tests.tracking.coloured import ColourNetwork
from tests.tracking.test_export import write_weights
from tests.tracking.test_track_stage import FACTS
from tracking import stage
from tracking.export import ExportedModel
from tracking.naming import NamingSettings
from tracking.track_cli import _parser, main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(FACTS, b""))
    monkeypatch.setattr(stage, "load_yolo", lambda *_, **__: (ColourNetwork(), FACTS, 4))
    coloured.write_footage(tmp_path / "film.mp4")
    return coloured.write_project(tmp_path / "film.fancam").folder


def test_report(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert main(["film.fancam", "film.mp4", "--format", "mot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "film: 40 frames, 1 cuts",
        "  Anna          seen in     34 frames, filled in 6",
        "  Ben, the 2nd  seen in     40 frames, filled in 0",
        "tracks   film.fancam/tracks/film.csv",
        "tracks   film.fancam/tracks/film.txt",
    ]
    assert lines[5].startswith("done in ")
    assert main(["film.fancam"]) == 0
    again = capsys.readouterr().out
    assert "(done before)" in again
    assert "nothing to do, all is up to date" in again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--every-nth", "0"], "--every-nth 0: give a number from 1 to 10000"),
        (["--threads", "-1"], "--threads -1: give a number from 0"),
        (["--max-gap", "-1"], "--max-gap -1: give a number from 0 to 3600 seconds"),
        (["--smooth", "nan"], "--smooth nan: give a number from 0 to 60 seconds"),
        (["missing.mp4"], "missing.mp4: no such file"),
    ],
)
def test_bad_input(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(project), *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "concert.mp4")]) == 2
    assert "no fancam project; give the folder that cluster-faces made" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = coloured.write_project(tmp_path / "film.fancam").folder
    assert main([str(folder)]) == 2
    assert "no tracker yet; run train-tracker first" in capsys.readouterr().err


@pytest.mark.slow
def test_whole_way_leaves_nothing_outside(tmp_path: Path) -> None:
    """A process of its own, with a real network, which has learned nothing."""
    folder = coloured.write_project(tmp_path / "film.fancam").folder
    coloured.write_footage(tmp_path / "film.mp4")
    (folder / "tracker").mkdir()
    write_weights(folder / "tracker" / "best.pt", fancam={"person_id": [5, 9]})
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "tracking.track_cli", str(folder), str(tmp_path / "film.mp4")]
    root = Path(__file__).resolve().parents[2]
    environment = {"HOME": str(home), "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "film: 40 frames" in done.stdout
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.fancam", "film.mp4", "home"]


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 1
    assert "--every-nth" in capsys.readouterr().out


def test_defaults_are_the_stages() -> None:
    parsed = _parser().parse_args(["x"])
    assert NamingSettings() == NamingSettings(max_gap_s=parsed.max_gap, smooth_s=parsed.smooth)
