from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.project.cleanup import Removable, existing_files, files_under, remove
from data.project.project import Project
from data.project.stages import TRACKER, TRACKS
from fancam.clean import cache, exports
from tests.records import stored_records, tracker_record, tracks_record


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "a.fancam")
    for name in ("export/coco.zip", "export/a.mot.zip", "export/mine.zip", ".web/ab/c.jpg"):
        file = made.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")
    made.finish(TRACKER, tracker_record())
    made.finish(TRACKS, tracks_record(), "a")
    return made


def names(project: Project) -> list[str]:
    files = (path for path in project.folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(project.folder).as_posix() for path in files)


def test_no_files() -> None:
    assert Removable("nothing", "nobody", ()).size_bytes == 0


def test_generated_files_are_removed_and_the_users_stay(project: Project) -> None:
    assert exports(project).size_bytes == 10
    remove(project, exports(project))
    remove(project, cache(project))
    assert names(project) == ["export/mine.zip", "project.json"]
    assert not (project.folder / ".web").exists()
    assert exports(project).files == cache(project).files == ()


def test_stages_of_removed_files_are_unfinished(project: Project) -> None:
    file = project.folder / "export" / "coco.zip"
    remove(project, Removable("some", "somebody", (file, file), ((TRACKER, None), (TRACKS, "b"))))
    assert list(stored_records(project.folder)) == ["tracks of a"]
    assert not file.exists()


def test_a_link_frees_nothing(project: Project) -> None:
    file = project.folder / "export" / "coco.zip"
    os.link(file, project.folder / "the same.zip")
    assert exports(project).size_bytes == 5


def test_only_existing_files_are_listed(project: Project, tmp_path: Path) -> None:
    file = project.folder / "export" / "coco.zip"
    assert existing_files(file, tmp_path, tmp_path / "missing") == [file]
    assert files_under(tmp_path / "missing") == []
