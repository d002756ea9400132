"""Run `cluster-faces` as a user does, and inspect its output."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.core.run_log import LOG_FILE
from data.project.manifest import MANIFEST
from data.project.project import PROJECT_FILE, Project
from data.tables.faces import Faces, Frames
from data.tables.people import open_people

_BAR = re.compile(r"\[\d\d:\d\d(:\d\d)?[<,]")
_REMEMBERED = re.compile(r"using saved options of |\(was ")
_COMPARED_OTHERWISE = (".parquet", ".sqlite", ".lock", MANIFEST)


@dataclass(frozen=True, slots=True)
class Ran:
    """Result of a run of the command."""

    code: int
    out: list[str]
    err: list[str]  # without progress bars, and lines about remembered options
    options: list[str]  # lines about remembered options


def ran(code: int, out: str, err: str) -> Ran:
    """Split the printed text into lines."""
    lines = [line.rstrip() for line in re.split("[\r\n]", err)]
    said = [line for line in lines if line and not _BAR.search(line)]
    options = [line for line in said if _REMEMBERED.search(line)]
    return Ran(code, out.splitlines(), [line for line in said if line not in options], options)


def assert_refused(result: Ran, *words: str, code: int = 2) -> None:
    """Assert exactly one error line with these words, and the exit code."""
    assert (result.code, len(result.err)) == (code, 1), result
    line = result.err[0]
    assert line.startswith("cluster-faces: ")
    assert "Traceback" not in line
    assert [word for word in words if word not in line] == [], line


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and content of every file below but the lock and the logs, by relative path."""
    skipped = {".lock", LOG_FILE}
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in skipped)
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
    }


def assert_nothing_half_written(folder: Path) -> None:
    """Assert that no temporary file is left."""
    left = [p.name for p in folder.rglob("*") if ".partial" in p.name or "-journal" in p.name]
    assert left == []


def contents(folder: Path) -> dict[str, Any]:
    """Return everything that is equal in two projects with the same result, by relative path.

    The remembered options are not: they are as the user gave them.
    """
    project = Project(folder)
    found: dict[str, Any] = {
        path: None if path.endswith(_COMPARED_OTHERWISE) else content
        for path, (_, content) in snapshot(folder).items()
    }
    content = json.loads((folder / PROJECT_FILE).read_text("utf-8"))
    content.pop("options", None)
    found |= {PROJECT_FILE: content, "names": names(folder)}
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
    """Assert equal tables, people, assignments, sets of files and bytes."""
    here, there = contents(folder), contents(expected)
    assert (sorted(here.keys() - there), sorted(there.keys() - here)) == ([], [])
    differ = {key: (here[key], there[key]) for key in here if here[key] != there[key]}
    assert differ == {}, sorted(differ)
    assert_nothing_half_written(folder)


def names(folder: Path) -> dict[int, str]:
    """Return the names of the people of a project, by number."""
    with open_people(Project(folder).people_file) as people:
        return people.names()


def assignments(folder: Path, footage: str) -> Any:
    """Return the person of each face of a footage."""
    with open_people(Project(folder).people_file) as people:
        return people.assignments(footage)


def listed(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the files that differ between two snapshots."""
    return sorted(path for path in before | after if before.get(path) != after.get(path))
