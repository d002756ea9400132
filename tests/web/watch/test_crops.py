from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from data.core.errors import InputError
from data.project.filenames import CropKind
from data.project.manifest import MANIFEST
from data.project.stages import GifsRecord
from tests.web.drawn_crops import Drawing, draw_crops
from web.watch.crops import is_own_file, read_crops


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawing = Drawing(names=("Anna", "Ben"), seconds=0.4, sound=False)
    return draw_crops(tmp_path / "film.fancam", drawing).crops_folder("film")


def change(folder: Path, **values: Any) -> None:
    file = folder / "timeline.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_no_crops_yet(tmp_path: Path) -> None:
    assert read_crops(tmp_path / "missing") is None


def test_drawn_crops_are_read(folder: Path) -> None:
    crops = read_crops(folder)
    assert crops is not None
    assert (crops.duration_s, crops.rate) == (0.4, Fraction(25))
    assert [(p.person_id, p.name, p.size_wh) for p in crops.people] == [
        (1, "Anna", (176, 224)),
        (2, "Ben", (176, 224)),
    ]
    anna = crops.person(1)
    assert anna is not None
    assert anna.absent == ((0.0, 0.133),)
    assert anna.file(CropKind.VIDEO) == folder / "Anna.mp4"
    assert anna.file(CropKind.GIF) == folder / "Anna.gif"
    assert anna.file(CropKind.BEST) is None
    assert crops.person(3) is None


def test_a_file_that_a_stopped_run_may_have_replaced_is_not_shown(folder: Path) -> None:
    """After a swap of names, Anna.gif may be a GIF of Ben that is not recorded yet."""
    crops = read_crops(folder, GifsRecord({"Anna.gif": "", "Ben.gif": "2 a b"}))
    assert crops is not None
    assert [CropKind.GIF in person.files for person in crops.people] == [False, True]
    (folder / MANIFEST).write_text(json.dumps({"version": 1, "files": {"Anna.mp4": ""}}))
    crops = read_crops(folder)
    assert crops is not None
    assert [person.file(CropKind.VIDEO) is None for person in crops.people] == [True, False]


def test_a_changed_timeline_is_read_again(folder: Path) -> None:
    assert read_crops(folder) is read_crops(folder)
    change(folder, duration_s=12.5, rate=None)
    crops = read_crops(folder)
    assert crops is not None
    assert (crops.duration_s, crops.rate) == (12.5, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 2}, "another version"),
        ({"version": None}, "another version"),
        ({"people": None}, "damaged"),
        ({"people": [{}]}, "damaged"),
        ({"people": [1]}, "damaged"),
        ({"duration_s": "long"}, "damaged"),
        ({"duration_s": -1}, "damaged"),
        ({"duration_s": float("nan")}, "damaged"),
        ({"rate": "25/0"}, "damaged"),
        ({"rate": "fast"}, "damaged"),
    ],
)
def test_damaged(folder: Path, values: dict[str, Any], message: str) -> None:
    change(folder, **values)
    with pytest.raises(InputError, match=message):
        read_crops(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": 1}'])
def test_an_unreadable_timeline(folder: Path, content: bytes) -> None:
    (folder / "timeline.json").write_bytes(content)
    with pytest.raises(InputError, match="run crop-people"):
        read_crops(folder)


def test_a_person_twice(folder: Path) -> None:
    people = json.loads((folder / "timeline.json").read_text())["people"]
    change(folder, people=[people[0], people[0]])
    with pytest.raises(InputError, match="twice"):
        read_crops(folder)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("Anna.mp4", True),
        ("missing.mp4", False),
        ("", False),
        ("../film/Anna.mp4", False),
        ("sub/Anna.mp4", False),
        ("C:Anna.mp4", False),
        ("inside.mp4", True),
        ("outside.mp4", False),
        ("a\0b", False),
    ],
)
def test_is_own_file(folder: Path, name: str, own: bool) -> None:
    (folder / "inside.mp4").symlink_to(folder / "Anna.mp4")
    (folder.parent / "elsewhere").write_bytes(b"")
    (folder / "outside.mp4").symlink_to(folder.parent / "elsewhere")
    assert is_own_file(folder, name) is own
