"""Decisions replayed after a clustering, and concurrent decisions of several users."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import UNKNOWN
from data.core.errors import OutdatedError
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys, faces_json, parse_faces, replay
from data.tables.people import People, open_people
from data.tables.projection import store_clustering
from tests.data.tables.reviewed import FOUND, MADE, X, faces, found, now, places

# --- the next clustering ----------------------------------------------------------------------


def test_decisions_are_replayed(people: People) -> None:
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
    # The clustering differs now: the decisions stay.
    found(people, 2, 2, 2, 2, 2, 1, 1, 1)
    assert now(people) == [1, 1, 1, 1, X, 3, 3, 1]
    for _ in range(5):
        DecisionLog(people).undo()
    assert now(people) == [2, 2, 2, 2, 2, 1, 1, 1]
    assert people.names() == {1: "Person 1", 2: "Person 2"}


def test_resampled_faces_keep_their_decisions(people: People) -> None:
    """Half of the faces are no longer sampled, and every row number differs."""
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 3, faces=places(0, 1, 2, 3)))
    every_second = faces(8).take(np.arange(0, 8, 2))
    jitter = every_second.replace(xyxy=every_second.xyxy + np.float32(0.4))
    store_clustering(people, {"a": jitter}, {"a": np.array([1, 1, 2, X])})
    assert now(people) == [3, 3, 2, X]
    found(people, *FOUND)
    assert now(people) == [3, 3, 3, 3, 2, 3, X, X]


def test_a_removed_footage(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(0)))
    store_clustering(people, {"b": faces(1)}, {"b": np.array([1])})
    assert people.names() == {1: "Person 1"}
    found(people, *FOUND)
    assert now(people)[0] == 2


def test_people_made_while_a_clustering_ran(people: People) -> None:
    """The clustering numbers new people from 4 on, and a user has split one off meanwhile."""
    DecisionLog(people).decide(Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(0)))
    new = np.array([1, 1, 1, 4, 4, 5, X, X])
    store_clustering(people, {"a": faces(8)}, {"a": new}, first_new=4)
    assert now(people) == [4, 1, 1, 5, 5, 6, X, X]


def test_the_key_depends_on_the_decisions_in_force(people: People) -> None:
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


def test_replay_of_no_decisions() -> None:
    nothing = replay({}, {}, [])
    assert dict(nothing.labels) == {}
    decisions = [
        decision for decision, _, _ in MADE.values() if decision.kind is not DecisionKind.SPLIT
    ]
    without_faces = replay({"b": FaceKeys.empty()}, {"b": np.zeros(0, np.int64)}, decisions)
    assert len(without_faces.labels["b"].person_id) == 0


def test_replay_gives_the_constraints_of_the_clustering(people: People) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=places(0)))
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=places(5)))
    DecisionLog(people).decide(Decision(DecisionKind.DIFFERENT, 1, 2))
    DecisionLog(people).decide(Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(3)))
    table = people.clustered_assignments("a")
    reviewed = people.reviewed({"a": FaceKeys(table.time_s, table.xyxy)}, {"a": table.person_id})
    labels = reviewed.labels["a"]
    assert labels.pinned.tolist() == [X, 1, 1, 4, 2, 2, X, X]
    assert labels.never.tolist() == [[1]] + [[X]] * 7
    assert reviewed.different == {(1, 2), (2, 4)}
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 1))
    reviewed = people.reviewed({"a": FaceKeys(table.time_s, table.xyxy)}, {"a": table.person_id})
    assert reviewed.different == {(1, 2)}
    assert reviewed.merged_into == {4: 1}


def test_faces_come_back() -> None:
    decision = Decision(
        DecisionKind.MOVE, 1, faces={"Zoë's film 名": places(1, 3)["a"], "b": places(0)["a"]}
    )
    back = parse_faces(decision.kind, faces_json(decision.faces))[0]
    assert list(back) == ["Zoë's film 名", "b"]
    for footage, expected in decision.faces.items():
        assert np.array_equal(back[footage].time_s, expected.time_s)
        assert np.array_equal(back[footage].xyxy, expected.xyxy)


# --- concurrent decisions ---------------------------------------------------------------------


def test_concurrent_decisions_about_other_people_do_not_conflict(people: People) -> None:
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
def test_a_conflicting_decision_is_refused(people: People, theirs: Decision) -> None:
    seen = people.revision()
    DecisionLog(people).decide(theirs, seen=seen)
    after = now(people)
    mine = Decision(DecisionKind.ACCEPT, 2, faces=places(6, 3))
    with pytest.raises(OutdatedError, match="in the meantime: check"):
        DecisionLog(people).decide(mine, seen=seen)
    assert now(people) == after
    DecisionLog(people).decide(mine, seen=people.revision())


def test_undo_or_clustering_meanwhile(people: People) -> None:
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


def test_undo_applies_only_to_the_seen_decision(people: People) -> None:
    DecisionLog(people).rename(1, "Anna")
    seen = people.revision()
    DecisionLog(people).rename(2, "Ben")
    with pytest.raises(OutdatedError):
        DecisionLog(people).undo(seen=seen)
    assert people.names()[2] == "Ben"


def test_many_concurrent_decisions_lose_nothing(path: Path, people: People) -> None:
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
