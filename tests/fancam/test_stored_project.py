"""Projects of an earlier version are read unchanged.

``schema_1.zip`` was written by the version before the records of stages were typed, from two drawn
clips: their faces, people, tracker, tracks, videos and a GIF; and ``project.json`` of a pair of
recordings. ``status.txt`` is that version's status output.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

import fancam.cli
from clustering.output.write import pending_changes
from clustering.pairing.match import known_lessons, pair_options_of
from clustering.pairing.recordings import on_air_times
from cropping.stage import crop_people
from data.core.errors import InputError
from data.execution.context import RunContext
from data.project import stages
from data.project.project import SCHEMA, Project
from data.project.stages import CONTENT, CROPS, FACES, GIFS, PAIR, PEOPLE, RECORDING, TRACKS, Stage
from data.tables.people import open_people
from tests.bars import no_bar
from tests.records import stored_records
from tests.whole_project import CROPS as CROP_SETTINGS

ARCHIVE = Path(__file__).parent.parent / "data" / "project" / "schema_1.zip"
NAMES = {1: "Zoë O'Brien", 2: "Benjamin"}
STAGES = [stage for stage in vars(stages).values() if isinstance(stage, Stage)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(text: str) -> list[list[str]]:
    """Return the words of each row of `fancam status`, without lines that are no rows."""
    return [line.split() for line in text.splitlines() if "  " in line]


def test_status_equals_that_of_the_earlier_version(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fancam.cli.main(["status", "clip.fancam"]) == 0
    rows = rows_of(capsys.readouterr().out)
    expected = rows_of((folder / "status.txt").read_text(encoding="utf-8"))
    assert len(rows) == len(expected)
    for row, before in zip(rows, expected, strict=True):
        if before in (["videos", "clip", "done"], ["smile", "GIFs", "clip", "done"]):
            assert row[: len(before)] == [*before[:-1], "stale"]  # of an earlier look
        else:
            assert row == before


@pytest.mark.parametrize("name", ["clip.fancam", "lesson.fancam"])
def test_every_record_is_read_completely(folder: Path, name: str) -> None:
    project, stored = Project(folder / name), stored_records(folder / name)
    read = {
        stage.key(footage): record.to_json()
        for stage in STAGES
        if stage.per_footage
        for footage, record in project.records(stage).items()
    }
    whole = [(one, project.record(one)) for one in STAGES if not one.per_footage]
    read |= {stage.key(): record.to_json() for stage, record in whole if record is not None}
    assert read == stored
    before = (folder / name / "project.json").read_bytes()
    project.save()
    assert (folder / name / "project.json").read_bytes() == before


def test_every_stage_has_a_record_in_them(folder: Path) -> None:
    stored = [*stored_records(folder / "clip.fancam"), *stored_records(folder / "lesson.fancam")]
    for stage in (stage for stage in STAGES if stage is not CONTENT):  # added since
        assert any(key == stage.name or stage.footage_of(key) for key in stored), stage.name


def test_names_and_decisions_are_read(folder: Path) -> None:
    project = Project(folder / "clip.fancam")
    with open_people(project.people_file) as people:
        assert people.names() == NAMES
        assert people.decisions_key() == project.require_record(PEOPLE).decisions != ""
    assert project.require_record(TRACKS, "clip").names == NAMES
    assert project.require_record(FACES, "second").kind == "video"
    assert list(project.require_record(GIFS, "clip").keys) == ["Benjamin.gif"]
    assert pending_changes(project).up_to_date


def test_videos_of_an_earlier_look_are_rendered_again_once(folder: Path) -> None:
    project = Project(folder / "clip.fancam")
    before = project.require_record(CROPS, "clip")
    for is_done in (False, True):
        (summary,) = crop_people(
            project, [folder / "clip.mp4"], CROP_SETTINGS, context=RunContext(no_bar)
        )
        assert summary.already_done == is_done
    assert project.require_record(CROPS, "clip").version > before.version


def test_a_pair_stays_a_pair(folder: Path) -> None:
    project = Project(folder / "lesson.fancam")
    (lesson,) = known_lessons(project)
    assert lesson.names == ("student", "teacher")
    assert lesson.offset.source == "creation_time"
    for name, on in zip(lesson.names, lesson.on, strict=True):
        assert on_air_times(project, name).tolist() == on.tolist()
        assert project.has_record(RECORDING, name)
        assert pair_options_of(project, name)[0] == "--pair"
    assert project.require_record(PAIR, "student").later_s == lesson.later_s


def test_a_later_schema_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "clip.fancam" / "project.json"
    content = {**json.loads(file.read_text(encoding="utf-8")), "schema": SCHEMA + 1}
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="made by a newer fancam"):
        Project(file.parent)
    assert fancam.cli.main(["status", "clip.fancam"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("upgrade fancam")


def test_no_path_of_the_original_machine_is_in_it(folder: Path) -> None:
    for project in folder.glob("*/project.json"):
        entries = json.loads(project.read_text(encoding="utf-8"))["footages"]
        assert [entry["path"] for entry in entries if not entry["path"].startswith("../")] == []
