"""The people of a project, which face is whose, and every decision about it: one SQLite file."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.digest import digest
from data.core.errors import InputError, OutdatedError
from data.core.table import Column, Table
from data.tables.decisions import (
    Decision,
    DecisionKind,
    Places,
    Reviewed,
    describe,
    faces_json,
    numbered,
    parse_faces,
    replay,
)
from data.tables.face_match import SAME_TIME_S, same_faces
from data.tables.faces import Faces

__all__ = ["UNKNOWN", "Assignments", "People", "default_name", "open_people"]

VERSION = 2
MAX_NAME = 200
"""Letters of a name."""
Span = tuple[float, float]
"""From and to, in seconds, both inclusive."""
_ALWAYS: tuple[Span, ...] = ((-inf, inf),)
_PATIENCE_S = 20.0
"""How long a run waits for another one's transaction."""

# A face is told by its time and box, not by its row: rows change when a footage is read again.
_FIRST = """
CREATE TABLE people (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE faces (
    footage TEXT NOT NULL,
    time_s REAL NOT NULL,
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
    person_id INTEGER NOT NULL
);
CREATE INDEX faces_by_footage ON faces (footage, time_s);
"""
# people, hidden and faces.person_id are what the decisions make of faces.found_id.
_SECOND = """
ALTER TABLE faces ADD COLUMN found_id INTEGER NOT NULL DEFAULT -1;
UPDATE faces SET found_id = person_id;
CREATE TABLE hidden (person_id INTEGER PRIMARY KEY);
CREATE TABLE decisions (
    decision_id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    person_id INTEGER NOT NULL,
    other_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    faces TEXT NOT NULL,
    note TEXT NOT NULL,
    concerned TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'made',
    revision INTEGER NOT NULL
);
CREATE TABLE review (revision INTEGER NOT NULL, clustered INTEGER NOT NULL);
INSERT INTO review VALUES (0, 0);
"""
_MADE, _UNDONE, _DROPPED = "made", "undone", "dropped"
"""States of a decision: in force; can be made again; cannot, since another was made instead."""
_DECISION = "kind, person_id, other_id, name, faces"
"""Columns of `_decision_of`."""


