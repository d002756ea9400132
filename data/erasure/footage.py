"""Erase a footage from the people file: its faces, and its faces in decisions."""

from __future__ import annotations

import json
from typing import Any

from data.tables.decisions import FACE_KINDS
from data.tables.people import People
from data.tables.people_schema import has_table
from data.tables.projection import update_projection

_ABOUT_FACES = frozenset(kind.value for kind in FACE_KINDS)
_TABLES = ("faces", "former_faces", "frame_sizes")


def erase_footage(people: People, footage: str) -> None:
    """Delete the faces of a footage, and decisions about no other faces.

    Names are kept: a named person stays, also without faces.
    """
    with people.transaction() as connection:
        for table in _TABLES:
            if has_table(connection, table):
                connection.execute(f"DELETE FROM {table} WHERE footage = ?", (footage,))
        rows = connection.execute("SELECT decision_id, kind, faces FROM decisions").fetchall()
        for number, kind, faces in rows:
            before = json.loads(faces)
            after = _without(before, footage)
            if before and not after and kind in _ABOUT_FACES:
                connection.execute("DELETE FROM decisions WHERE decision_id = ?", (number,))
            elif after != before:
                text = json.dumps(after, ensure_ascii=False)
                query = "UPDATE decisions SET faces = ? WHERE decision_id = ?"
                connection.execute(query, (text, number))
        people.raise_revision(clustered=True)  # the faces of later footages have other ids
        update_projection(people)


def _without(content: dict[str, Any], footage: str) -> dict[str, Any]:
    """Return the JSON of a decision's faces without those of one footage, at any depth."""
    kept = {
        key: _without(value, footage) if isinstance(value, dict) else value
        for key, value in content.items()
        if not (key == footage and isinstance(value, list))
    }
    return {key: value for key, value in kept.items() if value}
