from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from data.core.errors import InputError
from data.project.project import SCHEMA, FootageEntry, Project
from data.project.stages import FACES, PEOPLE, PeopleRecord
from tests.records import faces_record

NTSC = Fraction(30_000, 1001)
RECORD = PeopleRecord(
    version=1,
    faces={"a": faces_record()},
    grouping={"eps": 0.5, "plain": False, "min_samples": None},
    label_margin=0.25,
    names={1: "Zoë"},
)


def add(project: Project, path: Path, *, force: bool = False, **changes: Any) -> FootageEntry:
    facts = {"size_bytes": 1234, "duration_s": 12.5, "rate": NTSC, "frame_wh": (640, 360)}
    return project.add_footage(path, **{**facts, **changes}, force=force)


def every_file(project: Project, name: str) -> list[Path]:
    """Return every path that belongs to one footage only."""
    return [
        project.faces_file(name),
        project.frames_file(name),
        project.parts_folder(name),
        project.still_file(name, 0).parent,
    ]


def test_a_new_project_writes_nothing_yet(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    assert project.footages == {}
    assert not project.has_record(PEOPLE)
    assert project.record(PEOPLE) is None
    assert not project.is_finished(PEOPLE, RECORD)
    assert not project.folder.exists()


def test_round_trip(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    add(project, tmp_path / "a.mp4")
    add(project, tmp_path / "photographs", rate=None, duration_s=0.0)
    spans = ((0.0, 1.5), (2.0, 3.25))
    record = replace(faces_record(every_s=0.2), spans=spans)
    project.finish(FACES, record, "a")
    again = Project(tmp_path / "a.fancam")
    assert again.footages == project.footages
    assert list(again.footages) == ["a", "photographs"]
    assert again.footages["a"] == FootageEntry("a", tmp_path / "a.mp4", 1234, 12.5, NTSC, 640, 360)
    assert again.footages["photographs"].rate is None
    assert again.record(FACES, "a") == project.record(FACES, "a") == record


def test_stages(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    project.finish(PEOPLE, RECORD)
    for known in (project, Project(project.folder)):
        assert known.is_finished(PEOPLE, RECORD)
        assert known.record(PEOPLE) == known.require_record(PEOPLE) == RECORD
        assert known.label_margin == RECORD.label_margin
        assert not known.is_finished(PEOPLE, replace(RECORD, label_margin=0.5))
        assert not known.is_finished(PEOPLE, replace(RECORD, names={}))
        assert not known.is_finished(FACES, faces_record(), "a")
    project.unfinish(PEOPLE)
    project.unfinish(FACES, "never finished")
    again = Project(project.folder)
    assert not again.is_finished(PEOPLE, RECORD)
    assert again.label_margin == 0
    with pytest.raises(
        InputError, match=r"cluster-faces has not finished, or was.*run cluster-faces again"
    ):
        again.require_record(PEOPLE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "damaged", id="empty"),
        pytest.param('{"schema": 1, "foot', "damaged", id="cut"),
        pytest.param(b"\xff\xfe\x00", "damaged", id="not text"),
        pytest.param("[1, 2]", "not a file that fancam wrote", id="a list"),
        pytest.param("{}", "another version", id="no schema"),
        pytest.param({"schema": SCHEMA + 1}, "a newer fancam", id="newer"),
        pytest.param({"schema": SCHEMA}, "damaged", id="nothing in it"),
        pytest.param({"schema": SCHEMA, "footages": 3, "stages": {}}, "damaged", id="a number"),
        pytest.param({"schema": SCHEMA, "footages": [3], "stages": {}}, "damaged", id="no entry"),
        pytest.param(
            {"schema": SCHEMA, "footages": [{"name": "a", "rate": None}], "stages": {}},
            "damaged",
            id="no path",
        ),
        pytest.param(
            {"schema": SCHEMA, "footages": [{"path": "a", "rate": "1/0"}], "stages": {}},
            "damaged",
            id="no rate",
        ),
        pytest.param({"schema": SCHEMA, "footages": [], "stages": 3}, "damaged", id="stages"),
    ],
)
def test_an_invalid_project_file_is_one_error_line_and_stays(
    tmp_path: Path, content: str | bytes | dict[str, Any], message: str
) -> None:
    file = tmp_path / "project.json"
    text = json.dumps(content) if isinstance(content, dict) else content
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = file.read_bytes()
    with pytest.raises(
        InputError, match=rf"{message}.*(make a new project|upgrade fancam)"
    ) as error:
        Project(tmp_path)
    assert "\n" not in str(error.value)
    assert file.read_bytes() == before


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.fancam").write_text("")
    with pytest.raises(InputError, match="a file, not a project folder"):
        Project(tmp_path / "a.fancam")


@pytest.mark.parametrize(
    "change",
    [{"size_bytes": 9}, {"duration_s": 9.0}, {"rate": Fraction(25)}, {"frame_wh": (64, 36)}],
    ids=lambda change: next(iter(change)),
)
def test_changed_footage_needs_force(tmp_path: Path, change: dict[str, Any]) -> None:
    project = Project(tmp_path / "a.fancam")
    old = add(project, tmp_path / "a.mp4")
    assert add(project, tmp_path / "a.mp4") == old
    with pytest.raises(InputError, match=r"a.mp4: it has changed .*: cluster-faces .* --force"):
        add(project, tmp_path / "a.mp4", **change)
    assert Project(project.folder).footages == {"a": old}
    new = add(project, tmp_path / "a.mp4", **change, force=True)
    assert new != old
    assert Project(project.folder).footages == {"a": new}


@pytest.mark.parametrize(
    "name",
    ["two words.mp4", "Zoë's 名 🙂.mp4", ".hidden", "no suffix", "a.b.c.mkv", "# 100 %.mov"],
    ids=ascii,
)
def test_unusual_names(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path / f"{name}.fancam")
    entry = add(project, tmp_path / name)
    assert entry.name == Path(name).stem
    assert Project(project.folder).footages == {entry.name: entry}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("12:30.mp4", "12_30"), ("back\\slash.mp4", "back_slash"), ("two\nlines.mp4", "two_lines")],
    ids=ascii,
)
def test_characters_that_some_system_forbids(tmp_path: Path, name: str, expected: str) -> None:
    project = Project(tmp_path / "p.fancam")
    assert add(project, tmp_path / name).name == expected
    assert add(project, tmp_path / f"{expected}.mp4").name == f"{expected} (2)"
    again = Project(project.folder)
    assert [entry.path.name for entry in again.footages.values()] == [name, f"{expected}.mp4"]


