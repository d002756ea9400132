"""Decisions as people make them, and what stands in the file afterwards."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import UNKNOWN
from data.core.errors import InputError, OutdatedError
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, Places, faces_json, parse_faces, replay
from data.tables.faces import Faces
from data.tables.people import People, open_people
from data.tables.people_schema import VERSION
from data.tables.projection import assign_found
from tests import ROOT
from tests.clustering.labelled_footage import table

FOUND = (1, 1, 1, 2, 2, 3, UNKNOWN, UNKNOWN)
"""Whom the clustering finds in one face a second."""


def faces(rows: int) -> Faces:
    left = np.arange(rows, dtype=np.float32) * 10
    xyxy = np.stack([left, left + 1, left + 5.5, left + 6.25], axis=1)
    return table(Faces, rows, frame_index=np.arange(rows), time_s=np.arange(rows), xyxy=xyxy)


def places(*rows: int) -> dict[str, Places]:
    """The places of some faces of film a."""
    whole = faces(max(rows) + 1)
    chosen = np.array(rows)
    return {"a": Places(whole.time_s[chosen], whole.xyxy[chosen])}


def found(people: People, *person_id: int) -> None:
    assign_found(people, {"a": faces(len(person_id))}, {"a": np.array(person_id, np.int64)})


def now(people: People) -> list[int]:
    return [int(person) for person in people.assignments("a").person_id]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.sqlite"


@pytest.fixture
def people(path: Path) -> Iterator[People]:
    with open_people(path) as opened:
        found(opened, *FOUND)
        yield opened


# --- what each decision does ------------------------------------------------------------------

X = UNKNOWN
MADE: dict[str, tuple[Decision, list[int], dict[int, str]]] = {
    "rename": (
        Decision(DecisionKind.RENAME, 2, name=" Zoë "),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Zoë", 3: "Person 3"},
    ),
    "merge": (
        Decision(DecisionKind.MERGE, 2, 1),
        [1, 1, 1, 1, 1, 3, X, X],
        {1: "Person 1", 3: "Person 3"},
    ),
    "different": (
        Decision(DecisionKind.DIFFERENT, 2, 1),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "eject": (
        Decision(DecisionKind.EJECT, 1, faces=places(0, 2)),
        [X, 1, X, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "eject the last": (
        Decision(DecisionKind.EJECT, 3, faces=places(5)),
        [1, 1, 1, 2, 2, X, X, X],
        {1: "Person 1", 2: "Person 2"},
    ),
    "move": (
        Decision(DecisionKind.MOVE, 2, faces=places(0, 5)),
        [2, 1, 1, 2, 2, 2, X, X],
        {1: "Person 1", 2: "Person 2"},
    ),
    "accept": (
        Decision(DecisionKind.ACCEPT, 3, faces=places(6, 7)),
        [1, 1, 1, 2, 2, 3, 3, 3],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "split": (
        Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(1, 2)),
        [1, 4, 4, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3", 4: "Person 4"},
    ),
    "hide": (
        Decision(DecisionKind.HIDE, 2),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
}


@pytest.mark.parametrize(("decision", "whose", "names"), MADE.values(), ids=MADE)
def test_decide_undo_redo(
    path: Path, people: People, decision: Decision, whose: list[int], names: dict[int, str]
) -> None:
    before = people.names()
    made = DecisionLog(people).decide(decision)
    assert (now(people), people.names()) == (whose, names)
    assert people.hidden() == ({2} if decision.kind is DecisionKind.HIDE else set())
    assert people.found("a").person_id.tolist() == list(FOUND)
    assert DecisionLog(people).undo() is not None
    assert (now(people), people.names(), people.hidden()) == (list(FOUND), before, frozenset())
    again = DecisionLog(people).redo()
    assert again == made
    with open_people(path) as others:
        assert (now(others), others.names()) == (whose, names)
        assert DecisionLog(others).history() == [made]


def test_every_decision_is_a_row_for_ever(path: Path, people: People) -> None:
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
        ("rename", 1, -1, "Anna", "Person 1 is called Anna", "made"),
        ("merge", 3, 1, "", "Person 3 is Anna", "dropped"),
        ("eject", 1, -1, "", "1 face not Anna", "dropped"),
        ("rename", 2, -1, "Ben", "Person 2 is called Ben", "made"),
    ]
    assert DecisionLog(people).redo() is None
    assert [past.note for past in DecisionLog(people).history(2)] == [
        "Person 2 is called Ben",
        "1 face not Anna",
    ]


def test_undo_and_redo_of_many(people: People) -> None:
    states = [(now(people), people.names())]
    for decision, _, _ in MADE.values():
        if decision.kind is not DecisionKind.SPLIT:  # the people of the others must be there
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


def test_a_name_survives_a_merge(people: People) -> None:
    DecisionLog(people).rename(3, "Anna")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 3, 1))
    assert people.names() == {1: "Anna", 2: "Person 2"}
    DecisionLog(people).rename(2, "Ben")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 1, 2))
    assert people.names() == {2: "Ben"}


def test_a_number_is_never_given_twice(people: People) -> None:
    split = Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(0))
    DecisionLog(people).decide(split)
    DecisionLog(people).undo()
    DecisionLog(people).decide(split)
    assert sorted(people.names()) == [1, 2, 3, 5]


def test_what_was_put_by_hand_goes_before_what_was_thrown_out(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(0, 1)))
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(0)))
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
    # Face 0 somebody has put there, face 1 nobody.
    assert now(people) == [1, X, 1, 1, 1, 3, X, X]
    DecisionLog(people).decide(Decision(DecisionKind.ACCEPT, 1, faces=places(1)))
    assert now(people) == [1, 1, 1, 1, 1, 3, X, X]


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        pytest.param(Decision(DecisionKind.RENAME, 9, name="Anna"), "no person 9", id="nobody"),
        pytest.param(Decision(DecisionKind.MERGE, 1, 9), "no person 9", id="into nobody"),
        pytest.param(
            Decision(DecisionKind.RENAME, 1, name=" "), "at least one letter", id="no name"
        ),
        pytest.param(
            Decision(DecisionKind.RENAME, 1, name="Person 2"), "another person", id="taken"
        ),
        pytest.param(
            Decision(DecisionKind.MOVE, 1, faces=places(0, 99)),
            "a face is not there",
            id="no such face",
        ),
        pytest.param(
            Decision(DecisionKind.MOVE, 9, faces=places(0)), "no person 9", id="to nobody"
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
            lambda: Decision(DecisionKind.MOVE, 1, faces={"a": Places.empty()}), id="empty faces"
        ),
        pytest.param(lambda: Decision(DecisionKind.HIDE, 1, faces=places(0)), id="faces of no use"),
        pytest.param(lambda: Decision(DecisionKind.MERGE, 1), id="one alone"),
        pytest.param(lambda: Decision(DecisionKind.MERGE, 1, 1), id="with oneself"),
        pytest.param(
            lambda: Decision(DecisionKind.RENAME, 1, 2, name="Anna"), id="two where one is meant"
        ),
    ],
)
def test_no_such_decision(make: Callable[[], Decision]) -> None:
    with pytest.raises(ValueError, match="must be given"):
        make()


# --- the next clustering ----------------------------------------------------------------------


def test_decisions_are_gone_through_again(people: People) -> None:
    DecisionLog(people).rename(1, "Anna")
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(4)))
    DecisionLog(people).decide(Decision(DecisionKind.HIDE, 3))
    DecisionLog(people).decide(Decision(DecisionKind.ACCEPT, 3, faces=places(6)))
    decided = [1, 1, 1, 1, X, 3, 3, X]
    assert now(people) == decided
    found(people, *FOUND)
    assert (now(people), people.names(), people.hidden()) == (
        decided,
        {1: "Anna", 3: "Person 3"},
        frozenset({3}),
    )
    # The clustering thinks otherwise now: what people said stays.
    found(people, 2, 2, 2, 2, 2, 1, 1, 1)
    assert now(people) == [1, 1, 1, 1, X, 1, 3, 1]
    for _ in range(5):
        DecisionLog(people).undo()
    assert now(people) == [2, 2, 2, 2, 2, 1, 1, 1]
    assert people.names() == {1: "Person 1", 2: "Person 2"}


def test_read_again_at_other_times(people: People) -> None:
    """Half of the faces are not looked at any more, and every row is another."""
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 3, faces=places(0, 1, 2, 3)))
    every_second = faces(8).take(np.arange(0, 8, 2))
    jitter = every_second.replace(xyxy=every_second.xyxy + np.float32(0.4))
    assign_found(people, {"a": jitter}, {"a": np.array([1, 1, 2, X])})
    assert now(people) == [3, 3, 2, X]
    found(people, *FOUND)
    assert now(people) == [3, 3, 3, 3, 2, 3, X, X]


def test_a_footage_that_is_gone(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(0)))
    assign_found(people, {"b": faces(1)}, {"b": np.array([1])})
    assert people.names() == {1: "Person 1"}
    found(people, *FOUND)
    assert now(people)[0] == 2


def test_people_made_while_a_clustering_ran(people: People) -> None:
    """It numbered its new people from 4 on; somebody has split one off meanwhile."""
    DecisionLog(people).decide(Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(0)))
    new = np.array([1, 1, 1, 4, 4, 5, X, X])
    assign_found(people, {"a": faces(8)}, {"a": new}, first_new=4)
    assert now(people) == [4, 1, 1, 5, 5, 6, X, X]


def test_key_tells_which_decisions_are_in_force(people: People) -> None:
    keys = [people.decisions_key()]
    DecisionLog(people).rename(1, "Anna")
    keys.append(people.decisions_key())
    DecisionLog(people).rename(1, "Ben")
    keys.append(people.decisions_key())
    assert keys[0] == ""
    assert len(set(keys)) == 3
    DecisionLog(people).undo()
    assert people.decisions_key() == keys[1]
    DecisionLog(people).rename(1, "Ben")
    assert people.decisions_key() not in keys


def test_replay_of_nothing() -> None:
    nothing = replay({}, {}, [])
    assert dict(nothing.labels) == {}
    decisions = [
        decision for decision, _, _ in MADE.values() if decision.kind is not DecisionKind.SPLIT
    ]
    without_faces = replay({"b": Places.empty()}, {"b": np.zeros(0, np.int64)}, decisions)
    assert len(without_faces.labels["b"].person_id) == 0


def test_replay_tells_the_clustering_what_was_said(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(0)))
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(5)))
    DecisionLog(people).decide(Decision(DecisionKind.DIFFERENT, 1, 2))
    DecisionLog(people).decide(Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(3)))
    table = people.found("a")
    reviewed = people.reviewed({"a": Places(table.time_s, table.xyxy)}, {"a": table.person_id})
    labels = reviewed.labels["a"]
    assert labels.pinned.tolist() == [X, X, X, 4, X, 2, X, X]
    assert labels.never.tolist() == [[1]] + [[X]] * 7
    assert reviewed.apart == {(1, 2), (2, 4)}
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 1))
    reviewed = people.reviewed({"a": Places(table.time_s, table.xyxy)}, {"a": table.person_id})
    assert reviewed.apart == {(1, 2)}
    assert reviewed.merged_into == {4: 1}


def test_faces_come_back() -> None:
    decision = Decision(
        DecisionKind.MOVE, 1, faces={"Zoë's film 名": places(1, 3)["a"], "b": places(0)["a"]}
    )
    back = parse_faces(faces_json(decision.faces))
    assert list(back) == ["Zoë's film 名", "b"]
    for footage, expected in decision.faces.items():
        assert np.array_equal(back[footage].time_s, expected.time_s)
        assert np.array_equal(back[footage].xyxy, expected.xyxy)


# --- two at once ------------------------------------------------------------------------------


def test_others_decisions_about_others_do_not_matter(people: People) -> None:
    seen = people.revision()
    DecisionLog(people).decide(Decision(DecisionKind.RENAME, 1, name="Anna"), seen=seen)
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 3, 2), seen=seen)
    assert people.names() == {1: "Anna", 2: "Person 2"}


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(Decision(DecisionKind.MERGE, 3, 2), id="about the same person"),
        pytest.param(Decision(DecisionKind.MOVE, 3, faces=places(3)), id="about their faces"),
        pytest.param(Decision(DecisionKind.ACCEPT, 3, faces=places(6)), id="about the same faces"),
    ],
)
def test_what_was_decided_meanwhile_is_not_lost(people: People, theirs: Decision) -> None:
    seen = people.revision()
    DecisionLog(people).decide(theirs, seen=seen)
    after = now(people)
    mine = Decision(DecisionKind.ACCEPT, 2, faces=places(6, 3))
    with pytest.raises(OutdatedError, match="meanwhile; look again"):
        DecisionLog(people).decide(mine, seen=seen)
    assert now(people) == after
    DecisionLog(people).decide(mine, seen=people.revision())


def test_what_was_taken_back_or_clustered_meanwhile(people: People) -> None:
    DecisionLog(people).rename(1, "Anna")
    seen = people.revision()
    DecisionLog(people).undo(seen=seen)
    with pytest.raises(OutdatedError):
        DecisionLog(people).decide(Decision(DecisionKind.HIDE, 1), seen=seen)
    with pytest.raises(OutdatedError):
        DecisionLog(people).redo(seen=seen)
    seen = people.revision()
    found(people, *FOUND)
    with pytest.raises(OutdatedError):
        DecisionLog(people).decide(Decision(DecisionKind.HIDE, 1), seen=seen)


def test_undo_takes_back_only_what_was_seen(people: People) -> None:
    DecisionLog(people).rename(1, "Anna")
    seen = people.revision()
    DecisionLog(people).rename(2, "Ben")
    with pytest.raises(OutdatedError):
        DecisionLog(people).undo(seen=seen)
    assert people.names()[2] == "Ben"


def test_many_at_once_lose_nothing(path: Path, people: People) -> None:
    def review(number: int) -> None:
        with open_people(path) as mine:
            for turn in range(10):
                DecisionLog(mine).rename(number, f"{number} {turn}")

    threads = [threading.Thread(target=review, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert people.names() == {1: "1 9", 2: "2 9", 3: "3 9"}
    assert len(DecisionLog(people).history()) == 30


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


def test_a_file_of_version_1_is_brought_up_to_date(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.close()
    with open_people(path) as people:
        assert people.names() == {1: "Anna", 2: "Person 2", 4: "Person 4 (new)"}
        assert now(people) == [1, 2, 4, X]
        assert people.found("a").person_id.tolist() == [1, 2, 4, X]
        assert [past.note for past in DecisionLog(people).history()] == ["Person 1 is called Anna"]
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
        assert people.names() == {1: "Anna", 4: "Person 4"}
    with open_people(path) as people:
        assert now(people) == [1, 1, 4, X]
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_hundred_decisions_on_many_faces_are_quick(path: Path) -> None:
    """What a project of 20 people and 20,000 faces asks for."""
    import time

    def picked(rows: Sequence[int]) -> dict[str, Places]:
        chosen = np.array(rows)
        return {"a": Places(whole.time_s[chosen], whole.xyxy[chosen])}

    whole = faces(20_000)
    with open_people(path) as people:
        assign_found(people, {"a": whole}, {"a": np.arange(20_000) % 20 + 1})
        for person in range(1, 21):
            rows = range(person - 1, 20_000, 400)
            DecisionLog(people).decide(Decision(DecisionKind.EJECT, person, faces=picked(rows)))
        took = []
        for turn in range(5):
            start = time.perf_counter()
            DecisionLog(people).rename(1, f"Anna {turn}")
            took.append(time.perf_counter() - start)
    assert np.median(took) < 1
