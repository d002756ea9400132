from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clustering import settings
from clustering.faces import settings as faces_settings
from clustering.state import states
from data.project.project import Project
from data.project.stages import FACES
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.clustering.command import Ran
from tests.clustering.fakes import CornerDetector

Run = Callable[..., Ran]


@pytest.fixture
def project(run: Run, detector: CornerDetector, clip: Path) -> Project:
    """Status of a finished stage."""
    del detector
    assert run(clip).code == 0
    return Project(clip.with_name("clip.fancam"))


def statuses(project: Project) -> list[tuple[str, str, str]]:
    found = states(Project(project.folder))
    assert all(one.command[:1] == ("cluster-faces",) for one in found if one.command)
    return [(one.output, one.state, one.reason) for one in found]


FACES_DONE, PEOPLE_DONE = ("faces", "done", ""), ("people", "done", "")


def test_an_empty_project(tmp_path: Path) -> None:
    assert statuses(Project(tmp_path / "a.fancam")) == [
        ("people", "missing", "the faces are not clustered yet")
    ]
    assert not (tmp_path / "a.fancam").exists()


def test_all_is_done(project: Project) -> None:
    assert statuses(project) == [FACES_DONE, PEOPLE_DONE]


def rename(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(1, "Anna")


def lose_a_table(project: Project) -> None:
    project.faces_file("clip").unlink()


def lose_the_dataset(project: Project) -> None:
    shutil.rmtree(project.dataset_folder)


def lose_the_people(project: Project) -> None:
    shutil.rmtree(project.people_folder)


def lose_the_footage(project: Project) -> None:
    project.footages["clip"].path.unlink()


def grow(project: Project) -> None:
    with project.footages["clip"].path.open("ab") as file:
        file.write(b"more")


def stop(project: Project) -> None:
    project.unfinish(FACES, "clip")


CASES: dict[str, tuple[Callable[[Project], Any], list[tuple[str, str, str]]]] = {
    "named": (
        rename,
        [
            FACES_DONE,
            ("people", "stale", "people have been reviewed since, or writing was stopped"),
        ],
    ),
    "table": (lose_a_table, [("faces", "missing", "clip.parquet is gone"), PEOPLE_DONE]),
    "dataset": (
        lose_the_dataset,
        [FACES_DONE, ("people", "missing", "people/ or dataset/ is gone")],
    ),
    "people": (
        lose_the_people,
        [FACES_DONE, ("people", "missing", "people/ or dataset/ is gone")],
    ),
    "changed": (grow, [("faces", "stale", "the footage has changed"), PEOPLE_DONE]),
    "stopped": (
        stop,
        [
            ("faces", "missing", "not analysed yet, or only in part"),
            ("people", "stale", "new faces have been found since"),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_unfinished_stages_have_a_reason(project: Project, case: str) -> None:
    change, expected = CASES[case]
    change(project)
    assert statuses(project) == expected


def test_missing_footage_is_named(project: Project) -> None:
    lose_the_footage(project)
    faces, people = states(project)
    assert (faces.state, faces.command, people.state) == ("missing", (), "done")
    assert "clip.mp4; put it back" in faces.reason


@pytest.mark.parametrize("case", ["named", "table", "dataset", "people", "changed", "stopped"])
def test_the_listed_command_brings_it_up_to_date(project: Project, run: Run, case: str) -> None:
    CASES[case][0](project)
    todo = [one.command for one in states(Project(project.folder)) if one.command]
    for command in todo:
        assert run(*command[1:]).code == 0
    assert statuses(project) == [FACES_DONE, PEOPLE_DONE]


def test_another_version(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces_settings, "VERSION", faces_settings.VERSION + 1)
    monkeypatch.setattr(settings, "VERSION", settings.VERSION + 1)
    assert statuses(project) == [
        ("faces", "stale", "the faces were found by another version of fancam"),
        ("people", "stale", "clustered by another version of fancam"),
    ]
