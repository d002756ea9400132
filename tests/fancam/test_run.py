"""`fancam FOOTAGE...`, `fancam demo`, and behaviour that all subcommands share."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

import fancam.cli
from clustering.faces.labelled import numbers_in_frame
from data.core.run_log import LOG_FILE
from data.erasure.residue_scan import Needle, find_residues, picture_mark
from data.execution.space_needed import space_needed
from data.project.project import Project
from data.project.stages import FACES, TRACKER, TRACKS
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.people import open_people
from data.video.footage import add_footage, probe
from fancam.api.faces import best_backend
from fancam.run import _space_needed
from tests import ROOT
from tests.clips.catalogue import Clips
from tests.cropping.written_video import read_video
from tests.model_index import ModelIndex
from tests.records import faces_record, tracker_record, tracks_record
from tests.tracking.drawn_project import draw_project
from tracking.detection.ultralytics_env import set_ultralytics_offline


def test_help_names_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        fancam.cli.main(["--help"])
    assert done.value.code == 0
    assert "demo" in capsys.readouterr().out


def test_a_file_instead_of_the_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    folder.write_text("mine")
    assert fancam.cli.main(["demo", "--folder", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert folder.read_text() == "mine"


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit trainings to 16 epochs at 320 px: enough for the drawn cast."""
    set_ultralytics_offline()
    monkeypatch.setattr("tracking.training.plan._EPOCHS", (12, 16))
    monkeypatch.setattr("tracking.training.plan._CPU_IMGSZ", 320)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.usefixtures("quick_training")
