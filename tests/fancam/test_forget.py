"""`fancam forget`: no residue of the person is left in a project with all outputs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import fancam.cli
from clustering import cli as clustering_cli
from clustering.faces import tasks
from clustering.faces.labelled import numbers_in_frame
from clustering.faces.networks.sface import SFaceEmbedder
from data.core.run_log import LOG_FILE
from data.project.project import Project
from data.project.stages import FACES
from data.storage.shown import command_line
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clustering.command import snapshot
from tests.clustering.fakes import sface_network
from tests.whole_project import make_project

NAMES = ("Anna Karenina", "Zoë O'Brien", "Person 1")
"""The present and earlier names of person 1."""


@pytest.fixture
def project(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return make_project(clips("constant_rate.mp4"), monkeypatch.setattr)


def forget(project: Project, name: str) -> int:
    return fancam.cli.main(["forget", str(project.folder), name, "--yes"])


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file, and of the contents of archives and tables."""
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


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [name for name, content in contents(folder) if needle in name.encode() + content]


def unlike_sface() -> SFaceEmbedder:
    """Return a stand-in for SFace that gives no two faces equal embeddings."""
    rng = np.random.default_rng(8)

    def network(batch: NDArray[Any]) -> NDArray[np.float32]:
        noise = rng.normal(0, 0.05, (len(batch), 128))
        return np.asarray(sface_network(batch) + noise, np.float32)

    return SFaceEmbedder(network)


def marks_of(project: Project, person_id: int) -> tuple[NDArray[np.float32], list[bytes]]:
    """Return embeddings, and the search patterns of portraits."""
    faces = Faces.read(project.faces_file("clip"))
    with open_people(project.people_file) as people:
        rows = np.flatnonzero(people.assignments("clip").person_id == person_id)
    numbers = numbers_in_frame(faces.frame_index)
    portraits = [
        project.portrait_file("clip", int(faces.frame_index[row]), int(numbers[row])).read_bytes()
        for row in rows
    ]
    columns = (faces.embedding, faces.embedding_mirrored, faces.sface, faces.sface_mirrored)
    embeddings = np.concatenate([column[rows] for column in columns if column.any()])
    return embeddings, portraits


def test_no_residue_is_left(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings, portraits = marks_of(project, 1)
    frames = [path.read_bytes() for path in (project.folder / "faces/clip").glob("????????.jpg")]
    for name in NAMES[:2]:
        assert files_with(project.folder, name.encode())
    assert files_with(project.folder, embeddings[0].tobytes())
    assert len(files_with(project.folder, portraits[0])) >= 3  # faces, people and the page's
    assert len(files_with(project.folder, frames[0])) >= 4  # faces, dataset and both exports
    capsys.readouterr()

    project.logs_folder.mkdir(exist_ok=True)
    for name in (LOG_FILE, f"{LOG_FILE}.1", "errors.log"):
        (project.logs_folder / name).write_text("crop-people --person 'Anna Karenina'", "utf-8")
    assert forget(project, "Anna Karenina") == 0
    output = capsys.readouterr().out
    assert ": 0 traces left" in output
    assert "run train-tracker and track-people again" in output
    again = command_line("cluster-faces", "--project", project.folder, "--force")
    assert f"{again} would find them again" in output
    for name in NAMES:
        assert files_with(project.folder, name.encode()) == []
    for row in embeddings:
        assert files_with(project.folder, row.tobytes()) == []
        assert files_with(project.folder, row[:4].tobytes()) == []
    for picture in (*portraits, *frames):
        assert files_with(project.folder, picture) == []
    others = [path.name for path in (project.folder / "crops/clip").glob("*.mp4")]
    assert len(others) == 6
    assert len(list((project.folder / "labels/smile/faces").iterdir())) == 45
    assert not project.logs_folder.exists()


def test_no_embedding_of_sface_is_left(
    clips: Clips,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A copy of the table is named, also where it holds SFace's embeddings alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tasks, "load_sface", lambda _settings: unlike_sface())
    project = make_project(clips("constant_rate.mp4"), monkeypatch.setattr)
    before = Faces.read(project.faces_file("clip"))
    embeddings, _ = marks_of(project, 1)
    assert len(embeddings) == 4 * 15
    assert len(np.unique(embeddings[:, :4], axis=0)) == len(embeddings)
    for name, column in (("sface", before.sface), ("mirrored", before.sface_mirrored)):
        np.save(project.folder / f"{name}.npy", column)
    capsys.readouterr()
    assert forget(project, "Anna Karenina") == 1
    output = capsys.readouterr()
    assert ": 2 traces left" in output.out
    assert (
        "sface.npy: still contains their embedding; take it out, or delete the file" in output.err
    )
    assert (
        "mirrored.npy: still contains their embedding; take it out, or delete the file"
        in output.err
    )
    for row in embeddings:
        found = files_with(project.folder, row[:4].tobytes())
        assert set(found) <= {"sface.npy", "mirrored.npy"}
    after = Faces.read(project.faces_file("clip"))
    assert len(after) == len(before) - 15
    assert after.sface.any(axis=1).all()


def test_residues_in_other_files_are_named(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files of the user are named, not removed."""
    _, portraits = marks_of(project, 1)
    (project.folder / "notes.txt").write_text("Zoë O'Brien sings", "utf-8")
    (project.folder / "album.pdf").write_bytes(b"%PDF" + portraits[3])
    assert forget(project, "Anna Karenina") == 1
    output = capsys.readouterr()
    assert ": 2 traces left" in output.out
    assert "album.pdf: still contains their portrait; take it out, or delete the file" in output.err
    assert "notes.txt: still contains their name; take it out, or delete the file" in output.err
    assert (project.folder / "notes.txt").exists()


def test_a_person_does_not_come_back(project: Project) -> None:
    assert forget(project, "Anna Karenina") == 0
    before = snapshot(project.folder)
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert snapshot(project.folder) == before
    assert clustering_cli.main(["--project", str(project.folder), "--eps", "0.45"]) == 0
    with open_people(project.people_file) as people:
        assert sorted(people.names()) == [2, 3, 4]


@pytest.mark.parametrize("name", NAMES[1:])
def test_by_an_earlier_name(
    project: Project, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(project.folder)
    assert forget(project, name) == 2
    line = f"fancam: {name} is now called Anna Karenina; give that name to forget them"
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert snapshot(project.folder) == before


def test_a_merged_and_a_hidden_person(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert capsys.readouterr().out.count(": 0 traces left") == 2
    for name in (*NAMES, "Ben", "Cleo", "Person 2", "Person 3"):
        assert files_with(project.folder, name.encode()) == []
    with open_people(project.people_file) as people:
        assert people.names() == {4: "Person 4"}


def test_another_person_with_the_old_name_stays(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(4, "Zoë O'Brien")
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert forget(project, "Anna Karenina") == 0
    with open_people(project.people_file) as people:
        assert people.names()[4] == "Zoë O'Brien"


def test_an_unfinished_project_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.unfinish(FACES, "clip")
    before = snapshot(project.folder)
    assert forget(project, "Anna Karenina") == 2
    assert "run cluster-faces --project " in capsys.readouterr().err
    assert snapshot(project.folder) == before
