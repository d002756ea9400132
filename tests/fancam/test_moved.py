"""Footage that was moved, renamed, scaled or removed."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import fancam.cli
from clustering import cli as clustering_cli
from data.project.project import Project
from data.project.stages import CONTENT
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.clustering import fakes
from tests.clustering.child import install_fakes
from tests.clustering.command import snapshot

RATE = Fraction(25)
EVERY = ("--every", "0.2")


@pytest.fixture
def project(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project of film.mp4 and encore.mp4, in which three faces were moved to person 2."""
    monkeypatch.chdir(tmp_path)
    install_fakes(monkeypatch.setattr, fakes.CornerDetector())
    shutil.copy(clips("constant_rate.mp4"), "film.mp4")
    encode(tmp_path / "encore.mp4", pictures(50), rate=25)
    cluster("film.mp4", "encore.mp4")
    with open_people(Path("p.fancam") / "people.sqlite") as people:
        found = people.assignments("encore")
        rows = np.flatnonzero(found.person_id == 1)[:3]
        chosen = FaceKeys(found.time_s[rows], found.xyxy[rows])
        DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces={"encore": chosen}))
        DecisionLog(people).rename(1, "Anna")
    return Project(Path("p.fancam"))


def cluster(*arguments: str) -> None:
    assert clustering_cli.main(["--project", "p.fancam", *EVERY, *arguments]) == 0


def assigned(footage: str = "encore") -> list[int]:
    with open_people(Path("p.fancam") / "people.sqlite") as people:
        found: list[int] = people.assignments(footage).person_id.tolist()
    return found


def read() -> Project:
    return Project(Path("p.fancam"))


def test_a_renamed_footage_is_the_same(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before, faces = assigned(), snapshot(project.faces_folder)
    Path("encore.mp4").rename("finale.mp4")
    capsys.readouterr()
    cluster("finale.mp4")
    assert "encore: moved from" in capsys.readouterr().out
    assert {name: entry.path.name for name, entry in read().footages.items()} == {
        "film": "film.mp4",
        "encore": "finale.mp4",
    }
    assert assigned() == before
    assert snapshot(project.faces_folder) == faces
    cluster("finale.mp4")
    assert "moved" not in capsys.readouterr().out


def test_a_moved_footage_is_found_in_the_project_named_after_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    del project
    shutil.copy("film.mp4", "song.mp4")
    assert clustering_cli.main(["song.mp4", *EVERY]) == 0
    Path("sub").mkdir()
    Path("song.mp4").rename("sub/song.mp4")
    capsys.readouterr()
    assert clustering_cli.main(["sub/song.mp4", *EVERY]) == 0
    assert "song: moved from" in capsys.readouterr().out


def test_two_footages_that_swapped_names(project: Project) -> None:
    del project
    before = assigned("film"), assigned()
    Path("encore.mp4").rename("x.mp4")
    Path("film.mp4").rename("encore.mp4")
    Path("x.mp4").rename("film.mp4")
    cluster("film.mp4")
    paths = {name: entry.path.name for name, entry in read().footages.items()}
    assert paths == {"film": "encore.mp4", "encore": "film.mp4"}
    assert (assigned("film"), assigned()) == before


def test_a_copy_is_another_footage(project: Project) -> None:
    del project
    shutil.copy("encore.mp4", "copy.mp4")
    cluster("copy.mp4")
    assert list(read().footages) == ["film", "encore", "copy"]


def test_another_film_at_a_lost_place_is_another_footage(project: Project) -> None:
    del project
    Path("encore.mp4").unlink()
    encode(Path("other.mp4"), pictures(60), rate=25)
    cluster("other.mp4")
    assert list(read().footages) == ["film", "encore", "other"]


def test_projects_of_earlier_versions_store_the_content_at_the_next_run(project: Project) -> None:
    for name in ("film", "encore"):
        project.unfinish(CONTENT, name)
    cluster("film.mp4")
    assert read().record(CONTENT, "encore") is not None


def test_decisions_follow_a_scaled_footage(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    del project
    before = assigned()
    larger = [np.kron(image, np.ones((2, 2, 1), np.uint8)) for image in pictures(50)]
    encode(Path("encore.mp4"), larger, rate=25)
    monkeypatch.setattr(fakes, "CORNER_PX", 48)
    cluster("--force", "encore.mp4")
    assert (read().footages["encore"].width, assigned()) == (320, before)
    with open_people(read().people_file) as people:
        (moved,) = [d for d in people.decisions() if d.kind is DecisionKind.MOVE]
    assert moved.faces["encore"].xyxy.max() > 160 or moved.faces["encore"].xyxy[:, 2].min() == 48
    assert clustering_cli.main(["--project", "p.fancam", *EVERY]) == 0
    assert assigned() == before


@pytest.mark.parametrize("given", ["encore.mp4", "encore"])
def test_remove(project: Project, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    footage = Path("encore.mp4").read_bytes()
    assert fancam.cli.main(["remove", "p.fancam", given, "--yes"]) == 0
    assert Path("encore.mp4").read_bytes() == footage
    left = [p for p in project.folder.rglob("*") if "encore" in p.name]
    assert (left, list(read().footages)) == ([], ["film"])
    text = (project.folder / "project.json").read_text("utf-8")
    assert "encore" not in text
    with open_people(project.people_file) as people:
        assert people.footages() == ["film"]
        assert [decision.kind for decision in people.decisions()] == [DecisionKind.RENAME]
        assert people.names()[1] == "Anna"
    capsys.readouterr()
    fancam.cli.main(["status", "p.fancam"])
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows[:2]] == [["faces", "film"], ["people", "done"]]
    cluster()
    cluster("encore.mp4")
    assert list(read().footages) == ["film", "encore"]


def test_remove_the_last_footage(project: Project) -> None:
    for name in ("encore", "film"):
        assert fancam.cli.main(["remove", "p.fancam", name, "--yes"]) == 0
    assert read().footages == {}
    assert not project.dataset_folder.exists()
    cluster("film.mp4")
    assert list(read().footages) == ["film"]


def test_removing_an_unknown_footage_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    del project
    assert fancam.cli.main(["remove", "p.fancam", "song.mp4", "--yes"]) == 2
    assert "is not in this project, which contains film, encore" in capsys.readouterr().err
