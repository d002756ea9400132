"""Review decisions, and the rows of the people file after them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import People, open_people
from data.tables.people_schema import VERSION
from data.tables.projection import store_clustering
from tests import ROOT
from tests.data.tables.reviewed import FOUND, MADE, X, faces, found, now, places

# --- what each decision does ------------------------------------------------------------------


@pytest.mark.parametrize(("decision", "whose", "names"), MADE.values(), ids=MADE)
def test_decide_undo_redo(
    path: Path, people: People, decision: Decision, whose: list[int], names: dict[int, str]
) -> None:
    before = people.names()
    made = DecisionLog(people).decide(decision)
    assert (now(people), people.names()) == (whose, names)
    assert people.hidden() == ({2} if decision.kind is DecisionKind.HIDE else set())
    assert people.clustered_assignments("a").person_id.tolist() == list(FOUND)
    assert DecisionLog(people).undo() is not None
    assert (now(people), people.names(), people.hidden()) == (list(FOUND), before, frozenset())
    again = DecisionLog(people).redo()
    assert again == made
    with open_people(path) as others:
        assert (now(others), others.names()) == (whose, names)
        assert DecisionLog(others).history() == [made]


def test_decisions_are_never_deleted(path: Path, people: People) -> None:
    DecisionLog(people).rename(1, "Anna")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 3, 1))
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(0)))
    DecisionLog(people).undo()
    DecisionLog(people).undo()
    DecisionLog(people).rename(2, "Ben")
    rows = sqlite3.connect(path).execute(
        "SELECT kind, person_id, other_id, name, note, state FROM decisions ORDER BY decision_id"
    )
    assert rows.fetchall() == [
        ("rename", 1, -1, "Anna", "Renamed Person 1 to Anna", "made"),
        ("merge", 3, 1, "", "Merged Person 3 into Anna", "dropped"),
        ("eject", 1, -1, "", "Removed 1 face from Anna", "dropped"),
        ("rename", 2, -1, "Ben", "Renamed Person 2 to Ben", "made"),
    ]
    assert DecisionLog(people).redo() is None
    assert [past.note for past in DecisionLog(people).history(2)] == [
        "Renamed Person 2 to Ben",
        "Removed 1 face from Anna",
    ]


def test_undo_and_redo_of_many(people: People) -> None:
    states = [(now(people), people.names())]
    for decision, _, _ in MADE.values():
        if decision.kind is not DecisionKind.SPLIT:  # the people of other decisions must exist
            DecisionLog(people).decide(Decision(DecisionKind.RENAME, 1, name=f"Anna {len(states)}"))
            states.append((now(people), people.names()))
    for state in reversed(states[:-1]):
        assert DecisionLog(people).undo() is not None
        assert (now(people), people.names()) == state
    assert DecisionLog(people).undo() is None
    for state in states[1:]:
        assert DecisionLog(people).redo() is not None
        assert (now(people), people.names()) == state
    assert DecisionLog(people).redo() is None


def test_decisions_made_together(people: People) -> None:
    log = DecisionLog(people)
    log.rename(1, "Anna")
    merges = [Decision(DecisionKind.MERGE, 3, 1), Decision(DecisionKind.MERGE, 2, 1)]
    entry = log.decide(*merges, seen=people.revision())
    assert entry.note == "Merged Person 3 into Anna; Merged Person 2 into Anna"
    assert people.names() == {1: "Anna"}
    assert (log.undo(decision_id=entry.decision_id), log.next_redo()) == (
        replace(entry, state="undone"),
        replace(entry, state="undone"),
    )
    assert (now(people), list(people.names())) == (list(FOUND), [1, 2, 3])
    assert log.redo() == entry
    assert people.names() == {1: "Anna"}
    assert [log.undo(), log.undo()] != [None, None]
    assert log.undo() is None


def test_decisions_made_together_are_all_made_or_none(people: People) -> None:
    log, before = DecisionLog(people), people.revision()
    hides = [Decision(DecisionKind.HIDE, 1), Decision(DecisionKind.HIDE, 9)]
    with pytest.raises(InputError, match="one of these people no longer exists; reload the page"):
        log.decide(*hides)
    for wrong in ((), (hides[0], Decision(DecisionKind.MERGE, 3, 1))):
        with pytest.raises(ValueError, match="of one kind"):
            log.decide(*wrong)
    assert (people.hidden(), people.revision(), log.history()) == (frozenset(), before, [])


def test_a_name_survives_a_merge(people: People) -> None:
    DecisionLog(people).rename(3, "Anna")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 3, 1))
    assert people.names() == {1: "Anna", 2: "Person 2"}
    DecisionLog(people).rename(2, "Ben")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 1, 2))
    assert people.names() == {2: "Ben"}


def test_numbers_are_never_reused(people: People) -> None:
    split = Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(0))
    DecisionLog(people).decide(split)
    DecisionLog(people).undo()
    DecisionLog(people).decide(split)
    assert sorted(people.names()) == [1, 2, 3, 5]


def test_assigned_faces_take_precedence_over_removed_ones(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(0, 1)))
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(0)))
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
    # A decision has assigned face 0, and none has assigned face 1.
    assert now(people) == [1, X, 1, 1, 1, 3, X, X]
    DecisionLog(people).decide(Decision(DecisionKind.ACCEPT, 1, faces=places(1)))
    assert now(people) == [1, 1, 1, 1, 1, 3, X, X]


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        pytest.param(
            Decision(DecisionKind.RENAME, 9, name="Anna"),
            "one of these people no longer exists; reload the page",
            id="unknown person",
        ),
        pytest.param(
            Decision(DecisionKind.MERGE, 1, 9),
            "one of these people no longer exists; reload the page",
            id="into an unknown person",
        ),
        pytest.param(Decision(DecisionKind.RENAME, 1, name=" "), "the name is empty", id="no name"),
        pytest.param(
            Decision(DecisionKind.RENAME, 1, name="Person 2"),
            "another person is already called Person 2",
            id="taken",
        ),
        pytest.param(
            Decision(DecisionKind.MOVE, 1, faces=places(0, 99)),
            "one of these faces no longer exists; reload the page",
            id="no such face",
        ),
        pytest.param(
            Decision(DecisionKind.MOVE, 9, faces=places(0)),
            "one of these people no longer exists; reload the page",
            id="to an unknown person",
        ),
    ],
)
def test_refused(people: People, decision: Decision, message: str) -> None:
    with pytest.raises(InputError, match=message):
        DecisionLog(people).decide(decision)
    assert (now(people), DecisionLog(people).history(), people.revision()) == (list(FOUND), [], 1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Decision(DecisionKind.MOVE, 1), id="no faces"),
        pytest.param(
            lambda: Decision(DecisionKind.MOVE, 1, faces={"a": FaceKeys.empty()}), id="empty faces"
        ),
        pytest.param(lambda: Decision(DecisionKind.HIDE, 1, faces=places(0)), id="faces of no use"),
        pytest.param(lambda: Decision(DecisionKind.MERGE, 1), id="one alone"),
        pytest.param(lambda: Decision(DecisionKind.MERGE, 1, 1), id="with oneself"),
        pytest.param(
            lambda: Decision(DecisionKind.RENAME, 1, 2, name="Anna"), id="two where one is meant"
        ),
    ],
)
def test_invalid_decisions(make: Callable[[], Decision]) -> None:
    with pytest.raises(ValueError, match="must be given"):
        make()


# --- the file ---------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from data.tables import projection
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
with open_people(Path(sys.argv[1])) as people:
    DecisionLog(people).rename(1, "Anna")
    print("confirmed", flush=True)
    projection._write_people = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    DecisionLog(people).rename(2, "Ben")
"""


