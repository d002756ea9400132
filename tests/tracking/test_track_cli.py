from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import ROOT
from tests.tracking import coloured
from tests.tracking.coloured import FACTS, ColourNetwork
from tests.tracking.detection.test_export import write_weights
from tracking import stage
from tracking.detection import tasks
from tracking.detection.export import ExportedModel
from tracking.track_cli import main, make_parser
from tracking.tracks import LinkSettings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(FACTS, b""))
    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (ColourNetwork(), FACTS, 4))
    coloured.write_footage(tmp_path / "film.mp4")
    return coloured.write_project(tmp_path / "film.fancam").folder


def test_report(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert main(["film.fancam", "film.mp4", "--format", "mot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tracking faces only: yolo11n.pt is missing; track-people --body-")
    assert lines[1:6] == [
        "film: 40 frames, 1 cut",
        "  Anna          detected in     34 frames, interpolated in 6",
        "  Ben, the 2nd  detected in     40 frames, interpolated in 0",
        "tracks   film.fancam/tracks/film.csv",
        "tracks   film.fancam/tracks/film.txt",
    ]
    assert lines[6].startswith("done in ")
    assert main(["film.fancam"]) == 0
    again = capsys.readouterr().out
    assert "(already done)" in again
    assert "already up to date" in again


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
    output = capsys.readouterr().err
    assert message in output
    assert len(output.splitlines()) == 1


def test_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "concert.mp4")]) == 2
    assert (
        "not a fancam project; give the folder that cluster-faces made" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


def test_no_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = coloured.write_project(tmp_path / "film.fancam")
    project.tracker_file.unlink()
    assert main([str(project.folder), "--training"]) == 2
    assert "no detector yet; run train-tracker first" in capsys.readouterr().err
    assert main([str(project.folder), "--no-faces"]) == 2
    assert "run track-people without --no-faces, or run train-tracker" in capsys.readouterr().err


def test_a_broken_footage_does_not_stop_the_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project.parent / "lessons"
    folder.mkdir()
    coloured.write_footage(folder / "a.mp4")
    (folder / "b.mp4").write_bytes(b"no video")
    coloured.write_footage(folder / "c.mp4")
    assert main([str(project), str(folder)]) == 1
    output = capsys.readouterr()
    assert "a: 40 frames" in output.out
    assert "c: 40 frames" in output.out
    assert output.err.splitlines()[-1].startswith(f"track-people: {folder / 'b.mp4'}: ")


def test_a_full_disk_loses_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(project), str(project.parent / "film.mp4")]
    assert main(command) == 0
    tracks = project / "tracks" / "film.csv"
    before = tracks.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full_disk)
        assert main([*command, "--smooth", "0"]) == 2
    output = capsys.readouterr().err.splitlines()[-1]
    assert output.startswith("track-people: ")
    assert "the disk is full; free some space and run the same command again" in output
    assert tracks.read_bytes() == before
    assert main([*command, "--smooth", "0"]) == 0
    assert tracks.read_bytes() != before


def full_disk(path: Path, _: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def untrained_project(folder: Path, frames: int = coloured.FRAMES) -> Path:
    """Write a project with an untrained network, next to its footage."""
    project = coloured.write_project(folder / "film.fancam").folder
    coloured.write_footage(folder / "film.mp4", frames)
    write_weights(project / "tracker" / "best.pt", fancam={"person_id": [5, 9]})
    return project


def process_of(folder: Path, *arguments: str, code: str = "") -> subprocess.Popen[str]:
    """Start the command in a process, in ``folder``, with an empty home there."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    run = f"{code}\nimport sys\nfrom tracking.track_cli import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", run, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_run_is_resumed_with_the_same_tracks(tmp_path: Path) -> None:
    project, frames = untrained_project(tmp_path, frames=120), "--threads=1"
    small_checkpoints = "from tracking.detection import tasks\ntasks.CHECKPOINT_FRAMES = 16"
    command = (str(project), str(tmp_path / "film.mp4"), frames)
    with process_of(tmp_path, *command, code=small_checkpoints) as process:
        checkpoints = project / "tracks" / "film.parts"
        while not list(checkpoints.glob("*.npz")) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (project / "tracks" / "film.csv").exists()
    with process_of(tmp_path, *command, code=small_checkpoints) as process:
        output, error = process.communicate()
    assert process.returncode == 0, error
    assert "film: 120 frames" in output
    resumed = (project / "tracks" / "film.csv").read_bytes()
    assert not checkpoints.exists()
    with process_of(tmp_path, *command, "--force") as process:
        process.communicate()
    assert process.returncode == 0
    assert (project / "tracks" / "film.csv").read_bytes() == resumed


@pytest.mark.slow
def test_no_file_is_left_outside_the_project(tmp_path: Path) -> None:
    project = untrained_project(tmp_path)
    with process_of(tmp_path, str(project), str(tmp_path / "film.mp4")) as done:
        output, error = done.communicate()
    assert done.returncode == 0, error
    assert "film: 40 frames" in output
    assert list((tmp_path / "home").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.fancam", "film.mp4", "home"]


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 1
    assert "--every-nth" in capsys.readouterr().out


def test_defaults_are_those_of_the_stage() -> None:
    parsed = make_parser().parse_args(["x"])
    assert LinkSettings() == LinkSettings(max_gap_s=parsed.max_gap, smooth_s=parsed.smooth)


def test_removed_files_of_earlier_tracks_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.parent)
    assert main([str(project), str(project.parent / "film.mp4"), "--format", "mot"]) == 0
    assert "warning" not in capsys.readouterr().out
    assert main([str(project), "--smooth", "0", "--format", "csv"]) == 0
    assert not (project / "tracks" / "film.txt").exists()
    removed = f"warning: film: removed {project.name}/tracks/film.txt, made from earlier tracks"
    again = f"to write it again: track-people {project.name} film.mp4 --format mot"
    assert f"{removed}; {again}\n" in capsys.readouterr().out


def test_a_removed_overlay_is_not_mistaken_for_the_footage(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.parent)
    assert main([str(project), "film.mp4", "--format", "mot", "--overlay"]) == 0
    capsys.readouterr()
    assert main([str(project), "--smooth", "0", "--format", "csv"]) == 0
    tracks = f"{project.name}/tracks"
    removed = f"removed {tracks}/film.txt, {tracks}/film.mp4, made from earlier tracks"
    again = f"to write them again: track-people {project.name} film.mp4 --format mot --overlay"
    assert f"warning: film: {removed}; {again}\n" in capsys.readouterr().out
