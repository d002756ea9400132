from __future__ import annotations

import pytest

from data.project.filenames import (
    VIDEO_KINDS,
    CropKind,
    crop_kind,
    person_file_name,
    person_file_names,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Person 1", "Person 1"),
        ("", "Person"),
        ("...", "Person"),
        (".hidden", "hidden"),
        ("../../etc", "_.._etc"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("trailing. . ", "trailing"),
        ("tab\tand\nline\0", "tab and line"),
        ("Zoë 名 🙂 محمد", "Zoë 名 🙂 محمد"),
        ("Zoe\u0308", "Zoë"),
        ("\u202eevil", "evil"),
        ("Montage", "_Montage"),
        ("unknown", "_unknown"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("lpt1", "_lpt1"),
        ("Connie", "Connie"),
    ],
)
def test_name(name: str, expected: str) -> None:
    assert person_file_name(name) == expected


@pytest.mark.parametrize("letter", ["x", "é", "名", "🙂"])
def test_long_names_are_cut_between_letters(letter: str) -> None:
    file = person_file_name(letter * 500)
    assert set(file) == {letter}
    assert 116 < len(file.encode()) <= 120


def test_files_of_different_people_differ_ignoring_case() -> None:
    names = {3: "anna", 1: "Anna", 2: "a:b", 4: "a*b", 5: "Anna (2)", 6: "ANNA"}
    files = person_file_names(names)
    assert files[1] == "Anna"
    assert files[2] == "a_b"
    assert len({file.casefold() for file in files.values()}) == len(names)
    assert files == person_file_names(dict(sorted(names.items())))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Anna.mp4", CropKind.VIDEO),
        ("Anna.best.mp4", CropKind.BEST),
        ("Anna.small.m4v", CropKind.SMALL),
        ("Anna.gif", CropKind.GIF),
        ("Anna.webp", CropKind.WEBP),
        ("Anna.loop.mp4", CropKind.LOOP),
        ("timeline.json", None),
        ("Anna", None),
    ],
)
def test_kind_of_a_crop_file(name: str, kind: CropKind | None) -> None:
    assert crop_kind(name) is kind
    if kind is not None:
        assert kind.file_name("Anna") == name
        assert kind.base(name) == "Anna"


def test_a_name_that_ends_like_another_kind() -> None:
    assert crop_kind("Ann.loop.mp4", among=VIDEO_KINDS) is CropKind.VIDEO
    assert CropKind.LOOP.value == "loop"
