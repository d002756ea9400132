"""The folder of known people: which folders are people, and which are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustering.faces.known_folder import is_default_name, list_known
from data.core.errors import InputError


def picture(*parts: str, folder: Path) -> Path:
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_pictures_of_each_person(tmp_path: Path) -> None:
    two, ten = (picture("Anna", name, folder=tmp_path) for name in ("2.jpg", "10.PNG"))
    zoe = picture("Zoe\u0308 O'Brien", "a.webp", folder=tmp_path)
    for ignored in (
        "readme.txt",
        "group.jpg",
        "Anna/notes.txt",
        "Anna/.hidden.jpg",
        "Anna/more/a.jpg",
        ".git/a.jpg",
    ):
        picture(ignored, folder=tmp_path)
    known = list_known(tmp_path)
    assert known.pictures == {"Anna": (two, ten), "Zo\xeb O'Brien": (zoe,)}
    assert known.skipped == ()


@pytest.mark.parametrize(
    ("folders", "line"),
    [
        pytest.param(
            ("Anna", "anna"), "anna: has the same name as Anna", id="twice, in other case"
        ),
        pytest.param(
            ("Zoe\u0308", "Zo\xeb"),
            "has the same name as Zoe\u0308",
            id="twice, composed otherwise",
        ),
        pytest.param(
            ("Anna", "Person 3"),
            "Person 3: fancam uses such names for people without a name",
            id="default name",
        ),
        pytest.param(("Anna", "x" * 201), "a name can have at most 200 characters", id="too long"),
        pytest.param(("Anna", "B\nc"), "a name must be one line of text", id="line break"),
    ],
)
def test_a_folder_is_named_and_skipped(folders: tuple[str, str], line: str, tmp_path: Path) -> None:
    first, second = folders
    picture(first, "a.jpg", folder=tmp_path)
    if (tmp_path / second).exists():
        pytest.skip("this disk takes the two names as one")
    picture(second, "a.jpg", folder=tmp_path)
    known = list_known(tmp_path)
    assert len(known.pictures) == len(known.skipped) == 1
    assert line in known.skipped[0]
    assert known.skipped[0].startswith("skipped ")


def test_a_person_without_pictures_is_named_and_skipped(tmp_path: Path) -> None:
    picture("Anna", "a.jpg", folder=tmp_path)
    (tmp_path / "Ben").mkdir()
    known = list_known(tmp_path)
    assert list(known.pictures) == ["Anna"]
    assert known.skipped == (f"skipped {tmp_path / 'Ben'}: no pictures in it",)


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "pictures only"])
def test_no_folder_of_people(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    if kind == "file":
        folder.touch()
    elif kind != "missing":
        folder.mkdir()
    if kind == "pictures only":
        picture("a.jpg", folder=folder)
    with pytest.raises(InputError, match="a folder"):
        list_known(folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Person 1", True), ("person 12", True), ("Person", False), ("Person 1b", False)],
)
def test_default_name(name: str, expected: bool) -> None:
    assert is_default_name(name) is expected
