"""Make, undo and redo decisions about people, with optimistic concurrency control."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from data.core.arrays import UNKNOWN
from data.core.errors import InputError, OutdatedError
from data.tables.decisions import (
    DECISION_COLUMNS,
    DROPPED,
    MADE,
    PIN_KINDS,
    UNDONE,
    Decision,
    DecisionKind,
    FacesByFootage,
    decision_of,
    default_name,
    describe,
    faces_json,
    with_person_id,
)
from data.tables.face_match import intervals_around
from data.tables.people import People
from data.tables.projection import update_projection

MAX_NAME = 200
"""Maximum number of characters in a name."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of the history."""

    decision_id: int
    made_at: str  # ISO 8601, UTC
    kind: DecisionKind
    note: str  # the decision as text
    state: str  # made, undone or dropped


class DecisionLog:
    """Log of the decisions about people; each change is one transaction."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._execute = people.connection.execute

    def history(self, limit: int = 100) -> list[HistoryEntry]:
        """List the latest decisions, newest first."""
        query = "SELECT decision_id, made_at, kind, note, state FROM decisions"
        rows = self._execute(query + " ORDER BY decision_id DESC LIMIT ?", (limit,))
        return [
            HistoryEntry(number, at, DecisionKind(kind), note, state)
            for number, at, kind, note, state in rows
        ]

    def next_undo(self) -> HistoryEntry | None:
        """Return the decision that `undo` would undo."""
        return self._next(MADE, "DESC")

    def next_redo(self) -> HistoryEntry | None:
        """Return the decision that `redo` would redo."""
        return self._next(UNDONE, "ASC")

    def decide(self, decision: Decision, *, seen: int | None = None) -> HistoryEntry:
        """Append a decision and update people and assignments.

        Args:
            decision: the decision; a new person without an id gets one.
            seen: revision on which the decision is based; None skips the check.

        Raises:
            InputError: the name is invalid or taken, or a person or face does not exist.
            OutdatedError: the same people or faces have changed since ``seen``.
        """
        people = self._people
        with people.transaction():
            names = people.names()
            concerned = decision.people() | _owners(people, decision)
            self._check_seen(concerned, seen)
            _check(decision, names)
            if decision.kind is DecisionKind.RENAME:
                decision = Decision(decision.kind, decision.person_id, name=decision.name.strip())
            elif decision.kind is DecisionKind.SPLIT:
                decision = with_person_id(decision, people.next_person_id())
                names = {**names, decision.person_id: default_name(decision.person_id)}
            if decision.kind in PIN_KINDS:
                decision = dataclasses.replace(decision, pins=_pins(people, decision))
            self._execute("UPDATE decisions SET state = ? WHERE state = ?", (DROPPED, UNDONE))
            entry = self._append(decision, describe(decision, names), concerned)
            update_projection(people, decision)
        return entry

    def rename(self, person_id: int, name: str) -> None:
        """Rename a person.

        Raises:
            InputError: the name is invalid or taken, or the person does not exist.
        """
        self.decide(Decision(DecisionKind.RENAME, person_id, name=name))

    def undo(self, *, seen: int | None = None) -> HistoryEntry | None:
        """Undo the last decision and return it; None if there is none.

        Raises:
            OutdatedError: there was a change after the revision ``seen``.
        """
        return self._switch(self.next_undo, UNDONE, seen)

    def redo(self, *, seen: int | None = None) -> HistoryEntry | None:
        """Redo the decision that was undone last and return it; None if there is none.

        Raises:
            OutdatedError: there was a change after the revision ``seen``.
        """
        return self._switch(self.next_redo, MADE, seen)

    def has_undone_name(self, person_id: int, name: str) -> bool:
        """Whether a user has undone the decision that gave a person this name."""
        query = (
            "SELECT 1 FROM decisions WHERE kind = ? AND person_id = ? AND name = ? AND state != ?"
        )
        values = (DecisionKind.RENAME.value, person_id, name, MADE)
        return self._execute(query, values).fetchone() is not None

    def _next(self, state: str, order: str) -> HistoryEntry | None:
        query = "SELECT decision_id, made_at, kind, note FROM decisions WHERE state = ?"
        last = query + f" ORDER BY decision_id {order} LIMIT 1"
        row = self._execute(last, (state,)).fetchone()
        return HistoryEntry(row[0], row[1], DecisionKind(row[2]), row[3], state) if row else None

    def _switch(
        self, find: Callable[[], HistoryEntry | None], state: str, seen: int | None
    ) -> HistoryEntry | None:
        people = self._people
        with people.transaction():
            if seen is not None and seen != people.revision():
                raise OutdatedError("another decision was made meanwhile; look again")
            entry = find()
            if entry is None:
                return None
            change = "UPDATE decisions SET state = ?, revision = ? WHERE decision_id = ?"
            self._execute(change, (state, people.raise_revision(), entry.decision_id))
            query = f"SELECT {DECISION_COLUMNS} FROM decisions WHERE decision_id = ?"
            row = self._execute(query, (entry.decision_id,)).fetchone()
            update_projection(people, decision_of(row))
        return dataclasses.replace(entry, state=state)

    def _check_seen(self, concerned: set[int], seen: int | None) -> None:
        if seen is None:
            return
        if seen > self._people.revision():
            raise OutdatedError("the project was replaced meanwhile; look again")
        query = "SELECT concerned FROM decisions WHERE revision > ?"
        rows = self._execute(query, (seen,)).fetchall()
        changed = any(concerned & set(json.loads(others)) for (others,) in rows)
        if changed or self._people.clustered() > seen:
            raise OutdatedError("the same people were changed meanwhile; look again")

    def _append(self, decision: Decision, note: str, concerned: set[int]) -> HistoryEntry:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        named = json.dumps(sorted(concerned | decision.people()))
        faces = faces_json(decision.faces, decision.pins)
        values = (decision.person_id, decision.other_id, decision.name, faces)
        query = (
            "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, "
            "concerned, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        row = (at, decision.kind.value, *values, note, named, self._people.raise_revision())
        number = self._execute(query, row).lastrowid or 0
        return HistoryEntry(number, at, decision.kind, note, MADE)


def _owners(people: People, decision: Decision) -> set[int]:
    """Return the people to whom the faces of a decision are currently assigned.

    Raises:
        InputError: a face does not exist.
    """
    owners: set[int] = set()
    for footage, faces in decision.faces.items():
        current = people.assignments(footage, intervals=intervals_around(faces.time_s))
        rows = faces.rows_in(current.face_keys)
        if (rows < 0).any():
            raise InputError(f"{footage}: a face does not exist any more; look again")
        owners |= set(current.person_id[rows].tolist())
    return owners - {UNKNOWN}


def _pins(people: People, decision: Decision) -> dict[int, FacesByFootage]:
    """Return the current faces of the people of a decision, by person."""
    tables = {name: people.assignments(name) for name in people.footages()}
    pins: dict[int, FacesByFootage] = {}
    for person in sorted(decision.people()):
        own = {name: t.face_keys.take(t.person_id == person) for name, t in tables.items()}
        pins[person] = {name: face_keys for name, face_keys in own.items() if len(face_keys)}
    return pins


def _check(decision: Decision, names: Mapping[int, str]) -> None:
    if decision.kind is DecisionKind.SPLIT:
        return
    for person in decision.people():
        if person not in names:
            raise InputError(f"there is no person {person}; look again")
    if decision.kind is DecisionKind.RENAME:
        name = decision.name.strip()
        check_name(name)
        if name in (other for p, other in names.items() if p != decision.person_id):
            raise InputError(f"{name}: another person has this name; choose another")


def check_name(name: str) -> None:
    """Check a person's name.

    Raises:
        InputError: it is empty, too long, or not one line of printable text.
    """
    if not name:
        raise InputError("a name must have at least one letter")
    if len(name) > MAX_NAME:
        raise InputError(f"{name[:20]}...: a name has at most {MAX_NAME} letters")
    # Zero-width joiners are not printable, but some scripts and emoji need them.
    if not re.sub("[\u200c\u200d]", "", name).isprintable():
        raise InputError("a name is one line of text; remove the characters that cannot be printed")