@pytest.mark.usefixtures("people")
def test_a_killed_server_loses_nothing_confirmed(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-9, "confirmed\n"), ended.stderr
    with open_people(path) as after:
        assert after.names() == {1: "Anna", 2: "Person 2", 3: "Person 3"}
        assert len(DecisionLog(after).history()) == 1
        DecisionLog(after).rename(2, "Ben")


VERSION_1 = """
CREATE TABLE people (person_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE faces (
    footage TEXT NOT NULL, time_s REAL NOT NULL,
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
    person_id INTEGER NOT NULL
);
CREATE INDEX faces_by_footage ON faces (footage, time_s);
INSERT INTO people VALUES (1, 'Anna'), (2, 'Person 2'), (4, 'Person 4 (new)');
INSERT INTO faces VALUES ('a', 0, 0, 1, 5.5, 6.25, 1), ('a', 1, 10, 11, 15.5, 16.25, 2),
    ('a', 2, 20, 21, 25.5, 26.25, 4), ('a', 3, 30, 31, 35.5, 36.25, -1);
PRAGMA user_version = 1;
"""


def test_a_file_of_version_1_is_migrated(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.close()
    with open_people(path) as people:
        assert people.names() == {1: "Anna", 2: "Person 2", 4: "Person 4 (new)"}
        assert now(people) == [1, 2, 4, X]
        assert people.clustered_assignments("a").person_id.tolist() == [1, 2, 4, X]
        assert [past.note for past in DecisionLog(people).history()] == ["Renamed Person 1 to Anna"]
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
        assert people.names() == {1: "Anna", 4: "Person 4"}
        assert set(people.decisions()[0].pins[1]) == {"a"}  # Anna's face remains hers
        assert len(people.decisions()[0].pins[1]["a"]) == 1
    with open_people(path) as people:
        assert now(people) == [1, 1, 4, X]
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_hundred_decisions_are_quick(path: Path) -> None:
    """Decisions on a project of 20 people and 20,000 faces are quick."""
    import time

    def picked(rows: Sequence[int]) -> dict[str, FaceKeys]:
        chosen = np.array(rows)
        return {"a": FaceKeys(whole.time_s[chosen], whole.xyxy[chosen])}

    whole = faces(20_000)
    with open_people(path) as people:
        store_clustering(people, {"a": whole}, {"a": np.arange(20_000) % 20 + 1})
        for person in range(1, 21):
            rows = range(person - 1, 20_000, 400)
            DecisionLog(people).decide(Decision(DecisionKind.EJECT, person, faces=picked(rows)))
        took = []
        for turn in range(5):
            start = time.perf_counter()
            DecisionLog(people).rename(1, f"Anna {turn}")
            took.append(time.perf_counter() - start)
    assert np.median(took) < 1


def covers(people: People) -> dict[int, tuple[str, int]]:
    """Return footage and row of each cover picture, by person."""
    table = people.clustered_assignments("a")
    found = {"a": table.person_id}
    return dict(people.reviewed({"a": table.face_keys}, found).covers)


def cover(person: int, row: int) -> Decision:
    return Decision(DecisionKind.COVER, person, faces=places(row))


def test_a_cover_picture_follows_its_person(people: People) -> None:
    log = DecisionLog(people)
    log.decide(cover(1, 2))
    assert covers(people) == {1: ("a", 2)}
    log.decide(cover(1, 1))
    assert covers(people) == {1: ("a", 1)}
    log.undo()
    assert covers(people) == {1: ("a", 2)}
    log.undo()
    assert covers(people) == {}
    log.decide(cover(2, 4))
    log.decide(Decision(DecisionKind.MERGE, 2, 1))
    assert covers(people) == {1: ("a", 4)}


def test_of_two_cover_pictures_the_one_of_the_remaining_person_stays(people: People) -> None:
    log = DecisionLog(people)
    log.decide(cover(1, 0))
    log.decide(cover(2, 4))
    log.decide(Decision(DecisionKind.MERGE, 2, 1))
    assert covers(people) == {1: ("a", 0)}
    log.undo()
    assert covers(people) == {1: ("a", 0), 2: ("a", 4)}


def test_a_cover_picture_is_shown_while_it_is_the_person(people: People) -> None:
    log = DecisionLog(people)
    log.decide(cover(1, 0))
    log.decide(Decision(DecisionKind.EJECT, 1, faces=places(0)))
    assert covers(people) == {}
    log.decide(Decision(DecisionKind.MOVE, 1, faces=places(0)))
    assert covers(people) == {1: ("a", 0)}


def test_a_cover_picture_survives_clusterings(people: People) -> None:
    """It stays the person's, and comes back with its face."""
    DecisionLog(people).decide(cover(1, 2))
    found(people, 2, 2, 2, 2, 2, 3, X, X)
    assert now(people)[:3] == [2, 2, 1]
    assert covers(people) == {1: ("a", 2)}
    found(people, 1, 1)  # the third face is not sampled
    assert covers(people) == {}
    found(people, *FOUND)
    assert covers(people) == {1: ("a", 2)}


def test_a_cover_picture_is_one_face_of_the_person(people: People) -> None:
    with pytest.raises(InputError, match="this face no longer belongs to this person"):
        DecisionLog(people).decide(cover(1, 4))
    with pytest.raises(InputError, match="this face no longer belongs to this person"):
        DecisionLog(people).decide(cover(1, 6))
    with pytest.raises(ValueError, match="one face must be given"):
        Decision(DecisionKind.COVER, 1, faces=places(0, 1))
    assert covers(people) == {}


def test_a_cover_picture_changes_no_output(people: People) -> None:
    before = people.decisions_key()
    DecisionLog(people).decide(cover(1, 2))
    assert people.decisions_key() == before
