"""`fancam people`: lists a project's people, and names them after another project's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clustering.child import install_fakes
from tests.clustering.command import changed, listed, names, snapshot
from tests.clustering.fakes import CornerDetector
from tests.renames import rename

Say = pytest.CaptureFixture[str]


@pytest.fixture
def projects(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return two projects of the same people, of whom the second names 1 and 2."""
    monkeypatch.chdir(tmp_path)
    install_fakes(monkeypatch.setattr, CornerDetector())
    shutil.copy(clips("constant_rate.mp4"), tmp_path / "clip.mp4")
    for name, every in (("this", "0.5"), ("other", "0.4")):
        assert clustering_cli.main(["clip.mp4", "--project", name, "--every", every]) == 0
    rename(Project(tmp_path / "other"), {1: "Anna", 2: "Ben"})
    return tmp_path / "this", tmp_path / "other"


def people(*arguments: str | Path) -> int:
    return fancam.cli.main(["people", *map(str, arguments)])


def test_listed(projects: tuple[Path, Path], capsys: Say) -> None:
    before = snapshot(projects[1])
    capsys.readouterr()
    assert people(projects[1]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["Anna", "Ben", "Person 3", "Person 4"]
    assert all(" faces  about " in line and line.endswith(" s on screen") for line in lines)
    assert changed(before, snapshot(projects[1])) == []


def test_named_after_another_project(projects: tuple[Path, Path], capsys: Say) -> None:
    this, other = projects
    before = snapshot(other)
    capsys.readouterr()
    assert people(this, "--from", other) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" to ")[1] for line in lines[:2]] == sorted(
        ["Anna", "Ben"], key=list(names(this).values()).index
    )
    assert lines[2].startswith("dataset  this/dataset")
    assert {"Anna", "Ben"} < set(listed(this / "people"))
    assert changed(before, snapshot(other)) == []
    before = snapshot(this)
    assert people(this, "--from", other) == 0
    assert capsys.readouterr().out.startswith("nothing to do: ")
    assert changed(before, snapshot(this)) == []
    assert clustering_cli.main(["--project", "this", "--every", "0.5"]) == 0
    assert "already up to date" in capsys.readouterr().out


def test_no_name_of_a_user_is_replaced(projects: tuple[Path, Path]) -> None:
    this, other = projects
    rename(Project(this), {person: f"Mine {person}" for person in names(this)})
    before = names(this)
    assert people(this, "--from", other) == 0
    assert names(this) == before


def without_people(other: Path) -> None:
    Project(other).people_file.unlink()


def without_names(other: Path) -> None:
    with open_people(Project(other).people_file) as opened:
        while DecisionLog(opened).undo():
            pass


def with_default_names(other: Path) -> None:
    without_names(other)
    rename(Project(other), {1: "Person 8"})


def without_a_table(other: Path) -> None:
    Project(other).faces_file("clip").unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        pytest.param(shutil.rmtree, "not a fancam project", id="missing"),
        pytest.param(without_people, "no people in it yet", id="no people"),
        pytest.param(without_names, "nobody in it has a name yet", id="no names"),
        pytest.param(with_default_names, "nobody in it has a name yet", id="default names"),
        pytest.param(without_a_table, "clip.parquet", id="no faces"),
    ],
)
def test_the_other_project_cannot_be_used(
    projects: tuple[Path, Path], harm: Callable[[Path], None], words: str, capsys: Say
) -> None:
    this, other = projects
    harm(other)
    before = snapshot(this)
    capsys.readouterr()
    assert people(this, "--from", other) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fancam: ")
    assert words in line
    assert changed(before, snapshot(this)) == []


def test_from_itself(projects: tuple[Path, Path], capsys: Say) -> None:
    capsys.readouterr()
    assert people(projects[1], "--from", projects[1]) == 2
    assert "the same project" in capsys.readouterr().err


def test_known_people_of_a_run_without_their_folder(
    projects: tuple[Path, Path], capsys: Say
) -> None:
    capsys.readouterr()
    assert fancam.cli.main(["clip.mp4", "--known", "photos"]) == 2
    assert capsys.readouterr().err.startswith("fancam: photos: no such folder")
    assert not projects[0].with_name("clip.fancam").exists()


def test_forgotten_people_leave_nothing(projects: tuple[Path, Path]) -> None:
    this, other = projects
    assert people(this, "--from", other) == 0
    assert fancam.cli.main(["forget", str(this), "Anna", "--yes"]) == 0
    assert "Anna" not in names(this).values()
    for path in this.rglob("*"):
        assert path.is_dir() or b"Anna" not in path.read_bytes()
        assert "Anna" not in path.name
