from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.project.manifest import MANIFEST, OutputFile, OutputFolder, SyncCounts


def content(**files: str) -> dict[str, OutputFile]:
    return {name.replace("__", "/"): OutputFile.content(t.encode()) for name, t in files.items()}


def files_in(folder: Path) -> dict[str, str]:
    paths = (p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in paths}


def test_no_files_make_no_folder(tmp_path: Path) -> None:
    assert OutputFolder(tmp_path / "out").sync({}) == SyncCounts(0, 0, 0)
    assert not (tmp_path / "out").exists()


def test_writes_then_keeps_then_changes_then_removes(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.sync(content(a__x="1", b__y="2")) == SyncCounts(2, 0, 0)
    assert files_in(folder.folder) == {"a/x": "1", "b/y": "2"}
    before = (folder.folder / MANIFEST).stat().st_mtime_ns
    assert folder.sync(content(a__x="1", b__y="2")) == SyncCounts(0, 0, 2)
    assert (folder.folder / MANIFEST).stat().st_mtime_ns == before
    assert folder.sync(content(a__x="one", c="3")) == SyncCounts(2, 1, 0)
    assert files_in(folder.folder) == {"a/x": "one", "c": "3"}
    assert not (folder.folder / "b").exists()
    assert folder.sync({}) == SyncCounts(0, 2, 0)
    assert files_in(folder.folder) == {}


def test_existing_generated_files_are_listed_and_the_manifest_last(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.files() == []
    folder.sync(content(a__x="1", b="2", c="3"))
    (folder.folder / "b").unlink()
    (folder.folder / ".c.partial").write_text("half", encoding="utf-8")
    (folder.folder / "mine").write_text("mine", encoding="utf-8")
    names = [file.relative_to(folder.folder).as_posix() for file in folder.files()]
    assert names == ["a/x", "c", ".c.partial", MANIFEST]


def test_unchanged_files_stay_and_missing_ones_are_rewritten(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(x="1", y="2"))
    kept = (tmp_path / "x").stat()
    (tmp_path / "y").unlink()
    assert folder.sync(content(x="1", y="2")) == SyncCounts(1, 0, 1)
    assert (tmp_path / "x").stat().st_ino == kept.st_ino
    assert (tmp_path / "x").stat().st_mtime_ns == kept.st_mtime_ns


def test_the_users_files_stay(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(a__x="1"))
    (tmp_path / "a" / "notes.txt").write_text("mine", encoding="utf-8")
    folder.sync(content(b__x="1"))
    assert files_in(tmp_path) == {"a/notes.txt": "mine", "b/x": "1"}


def test_a_users_file_in_the_way_stops_before_anything_is_written(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(old="1"))
    (tmp_path / "x").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"x: fancam needs this file name.*move it elsewhere"):
        folder.sync(content(a="new", x="theirs"))
    assert files_in(tmp_path) == {"old": "1", "x": "mine"}


@pytest.mark.parametrize("place", ["a", "a/x"])
def test_a_folder_in_place_of_a_file_and_the_reverse(tmp_path: Path, place: str) -> None:
    if place == "a":
        (tmp_path / "a").write_text("mine", encoding="utf-8")
    else:
        OutputFolder(tmp_path).sync(content(a__x="1"))
        (tmp_path / "a" / "x").unlink()
        (tmp_path / "a" / "x").mkdir()
    with pytest.raises(InputError, match="move it elsewhere"):
        OutputFolder(tmp_path).sync(content(a__x="1"))


def test_a_generated_file_is_replaced_by_a_folder_and_back(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for files in (content(a="1"), content(a__x="2"), content(a="3")):
        folder.sync(files)
        assert files_in(tmp_path).keys() == files.keys()


def test_another_case_of_a_name_is_removed_before_the_new_one_is_written(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(anna__x="1"))
    order: list[bool] = []

    def write(path: Path) -> None:
        order.append((tmp_path / "anna" / "x").exists())
        path.write_text("1", encoding="utf-8")

    folder.sync({"Anna/x": OutputFile("1", write)})
    assert order == [False]
    assert files_in(tmp_path) == {"Anna/x": "1"}


@pytest.mark.parametrize(
    "path",
    ["", "/etc/x", "../x", "a/../../x", "a//x", "./x", "a\\x", "C:x", "a/\0", MANIFEST],
)
def test_a_path_outside_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="inside the folder"):
        OutputFolder(tmp_path).sync({path: OutputFile.content(b"")})
    assert list(tmp_path.iterdir()) == []


def test_a_link_outside_the_folder_is_refused(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "a").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(InputError, match="a link to a place outside"):
        OutputFolder(out).sync(content(a__x="1"))
    assert list(elsewhere.iterdir()) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", range(5))
def test_a_stopped_sync_is_finished_by_the_next(tmp_path: Path, after: int) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(a__1="old", a__2="old", a__3="old"))
    files = content(a__2="new", b__1="new", b__2="new", b__3="new")
    steps = iter(range(after))

    def die_later(write: OutputFile) -> OutputFile:
        def step(path: Path) -> None:
            write.write(path)
            if next(steps, None) is None:
                raise Killed

        return OutputFile(write.key, step)

    try:
        folder.sync({path: die_later(write) for path, write in files.items()})
    except Killed:
        done = len([p for p, t in files_in(tmp_path).items() if t == "new"])
        assert done == after
        assert OutputFolder(tmp_path).sync(files).kept == done
    assert files_in(tmp_path) == dict.fromkeys(files, "new")
    assert not any("partial" in p.name for p in tmp_path.rglob("*"))


