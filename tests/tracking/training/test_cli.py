from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data.project.project import Project
from data.project.stages import TRACKER
from tests import ROOT
from tests.records import stored_records, tracker_record
from tests.tracking.drawn_project import NAMES, draw_project
from tracking.training.cli import main

QUICK = ("--weights", "yolo11n.yaml", "--epochs", "2", "--imgsz", "96", "--device", "cpu")

# Runs the command with all network access refused and logged.
WATCHED = """
import socket, sys, urllib.request
from pathlib import Path
log = Path(sys.argv.pop(1))
def refuse(*args, **kwargs):
    with log.open("a") as file:
        file.write(repr(args[1:] or args) + "\\n")
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
from tracking.training.cli import main
sys.exit(main(sys.argv[1:]))
"""


def files_under(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def environment(home: Path) -> dict[str, str]:
    """Return a user's environment without pytest's variables, with a key that starts uploads."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO", "MPL", "PYTEST"))}
    keys = {"ULTRALYTICS_API_KEY": "secret", "PYTHONPATH": str(ROOT), "HOME": str(home)}
    cleared = {name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    return {**kept, **keys, **cleared, "TMPDIR": str(home / "tmp")}


def watched(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", WATCHED, str(home.parent / "network.log"), *arguments]
    return subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return a folder with an empty home and a project that was trained from there."""
    place = tmp_path_factory.mktemp("ran")
    draw_project(place / "a.fancam")
    options = (*QUICK, "--learning-curve", "--progress", "bar")
    return place, watched(place / "home", str(place / "a.fancam"), *options)


Ran = tuple[Path, subprocess.CompletedProcess[str]]


def test_trains_and_reports(ran: Ran) -> None:
    place, done = ran
    assert done.returncode == 0, done.stderr
    tracker = place / "a.fancam/tracker"
    assert files_under(tracker) == [
        "best.pt",
        "report/confusion_matrix.png",
        "report/learning_curve.csv",
        "report/learning_curve.png",
        "report/people.csv",
        "report/report.html",
        "report/result.json",
        "report/training.png",
    ]
    assert stored_records(place / "a.fancam")["tracker"]["person_id"] == [10, 20]
    curve = (tracker / "report/learning_curve.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[0] for row in curve] == ["share", "0.12", "0.25", "0.5", "1"]


def test_uses_no_network_and_writes_only_to_the_project(ran: Ran) -> None:
    place, _ = ran
    log = place / "network.log"
    assert not log.exists(), log.read_text()
    assert files_under(place / "home") == []
    assert not list((place / "a.fancam/dataset").rglob("*.cache"))


def test_prints_only_the_report(ran: Ran) -> None:
    _, done = ran
    lines = done.stdout.splitlines()
    assert lines[0] == "detector of 2 people, trained for 2 epochs"
    assert lines[1].startswith(f"  {NAMES[0]}")
    assert lines[-2].startswith("report")
    bars = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
    assert {line.split(":")[0] for line in bars} == {"train-tracker"}
    assert re.search(r"epoch 2/2: \d+%", done.stderr)


def test_a_second_run_does_nothing(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    place, _ = ran
    model = place / "a.fancam/tracker/best.pt"
    before = model.stat().st_mtime_ns
    assert main([str(place / "a.fancam"), *QUICK, "--learning-curve"]) == 0
    assert main([str(place / "a.fancam"), *QUICK, "--resume"]) == 0
    *_, before_last, last = capsys.readouterr().out.splitlines()
    assert before_last == "already up to date"
    assert last.startswith("next: track-people ")
    assert model.stat().st_mtime_ns == before


def _nothing(_: Path) -> None:
    pass


def _no_project(folder: Path) -> None:
    (folder / "project.json").unlink()


def _another_version(folder: Path) -> None:
    (folder / "project.json").write_text(json.dumps({"schema": 99}), encoding="utf-8")


def _no_dataset(folder: Path) -> None:
    (folder / "dataset/data.yaml").unlink()


def _no_people(folder: Path) -> None:
    (folder / "people.sqlite").unlink()


def _other_people(folder: Path) -> None:
    file = folder / "dataset/data.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Person 2", "Nobody"), "utf-8")


def _damaged_weights(folder: Path) -> None:
    (folder / "bad.pt").write_bytes(b"no weights")


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        pytest.param(_no_project, [], "not a fancam project", id="no project"),
        pytest.param(_another_version, [], "made by a newer fancam", id="another version"),
        pytest.param(_no_dataset, [], "no dataset to train on", id="no dataset"),
        pytest.param(_no_people, [], "no people in it", id="no people"),
        pytest.param(_other_people, [], "the dataset names 'Nobody'", id="other people"),
        pytest.param(_nothing, ["--weights", "no.pt"], "no such file", id="no weights"),
        pytest.param(_damaged_weights, ["--weights", "bad.pt"], "not readable", id="bad weights"),
        pytest.param(_nothing, ["--epochs", "0"], "--epochs 0: give a number", id="epochs"),
        pytest.param(_nothing, ["--imgsz", "9"], "--imgsz 9: give a number", id="imgsz"),
        pytest.param(_nothing, ["--batch", "-1"], "--batch -1: give a number", id="batch"),
        pytest.param(_nothing, ["--seed", "-1"], "--seed -1: give a number", id="seed"),
        pytest.param(_nothing, ["--device", "tpu"], "--device tpu: give", id="device"),
        pytest.param(
            _nothing,
            ["--device", "cuda:77"],
            "this machine has no such device; set it to auto or cpu",
            id="no such GPU",
        ),
        pytest.param(_nothing, ["--resume"], "no stopped training run", id="nothing to resume"),
        pytest.param(_nothing, ["--resume", "--force"], "give one of them", id="both"),
    ],
)
def test_errors_that_a_user_can_fix_are_one_line(
    spoil: Callable[[Path], None],
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "a.fancam"
    draw_project(folder, train=2, val=1)
    spoil(folder)
    monkeypatch.chdir(folder)
    before = set(files_under(folder))
    assert main([str(folder), "--weights", "yolo11n.yaml", *options]) == 2
    output = capsys.readouterr().err
    assert output.startswith("train-tracker: ")
    assert message in output
    assert output.count("\n") == 1
    assert set(files_under(folder)) - before <= {".lock", "logs/fancam.log"}


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    output = " ".join(capsys.readouterr().out.split())
    assert "yolo11n.yaml" in output
    assert "only those from sources that you trust" in output
    loaded = (
        "import sys, tracking.training.cli; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0


def test_a_full_disk_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_project(tmp_path / "a.fancam")

    def full(path: Path, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    command = [str(tmp_path / "a.fancam"), *QUICK]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        assert main(command) == 2
    assert "the disk is full" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "a.fancam/tracker/best.pt").exists()


def test_a_person_with_three_faces_is_trained_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a.fancam"
    draw_project(folder)
    for label in sorted((folder / "dataset/labels/train").iterdir())[3:]:
        lines = label.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("1 ")]
        label.write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert main([str(folder), *QUICK]) == 0
    output = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("  Person 2"))
    assert " 3 examples " in output
    assert "needs more examples" in output
    page = (folder / "tracker/report/report.html").read_text(encoding="utf-8")
    assert "needs more examples" in page


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_command_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a.fancam"
    draw_project(folder)
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    many = [str(folder), *QUICK[:3], "5", *QUICK[4:]]
    command = [sys.executable, "-m", "tracking.training.cli", *many]
    with subprocess.Popen(command, env=environment(home), cwd=ROOT, stderr=subprocess.DEVNULL) as p:
        last = folder / "tracker/training/all/last.pt"
        while not last.exists() and p.poll() is None:
            time.sleep(0.02)
        p.kill()
    assert not (folder / "tracker/best.pt").exists()
    assert not Project(folder).has_record(TRACKER)
    assert main([*many, "--resume"]) == 0
    output = capsys.readouterr()
    assert "trained for 5 epochs" in output.out
    assert "epoch 1/5" not in output.err
    assert (folder / "tracker/best.pt").exists()
    assert not (folder / "tracker/training").exists()


def test_a_stopped_training_leaves_the_earlier_detector_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tracking.training.stage._load", lambda *_: None)
    monkeypatch.setattr("tracking.training.stage._TrackerTraining._train", stop)
    folder = tmp_path / "a.fancam"
    draw_project(folder, train=2, val=1)
    project = Project(folder)
    project.finish(TRACKER, tracker_record())
    project.tracker_file.parent.mkdir(exist_ok=True)
    project.tracker_file.write_bytes(b"earlier")
    for options in ((), ("--force",)):
        assert main([str(folder), "--weights", "yolo11n.yaml", *options]) == 130
        assert "stopped; run the same command again" in capsys.readouterr().err
        assert Project(folder).record(TRACKER) == tracker_record()
        assert project.tracker_file.read_bytes() == b"earlier"


def test_resume_without_a_training_names_no_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "tracking.training.stage.find_weights", lambda *_, **__: pytest.fail("searched")
    )
    draw_project(tmp_path / "a.fancam", train=2, val=1)
    assert main([str(tmp_path / "a.fancam"), "--resume"]) == 2
    assert "no stopped training run to resume; leave out --resume" in capsys.readouterr().err
