"""Derive people, hidden people and assignments from the clustering's result and the decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.decisions import Decision, DecisionKind, Places, Reviewed, default_name
from data.tables.face_match import intervals_around
from data.tables.faces import Faces
from data.tables.people import People


def assign_found(
    people: People,
    faces: Mapping[str, Faces],
    person_id: Mapping[str, NDArray[np.int64]],
    *,
    first_new: int | None = None,
) -> None:
    """Replace the clustering's result, create its new people, and apply the decisions again.

    A person who lost every face stays if a human named them, and is deleted otherwise.

    Args:
        people: of the project.
        faces: the faces of every footage of the project, by its name.
        person_id: person that each face was found to be, ``(n,)`` each; -1 unknown.
        first_new: the id from which new people were numbered; they are numbered on if a decision
            has created people meanwhile.
    """
    with people.transaction() as connection:
        shift = 0 if first_new is None else people.next_person_id() - first_new
        connection.execute("DELETE FROM faces")
        for footage, table in faces.items():
            found = person_id[footage]
            if shift:
                found = np.where(found >= (first_new or 0), found + shift, found)
            rows = _face_rows(footage, table, found)
            connection.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE review SET clustered = ?", (people.raise_revision(),))
        update_projection(people)


def update_projection(people: People, changed: Decision | None = None) -> None:
    """Bring people, hidden people and assignments up to date, inside a transaction.

    Args:
        people: of the project.
        changed: the only decision that was made or undone, the last of all; None for any.
    """
    # Reading tens of thousands of faces takes the time, and only a merge changes faces that the
    # decision does not list.
    if changed is None or changed.kind is DecisionKind.MERGE:
        _write_people(people, _assign_all(people))
    else:
        _write_people(people, _assign_near(people, changed.faces))


def _write_people(people: People, reviewed: Reviewed) -> None:
    """Write the people that have a face or a name of their own, and which of them are hidden."""
    before, connection = people.names(), people.connection
    query = "SELECT DISTINCT person_id FROM faces WHERE person_id != ?"
    with_face = {person for (person,) in connection.execute(query, (UNKNOWN,))}
    wanted = _names(with_face, reviewed.names)
    other = [p for p, name in before.items() if wanted.get(p) != name]
    connection.executemany("DELETE FROM people WHERE person_id = ?", [(p,) for p in other])
    new = [(p, name) for p, name in wanted.items() if before.get(p) != name]
    connection.executemany("INSERT INTO people VALUES (?, ?)", new)
    connection.execute("DELETE FROM hidden")
    hidden = [(p,) for p in sorted(reviewed.hidden & wanted.keys())]
    connection.executemany("INSERT INTO hidden VALUES (?)", hidden)


def _assign_all(people: People) -> Reviewed:
    columns = ("found_id", "person_id", "rowid")
    read = {name: people.read_faces(name, *columns) for name in people.footages()}
    places = {name: Places(time_s, xyxy) for name, (time_s, xyxy, _) in read.items()}
    reviewed = people.reviewed(places, {name: values[0] for name, (_, _, values) in read.items()})
    for name, (_, _, (_, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        _write_assignments(people, rowid, after, differs=before != after)
    return reviewed


def _assign_near(people: People, faces: Mapping[str, Places]) -> Reviewed:
    """Assign only ``faces``; the faces near them in time are read to tell them apart."""
    columns = ("found_id", "person_id", "rowid")
    read = {
        name: people.read_faces(name, *columns, intervals=intervals_around(places.time_s))
        for name, places in faces.items()
    }
    places = {name: Places(time_s, xyxy) for name, (time_s, xyxy, _) in read.items()}
    reviewed = people.reviewed(places, {name: values[0] for name, (_, _, values) in read.items()})
    for name, (_, _, (_, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        listed = np.isin(np.arange(len(after)), faces[name].rows_in(places[name]))
        _write_assignments(people, rowid, after, differs=(before != after) & listed)
    return reviewed


def _write_assignments(
    people: People,
    rowid: NDArray[np.int64],
    person_id: NDArray[np.int64],
    *,
    differs: NDArray[np.bool_],
) -> None:
    values = np.column_stack([person_id[differs], rowid[differs]]).tolist()
    people.connection.executemany("UPDATE faces SET person_id = ? WHERE rowid = ?", values)


def _names(with_face: Collection[int], given: Mapping[int, str]) -> dict[int, str]:
    """Name of each person who has a face or a given name, no two alike; given names win."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for person in sorted({*with_face, *given}, key=lambda p: (p not in given, p)):
        name = given.get(person, default_name(person))
        while name in taken:
            name = f"{name} (new)"
        taken.add(name)
        names[person] = name
    return dict(sorted(names.items()))


def _face_rows(
    footage: str, faces: Faces, found: NDArray[np.int64]
) -> Iterator[tuple[str, float, float, float, float, float, int, int]]:
    for time_s, box, person in zip(faces.time_s, faces.xyxy, found, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        yield footage, float(time_s), x1, y1, x2, y2, int(person), int(person)
