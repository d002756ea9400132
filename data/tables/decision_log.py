"""Make, undo and redo decisions about people, with optimistic concurrency control."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
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
_ANOTHER_DECISION = "another decision has been made in the meantime: check it, then try again"
_NOTES = 3  # texts of decisions that were made together


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

    def decide(self, *decisions: Decision, seen: int | None = None) -> HistoryEntry:
        """Append decisions of one kind and update people and assignments.

        Several are undone and redone together, as one entry.

        Args:
            decisions: at least one decision; a new person without an id gets one.
            seen: revision on which the decisions are based; None skips the check.

        Raises:
            InputError: a name is invalid or taken, or a person or face does not exist.
            OutdatedError: the same people or faces have changed since ``seen``.
            ValueError: the decisions are of different kinds, or there is none.
        """
        kinds = {decision.kind for decision in decisions}
        if len(kinds) != 1:
            raise ValueError(f"the decisions must be of one kind: {sorted(kinds)}")
        people = self._people
        with people.transaction():
            owners = [_owners(people, decision) for decision in decisions]
            self._check_seen(set().union(*owners, *(d.people() for d in decisions)), seen)
            self._execute("UPDATE decisions SET state = ? WHERE state = ?", (DROPPED, UNDONE))
            revision, names = people.raise_revision(), people.names()
            entries = []
            for decision, owned in zip(decisions, owners, strict=True):
                _check_cover(decision, owned)
                complete = self._complete(decision, names)
                note = describe(complete, names)
                entries.append(self._append(complete, note, decision.people() | owned, revision))
                if complete.kind is DecisionKind.MERGE:
                    del names[complete.person_id]
                else:
                    update_projection(people, complete)
                    names = people.names()
            if DecisionKind.MERGE in kinds:  # reads all faces, so once for all of them
                update_projection(people)
        return _together(entries)

    def _complete(self, decision: Decision, names: dict[int, str]) -> Decision:
        """Check a decision; return it with its final name, the new person's id, and pins."""
        _check(decision, names)
        if decision.kind is DecisionKind.RENAME:
            decision = Decision(decision.kind, decision.person_id, name=decision.name.strip())
        elif decision.kind is DecisionKind.SPLIT:
            decision = with_person_id(decision, self._people.next_person_id())
            names[decision.person_id] = default_name(decision.person_id)
        if decision.kind in PIN_KINDS:
            decision = dataclasses.replace(decision, pins=_pins(self._people, decision))
        return decision

    def rename(self, person_id: int, name: str) -> None:
        """Rename a person.

        Raises:
            InputError: the name is invalid or taken, or the person does not exist.
        """
        self.decide(Decision(DecisionKind.RENAME, person_id, name=name))

    def undo(
        self, *, seen: int | None = None, decision_id: int | None = None
    ) -> HistoryEntry | None:
        """Undo the last decision and return it; None if there is none.

        Args:
            seen: revision on which the undo is based; None skips the check.
            decision_id: the decision that must be the last one; None for any.

        Raises:
            OutdatedError: there was a change after ``seen``, or another decision is the last one.
        """
        return self._switch(lambda: self._last_if(decision_id), UNDONE, seen)

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

    def _last_if(self, decision_id: int | None) -> HistoryEntry | None:
        last = self.next_undo()
        if decision_id is None or (last is not None and last.decision_id == decision_id):
            return last
        raise OutdatedError(_ANOTHER_DECISION)

    def _next(self, state: str, order: str) -> HistoryEntry | None:
        """Return the first or last decision in a state, with those that were made with it."""
        # Every change has its own revision, which all its decisions get.
        query = (
            "SELECT decision_id, made_at, kind, note FROM decisions WHERE state = ? AND revision = "
            f"(SELECT revision FROM decisions WHERE state = ? ORDER BY decision_id {order} LIMIT 1)"
            " ORDER BY decision_id"
        )
        entries = [
            HistoryEntry(number, at, DecisionKind(kind), note, state)
            for number, at, kind, note in self._execute(query, (state, state))
        ]
        return _together(entries) if entries else None

    def _switch(
        self, find: Callable[[], HistoryEntry | None], state: str, seen: int | None
    ) -> HistoryEntry | None:
        people = self._people
        with people.transaction():
            if seen is not None and seen != people.revision():
                raise OutdatedError(_ANOTHER_DECISION)
            entry = find()
            if entry is None:
                return None
            query = (
                f"SELECT {DECISION_COLUMNS} FROM decisions WHERE state = ? AND revision = "
                "(SELECT revision FROM decisions WHERE decision_id = ?)"
            )
            rows = self._execute(query, (entry.state, entry.decision_id)).fetchall()
            change = (
                "UPDATE decisions SET state = ?, revision = ? WHERE state = ? AND revision = "
                "(SELECT revision FROM decisions WHERE decision_id = ?)"
            )
            values = (state, people.raise_revision(), entry.state, entry.decision_id)
            self._execute(change, values)
            update_projection(people, decision_of(rows[0]) if len(rows) == 1 else None)
        return dataclasses.replace(entry, state=state)

    def _check_seen(self, concerned: set[int], seen: int | None) -> None:
        if seen is None:
            return
        if seen > self._people.revision():
            raise OutdatedError("the project has been replaced in the meantime; reload the page")
        query = "SELECT concerned FROM decisions WHERE revision > ?"
        rows = self._execute(query, (seen,)).fetchall()
        changed = any(concerned & set(json.loads(others)) for (others,) in rows)
        if changed or self._people.clustered() > seen:
            raise OutdatedError(
                "somebody changed the same people in the meantime: check them, then try again"
            )

    def _append(
        self, decision: Decision, note: str, concerned: set[int], revision: int
    ) -> HistoryEntry:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        named = json.dumps(sorted(concerned | decision.people()))
        faces = faces_json(decision.faces, decision.pins)
        values = (decision.person_id, decision.other_id, decision.name, faces)
        query = (
            "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, "
            "concerned, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        row = (at, decision.kind.value, *values, note, named, revision)
        number = self._execute(query, row).lastrowid or 0
        return HistoryEntry(number, at, decision.kind, note, MADE)


def _together(entries: Sequence[HistoryEntry]) -> HistoryEntry:
    """Return the last of the entries, with the texts of the first ones."""
    notes = [entry.note for entry in entries]
    if len(notes) > _NOTES:
        notes[_NOTES - 1 :] = [f"{len(notes) - _NOTES + 1} more"]
    return dataclasses.replace(entries[-1], note="; ".join(notes))


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
            raise InputError(f"{footage}: one of these faces no longer exists; reload the page")
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
            raise InputError("one of these people no longer exists; reload the page")
    if decision.kind is DecisionKind.RENAME:
        name = decision.name.strip()
        check_name(name)
        for person, other in names.items():
            if person != decision.person_id and _alike(name) == _alike(other):
                message = "choose another name, or merge them"
                raise InputError(f"{name}: another person is already called {other}; {message}")


def _check_cover(decision: Decision, owners: set[int]) -> None:
    if decision.kind is DecisionKind.COVER and owners != {decision.person_id}:
        raise InputError("this face no longer belongs to this person; reload the page")


def _alike(name: str) -> str:
    """Return the same text for names that differ only in case, or in the encoding of accents."""
    return unicodedata.normalize("NFKC", name.casefold()).casefold()


def check_name(name: str) -> None:
    """Check a person's name.

    Raises:
        InputError: it is empty, too long, or not one line of printable text.
    """
    if not name:
        raise InputError("the name is empty; enter a name")
    if len(name) > MAX_NAME:
        raise InputError(f"{name[:20]}...: a name can have at most {MAX_NAME} characters")
    # Zero-width joiners are not printable, but some scripts and emoji need them.
    if not re.sub("[\u200c\u200d]", "", name).isprintable():
        raise InputError(
            "a name must be one line of text; remove the characters that cannot be printed"
        )
