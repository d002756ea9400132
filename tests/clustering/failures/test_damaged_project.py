"""`cluster-faces` on damaged or incomplete projects, and on those of other versions."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.project.project import SCHEMA, Project
from tests.clustering.command import (
    Ran,
    assert_refused,
    changed,
    names,
    snapshot,
)
from tests.clustering.fakes import PEOPLE, CornerDetector

Run = Callable[..., Ran]


def test_project_of_another_version(run: Run, good: Path) -> None:
    edit_project(good, lambda content: content.update(schema=SCHEMA + 1))
    before = snapshot(good)
    assert_refused(run("clip.mp4"), "made by a newer fancam", "upgrade fancam")
    assert_refused(run("clip.mp4", "--force"), "made by a newer fancam")
    assert snapshot(good) == before


def edit_project(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "project.json"
    content = json.loads(file.read_text("utf-8"))
    edit(content)
    file.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 500,
        b'{"schema": 1, "footages": [',
        b"[]",
        b'{"schema": 1}',
        b'{"schema": 1, "footages": 5, "stages": {}}',
        b'{"schema": 1, "footages": [{"name": "clip"}], "stages": {}}',
        b'{"schema": 1, "footages": [], "stages": 3}',
        b"\xff\xfe",
    ],
    ids=["empty", "zeros", "cut off", "list", "keys", "footages", "entry", "stages", "encoding"],
)
def test_damaged_project(run: Run, good: Path, content: bytes) -> None:
    (good / "project.json").write_bytes(content)
    before = snapshot(good)
    assert_refused(run("clip.mp4"), "clip.fancam", "make a new project")
    assert snapshot(good) == before


def test_people_of_another_version(run: Run, good: Path) -> None:
    with sqlite3.connect(good / "people.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = snapshot(good)
    assert_refused(run("clip.mp4", "--eps", "0.4"), "people.sqlite", "made by a newer fancam")
    assert changed(before, snapshot(good)) == []


def test_damaged_people(run: Run, good: Path) -> None:
    (good / "people.sqlite").write_bytes(b"no database" * 500)
    before = snapshot(good)
    assert_refused(
        run("clip.mp4", "--eps", "0.4"), "people.sqlite", "move this file somewhere safe"
    )
    assert snapshot(good) == before


def test_force_rewrites_a_damaged_table(run: Run, good: Path, detector: CornerDetector) -> None:
    table = good / "faces" / "clip.parquet"
    table.write_bytes(table.read_bytes()[:-40])
    assert_refused(run("clip.mp4"), "clip.parquet", "--force")
    assert run("clip.mp4", "--force").code == 0
    assert len(names(good)) == PEOPLE
    assert detector.frames > 0


def test_missing_table_is_rewritten(run: Run, good: Path, detector: CornerDetector) -> None:
    (good / "faces" / "clip.parquet").unlink()
    assert run("clip.mp4").code == 0
    assert detector.frames > 0


@pytest.mark.parametrize("folder", ["people", "dataset"])
def test_removed_folder_is_rewritten(run: Run, good: Path, folder: str) -> None:
    before = {path: content for path, (_, content) in snapshot(good).items()}
    shutil.rmtree(good / folder)
    assert run("clip.mp4").code == 0
    after = {path: content for path, (_, content) in snapshot(good).items()}
    assert sorted(after) == sorted(before)


def test_file_in_the_place_of_the_project(run: Run, clip: Path) -> None:
    clip.with_name("clip.fancam").write_text("mine")
    assert_refused(run(clip), "clip.fancam", "a file, not a project folder")
    assert clip.with_name("clip.fancam").read_text() == "mine"


def test_own_file_in_the_way(run: Run, good: Path) -> None:
    shutil.rmtree(good / "people")
    (good / "people" / "Person 1.jpg").mkdir(parents=True)
    (good / "people" / "montage").write_text("mine")
    result = run("clip.mp4", "--eps", "0.45")
    assert_refused(result, "montage", "move it elsewhere")
    assert (good / "people" / "montage").read_text() == "mine"


def test_another_run_is_at_work(run: Run, good: Path) -> None:
    before = snapshot(good)
    with Project(good).lock():
        assert_refused(run("clip.mp4"), "clip.fancam", "another run is using this project")
    assert snapshot(good) == before
    assert run("clip.mp4").code == 0
