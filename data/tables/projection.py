"""Derive people, hidden people and assignments from the clustering and the decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.decisions import Decision, DecisionKind, FaceKeys, Reviewed, default_name
from data.tables.face_match import intervals_around, same_faces
from data.tables.faces import Faces
from data.tables.people import Assignments, People


def store_clustering(
    people: People,
    faces: Mapping[str, Faces],
    person_id: Mapping[str, NDArray[np.int64]],
    *,
    first_new: int | None = None,
    joined: Mapping[str, NDArray[np.int64]] | None = None,
) -> None:
    """Replace the clustering's result, create its new people, and replay the decisions.

    A person without faces is kept if a user named them, and deleted otherwise. The last assignment
    of such a person, and that of faces that are not sampled any more, is stored.

    Args:
        people: the project's people.
        faces: faces of every footage of the project, by the footage's name.
        person_id: person of each face by the clustering, ``(n,)`` per footage; -1 unknown.
        first_new: first id that the clustering gave to a new person; the new ids are shifted if a
            decision has created people meanwhile. None if there are no new people.
        joined: person whom each face joins while it is ejected from the person that the clustering
            found, like ``person_id``; None if no face joins any.
    """
    with people.transaction() as connection:
        shift = 0 if first_new is None else people.next_person_id() - first_new

        def shifted(ids: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where(ids >= first_new, ids + shift, ids) if first_new is not None else ids

        last = {footage: _last_assignments(people, footage) for footage in faces}
        connection.execute("DELETE FROM faces")
        for footage, table in faces.items():
            ids = shifted(person_id[footage])
            joins = shifted(joined[footage]) if joined else np.full(len(ids), UNKNOWN, np.int64)
            rows = _face_rows(footage, table, ids, joins)
            connection.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        people.raise_revision(clustered=True)
        update_projection(people)
        _store_former(people, last)


def _last_assignments(people: People, footage: str) -> Assignments:
    """Return the latest known person of every face by the clusterings until now."""
    latest, before = people.clustered_assignments(footage), people.former_assignments(footage)
    # A later assignment of the same face replaces an earlier one.
    row = same_faces(before.time_s, before.xyxy, latest.time_s, latest.xyxy)
    again = np.append(latest.person_id, UNKNOWN)[row] != UNKNOWN
    known = Assignments.concatenate([latest, before.take(~again)])
    return known.take(known.person_id != UNKNOWN)


def _store_former(people: People, last: Mapping[str, Assignments]) -> None:
    """Store the last assignment of faces that are gone or unknown, and of people without a face."""
    execute = people.connection.execute
    present = [person for (person,) in execute("SELECT DISTINCT person_id FROM faces")]
    execute("DELETE FROM former_faces")
    for footage, known in last.items():
        now = people.clustered_assignments(footage)
        row = same_faces(known.time_s, known.xyxy, now.time_s, now.xyxy)
        is_lost = np.append(now.person_id, UNKNOWN)[row] == UNKNOWN
        table = known.take(is_lost | ~np.isin(known.person_id, present))
        values = np.column_stack([table.time_s, table.xyxy, table.person_id]).tolist()
        people.connection.executemany(
            "INSERT INTO former_faces VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(footage, *row[:5], int(row[5])) for row in values],
        )


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
        _write_people(people, _assign_near(people, changed.all_faces()))


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


_COLUMNS = ("found_id", "joined_id", "person_id", "rowid")


def _reviewed(
    people: People, read: Mapping[str, tuple[FaceKeys, list[NDArray[np.int64]]]]
) -> Reviewed:
    """Replay the decisions on faces and their `_COLUMNS`, by footage."""
    face_keys = {name: table for name, (table, _) in read.items()}
    found = {name: values[0] for name, (_, values) in read.items()}
    joined = {name: values[1] for name, (_, values) in read.items()}
    return people.reviewed(face_keys, found, joined)


def _assign_all(people: People) -> Reviewed:
    read = {}
    for name in people.footages():
        time_s, xyxy, values = people.read_faces(name, *_COLUMNS)
        read[name] = FaceKeys(time_s, xyxy), values
    reviewed = _reviewed(people, read)
    for name, (_, (_, _, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        _write_assignments(people, rowid, after, differs=before != after)
    return reviewed


def _assign_near(people: People, faces: Mapping[str, FaceKeys]) -> Reviewed:
    """Assign only ``faces``, by footage; faces close in time are read to match them correctly."""
    read = {}
    for name, selected in faces.items():
        near = intervals_around(selected.time_s)
        time_s, xyxy, values = people.read_faces(name, *_COLUMNS, intervals=near)
        read[name] = FaceKeys(time_s, xyxy), values
    reviewed = _reviewed(people, read)
    for name, (face_keys, (_, _, before, rowid)) in read.items():
        after = reviewed.labels[name].person_id
        listed = np.isin(np.arange(len(after)), faces[name].rows_in(face_keys))
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
    footage: str, faces: Faces, person_id: NDArray[np.int64], joined: NDArray[np.int64]
) -> Iterator[tuple[str, float, float, float, float, float, int, int, int]]:
    columns = faces.time_s, faces.xyxy, person_id, joined
    for time_s, box, person, joins in zip(*columns, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        yield footage, float(time_s), x1, y1, x2, y2, int(person), int(person), int(joins)
