"""Erasure of a person from the people file leaves no residue."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import UNKNOWN
from data.erasure.people import all_names, erase_person, merged_people
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.people import open_people
from data.tables.projection import store_clustering
from tests.data.tables.reviewed import FOUND, faces, found, now, places

X = UNKNOWN


def test_faces_name_and_decisions_are_erased(tmp_path: Path) -> None:
    path = tmp_path / "people.sqlite"
    with open_people(path) as people:
        found(people, *FOUND)  # 1 1 1 2 2 3 -1 -1
        DecisionLog(people).rename(1, "Anna Karenina")
        DecisionLog(people).rename(3, "Ben")
        DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(0)))
        DecisionLog(people).decide(Decision(DecisionKind.ACCEPT, 1, faces=places(6)))
        DecisionLog(people).decide(Decision(DecisionKind.EJECT, 2, faces=places(2, 4)))
        assert now(people) == [2, 1, 1, 2, X, 3, 1, X]
        erase_person(people, 1)
        assert now(people) == [2, 2, X, 3, X]
        assert people.names() == {2: "Person 2", 3: "Ben"}
        assert [past.note for past in DecisionLog(people).history()] == [
            "Removed 2 faces from Person 2",
            "Moved 1 face to Person 2",
            "Renamed Person 3 to Ben",
        ]
        ejected = next(d for d in people.decisions() if d.kind is DecisionKind.EJECT)
        assert [len(place) for place in ejected.faces.values()] == [1]
        DecisionLog(people).undo()
        assert now(people) == [2, 2, 2, 3, X]
        assert people.next_person_id() == 4
    content = path.read_bytes()
    assert b"Anna" not in content
    # No other person's box has this side: SQLite stores numbers as big-endian doubles.
    assert struct.pack(">d", float(faces(2).xyxy[1, 3])) not in content
    assert struct.pack(">d", float(faces(1).xyxy[0, 3])) in content


def test_people_merged_into_the_person_are_erased(tmp_path: Path) -> None:
    with open_people(tmp_path / "people.sqlite") as people:
        found(people, *FOUND)
        DecisionLog(people).rename(2, "Anna")
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
        DecisionLog(people).decide(Decision(DecisionKind.HIDE, 3))
        erase_person(people, 1)
        assert now(people) == [3, X, X]
        assert people.names() == {3: "Person 3"}
        assert people.hidden() == {3}
        assert [past.kind for past in DecisionLog(people).history()] == [DecisionKind.HIDE]


def test_the_next_clustering_does_not_restore_the_person(tmp_path: Path) -> None:
    with open_people(tmp_path / "people.sqlite") as people:
        found(people, *FOUND)
        erase_person(people, 2)
        rest = np.array([0, 1, 2, 5, 6, 7])
        store_clustering(people, {"a": faces(8).take(rest)}, {"a": np.array([1, 1, 1, 3, X, X])})
        assert people.names() == {1: "Person 1", 3: "Person 3"}


def test_a_file_that_cannot_be_written_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "people.sqlite"
    with open_people(path) as people:
        found(people, *FOUND)
        people.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError):
            erase_person(people, 1)
        people.connection.execute("PRAGMA query_only = OFF")
        assert now(people) == list(FOUND)


def test_all_names_of_a_person(tmp_path: Path) -> None:
    with open_people(tmp_path / "people.sqlite") as people:
        found(people, *FOUND)
        DecisionLog(people).rename(1, "Anna")
        DecisionLog(people).rename(1, "Bella")
        DecisionLog(people).rename(2, "Ben")
        assert all_names(people, 1) == {"Person 1", "Anna", "Bella"}
        assert all_names(people, 3) == {"Person 3"}
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
        assert merged_people(people, 1) == {1, 2}
        assert all_names(people, 1) == {"Person 1", "Anna", "Bella", "Person 2", "Ben"}