@dataclass(frozen=True, eq=False)
class Assignments(Table):
    """Whose the faces of one footage are, in order of time."""

    time_s: NDArray[np.float64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame
    person_id: NDArray[np.int64]  # (n,) -1 unknown

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_s": (np.float64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of the history."""

    decision_id: int
    made_at: str  # ISO 8601, UTC
    kind: DecisionKind
    note: str  # the decision in words
    state: str  # made, undone or dropped


class People:
    """People and assignments on disk; every change is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> dict[int, str]:
        """Name of each person by id, in order of id."""
        rows = self._connection.execute("SELECT person_id, name FROM people ORDER BY person_id")
        return dict(rows.fetchall())

    def hidden(self) -> frozenset[int]:
        """People who do not matter."""
        return frozenset(p for (p,) in self._connection.execute("SELECT person_id FROM hidden"))

    def assignments(self, footage: str) -> Assignments:
        """Whose the faces of a footage are; empty before the first clustering."""
        return self._faces(footage, "person_id")

    def found(self, footage: str) -> Assignments:
        """Whose the clustering found them to be, whatever was decided about it."""
        return self._faces(footage, "found_id")

    def _faces(self, footage: str, column: str, spans: Iterable[Span] = _ALWAYS) -> Assignments:
        time_s, xyxy, (person_id,) = self._read(footage, column, spans=spans)
        return Assignments(time_s, xyxy, person_id)

    def _read(
        self, footage: str, *columns: str, spans: Iterable[Span] = _ALWAYS
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], list[NDArray[np.int64]]]:
        """Times, boxes and further columns of the faces of a footage, in order of time."""
        query = (
            f"SELECT time_s, x1, y1, x2, y2, {', '.join(columns)} FROM faces "
            "WHERE footage = ? AND time_s BETWEEN ? AND ? ORDER BY time_s, rowid"
        )
        execute = self._connection.execute
        rows = [row for span in spans for row in execute(query, (footage, *span)).fetchall()]
        values = np.array(rows, np.float64).reshape(-1, 5 + len(columns))
        further = [values[:, i].astype(np.int64) for i in range(5, values.shape[1])]
        return values[:, 0].copy(), values[:, 1:5].astype(np.float32), further

    def next_person_id(self) -> int:
        """The number that the next new person will have; numbers are never given twice."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'people'"
        row = self._connection.execute(query).fetchone()
        return int(row[0]) + 1 if row else 1

    # --- what was decided ---------------------------------------------------------------------

    def decisions(self) -> list[Decision]:
        """Every decision in force, in order."""
        query = f"SELECT {_DECISION} FROM decisions WHERE state = ? ORDER BY decision_id"
        return [_decision_of(row) for row in self._connection.execute(query, (_MADE,))]

    def _decision(self, number: int) -> Decision:
        query = f"SELECT {_DECISION} FROM decisions WHERE decision_id = ?"
        return _decision_of(self._connection.execute(query, (number,)).fetchone())

    def decisions_key(self) -> str:
        """Another one means that other decisions are in force; empty where none is."""
        query = "SELECT decision_id FROM decisions WHERE state = ? ORDER BY decision_id"
        numbers = [f"{number}" for (number,) in self._connection.execute(query, (_MADE,))]
        return digest(*numbers) if numbers else ""

    def history(self, limit: int = 100) -> list[HistoryEntry]:
        """The latest decisions, the very last first."""
        query = "SELECT decision_id, made_at, kind, note, state FROM decisions"
        rows = self._connection.execute(query + " ORDER BY decision_id DESC LIMIT ?", (limit,))
        return [
            HistoryEntry(number, at, DecisionKind(kind), note, state)
            for number, at, kind, note, state in rows
        ]

    def next_undo(self) -> HistoryEntry | None:
        """The decision that `undo` would take back."""
        return self._next(_MADE, "DESC")

    def next_redo(self) -> HistoryEntry | None:
        """The decision that `redo` would make again."""
        return self._next(_UNDONE, "ASC")

    def _next(self, state: str, order: str) -> HistoryEntry | None:
        query = "SELECT decision_id, made_at, kind, note FROM decisions WHERE state = ?"
        last = query + f" ORDER BY decision_id {order} LIMIT 1"
        row = self._connection.execute(last, (state,)).fetchone()
        return HistoryEntry(row[0], row[1], DecisionKind(row[2]), row[3], state) if row else None

    def revision(self) -> int:
        """A number that rises with every change of who is who."""
        return self._review()[0]

    def clustered(self) -> int:
        """The revision that the last clustering made; what was found is of it."""
        return self._review()[1]

    def reviewed(
        self, places: Mapping[str, Places], found: Mapping[str, NDArray[np.int64]]
    ) -> Reviewed:
        """What the decisions make of faces that are not assigned yet; see `replay`."""
        return replay(places, found, self.decisions())

    def decide(self, decision: Decision, *, seen: int | None = None) -> HistoryEntry:
        """Make a decision, for ever, and bring who is who up to date.

        Args:
            decision: a new person has no number yet, and gets one.
            seen: the revision that the decision was made upon; None for whatever it is by now.

        Raises:
            InputError: a name that is none or another person's, or somebody or a face that is not
                there.
            OutdatedError: somebody else has decided about the same people or faces since.
        """
        with self._transaction():
            names = self.names()
            concerned = decision.people() | self._owners(decision)
            self._check_seen(concerned, seen)
            self._check(decision, names)
            if decision.kind is DecisionKind.RENAME:
                decision = _with_name(decision, decision.name.strip())
            elif decision.kind is DecisionKind.SPLIT:
                decision = numbered(decision, self.next_person_id())
                names = {**names, decision.person_id: default_name(decision.person_id)}
            execute = self._connection.execute
            execute("UPDATE decisions SET state = ? WHERE state = ?", (_DROPPED, _UNDONE))
            made = self._insert(decision, describe(decision, names), concerned)
            self._bring_up_to_date(decision)
        return made

    def rename(self, person_id: int, name: str) -> None:
        """Give a person another name.

        Raises:
            InputError: the name is empty, or another person's; or there is no such person.
        """
        self.decide(Decision(DecisionKind.RENAME, person_id, name=name))

    def undo(self, *, seen: int | None = None) -> HistoryEntry | None:
        """Take the last decision back; None where there is none.

        Raises:
            OutdatedError: something has changed since the revision ``seen``.
        """
        return self._switch(self.next_undo, _UNDONE, seen)

    def redo(self, *, seen: int | None = None) -> HistoryEntry | None:
        """Make the decision again that was taken back last; None where there is none.

        Raises:
            OutdatedError: something has changed since the revision ``seen``.
        """
        return self._switch(self.next_redo, _MADE, seen)

    def _switch(
        self, find: Callable[[], HistoryEntry | None], state: str, seen: int | None
    ) -> HistoryEntry | None:
        with self._transaction():
            if seen is not None and seen != self.revision():
                raise OutdatedError("somebody decided something else meanwhile; look again")
            past = find()
            if past is None:
                return None
            change = "UPDATE decisions SET state = ?, revision = ? WHERE decision_id = ?"
            self._connection.execute(change, (state, self._raise_revision(), past.decision_id))
            self._bring_up_to_date(self._decision(past.decision_id))
        return dataclasses.replace(past, state=state)

    def _check_seen(self, concerned: set[int], seen: int | None) -> None:
        if seen is None:
            return
        clustered = self._review()[1]
        query = "SELECT concerned FROM decisions WHERE revision > ?"
        rows = self._connection.execute(query, (seen,)).fetchall()
        if clustered > seen or any(concerned & set(json.loads(others)) for (others,) in rows):
            raise OutdatedError("somebody decided about the same people meanwhile; look again")

    def _check(self, decision: Decision, names: Mapping[int, str]) -> None:
        if decision.kind is DecisionKind.SPLIT:
            return
        for person in decision.people():
            if person not in names:
                raise InputError(f"there is no person {person}; look again")
        if decision.kind is DecisionKind.RENAME:
            name = decision.name.strip()
            _check_name(name)
            if name in (other for p, other in names.items() if p != decision.person_id):
                raise InputError(f"{name}: another person has this name; choose another")

    def _owners(self, decision: Decision) -> set[int]:
        """Whose the faces of a decision are now.

        Raises:
            InputError: one is not there.
        """
        owners: set[int] = set()
        for footage, places in decision.faces.items():
            now = self._faces(footage, "person_id", _spans_around(places.time_s))
            rows = _rows_of(places, now)
            if (rows < 0).any():
                raise InputError(f"{footage}: a face is not there any more; look again")
            owners |= set(now.person_id[rows].tolist())
        return owners - {UNKNOWN}

    def _insert(self, decision: Decision, note: str, concerned: set[int]) -> HistoryEntry:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        everybody = json.dumps(sorted(concerned | decision.people()))
        values = (decision.person_id, decision.other_id, decision.name, faces_json(decision.faces))
        query = (
            "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, "
            "concerned, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        row = (at, decision.kind.value, *values, note, everybody, self._raise_revision())
        number = self._connection.execute(query, row).lastrowid or 0
        return HistoryEntry(number, at, decision.kind, note, _MADE)

    def forget(self, person_id: int) -> None:
        """Take a person out for good: their faces, their name, and what was decided about them.

        The space that they had in the file is overwritten. Their number is not given again.
        """
        execute = self._connection.execute
        execute("PRAGMA secure_delete = ON")
        with self._transaction():
            footages = [name for (name,) in execute("SELECT DISTINCT footage FROM faces")]
            theirs = {name: _taken(self.assignments(name), person_id) for name in footages}
            gone = self.who_became(person_id)
            # Without the decisions that name them, a face that somebody moved from them to another
            # would be found to be theirs again.
            ids = [(number,) for number in sorted(gone)]
            kept = "UPDATE faces SET found_id = person_id WHERE found_id = ?"
            self._connection.executemany(kept, ids)
            execute("DELETE FROM faces WHERE person_id = ?", (person_id,))
            self._forget_decisions(gone, theirs)
            self._raise_revision()
            self._bring_up_to_date()
        execute("VACUUM")

    def names_of(self, person_id: int) -> set[str]:
        """Every name that a person has or had, and those of everybody who was merged into them."""
        gone = self.who_became(person_id)
        renames = self._connection.execute(
            "SELECT person_id, name FROM decisions WHERE kind = ?", (DecisionKind.RENAME.value,)
        )
        given = {name for person, name in renames if person in gone}
        now = {name for person, name in self.names().items() if person in gone}
        return given | now | {default_name(person) for person in gone}

    def who_became(self, person_id: int) -> set[int]:
        """The person, and everybody who was merged into them."""
        query = "SELECT DISTINCT footage FROM faces"
        footages = [name for (name,) in self._connection.execute(query)]
        found = {name: self.found(name) for name in footages}
        places = {name: Places(table.time_s, table.xyxy) for name, table in found.items()}
        reviewed = self.reviewed(places, {name: t.person_id for name, t in found.items()})
        return {person_id} | {p for p, into in reviewed.merged_into.items() if into == person_id}

    def _forget_decisions(self, gone: set[int], theirs: Mapping[str, Places]) -> None:
        """Delete the decisions that name somebody, and their faces from all others."""
        execute = self._connection.execute
        query = "SELECT decision_id, person_id, other_id, faces FROM decisions"
        for number, person, other, faces in execute(query).fetchall():
            before = parse_faces(faces)
            after = {name: _without(places, theirs.get(name)) for name, places in before.items()}
            left = {name: places for name, places in after.items() if len(places)}
            if gone & {person, other} or (before and not left):
                execute("DELETE FROM decisions WHERE decision_id = ?", (number,))
            elif before:
                change = "UPDATE decisions SET faces = ? WHERE decision_id = ?"
                execute(change, (faces_json(left), number))

    # --- what was found -----------------------------------------------------------------------

    def assign(
        self,
        faces: Mapping[str, Faces],
        person_id: Mapping[str, NDArray[np.int64]],
        *,
        first_new: int | None = None,
    ) -> None:
        """Replace what was found, make the people who are new, and go through the decisions again.

        A person who lost every face stays if a human named them, and goes otherwise.

        Args:
            faces: the faces of every footage of the project, by its name.
            person_id: whose they were found to be, ``(n,)`` each; -1 unknown.
            first_new: the number from which new people were numbered; they are numbered on if
                somebody has made people meanwhile.
        """
        with self._transaction() as connection:
            shift = 0 if first_new is None else self.next_person_id() - first_new
            connection.execute("DELETE FROM faces")
            for footage, table in faces.items():
                found = person_id[footage]
                if shift:
                    found = np.where(found >= (first_new or 0), found + shift, found)
                rows = _rows(footage, table, found)
                connection.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            revision = self._raise_revision()
            connection.execute("UPDATE review SET clustered = ?", (revision,))
            self._bring_up_to_date()

    def _bring_up_to_date(self, changed: Decision | None = None) -> None:
        """Make people, hidden and person_id what the decisions make of what was found.

        Args:
            changed: the only decision that was made or taken back, the last of all; None for any.
        """
        # To read tens of thousands of faces is what takes long, and only a merge moves others than
        # a decision names.
        if changed is None or changed.kind is DecisionKind.MERGE:
            self._write_people(self._assign(None))
        else:
            self._write_people(self._assign(changed.faces))

    def _assign(self, about: Mapping[str, Places] | None) -> Reviewed:
        """Make person_id what the decisions make of what was found, of some faces or of all."""
        columns = ("found_id", "person_id", "rowid")
        if about is None:
            footages = self._connection.execute("SELECT DISTINCT footage FROM faces").fetchall()
            read = {name: self._read(name, *columns) for (name,) in footages}
        else:
            spans = {name: _spans_around(places.time_s) for name, places in about.items()}
            read = {name: self._read(name, *columns, spans=spans[name]) for name in about}
        places = {name: Places(time_s, xyxy) for name, (time_s, xyxy, _) in read.items()}
        found = {name: further[0] for name, (_, _, further) in read.items()}
        reviewed = self.reviewed(places, found)
        for name, (_, _, (_, before, rowid)) in read.items():
            person_id = reviewed.labels[name].person_id
            differs = before != person_id
            if about is not None:  # the others are there to be told from them
                differs &= np.isin(np.arange(len(differs)), _rows_of(about[name], places[name]))
            changed = np.flatnonzero(differs)
            values = np.column_stack([person_id[changed], rowid[changed]]).tolist()
            query = "UPDATE faces SET person_id = ? WHERE rowid = ?"
            self._connection.executemany(query, values)
        return reviewed

    def _write_people(self, reviewed: Reviewed) -> None:
        before, connection = self.names(), self._connection
        query = "SELECT DISTINCT person_id FROM faces WHERE person_id != ?"
        seen = {person for (person,) in connection.execute(query, (UNKNOWN,))}
        wanted = _names(seen, reviewed.names)
        other = [p for p, name in before.items() if wanted.get(p) != name]
        connection.executemany("DELETE FROM people WHERE person_id = ?", [(p,) for p in other])
        new = [(p, name) for p, name in wanted.items() if before.get(p) != name]
        connection.executemany("INSERT INTO people VALUES (?, ?)", new)
        connection.execute("DELETE FROM hidden")
        hidden = [(p,) for p in sorted(reviewed.hidden & wanted.keys())]
        connection.executemany("INSERT INTO hidden VALUES (?)", hidden)

    def _review(self) -> tuple[int, int]:
        revision, clustered = self._connection.execute("SELECT * FROM review").fetchone()
        return int(revision), int(clustered)

    def _raise_revision(self) -> int:
        self._connection.execute("UPDATE review SET revision = revision + 1")
        return self.revision()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Nobody else writes meanwhile, also between reading and writing."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection as connection:
            yield connection


def _taken(table: Assignments, person_id: int) -> Places:
    rows = table.person_id == person_id
    return Places(table.time_s[rows], table.xyxy[rows])


def _without(places: Places, others: Places | None) -> Places:
    """The faces that are none of the others."""
    if others is None:
        return places
    return places.take(_rows_of(places, others) < 0)


def _check_name(name: str) -> None:
    if not name:
        raise InputError("a name must have at least one letter")
    if len(name) > MAX_NAME:
        raise InputError(f"{name[:20]}...: a name has at most {MAX_NAME} letters")
    # Joiners are invisible, but letters of some scripts and emoji need them.
    if not re.sub("[\u200c\u200d]", "", name).isprintable():
        raise InputError("a name is one line of letters; leave out what cannot be printed")


def default_name(person_id: int) -> str:
    """Name of a person whom nobody has named yet."""
    return f"Person {person_id}"


def _names(seen: Collection[int], given: Mapping[int, str]) -> dict[int, str]:
    """Name of everybody who has a face or was given a name; given ones first, no two alike."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for person in sorted({*seen, *given}, key=lambda p: (p not in given, p)):
        name = given.get(person, default_name(person))
        while name in taken:
            name = f"{name} (new)"
        taken.add(name)
        names[person] = name
    return dict(sorted(names.items()))


def _with_name(decision: Decision, name: str) -> Decision:
    return Decision(decision.kind, decision.person_id, name=name)


def _decision_of(row: tuple[str, int, int, str, str]) -> Decision:
    kind, person, other, name, faces = row
    return Decision(DecisionKind(kind), person, other, name, parse_faces(faces))


def _spans_around(time_s: NDArray[np.float64]) -> list[Span]:
    """When all faces are that tell whose the faces at these times are; rising, and apart."""
    # Up to SAME_TIME_S from such a time is the face, as far from that what another decision names,
    # and as far from this the face that is meant there. A fourth for what rounding may do.
    reach_s = 4 * SAME_TIME_S
    times = np.unique(time_s)
    if not len(times):
        return []
    gaps = np.flatnonzero(np.diff(times) > 2 * reach_s)
    starts, ends = times[np.r_[0, gaps + 1]] - reach_s, times[np.r_[gaps, len(times) - 1]] + reach_s
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _rows_of(places: Places, table: Assignments | Places) -> NDArray[np.int64]:
    return same_faces(places.time_s, places.xyxy, table.time_s, table.xyxy)


def _rows(
    footage: str, faces: Faces, found: NDArray[np.int64]
) -> Iterator[tuple[str, float, float, float, float, float, int, int]]:
    for time_s, box, person in zip(faces.time_s, faces.xyxy, found, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        yield footage, float(time_s), x1, y1, x2, y2, int(person), int(person)


@contextmanager
def open_people(path: Path) -> Iterator[People]:
    """Open the people of a project, making the file where there is none.

    A file of an earlier version is brought up to this one, in place.

    Raises:
        InputError: the file is not a database, or another version's, or cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as connection:
            _prepare(connection, path)
            yield People(connection)
    except sqlite3.OperationalError as error:
        # The disk is full, the file is read-only or locked: the people in it are not lost.
        message = f"cannot be read or written ({error}); mend that and run again"
        raise InputError(f"{path}: {message}") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a broken rule of the tables: our mistake
            raise
        raise InputError(f"{path}: cannot be used ({error}); move it away and run again") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or bring those of an earlier version up to date."""
    version = _version(connection)
    if version == VERSION:
        return
    if version > VERSION:
        message = f"made by another version (people schema {version}, this one reads {VERSION})"
        raise InputError(f"{path}: {message}; choose another --project")
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        version = _version(connection)  # another run may have been quicker
        steps = [_FIRST, _SECOND][version:]
        for statement in _statements(steps):
            connection.execute(statement)
        if version == 1:
            _note_names(People(connection))
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(scripts: Iterable[str]) -> list[str]:
    return [text for script in scripts for text in script.split(";") if text.strip()]


def _note_names(people: People) -> None:
    """Take the names that were given before there was a history into it."""
    for person, name in people.names().items():
        if name not in (default_name(person), f"{default_name(person)} (new)"):
            note = f"{default_name(person)} is called {name}"
            people._insert(Decision(DecisionKind.RENAME, person, name=name), note, {person})
