"""Run `cluster-faces` as a user does, and look at what it left behind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.project.manifest import MANIFEST
from data.project.project import Project
from data.tables.faces import Faces, Frames
from data.tables.people import open_people

_BAR = re.compile(r"\[\d\d:\d\d(:\d\d)?[<,]")
_COMPARED_OTHERWISE = (".parquet", ".sqlite", ".lock", MANIFEST)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of the command ended."""

    code: int
    out: list[str]
    err: list[str]  # without progress bars


def ran(code: int, out: str, err: str) -> Ran:
    """Take the printed text apart into lines."""
    lines = [line.rstrip() for line in re.split("[\r\n]", err)]
    return Ran(code, out.splitlines(), [x for x in lines if x and not _BAR.search(x)])


def assert_refused(result: Ran, *words: str, code: int = 2) -> None:
    """Exactly one line that says what is wrong, and the right exit code."""
    assert (result.code, len(result.err)) == (code, 1), result
    line = result.err[0]
    assert line.startswith("cluster-faces: ")
    assert "Traceback" not in line
    assert [word for word in words if word not in line] == [], line


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and content of every file below, but the lock's, by relative path."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock")
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
    }


def assert_nothing_half_written(folder: Path) -> None:
    """No file is left beside its place."""
    left = [p.name for p in folder.rglob("*") if ".partial" in p.name or "-journal" in p.name]
    assert left == []


def contents(folder: Path) -> dict[str, Any]:
    """Everything that two projects of the same result have alike, by relative path."""
    project = Project(folder)
    found: dict[str, Any] = {
        path: None if path.endswith(_COMPARED_OTHERWISE) else content
        for path, (_, content) in snapshot(folder).items()
    }
    found["names"] = names(folder)
    for manifest in folder.rglob(MANIFEST):
        files = json.loads(manifest.read_text("utf-8"))["files"]
        found[manifest.relative_to(folder).as_posix()] = sorted(files)
    for name in project.footages:
        for table in (
            Faces.read(project.faces_file(name)),
            Frames.read(project.frames_file(name)),
            assignments(folder, name),
        ):
            for column in table.COLUMNS:
                values: np.ndarray[Any, Any] = getattr(table, column)
                found[f"{name} {type(table).__name__} {column}"] = values.tolist()
    return found


def assert_same_result(folder: Path, expected: Path) -> None:
    """Tables, people, whose faces are whose, the set of files and their bytes."""
    here, there = contents(folder), contents(expected)
    assert (sorted(here.keys() - there), sorted(there.keys() - here)) == ([], [])
    assert [key for key in here if here[key] != there[key]] == []
    assert_nothing_half_written(folder)


def names(folder: Path) -> dict[int, str]:
    """The people of a project."""
    with open_people(Project(folder).people_file) as people:
        return people.names()


def assignments(folder: Path, footage: str) -> Any:
    """Whose the faces of a footage are."""
    with open_people(Project(folder).people_file) as people:
        return people.assignments(footage)


def listed(folder: Path) -> list[str]:
    """Names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Files that differ between two snapshots."""
    return sorted(path for path in before | after if before.get(path) != after.get(path))