@pytest.mark.parametrize("where", ["next to it", "inside", "deeper"])
def test_footage_may_move_together_with_its_project(tmp_path: Path, where: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new place"
    relative = {"next to it": "a.mp4", "inside": "a.fancam/a.mp4", "deeper": "clips/day/a.mp4"}[
        where
    ]
    add(Project(old / "a.fancam"), old / relative)
    old.rename(new)
    assert Project(new / "a.fancam").footages["a"].path == new / relative


def test_the_project_alone_may_move_where_the_footage_is_elsewhere(tmp_path: Path) -> None:
    footage = tmp_path / "films" / "a.mp4"
    add(Project(tmp_path / "old" / "a.fancam"), footage)
    (tmp_path / "old").rename(tmp_path / "new")
    assert Project(tmp_path / "new" / "a.fancam").footages["a"].path == footage


def test_two_spellings_of_a_path_are_one_footage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    add(Project(Path("a.fancam")), Path("../films/a.mp4"))
    for spelling in (Path("../films/a.mp4"), tmp_path / "films" / "a.mp4"):
        project = Project(Path("a.fancam"))
        entry = add(project, spelling)
        assert project.footages == {"a": entry}
        assert entry.path == tmp_path / "films" / "a.mp4"
    assert list(Project(Path("a.fancam")).footages) == ["a"]


def test_footages_of_one_name(tmp_path: Path) -> None:
    project = Project(tmp_path / "p.fancam")
    paths = [tmp_path / p for p in ("x/a.mp4", "y/a.mp4", "z/A.MP4", "a (2).mkv", "a.mkv")]
    names = [add(project, path).name for path in paths]
    assert names[0] == "a"
    assert len({name.casefold() for name in names}) == len(names)
    again = Project(project.folder)
    assert [add(again, path).name for path in paths] == names


def test_a_folder_keeps_its_dots(tmp_path: Path) -> None:
    (tmp_path / "photos.2024").mkdir()
    project = Project(tmp_path / "p.fancam")
    assert add(project, tmp_path / "photos.2024").name == "photos.2024"
    assert add(project, tmp_path / "photos.2024" / "..").name == tmp_path.name
    assert add(project, Path(tmp_path.anchor)).name == "footage"


@pytest.mark.parametrize("letter", ["x", "é", "名", "🙂"], ids=ascii)
def test_very_long_names_fit_into_file_names(tmp_path: Path, letter: str) -> None:
    project = Project(tmp_path / "p.fancam")
    longest = letter * (250 // len(letter.encode()))
    paths = [tmp_path / f"{longest}.mp4", tmp_path / f"{longest[:-1]}z.mp4"]
    names = [add(project, path).name for path in paths]
    assert len({name.casefold() for name in names}) == 2
    assert set(names[0]) == {letter}
    for name in names:
        assert 116 <= len(name.encode()) <= 130
    assert [add(Project(project.folder), path).name for path in paths] == names


@pytest.mark.parametrize(
    "other", ["a.frames", "a.parts", "a.parquet", "A.Frames", "a.frames.parquet"]
)
def test_no_two_footages_share_a_file(tmp_path: Path, other: str) -> None:
    (tmp_path / other).mkdir()
    project = Project(tmp_path / "p.fancam")
    names = [add(project, tmp_path / path).name for path in ("a.mp4", other, f"{other}.mp4")]
    files = [str(file).casefold() for name in names for file in every_file(project, name)]
    assert len(set(files)) == len(files)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
def test_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    with pytest.raises(InputError, match="the name is not Unicode; rename it") as error:
        add(Project(tmp_path / "p.fancam"), path)
    assert str(error.value).isascii()


def test_lock_refuses_a_second_run(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    with project.lock():
        with (
            pytest.raises(InputError, match="another run is using this project"),
            Project(project.folder).lock(),
        ):
            pass
        project.finish(PEOPLE, RECORD)
    with Project(project.folder).lock():
        pass


def test_lock_rereads_the_project_file(tmp_path: Path) -> None:
    early, other = Project(tmp_path / "p.fancam"), Project(tmp_path / "p.fancam")
    with other.lock():
        other.finish(PEOPLE, RECORD)
    with early.lock():
        assert early.is_finished(PEOPLE, RECORD)


def test_lock_is_released_after_an_error(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    with pytest.raises(ValueError, match="ours"), project.lock():
        raise ValueError("ours")
    with project.lock():
        pass


def test_paths_of_one_footage(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.faces_file("a") == tmp_path / "faces" / "a.parquet"
    assert project.still_file("a", 7) == tmp_path / "faces" / "a" / "00000007.jpg"
    assert project.portrait_file("a", 7, 2) == tmp_path / "faces" / "a" / "00000007-2.jpg"
