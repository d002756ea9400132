from __future__ import annotations

from pathlib import Path

import pytest

from data.core.errors import InputError
from data.project.project import Project
from web.core.errors import NotFoundError
from web.core.library import Library


def made(folder: Path) -> Path:
    Project(folder).save()
    return folder


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("film.fancam", "film"),
        ("My Film (2).fancam", "my-film-2"),
        ("Élodie.fancam", "elodie"),
        ("舞台.fancam", "project"),
        (".fancam", "project"),
        ("plain", "plain"),
        ("x" * 90 + ".fancam", "x" * 40),
    ],
)
def test_ids_are_plain(tmp_path: Path, name: str, identifier: str) -> None:
    library = Library([made(tmp_path / name)])
    assert [project.id for project in library] == [identifier]
    assert library.get(identifier).folder == tmp_path / name


def test_ids_are_unique_and_a_project_is_served_once(tmp_path: Path) -> None:
    folders = [made(tmp_path / part / "film.fancam") for part in "abc"]
    library = Library([*folders, folders[0]])
    assert [project.id for project in library] == ["film", "film-2", "film-3"]
    assert library.get("film-2").folder == folders[1]
    assert len(library) == 3


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no project"):
        Library([])
    with pytest.raises(InputError, match="not a fancam project"):
        Library([tmp_path])
    with pytest.raises(NotFoundError):
        Library([made(tmp_path / "film.fancam")]).get("other")


def test_footages_count_from_one(tmp_path: Path) -> None:
    project = Project(made(tmp_path / "film.fancam"))
    opened = next(iter(Library([project.folder])))
    with pytest.raises(NotFoundError):
        opened.footage(1)
    for name in ("b", "a"):
        project.add_footage(
            tmp_path / f"{name}.mp4", size_bytes=1, duration_s=1, rate=None, frame_wh=(2, 2)
        )
    assert [opened.footage(number).name for number in (1, 2)] == ["b", "a"]
    for number in (0, -1, 3):
        with pytest.raises(NotFoundError):
            opened.footage(number)
