"""`fancam forget` on whole projects: what is left of a name, and what only looks like one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from data.erasure.residue_scan import Residue
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.clips.videos import constant_rate
from tests.footage_kinds.exports.name_places import residues
from tests.renames import rename
from tests.whole_project import make_project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a project with every kind of output, and keep its cheap networks for this module."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        constant_rate(folder / "film.mp4")
        make_project(folder / "film.mp4", patch.setattr)
        yield folder


def forgotten(made: Path, folder: Path, name: str) -> tuple[int, Project]:
    """Give the first person a name, plant it in a note, and forget it."""
    shutil.copytree(made, folder / "copy")
    project = Project(folder / "copy" / "clip.fancam")
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(1, name)
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    (project.folder / "notes.txt").write_text(f"Bob\n{name}\n", "utf-8")
    return fancam.cli.main(["forget", str(project.folder), name, "--yes"]), project


@pytest.mark.parametrize(
    "name",
    [
        "Al",
        "person",
        "1",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("IU", "NULL", "jpg", "é", "video")),
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("Person", "is", "Called", "faces")),
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("train", "name", "🎤", "frame")),
    ],
)
def test_only_the_planted_name_is_left(
    made: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, project = forgotten(made, tmp_path, name)
    output = capsys.readouterr()
    assert ": 1 trace left" in output.out
    assert code == 1
    assert "notes.txt: still contains their name; take it out, or delete the file" in output.err
    (project.folder / "notes.txt").unlink()
    assert residues(project.folder, name, kept=("Person 2", "Person 3", "Person 4")) == []


def test_no_byte_of_a_short_name_is_left_in_the_database(made: Path, tmp_path: Path) -> None:
    """A scan finds no deleted row with a short name: the database is rewritten."""
    name = "\u0239\u023a"
    _, project = forgotten(made, tmp_path, name)
    assert name.encode() not in project.people_file.read_bytes()
    with closing(sqlite3.connect(project.people_file)) as database:
        assert database.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO people VALUES (90, 'Al')",
        "UPDATE faces SET footage = 'al live'",
        "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, concerned,"
        " revision) VALUES ('', 'rename', 90, -1, 'AL', '{}', '', '[]', 9)",
        "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, concerned,"
        " revision) VALUES ('', 'hide', 90, -1, '', '{}', 'Hid Al', '[]', 9)",
        "CREATE TABLE notes AS SELECT 'of Al' AS text",
    ],
)
def test_names_in_our_own_database(made: Path, tmp_path: Path, statement: str) -> None:
    file = tmp_path / "people.sqlite"
    shutil.copy(made / "clip.fancam/people.sqlite", file)
    assert residues(tmp_path, "Al", "rename", "made", "hidden", "is called", "Hid", "1") == []
    with closing(sqlite3.connect(file)) as database:
        database.execute(statement)
        database.commit()
    assert residues(tmp_path, "Al") == [Residue(file, "name")]


@pytest.mark.parametrize("name", ["Anna K", "Al", "is"])
def test_a_name_that_another_person_had_before(
    made: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The history of the other person keeps no trace of it."""
    shutil.copytree(made, tmp_path / "copy")
    project = Project(tmp_path / "copy" / "clip.fancam")
    with open_people(project.people_file) as people:
        log = DecisionLog(people)
        for person, given in ((2, name), (2, "Ben"), (1, name), (3, "Cleo"), (3, "Cleo of the IS")):
            log.rename(person, given)
    assert fancam.cli.main(["forget", str(project.folder), name, "--yes"]) == 0
    assert ": 0 traces left" in capsys.readouterr().out
    with open_people(project.people_file) as people:
        assert people.names() == {2: "Ben", 3: "Cleo of the IS", 4: "Person 4"}
        notes = [note for (note,) in people.connection.execute("SELECT note FROM decisions")]
    assert notes[0] == "Renamed Person 2 to Ben"


@pytest.mark.parametrize("others", [("Anna", "Ann Lee"), ("ANNE", "Mary-Ann"), ("Ann.B", "1")])
def test_a_name_that_is_part_of_others(
    made: Path, tmp_path: Path, others: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made, tmp_path / "copy")
    project = Project(tmp_path / "copy" / "clip.fancam")
    rename(project, dict(enumerate(("Ann", *others), start=1)))
    assert clustering_cli.main(["--project", str(project.folder)]) == 0
    assert fancam.cli.main(["forget", str(project.folder), "Ann", "--yes"]) == 0
    assert ": 0 traces left" in capsys.readouterr().out
    with open_people(project.people_file) as people:
        assert people.names() == {2: others[0], 3: others[1], 4: "Person 4"}
    assert len(list(project.people_folder.glob(f"{others[0]}/*.jpg"))) == 15


@pytest.mark.parametrize("name", ["clip", "Clip"])
def test_a_footage_named_after_the_person(
    made: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one line, not one for each file of the footage."""
    code, _ = forgotten(made, tmp_path, name)
    output = capsys.readouterr()
    assert code == 1
    assert ": 1 trace left" in output.out
    lines = [line for line in output.err.splitlines() if line.startswith("fancam: ")][-3:]
    assert lines[0].startswith("fancam: clip: the file name of the footage contains their name")
    assert lines[1] == "fancam: clip.fancam: the name of the folder contains their name; rename it"
    assert lines[2].endswith(
        "notes.txt: still contains their name; take it out, or delete the file"
    )


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("project.json", lambda text: text.replace('"Person 2"', '"Al"', 1)),
        ("project.json", lambda text: text.replace('"schema"', '"comment": "of Al", "schema"', 1)),
        ("dataset/data.yaml", lambda text: text.replace("Person 3", "Al")),
        ("crops/clip/timeline.json", lambda text: text.replace('"Person 2.mp4"', '"al.mp4"', 1)),
        ("people/.generated.json", lambda text: text.replace("Person 2/", "Al/", 1)),
        ("crops/clip/.generated.json", lambda text: text.replace("Person 2.best", "Al.best", 1)),
        ("tracks/clip.csv", lambda text: text.replace("Person 2", "Al", 1)),
        ("tracks/clip.csv", lambda text: text.replace("body_h\n", "body_h,Al\n", 1)),
        ("labels/smile/labels.csv", lambda text: text.replace(",me,", ",Al,", 1)),
        ("labels/smile/labels.csv", lambda text: text.replace(",yes,", ",Al,", 1)),
        ("labels/smile/answers.csv", lambda text: text.replace(",me,", ",Al,", 1)),
        ("labels/smile/set.json", lambda text: text.replace('"yes"', '"Al"', 1)),
        ("labels/smile/set.json", lambda text: text.replace('"Smile"', '"Smile of Al"', 1)),
    ],
)
def test_names_in_our_own_files(
    made: Path, tmp_path: Path, file: str, change: Callable[[str], str]
) -> None:
    source = made / "clip.fancam" / file
    target = tmp_path / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    assert residues(tmp_path, "Al", "video", "frame", "1") == []
    target.write_text(change(source.read_text("utf-8")), "utf-8")
    assert residues(tmp_path, "Al", "video", "frame", "1") == [Residue(target, "name")]
