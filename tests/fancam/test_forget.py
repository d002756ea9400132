"""`fancam forget`: of a project with all that there can be, nothing is left of the person."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import fancam.cli
from clustering import cli as clustering_cli
from clustering.faces.labelled import numbers_in_frame
from data.project.project import Project
from data.project.stages import FACES
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces
from data.tables.people import open_people
from tests.clips import Clips
from tests.clustering.command import snapshot
from tests.whole_project import make_project

NAMES = ("Anna Karenina", "Zoë O'Brien", "Person 1")
"""What person 1 is called, and was."""


@pytest.fixture
def project(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return make_project(clips("constant_rate.mp4"), monkeypatch.setattr)


def forget(project: Project, name: str) -> int:
    return fancam.cli.main(["forget", str(project.folder), name, "--yes"])


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes, and what is packed or compressed in it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        yield name, path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.namelist():
                    yield f"{name}: {entry}", archive.read(entry)
        if path.suffix == ".parquet":
            for column, values in pq.read_table(path).to_pydict().items():
                flat = np.asarray(values)
                if flat.dtype.kind == "f":
                    yield f"{name}: {column}", flat.astype(np.float32).tobytes()
                else:
                    yield f"{name}: {column}", repr(values).encode()


def places_of(folder: Path, sought: bytes) -> list[str]:
    return [name for name, content in everything(folder) if sought in name.encode() + content]


def seen_of(project: Project, person_id: int) -> tuple[NDArray[np.float32], list[bytes]]:
    """Embeddings and portraits."""
    faces = Faces.read(project.faces_file("clip"))
    with open_people(project.people_file) as people:
        rows = np.flatnonzero(people.assignments("clip").person_id == person_id)
    numbers = numbers_in_frame(faces.frame_index)
    portraits = [
        project.portrait_file("clip", int(faces.frame_index[row]), int(numbers[row])).read_bytes()
        for row in rows
    ]
    return np.concatenate([faces.embedding[rows], faces.embedding_mirrored[rows]]), portraits


def test_nothing_is_left(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings, portraits = seen_of(project, 1)
    frames = [path.read_bytes() for path in (project.folder / "faces/clip").glob("????????.jpg")]
    for name in NAMES[:2]:
        assert places_of(project.folder, name.encode())
    assert places_of(project.folder, embeddings[0].tobytes())
    assert len(places_of(project.folder, portraits[0])) >= 3  # faces, people and the page's
    assert len(places_of(project.folder, frames[0])) >= 4  # faces, dataset and both exports
    capsys.readouterr()

    assert forget(project, "Anna Karenina") == 0
    said = capsys.readouterr().out
    assert ": 0 residues left" in said
    assert "run train-tracker and track-people again" in said
    assert "cluster-faces --force would find them again" in said
    for name in NAMES:
        assert places_of(project.folder, name.encode()) == []
    for row in embeddings:
        assert places_of(project.folder, row.tobytes()) == []
        assert places_of(project.folder, row[:4].tobytes()) == []
    for picture in (*portraits, *frames):
        assert places_of(project.folder, picture) == []
    others = [path.name for path in (project.folder / "crops/clip").glob("*.mp4")]
    assert len(others) == 6
    assert len(list((project.folder / "labels/smile/faces").iterdir())) == 45


def test_what_is_left_elsewhere_is_named(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the user put there is not removed, but said."""
    _, portraits = seen_of(project, 1)
    (project.folder / "notes.txt").write_text("Zoë O'Brien sings", "utf-8")
    (project.folder / "album.pdf").write_bytes(b"%PDF" + portraits[3])
    assert forget(project, "Anna Karenina") == 1
    said = capsys.readouterr()
    assert ": 2 residues left" in said.out
    assert "album.pdf: their portrait is still in it; remove it" in said.err
    assert "notes.txt: their name is still in it; remove it" in said.err
    assert (project.folder / "notes.txt").exists()


def test_they_do_not_come_back(project: Project) -> None:
    assert forget(project, "Anna Karenina") == 0
    before = snapshot(project.folder)
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert snapshot(project.folder) == before
    assert clustering_cli.main(["--project", str(project.folder), "--eps", "0.45"]) == 0
    with open_people(project.people_file) as people:
        assert sorted(people.names()) == [2, 3, 4]


@pytest.mark.parametrize("name", NAMES[1:])
def test_by_a_name_of_before(
    project: Project, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(project.folder)
    assert forget(project, name) == 2
    line = f"fancam: {name}: is now called Anna Karenina; give that name to forget them"
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert snapshot(project.folder) == before


def test_somebody_merged_and_somebody_hidden(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(2, "Ben")
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 1, 2))  # Anna is Ben
        DecisionLog(people).rename(3, "Cleo")
        DecisionLog(people).decide(Decision(DecisionKind.HIDE, 3))
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert forget(project, "Anna Karenina") == 2
    assert "is now called Ben" in capsys.readouterr().err
    assert forget(project, "Cleo") == 0
    assert forget(project, "Ben") == 0
    assert capsys.readouterr().out.count(": 0 residues left") == 2
    for name in (*NAMES, "Ben", "Cleo", "Person 2", "Person 3"):
        assert places_of(project.folder, name.encode()) == []
    with open_people(project.people_file) as people:
        assert people.names() == {4: "Person 4"}


def test_another_who_has_their_old_name_stays(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(4, "Zoë O'Brien")
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert forget(project, "Anna Karenina") == 0
    with open_people(project.people_file) as people:
        assert people.names()[4] == "Zoë O'Brien"


def test_what_cannot_be_finished_is_not_begun(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.unfinish(FACES, "clip")
    before = snapshot(project.folder)
    assert forget(project, "Anna Karenina") == 2
    assert "run cluster-faces again" in capsys.readouterr().err
    assert snapshot(project.folder) == before
