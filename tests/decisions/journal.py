"""Journal of all changes of a people file by any process, written by triggers of SQLite.

One entry per decision, undo, redo and clustering, with the state just before it: decisions of
several clients are checked in the order in which they were made.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.core.arrays import UNKNOWN
from data.tables.decisions import DecisionKind
from data.tables.faces import Faces
from tests.decisions.model import Face, Rules

_LAST = "(SELECT MAX(number) FROM journal)"
_STATE = f"""
    INSERT INTO journal_people SELECT {_LAST}, person_id, name, person_id IN
        (SELECT person_id FROM hidden) FROM people;
"""
_FACES = f"""
    INSERT INTO journal_faces SELECT {_LAST}, footage, time_s, x1, person_id FROM faces;
"""
_TABLES = f"""
CREATE TABLE journal (number INTEGER PRIMARY KEY, event TEXT, decision_id INTEGER,
    revision INTEGER);
CREATE TABLE journal_people (number INTEGER, person_id INTEGER, name TEXT, hidden INTEGER);
CREATE TABLE journal_faces (number INTEGER, footage TEXT, time_s REAL, x1 REAL, person_id INTEGER);
CREATE TRIGGER decided AFTER INSERT ON decisions BEGIN
    INSERT INTO journal (event, decision_id, revision)
        VALUES ('decide', NEW.decision_id, NEW.revision);
    {_STATE} {_FACES}
END;
CREATE TRIGGER switched AFTER UPDATE OF state ON decisions
    WHEN OLD.state != NEW.state AND NEW.state != 'dropped' BEGIN
    INSERT INTO journal (event, decision_id, revision)
        VALUES (IIF(NEW.state = 'made', 'redo', 'undo'), NEW.decision_id, NEW.revision);
    {_STATE} {_FACES}
END;
CREATE TRIGGER clustered AFTER UPDATE OF clustered ON review BEGIN
    INSERT INTO journal (event, decision_id, revision) VALUES ('cluster', -1, NEW.revision);
    {_STATE}
END;
"""


@dataclass(frozen=True)
class Event:
    """One change, and the state before it."""

    event: str  # decide, undo, redo or cluster
    decision_id: int  # -1 for a clustering
    revision: int  # after the change
    names: dict[int, str]
    hidden: frozenset[int]
    owners: dict[Face, int]  # empty for a clustering: its new faces are stored already


@dataclass(frozen=True)
class Made:
    """A stored decision."""

    kind: DecisionKind
    person: int
    other: int
    name: str
    faces: frozenset[Face]

    @property
    def content(self) -> tuple[Any, ...]:
        """What a request determines: a split's person is not known to it."""
        person = UNKNOWN if self.kind is DecisionKind.SPLIT else self.person
        return self.kind, person, self.other, self.name, self.faces

    def concerned(self, owners: dict[Face, int]) -> set[int]:
        """Return the people whom the decision concerns, before it is made."""
        return {self.person, self.other, *(owners[face] for face in self.faces)} - {UNKNOWN}


def start_journal(people_file: Path) -> None:
    """Add the journal's tables and triggers to a people file."""
    with closing(sqlite3.connect(people_file)) as connection:
        connection.executescript(_TABLES)


@dataclass
class Journal:
    """The events and decisions of a journal, in order."""

    whole: dict[str, Faces]  # every footage at the finest sampling
    events: list[Event] = field(default_factory=list)
    decisions: dict[int, Made] = field(default_factory=dict)

    def read(self, people_file: Path) -> None:
        """Read everything, and the state after the last event as one more event, "end"."""
        with _rows_of(people_file) as rows:
            for number, event, decision, revision in rows("SELECT * FROM journal"):
                state = rows("SELECT * FROM journal_people WHERE number = ?", number)
                faces = rows("SELECT * FROM journal_faces WHERE number = ?", number)
                self._add(event, decision, revision, [r[1:] for r in state], [r[1:] for r in faces])
            state = "SELECT person_id, name, person_id IN (SELECT person_id FROM hidden)"
            faces = rows("SELECT footage, time_s, x1, person_id FROM faces")
            (revision,) = rows("SELECT revision FROM review")[0]
            self._add("end", UNKNOWN, revision + 1, rows(f"{state} FROM people"), faces)
            columns = "decision_id, kind, person_id, other_id, name, faces"
            for number, kind, person, other, name, text in rows(f"SELECT {columns} FROM decisions"):
                faces = json.loads(text) if DecisionKind(kind).value in _WITH_FACES else {}
                chosen = [self.face(f, row[0], row[1]) for f in faces for row in faces[f]]
                self.decisions[number] = Made(
                    DecisionKind(kind), person, other, name, frozenset(chosen)
                )

    def face(self, footage: str, time_s: float, x1: float) -> Face:
        """Return the face at a time and place."""
        if footage not in self._index:
            table = self.whole[footage]
            places = zip(table.time_s.tolist(), table.xyxy[:, 0].tolist(), strict=True)
            self._index[footage] = {place: row for row, place in enumerate(places)}
        return footage, self._index[footage][time_s, x1]

    def __post_init__(self) -> None:
        self._index: dict[str, dict[tuple[float, float], int]] = {}

    def _add(
        self, event: str, decision: int, revision: int, state: list[Any], faces: list[Any]
    ) -> None:
        names = {person: name for person, name, _ in state}
        hidden = frozenset(person for person, _, is_hidden in state if is_hidden)
        owners = {self.face(*place): person for *place, person in faces}
        self.events.append(Event(event, decision, revision, names, hidden, owners))


def replay(journal: Journal) -> list[Rules]:
    """Return the rules before each event, and check the state before each event against them.

    Raises:
        AssertionError: a rule is broken, or an undo is not of the latest decision.
    """
    history: list[tuple[int, Rules]] = [(UNKNOWN, Rules())]
    undone: list[tuple[int, Rules]] = []
    before = []
    for previous, event in zip([None, *journal.events], journal.events, strict=False):
        before.append(history[-1][1])
        if event.owners:
            before[-1].check(event.names, event.hidden, event.owners)
        assert previous is None or event.revision == previous.revision + 1, "a change is missing"
        if event.event == "undo":
            undone.append(history.pop())
            assert undone[-1][0] == event.decision_id, "undo of an earlier decision"
        elif event.event == "redo":
            history.append(undone.pop())
            assert history[-1][0] == event.decision_id, "redo of another decision"
        elif event.event == "decide":
            undone.clear()
            made = journal.decisions[event.decision_id]
            rules = before[-1].after(
                made.kind, made.person, made.other, made.name, made.faces, event.owners
            )
            history.append((event.decision_id, rules))
    return before


_WITH_FACES = frozenset({"eject", "move", "accept", "split", "cover"})


@contextmanager
def _rows_of(people_file: Path) -> Iterator[Any]:
    with closing(sqlite3.connect(people_file)) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def counts_of(owners: dict[Face, int]) -> dict[int, int]:
    """Return the number of faces of each person; -1 is unknown."""
    people, counts = np.unique(list(owners.values()), return_counts=True)
    return dict(zip(people.tolist(), counts.tolist(), strict=True))