def test_partial_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(a__x_jpg="1"))
    (tmp_path / "a" / ".x_jpg.partial").write_text("half", encoding="utf-8")
    folder.sync(content(b="2"))
    assert files_in(tmp_path) == {"b": "2"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"../x": "1"}}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        OutputFolder(tmp_path).sync(content(x="1"))


def test_links_follow_their_source(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", OutputFolder(tmp_path / "out")
    source.write_text("1", encoding="utf-8")
    folder.sync({"x": OutputFile.link(source)})
    assert (folder.folder / "x").samefile(source)
    assert folder.sync({"x": OutputFile.link(source)}) == SyncCounts(0, 0, 1)
    newer = tmp_path / "newer"
    newer.write_text("22", encoding="utf-8")
    newer.replace(source)
    assert files_in(folder.folder) == {"x": "1"}
    folder.sync({"x": OutputFile.link(source)})
    assert files_in(folder.folder) == {"x": "22"}


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run cluster-faces --project PROJECT --force"):
        OutputFile.link(tmp_path / "gone.jpg")


def test_progress_counts_every_file(tmp_path: Path) -> None:
    seen: list[int] = []
    folder = OutputFolder(tmp_path)
    folder.sync(content(x="1"))
    folder.sync(content(x="1", y="2"), advance=lambda: seen.append(1))
    assert len(seen) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has other forbidden names")
def test_unicode_names(tmp_path: Path) -> None:
    OutputFolder(tmp_path).sync({"Zoë 🙂/名.jpg": OutputFile.content("é".encode())})
    assert files_in(tmp_path) == {"Zoë 🙂/名.jpg": "é"}


def test_changes_are_what_a_sync_would_do(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.changes({}) == set()
    assert folder.changes(content(a="1")) == {"a"}
    folder.sync(content(a="1", b="2", c="3"))
    assert folder.changes(content(a="1", b="2", c="3")) == set()
    assert folder.changes(content(a="one", b="2", d="4")) == {"a", "c", "d"}
    (folder.folder / "b").unlink()
    assert folder.changes(content(a="1", b="2", c="3")) == {"b"}
    assert files_in(folder.folder) == {"a": "1", "c": "3"}


def test_keys_are_of_complete_existing_files(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    assert folder.keys() == {}
    files = content(x="1", y="2")
    folder.sync(files)
    assert folder.keys() == {name: one.key for name, one in files.items()}
    (tmp_path / "x").unlink()
    assert set(folder.keys()) == {"y"}


def test_outdated_is_what_sync_would_write(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    assert folder.outdated(content(x="1", y="2")) == ["x", "y"]
    folder.sync(content(x="1", y="2"))
    assert folder.outdated(content(x="1", y="2")) == []
    assert folder.outdated(content(x="1", y="3", z="4")) == ["y", "z"]
    (tmp_path / "z").write_text("mine", encoding="utf-8")
    with pytest.raises(
        InputError, match="fancam needs this file name, but did not create the existing file"
    ):
        folder.outdated(content(z="4"))


def test_forced_sync_rewrites_current_files(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync(content(x="1", y="2"))
    assert folder.sync(content(x="1", y="2"), again={"y"}) == SyncCounts(1, 0, 1)