def test_the_demo_finds_and_tracks_the_drawn_cast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from data.sample.cast import CAST

    assert fancam.cli.main(["demo", "--folder", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert f"{len(CAST)} people" in output
    gifs = [
        Path(line.strip())
        for line in output.splitlines()
        if line.startswith("  ") and line.endswith(".gif") and "smiles" not in line
    ]
    assert len(gifs) == len(CAST)
    montages = [Path(line.strip()) for line in output.splitlines() if line.endswith(".jpg")]
    assert len(montages) == len(CAST)
    assert all(montage.stat().st_size > 10_000 for montage in montages)
    idf1, idp = figures(output, "film")
    assert idf1 >= 0.95
    # Trainings differ between processors: some boxes of the right person are a little too wide.
    assert idp >= 0.98

    for name in [f"Person {number}" for number in range(1, len(CAST) + 1)]:
        video = read_video(tmp_path / "film.fancam" / "crops" / "film" / f"{name}.mp4")
        assert (video.codec, len(video.times_s), video.sound) == ("h264", 1250, "aac")
    assert len(gifs) == len(CAST)

    before = written(tmp_path)
    assert fancam.cli.main(["demo", "--folder", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out
    assert written(tmp_path) == before

    all_stages(tmp_path, capsys)
    erase_a_person(tmp_path / "film.fancam", capsys)


def all_stages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`fancam FOOTAGE` repeats no stage that was finished by its own command."""
    project = folder / "film.fancam"
    model = (project / "tracker" / "best.pt").stat().st_mtime_ns
    command = [str(folder / "film.mp4"), "--project", str(project), "--weights", "yolo11n.yaml"]
    assert fancam.cli.main([*command, "--no-review"]) == 0
    output = capsys.readouterr()
    for stage in ("cluster-faces", "train-tracker", "track-people", "crop-people", "smile-gifs"):
        assert stage in output.out + output.err
    assert "serve-people" in output.out
    assert (project / "tracker" / "best.pt").stat().st_mtime_ns == model


def erase_a_person(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No residue of an erased person is left in a project with all outputs."""
    with open_people(project / "people.sqlite") as people:
        DecisionLog(people).rename(3, "Anna Karenina")
    needle = Needle(
        ("Anna Karenina", "Person 3"), embeddings_of(project, 3), portraits_of(project, 3)
    )
    assert fancam.cli.main(["export", str(project)]) == 0
    assert find_residues(project, needle)
    assert fancam.cli.main(["forget", str(project), "Anna Karenina", "--yes"]) == 0
    output = capsys.readouterr().out
    assert "searched every file" in output
    assert ": 0 traces left" in output
    assert find_residues(project, needle) == []
    assert not list(project.rglob("Person 3*"))
    assert not (project / "tracker" / "best.pt").exists()
    assert len(list((project / "crops" / "film").glob("Person *.gif"))) == 5


def written(folder: Path) -> dict[Path, int]:
    """Return when each file but the log was written."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOG_FILE)
    return {path: path.stat().st_mtime_ns for path in files}


def portraits_of(project: Path, person_id: int) -> list[bytes]:
    faces = Faces.read(project / "faces" / "film.parquet")
    with open_people(project / "people.sqlite") as people:
        theirs = people.assignments("film").person_id == person_id
    numbers = numbers_in_frame(faces.frame_index)
    files = [
        Project(project).portrait_file("film", int(frame), int(number))
        for frame, number in zip(faces.frame_index[theirs], numbers[theirs], strict=True)
    ]
    return [picture_mark(file.read_bytes()) for file in files]


def embeddings_of(project: Path, person_id: int) -> NDArray[np.float32]:
    faces = Faces.read(project / "faces" / "film.parquet")
    with open_people(project / "people.sqlite") as people:
        theirs = people.assignments("film").person_id == person_id
    return np.asarray(faces.embedding[theirs], np.float32)


def figures(output: str, name: str) -> tuple[float, float]:
    """Return IDF1 and identity precision from the table of tracking.evaluation."""
    row = next(line for line in output.splitlines() if line.startswith(f"{name} ") and "." in line)
    return float(row.split()[1]), float(row.split()[2])


# --- all stages, and subcommands ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.mp4"], "missing.mp4: no such file"),
        (["a.mp4", "b.mp4"], "set its folder with --project"),
        (["no*.mp4"], "nothing matches this pattern"),
        (["zeros.mp4"], "zeros.mp4: the file is empty"),
        (["film.mp4", "--threads", "-1"], "--threads -1: give a number from 0"),
        ([], "give a video"),
        (["--pair", "film.mp4", "film.mp4", "--project", "a"], "--pair film.mp4: named twice"),
        (["--pair", "film.mp4", "b.mp4"], "set its folder with --project"),
        (["film.mp4", "--offset", "3"], "--offset: no pair before it"),
        (["film.mp4", "--weights", "none.pt"], "none.pt"),
        (
            ["film.mp4", "--weights", "none.txt"],
            "neither weights (.pt) nor an architecture (.yaml)",
        ),
        (
            ["film.mp4", "--weights", "yolo11n.yaml", "--models", "unused"],
            "unused: no such folder; give --models a folder of model files",
        ),
        (["forget", "nowhere", "Anna"], "nowhere: not a fancam project"),
        (["export", "nowhere"], "nowhere: not a fancam project"),
    ],
)
def test_refused_before_anything_is_written(
    arguments: list[str],
    words: str,
    clips: Clips,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clips("constant_rate.mp4"), "film.mp4")
    Path("zeros.mp4").touch()
    assert fancam.cli.main(arguments) == 2
    output = capsys.readouterr().err.splitlines()
    assert len(output) == 1
    assert output[0].startswith("fancam: ")
    assert words in output[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "zeros.mp4"]


def test_a_disk_that_is_too_small_is_reported_first(
    clips: Clips,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clips("constant_rate.mp4"), "film.mp4")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert fancam.cli.main(["film.mp4", "--weights", "yolo11n.yaml"]) == 2
    assert "and 1.0 KB is free; free some space" in capsys.readouterr().err
    assert not (tmp_path / "film.fancam").exists()


def test_a_missing_encoder_is_reported_first(
    clips: Clips,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(_: object) -> None:
        raise ValueError("no such device")

    monkeypatch.chdir(tmp_path)
    shutil.copy(clips("constant_rate.mp4"), "film.mp4")
    monkeypatch.setattr("cropping.render.encoder._encode_test_frame", broken)
    assert fancam.cli.main(["film.mp4", "--weights", "yolo11n.yaml"]) == 2
    assert "libx264: does not work on this machine (no such device)" in capsys.readouterr().err
    assert not (tmp_path / "film.fancam").exists()


def test_finished_stages_need_no_space(
    clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film = Path(shutil.copy(clips("constant_rate.mp4"), "film.mp4"))
    project, footage = Project(tmp_path / "film.fancam"), probe(film)
    whole = _space_needed(project, [footage], training=True)
    assert whole == space_needed([footage])
    untrained = _space_needed(project, [footage], training=False)
    assert untrained == {**whole, "train-tracker": 0}
    add_footage(project, footage)
    project.finish(FACES, faces_record(), "film")
    project.finish(TRACKER, tracker_record())
    project.finish(TRACKS, tracks_record(), "film")
    left = _space_needed(project, [footage], training=True)
    unwritten = {name: whole[name] for name in ("crop-people", "smile-gifs")}
    assert left == {**dict.fromkeys(whole, 0), **unwritten}


def test_missing_models_are_one_line(
    model_index: ModelIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    """dlib goes on alone."""
    backend = best_backend(offline=True, threads=2)
    assert (backend.detector, backend.embedder, backend.threads) == ("cnn", "dlib", 2)
    output = capsys.readouterr()
    assert output.err.startswith("fancam: centerface and sface are missing (offline): ")
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert model_index.pip_runs == []
    backend = best_backend()
    assert (backend.detector, backend.embedder) == ("centerface", "sface")
    assert capsys.readouterr().err.count("fancam: fetching ") == 2


@pytest.mark.parametrize("command", ["status", "clean", "forget", "export", "demo"])
def test_help_of_each_command_is_quick(command: str) -> None:
    program = (
        "import sys, fancam.cli\n"
        "try: fancam.cli.main(sys.argv[1:])\n"
        "finally: print({'numpy', 'torch', 'cv2', 'av'} & set(sys.modules))"
    )
    command_line = [sys.executable, "-c", program, command, "--help"]
    done = subprocess.run(command_line, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith(f"usage: fancam {command}")
    assert done.stdout.splitlines()[-1] == "set()"


def test_forgetting_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = draw_project(tmp_path / "a.fancam", train=2, val=1).folder
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert fancam.cli.main(["forget", str(project), "Person 2"]) == 2
    assert "cannot ask for confirmation without a terminal; add --yes" in capsys.readouterr().err
    assert fancam.cli.main(["forget", str(project), "Bob"]) == 2
    output = capsys.readouterr().err
    assert "no person of that name; the project has" in output
    with open_people(project / "people.sqlite") as people:
        assert "Person 2" in people.names().values()


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = draw_project(tmp_path / "a.fancam", train=2, val=1).folder
    assert fancam.cli.main(["export", str(project)]) == 0
    names = ["coco.zip", "label-studio.zip"]
    assert sorted(path.name for path in (project / "export").iterdir()) == names
    assert "3 images" in capsys.readouterr().out
    out = tmp_path / "elsewhere"
    assert fancam.cli.main(["export", str(project), "--format", "coco", "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["coco.zip"]
    assert fancam.cli.main(["export", str(project), "--format", "mot"]) == 2
    assert "no tracks to export" in capsys.readouterr().err
