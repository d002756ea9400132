"""Frame sizes of the stored boxes: after a footage was scaled, its faces are the same faces.

Boxes are stored in px of the frame. When a footage is replaced by a larger or smaller version, they
are scaled to it, so that decisions and previous assignments match by shares of the frame.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from data.project.project import FootageEntry, Project
from data.tables.people import Assignments, People, open_people
from data.tables.people_schema import has_table

_CREATE = (
    "CREATE TABLE IF NOT EXISTS frame_sizes "
    "(footage TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL)"
)
_TABLES = ("faces", "former_faces")
"""Tables with the columns footage, x1, y1, x2 and y2; a file may lack the second."""


def store_frame_sizes(project: Project) -> None:
    """Store the frame size of each footage that has none, before its entry can change.

    The caller holds the project's lock.
    """
    if not project.people_file.exists():
        return
    with open_people(project.people_file) as people:
        known = _frame_sizes(people)
        entries = [entry for entry in project.footages.values() if entry.name not in known]
        new = [(entry.name, entry.width, entry.height) for entry in entries]
        if new:
            with people.transaction() as connection:
                connection.execute(_CREATE)
                connection.executemany("INSERT OR IGNORE INTO frame_sizes VALUES (?, ?, ?)", new)


def scale_stored_boxes(people: People, sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Scale the boxes of faces and decisions in footages whose frame size has changed.

    Args:
        people: the project's people.
        sizes: current width and height in px, by footage.

    Returns:
        Names of the footages whose boxes were scaled.
    """
    known = _frame_sizes(people)
    changed = [name for name, size in sizes.items() if known.get(name, size) != size]
    missing = [name for name in sizes if name not in known]
    if not changed and not missing:
        return []
    with people.transaction() as connection:
        connection.execute(_CREATE)
        for name in changed:
            _scale(people, name, _factors(known[name], sizes[name]))
        rows = [(name, *sizes[name]) for name in (*changed, *missing)]
        connection.executemany("INSERT OR REPLACE INTO frame_sizes VALUES (?, ?, ?)", rows)
        if changed:
            people.raise_revision()
    return changed


def assignments_in_frame(people: People, entry: FootageEntry) -> Assignments:
    """Read the faces of a footage with boxes in px of its current frame."""
    assignments = people.assignments(entry.name)
    size = entry.width, entry.height
    stored = _frame_sizes(people).get(entry.name, size)
    if stored == size:
        return assignments
    factors = np.array(_factors(stored, size), np.float32)
    return replace(assignments, xyxy=assignments.xyxy * factors)


def _frame_sizes(people: People) -> dict[str, tuple[int, int]]:
    if not has_table(people.connection, "frame_sizes"):
        return {}
    rows = people.connection.execute("SELECT footage, width, height FROM frame_sizes")
    return {name: (width, height) for name, width, height in rows}


def _factors(before: tuple[int, int], after: tuple[int, int]) -> tuple[float, float, float, float]:
    x, y = after[0] / before[0], after[1] / before[1]
    return x, y, x, y


def _scale(people: People, footage: str, factors: tuple[float, float, float, float]) -> None:
    execute = people.connection.execute
    for table in _TABLES:
        if has_table(people.connection, table):
            query = f"UPDATE {table} SET x1 = x1 * ?, y1 = y1 * ?, x2 = x2 * ?, y2 = y2 * ?"
            execute(f"{query} WHERE footage = ?", (*factors, footage))
    for number, faces in execute("SELECT decision_id, faces FROM decisions").fetchall():
        content = json.loads(faces)
        scaled = _scaled(content, footage, factors)
        if scaled != content:
            text = json.dumps(scaled, ensure_ascii=False)
            execute("UPDATE decisions SET faces = ? WHERE decision_id = ?", (text, number))


def _scaled(content: Any, footage: str, factors: tuple[float, float, float, float]) -> Any:
    """Return the JSON of a decision's faces with the boxes of one footage scaled, at any depth."""
    if not isinstance(content, dict):
        return content
    return {
        key: [[row[0], *(v * f for v, f in zip(row[1:5], factors, strict=True))] for row in value]
        if key == footage and isinstance(value, list)
        else _scaled(value, footage, factors)
        for key, value in content.items()
    }
