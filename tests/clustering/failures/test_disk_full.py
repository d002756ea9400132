"""`cluster-faces` without permission or space prints one line and leaves no partial file."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from tests.clips.catalogue import Clips
from tests.clustering.child import run_in_child
from tests.clustering.command import (
    Ran,
    assert_nothing_half_written,
    assert_refused,
    assert_same_result,
    listed,
    names,
    snapshot,
)
from tests.clustering.fakes import PEOPLE, CornerDetector

Run = Callable[..., Ran]


def test_unreadable_footage(clips: Clips, open_folder: Path) -> None:
    path = Path(shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4"))
    path.chmod(0)
    result = run_in_child(open_folder, "clip.mp4", without_rights=True)
    assert_refused(result, "clip.mp4", "permission")
    assert listed(open_folder) == ["clip.mp4"]


def test_read_only_folder(clips: Clips, open_folder: Path) -> None:
    shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4")
    open_folder.chmod(0o555)
    result = run_in_child(open_folder, "clip.mp4", without_rights=True)
    assert_refused(result, "clip.fancam", "no permission", "another folder")
    assert listed(open_folder) == ["clip.mp4"]


def test_read_only_project(clips: Clips, open_folder: Path) -> None:
    shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4")
    assert run_in_child(open_folder, "clip.mp4").code == 0
    before = snapshot(open_folder)
    for path in [*(open_folder / "clip.fancam").rglob("*"), open_folder / "clip.fancam"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    result = run_in_child(open_folder, "clip.mp4", "--every", "0.5", without_rights=True)
    assert_refused(result, "no permission", "another folder")
    assert snapshot(open_folder) == before


def full(path: Any) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def full_for_tables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    open_file = pyarrow.OSFile

    def full_file(path: bytes, mode: str = "r") -> Any:
        file = Path(os.fsdecode(path))
        if "w" not in mode or name not in str(file):
            return open_file(path, mode)
        file.write_bytes(b"half")
        # The message and number of pyarrow, without a file name.
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space")

    monkeypatch.setattr(pyarrow, "OSFile", full_file)


def full_for_bytes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write = Path.write_bytes

    def write_bytes(path: Path, content: Any) -> int:
        if name not in path.as_posix():
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise full(path)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def full_for_links(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def link(source: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source))

    def copyfile(source: Path, target: Path) -> None:
        if name in Path(target).as_posix():
            target.write_bytes(source.read_bytes()[:100])
            raise full(target)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(shutil, "copyfile", copyfile)


def full_for_folders(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mkdir = os.mkdir

    def full_mkdir(path: Any, *args: Any, **options: Any) -> None:
        if name in str(path):
            raise full(path)
        mkdir(path, *args, **options)

    monkeypatch.setattr(os, "mkdir", full_mkdir)


def full_for_sqlite(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    connect = sqlite3.connect

    def limited(path: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(path, *args, **kwargs)
        connection.execute(f"PRAGMA max_page_count = {name}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", limited)


FULL = {
    "project": (full_for_bytes, "project"),
    "first picture": (full_for_bytes, "/.00000000."),
    "portrait": (full_for_bytes, "/.00000009-2."),
    "first part": (full_for_tables, "-000000."),
    "fourth part": (full_for_tables, "-000003"),
    "frames table": (full_for_tables, "/.frames."),
    "faces table": (full_for_tables, "/.faces."),
    "people": (full_for_sqlite, "6"),
    "list of files": (full_for_bytes, "people/..generated"),
    "copy of a portrait": (full_for_links, "Person 2"),
    "montage": (full_for_bytes, "montage"),
    "image of the dataset": (full_for_links, "dataset/images"),
    "labels": (full_for_bytes, "dataset/labels"),
}
FULL_AT_FIRST = {
    "people file": (full_for_sqlite, "1"),
    "folders": (full_for_folders, "dataset/labels"),
    "data.yaml": (full_for_bytes, ".data."),
}
BEFORE, OPTIONS = ("--every", "0.5"), ("--every", "0.075")


@pytest.mark.parametrize("where", FULL | FULL_AT_FIRST)
def test_disk_full(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Callable[..., Path], where: str
) -> None:
    """One line and no partial file; with space again, the result of an undisturbed run."""
    run_out_of_space(run, clip, where)
    assert run(clip, *OPTIONS).code == 0
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))
    assert detector.frames > 0


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(where, marks=[] if where in ("people", "montage") else pytest.mark.slow)
        for where in FULL
    ],
)
def test_disk_full_over_a_good_result(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Callable[..., Path], where: str
) -> None:
    assert run(clip, *BEFORE).code == 0
    run_out_of_space(run, clip, where)
    assert len(names(clip.with_name("clip.fancam"))) == PEOPLE
    assert run(clip, *OPTIONS).code == 0
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(BEFORE, OPTIONS))
    assert detector.frames > 0


def run_out_of_space(run: Run, clip: Path, where: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fill, name = (FULL | FULL_AT_FIRST)[where]
        fill(monkeypatch, name)
        assert_refused(run(clip, *OPTIONS), "full")
    assert_nothing_half_written(clip.parent)


def test_too_little_space_is_said_before_the_first_frame(
    run: Callable[..., Ran], detector: CornerDetector, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.core.disk_space.free_bytes", lambda _: 1000)
    assert_refused(run(clip), "will be needed, most of it by cluster-faces", "free some space")
    assert detector.frames == 0


def test_a_scale_that_the_detector_cannot_search_is_refused_before_the_first_frame(
    run: Callable[..., Ran], detector: CornerDetector, clip: Path
) -> None:
    scale = ["--min-face", "4", "--detector", "hog"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clustering.faces.networks.detector.MAX_INPUT_PX", 10_000)
        assert_refused(
            run(clip, *scale), "is too large to search", "give cluster-faces a larger --min-face"
        )
    assert detector.frames == 0
