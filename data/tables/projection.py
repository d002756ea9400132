"""Derive people, hidden people and assignments from the clustering and the decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.decisions import Decision, DecisionKind, FaceKeys, Reviewed, default_name
from data.tables.face_match import intervals_around
from data.tables.faces import Faces
from data.tables.people import People


def store_clustering(
    people: People,
    faces: Mapping[str, Faces],
    person_id: Mapping[str, NDArray[np.int64]],
    *,
    first_new: int | None = None,
) -> None:
    """Replace the clustering's result, create its new people, and replay the decisions.

    A person without faces is kept if a user named them, and deleted otherwise.

    Args:
        people: the project's people.
        faces: faces of every footage of the project, by the footage's name.
        person_id: person of each face by the clustering, ``(n,)`` per footage; -1 unknown.
        first_new: first id that the clustering gave to a new person; the new ids are shifted if a
            decision has created people meanwhile. None if there are no new people.
    """
    with people.transaction() as connection:
        shift = 0 if first_new is None else people.next_person_id() - first_new
        connection.execute("DELETE FROM faces")
        for footage, table in faces.items():
            ids = person_id[footage]
            if shift:
                ids = np.where(ids >= (first_new or 0), ids + shift, ids)
            rows = _face_rows(footage, table, ids)
            connection.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE review SET clustered = ?", (people.raise_revision(),))
        update_projection(people)


def update_projection(people: People, changed: Decision | None = None) -> None:
    """Update people, hidden people and assignments, inside a transaction.

    Args:
        people: the project's people.
        changed: the decision that was made or undone, if only the last one changed; None to
            recompute everything.
    """
    # Reading tens of thousands of faces dominates the time, and only a merge changes faces that
    # the decision does not list.
    if changed is None or changed.kind is DecisionKind.MERGE:
        _write_people(people, _assign_all(people))
    else:
        _write_people(people, _assign_near(people, changed.faces))


def _write_people(people: People, reviewed: Reviewed) -> None:
    """Write the people who have a face or were named by a user, and the hidden ones."""
    before, connection = people.names(), people.connection
    query = "SELECT DISTINCT person_id FROM faces WHERE person_id != ?"
    with_face = {person for (person,) in connection.execute(query, (UNKNOWN,))}
    after = _names(with_face, reviewed.names)
    stale = [(p,) for p, name in before.items() if after.get(p) != name]
    connection.executemany("DELETE FROM people WHERE person_id = ?", stale)
    new = [(p, name) for p, name in after.items() if before.get(p) != name]
    connection.executemany("INSERT INTO people VALUES (?, ?)", new)
    connection.execute("DELETE FROM hidden")
    hidden = [(p,) for p in sorted(reviewed.hidden & after.keys())]
    connection.executemany("INSERT INTO hidden VALUES (?)", hidden)


def _assign_all(people: People) -> Reviewed:
    columns = ("found_id", "person_id", "rowid")
    read = {name: people.read_faces(name, *columns) for name in people.footages()}
    face_keys = {name: FaceKeys(time_s, xyxy) for name, (time_s, xyxy, _) in read.items()}
    reviewed = people.reviewed(
        face_keys, {name: values[0] for name, (_, _, values) in read.items()}
    )
    for name, (_, _, (_, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        _write_assignments(people, rowid, after, differs=before != after)
    return reviewed


def _assign_near(people: People, faces: Mapping[str, FaceKeys]) -> Reviewed:
    """Assign only ``faces``, by footage; faces close in time are read to match them correctly."""
    columns = ("found_id", "person_id", "rowid")
    read = {
        name: people.read_faces(name, *columns, intervals=intervals_around(face_keys.time_s))
        for name, face_keys in faces.items()
    }
    face_keys = {name: FaceKeys(time_s, xyxy) for name, (time_s, xyxy, _) in read.items()}
    reviewed = people.reviewed(
        face_keys, {name: values[0] for name, (_, _, values) in read.items()}
    )
    for name, (_, _, (_, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        listed = np.isin(np.arange(len(after)), faces[name].rows_in(face_keys[name]))
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
    """Return a unique name for each person with a face or a given name; given names win."""
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
    footage: str, faces: Faces, person_id: NDArray[np.int64]
) -> Iterator[tuple[str, float, float, float, float, float, int, int]]:
    for time_s, box, person in zip(faces.time_s, faces.xyxy, person_id, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        yield footage, float(time_s), x1, y1, x2, y2, int(person), int(person)
