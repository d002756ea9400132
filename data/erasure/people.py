"""Erase a person from the people's file: faces, names, and the decisions about them."""

from __future__ import annotations

from collections.abc import Mapping

from data.tables.decisions import DecisionKind, Places, default_name, faces_json, parse_faces
from data.tables.people import Assignments, People
from data.tables.projection import update_projection


def erase_person(people: People, person_id: int) -> None:
    """Delete a person's faces, name and decisions, and overwrite the space they had in the file.

    Their id is not used again.
    """
    execute = people.connection.execute
    execute("PRAGMA secure_delete = ON")
    with people.transaction() as connection:
        theirs = {
            name: _places_of(people.assignments(name), person_id) for name in people.footages()
        }
        erased = merged_people(people, person_id)
        # The decisions that name them are deleted: without them, a face that was moved from them
        # to another person would be theirs again.
        ids = [(number,) for number in sorted(erased)]
        kept = "UPDATE faces SET found_id = person_id WHERE found_id = ?"
        connection.executemany(kept, ids)
        execute("DELETE FROM faces WHERE person_id = ?", (person_id,))
        _erase_decisions(people, erased, theirs)
        people.raise_revision()
        update_projection(people)
    execute("VACUUM")


def all_names(people: People, person_id: int) -> set[str]:
    """Every name, present or past, of a person and of the people merged into them."""
    ids = merged_people(people, person_id)
    renames = people.connection.execute(
        "SELECT person_id, name FROM decisions WHERE kind = ?", (DecisionKind.RENAME.value,)
    )
    given = {name for person, name in renames if person in ids}
    now = {name for person, name in people.names().items() if person in ids}
    return given | now | {default_name(person) for person in ids}


def merged_people(people: People, person_id: int) -> set[int]:
    """Ids of the person and of the people merged into them."""
    found = {name: people.found(name) for name in people.footages()}
    places = {name: table.places for name, table in found.items()}
    reviewed = people.reviewed(places, {name: t.person_id for name, t in found.items()})
    return {person_id} | {p for p, into in reviewed.merged_into.items() if into == person_id}


def _erase_decisions(people: People, erased: set[int], theirs: Mapping[str, Places]) -> None:
    """Delete the decisions that name an erased person, and their faces from all others."""
    execute = people.connection.execute
    query = "SELECT decision_id, person_id, other_id, faces FROM decisions"
    for number, person, other, faces in execute(query).fetchall():
        before = parse_faces(faces)
        after = {name: _without(places, theirs.get(name)) for name, places in before.items()}
        left = {name: places for name, places in after.items() if len(places)}
        if erased & {person, other} or (before and not left):
            execute("DELETE FROM decisions WHERE decision_id = ?", (number,))
        elif before:
            change = "UPDATE decisions SET faces = ? WHERE decision_id = ?"
            execute(change, (faces_json(left), number))


def _places_of(table: Assignments, person_id: int) -> Places:
    return table.places.take(table.person_id == person_id)


def _without(places: Places, others: Places | None) -> Places:
    return places if others is None else places.take(places.rows_in(others) < 0)
