"""`fancam forget`: short names are found in text, and not in the noise of pictures."""

from __future__ import annotations

import io
import sqlite3
import sys
import unicodedata
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from data.erasure import residue_scan
from data.erasure.residue_scan import Residue
from tests.footage_kinds.exports.name_places import PLACES, noise, residues, text

FLIPS = 3
NAMES = ("Al", "IU", "NULL", "person", "jpg", "é", "민지", "Ann Lee", "Zoë O'Brien")


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_name_is_found(tmp_path: Path, place: str) -> None:
    suffix, plant = PLACES[place]
    for number, name in enumerate(NAMES):
        if place == "cp1252" and name == "민지":
            continue
        file = tmp_path / str(number) / f"file{suffix}"
        file.parent.mkdir()
        plant(file, name)
        assert residues(file.parent, name) == [Residue(file, "name")], name
        assert residues(file.parent, "Somebody", "Bo", "Xi") == [], name


@pytest.mark.parametrize("place", PLACES)
def test_damaged_files_are_searched_all_the_same(tmp_path: Path, place: str) -> None:
    suffix, plant = PLACES[place]
    file = tmp_path / f"file{suffix}"
    plant(file, "Michael Nyman")
    content = file.read_bytes()
    random = np.random.default_rng(len(content))
    for _ in range(FLIPS):
        changed = np.frombuffer(content, np.uint8).copy()
        where = random.integers(0, min(len(content), 2000), 4)
        changed[where] = random.integers(0, 256, 4)
        file.write_bytes(changed.tobytes()[: int(random.integers(1, len(content) + 1))])
        assert residues(tmp_path, "Al", "Bob") in ([], [Residue(file, "name")])
    file.write_bytes(b"\x07" + content[:64] + b" Michael Nyman \0" + content[64:])
    assert residues(tmp_path, "Michael Nyman") == [Residue(file, "name")]


def test_an_archive_in_itself(tmp_path: Path) -> None:
    inner = b"by Al"
    name = "song.txt"
    for depth in range(9):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, inner)
        inner, name = packed.getvalue(), f"{depth}.zip"
        (tmp_path / "a.zip").write_bytes(inner)
        found = residues(tmp_path, "Al")
        assert found == ([Residue(tmp_path / "a.zip", "name")] if depth < 5 else [])


