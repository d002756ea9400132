"""`fancam clean` removes files that can be regenerated, and no others."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.stage import crop_people
from data.execution.context import RunContext
from data.project.project import Project
from tests.bars import no_bar
from tests.clips.catalogue import Clips
from tests.clustering.command import snapshot
from tests.records import stored_records
from tests.whole_project import CROPS, make_project

MINE = (
    "notes.txt",
    "people/mine.jpg",
    "people/Person 1/mine.jpg",
    "dataset/mine.txt",
    "crops/clip/mine.mp4",
    "tracks/mine.csv",
    "tracker/mine.pt",
    "tracker/weights/yolo11n.pt",
    "tracker/report/mine.csv",
    "export/mine.zip",
)
KEPT = ("people.sqlite", "project.json")
KEPT_FOLDERS = ("faces/", "labels/")


@pytest.fixture
def project(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with every kind of output, and the user's files among them."""
    monkeypatch.chdir(tmp_path)
    made = make_project(clips("constant_rate.mp4"), monkeypatch.setattr)
    _write(made.folder / "crops" / "clip" / ".pieces" / "1-x" / "piece-000000.nut")
    for name in MINE:
        _write(made.folder / name)
    return made


def _write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"content of it")


def files(project: Project) -> set[str]:
    return set(snapshot(project.folder))


def clean(project: Project, *options: str) -> int:
    return fancam.cli.main(["clean", str(project.folder), *options])


def test_removes_files_that_can_be_regenerated(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(project.folder)
    stay = {path for path in before if path.startswith(KEPT_FOLDERS)}
    capsys.readouterr()
    assert clean(project, "--yes") == 0
    lines = capsys.readouterr().out.splitlines()
    kinds = [line.split()[0] for line in lines[:-1]]
    assert kinds == ["exports", "cache", "crops", "tracks", "tracker", "dataset"]
    assert lines[-1].endswith("freed; the commands above make these files again")
    after = snapshot(project.folder)
    assert set(after) == {*MINE, *KEPT} | stay
    assert [p for p in after if after[p] != before[p] and p != "project.json"] == []
    stages = stored_records(project.folder)
    assert sorted(stages) == ["content of clip", "faces of clip", "people"]
    assert clean(project) == 0
    assert capsys.readouterr().out == "nothing to remove\n"


def test_the_dataset_is_regenerated_identically(project: Project) -> None:
    """The bytes are the same, without another clustering."""
    before, stages = snapshot(project.folder), stored_records(project.folder)
    assert clean(project, "--yes", "--only", "dataset") == 0
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    after = snapshot(project.folder)
    kept = [path for path in before if not path.endswith((".generated.json", "project.json"))]
    assert {path: after[path][1] for path in kept} == {path: before[path][1] for path in kept}
    assert after["people.sqlite"] == before["people.sqlite"]
    assert stored_records(project.folder) == stages


def test_videos_are_regenerated_identically(project: Project) -> None:
    before = snapshot(project.folder)
    shutil.rmtree(project.folder / "crops" / "clip" / ".pieces")
    assert clean(project, "--yes", "--only", "crops") == 0
    assert not [path for path in files(project) if path.startswith("crops/clip/Person")]
    again = Project(project.folder)
    crop_people(again, [], CROPS, context=RunContext(no_bar))
    smile_gifs(again, [], SmileSettings(), context=RunContext(no_bar))
    after = snapshot(project.folder)
    crops = [p for p in before if p.startswith("crops/") and ".pieces" not in p]
    assert {path: after[path][1] for path in crops} == {path: before[path][1] for path in crops}


def test_only_some_kinds(project: Project) -> None:
    before = files(project)
    assert clean(project, "--yes", "--only", "tracks", "--only", "cache") == 0
    assert before - files(project) == {
        ".web/ab/abcd.jpg",
        "tracks/clip.csv",
        "tracks/clip.mp4",
        "tracks/clip.npz",
        "tracks/clip.parts/x-000000.npz",
    }
    stages = stored_records(project.folder)
    assert "tracks of clip" not in stages
    assert "crops of clip" in stages


def test_asks_first(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(project.folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert clean(project) == 2
    assert "cannot ask for confirmation without a terminal; add --yes" in capsys.readouterr().err
    terminal = io.StringIO("no\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    assert clean(project) == 0
    assert snapshot(project.folder) == before


def test_refused_while_another_run_holds_the_lock(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(project.folder)
    with project.lock():
        assert clean(project, "--yes") == 2
    assert "another run is using this project" in capsys.readouterr().err
    assert snapshot(project.folder) == before


def test_a_stopped_clean_is_resumed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Path] = []
    unlink = Path.unlink

    def failing(path: Path, missing_ok: bool = False) -> None:
        if len(removed) == 12:
            raise KeyboardInterrupt
        removed.append(path)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as during:
        during.setattr(Path, "unlink", failing)
        assert clean(project, "--yes") == 130
    assert clean(project, "--yes") == 0
    kept = {path for path in files(project) if not path.startswith(KEPT_FOLDERS)}
    assert kept == {*MINE, *KEPT}


def test_the_log_is_removed_if_asked(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.logs_folder.mkdir(exist_ok=True)
    for name in ("fancam.log", "fancam.log.1", "mine.txt"):
        (project.logs_folder / name).write_text("x")
    before = files(project)
    assert clean(project, "--yes", "--only", "exports") == 0
    assert (project.logs_folder / "fancam.log").exists()
    capsys.readouterr()
    assert clean(project, "--yes", "--only", "logs") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["logs", "2"]
    assert lines[-1] == "2 bytes freed"
    assert [path.name for path in project.logs_folder.iterdir()] == ["mine.txt"]
    assert {path for path in before - files(project) if not path.startswith("export")} == {
        "logs/fancam.log.1"
    }
