"""Erase a person from the people file: faces, names and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Set

from data.erasure.names import NameSearch
from data.tables.decisions import (
    NOTE_WORDS,
    DecisionKind,
    FaceKeys,
    FacesByFootage,
    decision_of,
    default_name,
    describe,
    faces_json,
    parse_faces,
)
from data.tables.people import Assignments, People
from data.tables.projection import update_projection


def erase_person(people: People, person_id: int) -> None:
    """Delete a person's faces, name and decisions, and overwrite their bytes in the file.

    The person's id is not reused.
    """
    execute = people.connection.execute
    execute("PRAGMA secure_delete = ON")
    with people.transaction() as connection:
        erased_faces = {
            name: _keys_of(people.assignments(name), person_id) for name in people.footages()
        }
        erased = merged_people(people, person_id)
        # The decisions that name the person are deleted. Without this update, a face that was moved
        # to another person would return to the erased one.
        ids = [(number,) for number in sorted(erased)]
        names = all_names(people, person_id) - _current_names(people, {person_id})
        kept = "UPDATE faces SET found_id = person_id WHERE found_id = ?"
        connection.executemany(kept, ids)
        execute("DELETE FROM faces WHERE person_id = ?", (person_id,))
        connection.executemany("UPDATE faces SET joined_id = -1 WHERE joined_id = ?", ids)
        execute("DELETE FROM former_faces")  # their people are not certain
        _erase_decisions(people, erased, erased_faces)
        _erase_former_names(people, names)
        people.raise_revision(clustered=True)  # faces of the same frames have other ids
        update_projection(people)
    execute("VACUUM")


def all_names(people: People, person_id: int) -> set[str]:
    """Return every current and former name of a person and of the people merged into them."""
    ids = merged_people(people, person_id)
    renames = people.connection.execute(
        "SELECT person_id, name FROM decisions WHERE kind = ?", (DecisionKind.RENAME.value,)
    )
    renamed = {name for person, name in renames if person in ids}
    current = {name for person, name in people.names().items() if person in ids}
    return renamed | current | {default_name(person) for person in ids}


def other_names(people: People, person_id: int) -> set[str]:
    """Return current, former and default names of the other people that are none of a person's."""
    ids = merged_people(people, person_id)
    query = "SELECT person_id, name FROM decisions WHERE kind = ?"
    renames = people.connection.execute(query, (DecisionKind.RENAME.value,)).fetchall()
    names = {name for person, name in renames if person not in ids}
    names |= {default_name(person) for person, _ in renames if person not in ids}
    names |= {default_name(person) for person in people.names() if person not in ids}
    current = _current_names(people, {person_id})
    return (names - all_names(people, person_id)) | current


def _current_names(people: People, without: set[int]) -> set[str]:
    return {name for person, name in people.names().items() if person not in without}


def merged_people(people: People, person_id: int) -> set[int]:
    """Return the ids of the person and of the people merged into them."""
    found = {name: people.clustered_assignments(name) for name in people.footages()}
    face_keys = {name: table.face_keys for name, table in found.items()}
    reviewed = people.reviewed(face_keys, {name: t.person_id for name, t in found.items()})
    return {person_id} | {p for p, into in reviewed.merged_into.items() if into == person_id}


def _erase_decisions(
    people: People, erased: set[int], erased_faces: Mapping[str, FaceKeys]
) -> None:
    """Delete the decisions about an erased person, and their faces from all other decisions."""
    execute = people.connection.execute
    query = "SELECT decision_id, kind, person_id, other_id, faces FROM decisions"
    for number, kind, person, other, text in execute(query).fetchall():
        before, pins = parse_faces(DecisionKind(kind), text)
        remaining = _remaining(before, erased_faces)
        pinned = {owner: _remaining(faces, erased_faces) for owner, faces in pins.items()}
        if erased & {person, other} or (before and not remaining):
            execute("DELETE FROM decisions WHERE decision_id = ?", (number,))
        elif before or pins:
            change = "UPDATE decisions SET faces = ? WHERE decision_id = ?"
            execute(change, (faces_json(remaining, pinned), number))


def _remaining(faces: FacesByFootage, erased_faces: Mapping[str, FaceKeys]) -> dict[str, FaceKeys]:
    """Return the faces that are not erased, by footage."""
    after = {name: _without(keys, erased_faces.get(name)) for name, keys in faces.items()}
    return {name: keys for name, keys in after.items() if len(keys)}


def _erase_former_names(people: People, names: Set[str]) -> None:
    """Delete the erased names from decisions about other people who had them at some time."""
    execute = people.connection.execute
    for name in names:
        rename = "DELETE FROM decisions WHERE kind = ? AND name = ?"
        execute(rename, (DecisionKind.RENAME.value, name))
    search = NameSearch(names)
    query = "SELECT decision_id, kind, person_id, other_id, name, faces, note FROM decisions"
    for number, kind, person, other, name, faces, note in execute(query).fetchall():
        if search.in_text(note) or any(map(search.is_alone, NOTE_WORDS.split(note))):
            decision = decision_of((kind, person, other, name, faces))
            anonymous = {other: default_name(other), person: default_name(person)}
            change = "UPDATE decisions SET note = ? WHERE decision_id = ?"
            execute(change, (describe(decision, anonymous), number))


def _keys_of(table: Assignments, person_id: int) -> FaceKeys:
    return table.face_keys.take(table.person_id == person_id)


def _without(face_keys: FaceKeys, removed: FaceKeys | None) -> FaceKeys:
    return face_keys if removed is None else face_keys.take(face_keys.rows_in(removed) < 0)