def test_an_encrypted_entry(tmp_path: Path) -> None:
    """Its name is searched, and the entries after it."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("secret of Jo.txt", "x")
        archive.writestr("open.txt", "by Al")
    content = bytearray(file.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    file.write_bytes(bytes(content))
    assert residues(tmp_path, "Jo") == residues(tmp_path, "Al") == [Residue(file, "name")]
    assert residues(tmp_path, "Xi") == []


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("by Al")

    def fail(_content: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(residue_scan, "texts_of", fail)
    assert residues(tmp_path, "Al") == [Residue(tmp_path / "a.txt", residue_scan.UNREADABLE)]


VARIANTS = {
    "upper": ("Zoë", "met ZOË here"),
    "lower": ("Al", "met al here"),
    "decomposed": ("Zoë", unicodedata.normalize("NFD", "met Zoë here")),
    "decomposed name": (unicodedata.normalize("NFD", "Zoë"), "met Zoë here"),
    "decomposed letter": ("é", unicodedata.normalize("NFD", "met é here")),
    "typographic apostrophe": ("O'Brien", "met O’Brien here"),
    "spaces": ("Ann Lee", "met Ann  Lee here"),
    "slug": ("Ann Lee", "wrote ann-lee.mp4"),
    "underscores": ("Ann Lee", "wrote Ann_Lee_2024.mp4"),
    "initial": ("J. Lo", "met J.Lo here"),
    "file name of a person": ("AC/DC: live", "wrote AC_DC_ live.mp4"),
    "particle": ("민지", "민지가 노래한다"),
    "no spaces": ("王明", "昨天王明唱歌"),
    "emoji": ("🎤", "met 🎤 here"),
    "emoji escaped": ("🎤", r'{"a": "met \ud83c\udfa4"}'),
    "percent": ("Zoë B", "GET /zo%C3%AB%20b/1"),
    "quotes doubled": ('Al "Al" B', 'x,"Al ""Al"" B"'),
    "symbols": ("A$AP", "met a$ap here"),
    "path": ("Al", "/videos/al/1.mp4"),
    "windows path": ("Al", r"C:\videos\Al\1.mp4"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_a_name_are_found(tmp_path: Path, variant: str) -> None:
    name, content = VARIANTS[variant]
    (tmp_path / "notes.txt").write_text(content, "utf-8")
    assert residues(tmp_path, name) == [Residue(tmp_path / "notes.txt", "name")]


OTHERS = {
    "part of a word": ("Al", "Also all the Alps, metal, Al2, alë"),
    "part of a name": ("Ann", "Anna, Joann, Ann1"),
    "decomposed": ("e", unicodedata.normalize("NFD", "é è ê")),
    "marks": ("क", "कि"),
    "cut off": ("Zoë O'Brien", "Zoë O'Brie, oë O'Brien"),
    "suffix": ("jpg", "a.jpg b.JPG /c/d.jpg?x"),
    "number": ("1", "1,2,3\n1 2 3\nframe 1 of 10\n"),
    "decimal": ("2.0", "1,2.0,3\n"),
    "no letter in a file's name": ("...", "met a Person here..."),
    "in base64": ("Al", "data:image/png;base64," + "QUFB/Al+" * 40),
}


@pytest.mark.parametrize("variant", OTHERS)
def test_other_words_are_not(tmp_path: Path, variant: str) -> None:
    name, content = OTHERS[variant]
    (tmp_path / "notes.txt").write_text(content, "utf-8")
    assert residues(tmp_path, name) == []


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("Al's video.mp4", True),
        ("al.mp4", True),
        ("AL", True),
        ("concert_al_1.mp4", True),
        (unicodedata.normalize("NFD", "Zoë.jpg"), True),
        ("jpg.jpg", True),
        ("1.best.mp4", True),
        ("Also.mp4", False),
        ("alps.jpg", False),
        ("clip-00000001-1.jpg", False),
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_names_of_files_and_folders(tmp_path: Path, file: str, found: bool, kind: str) -> None:
    path = tmp_path / "crops" / "a" / file
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
        (path / "b.txt").write_bytes(b"")
    elif sys.platform == "win32":
        pytest.skip("links need a privilege there")
    else:
        path.symlink_to(tmp_path / "nowhere")
    expected = [Residue(path, "name")] if found else []
    assert residues(tmp_path, "Al", "Zoë", "jpg", "1") == expected


def test_noise_holds_no_name(tmp_path: Path) -> None:
    """Every pair of letters is in these files; the names are words of their formats."""
    for suffix in ("jpg", "png", "webp", "gif", "tif", "bmp"):
        noise(400).save(tmp_path / f"a.{suffix}")
    content = np.random.default_rng(0).bytes(1 << 20)
    for suffix in ("bin", "dat", "npy", "pt"):
        (tmp_path / f"b.{suffix}").write_bytes(content)
    assert b"Al" in content
    for place in ("mp4 title", "sqlite", "parquet", "zip entry", "jpeg xmp", "jpeg description"):
        suffix, plant = PLACES[place]
        plant(tmp_path / f"c {len(place)}{suffix}", "Bob")
    short = ("Al", "IU", "é", "1", "X", "Jo", "Bea", "ÿ", "ab", "mp4", "jpg", "JFIF", "und")
    words = ("NULL", "person", "format", "schema", "table", "options", "threads", "rdf", "Li")
    for name in (*short, *words):
        assert residues(tmp_path, name) == [], name
    assert len(residues(tmp_path, "Bob")) == 6


def test_other_people_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "Ann Lee").mkdir()
    (tmp_path / "Person 2.mp4").write_bytes(b"")
    (tmp_path / "names.json").write_text('["Ann Lee", "Person 2", "Person 12"]')
    (tmp_path / "data.bin").write_bytes(b"\0\1Ann Lee\0Person 2\xff")
    (tmp_path / "people.csv").write_text("who\nAnn Lee\nANN LEE\n")
    kept = ("Ann Lee", "Person 2", "Person 12")
    for name in ("Ann", "Lee", "Person", "Person 1", "2"):
        assert residues(tmp_path, name, kept=kept) == [], name
    (tmp_path / "notes.txt").write_text("Ann and Ann Lee")
    assert residues(tmp_path, "Ann", kept=kept) == [Residue(tmp_path / "notes.txt", "name")]


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".json", '{"who": "NAME"}'),
        (".json", '["NAME"]'),
        (".csv", "who,n\nBob,1\nNAME,x\n"),
        (".txt", "Bob\nNAME\n"),
    ],
)
@pytest.mark.parametrize("name", ["1", "007", "...", "2.0"])
def test_a_name_without_letters_stands_alone(
    tmp_path: Path, suffix: str, content: str, name: str
) -> None:
    file = tmp_path / f"a{suffix}"
    text(content)(file, name)
    assert residues(tmp_path, name) == [Residue(file, "name")]
    text('{"1": 1, "n": [1, 7, 2.0]}')(tmp_path / "a.json", "")
    assert [found.path for found in residues(tmp_path, name) if found.path != file] == []


@pytest.mark.parametrize("name", ["Michael", "Person 7", "Zoë B"])
def test_a_long_name_is_found_in_any_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1\2" + name.encode() + b"\0\xff\xfe")
    (tmp_path / "b.bin").write_bytes(b"\0\1\2" + name.encode("utf-16-le") + b"\1\0\xff\xfe")
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff\xda\0" + name.encode() + b"\0\xff\xd9")
    assert [found.path.name for found in residues(tmp_path, name)] == ["a.bin", "b.bin", "c.jpg"]


def test_deleted_rows_of_a_database(tmp_path: Path) -> None:
    """The bytes of a deleted row are found if the name is long; those in the log in any case."""
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE t (name TEXT)")
        database.executemany("INSERT INTO t VALUES (?)", [("Michael",), ("Bob",), ("Al",)])
        database.commit()
        database.execute("DELETE FROM t")
        database.commit()
    assert residues(tmp_path, "Michael") == [Residue(tmp_path / "a.sqlite", "name")]
    assert residues(tmp_path, "Al") == []
    database = sqlite3.connect(tmp_path / "b.sqlite")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (name TEXT)")
    database.execute("INSERT INTO t VALUES ('with Al')")
    database.commit()
    assert residues(tmp_path, "Al") == [Residue(tmp_path / "b.sqlite", "name")]
    database.close()
