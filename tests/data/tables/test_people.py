from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.tables.decision_log import DecisionLog
from data.tables.decisions import (
    FACE_KINDS,
    PAIR_KINDS,
    Decision,
    DecisionKind,
    FaceKeys,
    default_name,
)
from data.tables.faces import Faces
from data.tables.people import People, open_people
from data.tables.people_schema import VERSION
from data.tables.projection import store_clustering, update_projection
from tests.clustering.labelled_footage import table


def faces(rows: int) -> Faces:
    """Return one face per second, each a little further to the right."""
    left = np.arange(rows, dtype=np.float32) * 10
    xyxy = np.stack([left, left + 1, left + 5.5, left + 6.25], axis=1)
    return table(Faces, rows, frame_index=np.arange(rows), time_s=np.arange(rows) / 3, xyxy=xyxy)


def ids(*person_id: int) -> NDArray[np.int64]:
    return np.array(person_id, np.int64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.sqlite"


def test_a_new_file_is_empty(path: Path) -> None:
    with open_people(path) as people:
        assert people.names() == {}
        assert people.next_person_id() == 1
        assert len(people.assignments("a")) == 0
        store_clustering(people, {}, {})
        store_clustering(people, {"a": faces(0)}, {"a": ids()})
        assert people.names() == {}


def test_assignments_come_back_by_footage(path: Path) -> None:
    with open_people(path) as people:
        tables = {"a": faces(3), "Zoë's film 名": faces(2)}
        store_clustering(people, tables, {"a": ids(2, UNKNOWN, 1), "Zoë's film 名": ids(2, 2)})
    with open_people(path) as people:
        assert people.names() == {1: "Person 1", 2: "Person 2"}
        back = people.assignments("a")
        assert back.person_id.tolist() == [2, UNKNOWN, 1]
        assert np.array_equal(back.time_s, tables["a"].time_s)
        assert np.array_equal(back.xyxy, tables["a"].xyxy)
        assert people.assignments("Zoë's film 名").person_id.tolist() == [2, 2]
        assert len(people.assignments("b")) == 0


def test_assignments_are_in_order_of_time_and_row(path: Path) -> None:
    mixed = faces(4).replace(time_s=np.array([2.0, 0.5, 2.0, 0.0]))
    with open_people(path) as people:
        store_clustering(people, {"a": mixed}, {"a": ids(1, 2, 3, 4)})
        assert people.assignments("a").person_id.tolist() == [4, 2, 1, 3]


def test_assign_replaces_everything(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2), "b": faces(2)}, {"a": ids(1, 2), "b": ids(1, 3)})
        store_clustering(people, {"b": faces(1)}, {"b": ids(3)})
        assert people.names() == {3: "Person 3"}
        assert len(people.assignments("a")) == 0
        assert people.assignments("b").person_id.tolist() == [3]


def test_people_with_a_name_stay_without_a_face(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, 2)})
        DecisionLog(people).rename(1, "Anna")
        away = faces(2).take(np.array([1]))
        store_clustering(people, {"a": away}, {"a": ids(2)})
        assert people.names() == {1: "Anna", 2: "Person 2"}
        assert people.assignments("a").person_id.tolist() == [2]
        store_clustering(people, {"a": faces(2)}, {"a": ids(UNKNOWN, 2)})
        assert people.assignments("a").person_id.tolist() == [1, 2]


def test_numbers_are_never_reused(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(3)}, {"a": ids(1, 2, 3)})
        store_clustering(people, {"a": faces(3)}, {"a": ids(1, 1, 1)})
        assert people.names() == {1: "Person 1"}
    with open_people(path) as people:
        assert people.next_person_id() == 4


@pytest.mark.parametrize(
    "name", ["Anna", "  Anna ", "Zoë 名 🙂", "O'Brien; --", "Person 7"], ids=ascii
)
def test_rename(path: Path, name: str) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, 2)})
        DecisionLog(people).rename(1, name)
        DecisionLog(people).rename(1, name)
    with open_people(path) as people:
        assert people.names() == {1: name.strip(), 2: "Person 2"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "the name is empty", id="empty"),
        pytest.param(" \t", "the name is empty", id="blank"),
        pytest.param("Person 2", "another person is already called Person 2", id="taken"),
        pytest.param(
            "person 2", "another person is already called Person 2", id="taken but for case"
        ),
        pytest.param(
            " Person 2 ", "another person is already called Person 2", id="taken but for spaces"
        ),
    ],
)
def test_invalid_names(path: Path, name: str, message: str) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, 2)})
        with pytest.raises(InputError, match=message):
            DecisionLog(people).rename(1, name)
        assert people.names() == {1: "Person 1", 2: "Person 2"}


@pytest.mark.parametrize(
    ("name", "other"), [("Anna", "ANNA"), ("Straße", "STRASSE"), ("Zoë", "Zoe\u0308")], ids=ascii
)
def test_names_differ_in_more_than_case(path: Path, name: str, other: str) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, 2)})
        DecisionLog(people).rename(1, name)
        with pytest.raises(InputError, match=f"{other}: another person is already called {name}"):
            DecisionLog(people).rename(2, other)
        DecisionLog(people).rename(1, other)
        assert people.names() == {1: other, 2: "Person 2"}


def test_a_new_person_does_not_get_a_taken_name(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(1)}, {"a": ids(1)})
        DecisionLog(people).rename(1, default_name(2))
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, 2)})
        assert people.names() == {1: "Person 2", 2: "Person 2 (new)"}


def test_an_error_in_the_middle_leaves_everything(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(2)}, {"a": ids(1, UNKNOWN)})
        too_few = {"a": ids(5, 6), "b": ids(7)}
        with pytest.raises(ValueError, match="shorter"):
            store_clustering(people, {"a": faces(2), "b": faces(2)}, too_few)
        assert people.names() == {1: "Person 1"}
        assert people.assignments("a").person_id.tolist() == [1, UNKNOWN]
    with open_people(path) as people:
        assert people.assignments("a").person_id.tolist() == [1, UNKNOWN]
        assert people.next_person_id() == 2


def test_another_version(path: Path) -> None:
    with open_people(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    message = "made by a newer fancam; upgrade fancam"
    with pytest.raises(InputError, match=message), open_people(path):
        pass
    assert path.read_bytes() == before


def test_not_a_database(path: Path) -> None:
    path.write_text("a text that is certainly no database " * 40)
    before = path.read_bytes()
    with (
        pytest.raises(
            InputError, match="put back a copy from a backup; without a backup, move this file"
        ),
        open_people(path),
    ):
        pass
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(InputError, match="cannot be read or written"), open_people(path):
        pass


def test_a_full_disk_loses_nothing_and_is_not_reported_as_damage(path: Path) -> None:
    def fill() -> None:
        with open_people(path) as people:
            people.connection.execute("PRAGMA max_page_count = 1")
            store_clustering(people, {"a": faces(10_000)}, {"a": np.ones(10_000, np.int64)})

    with open_people(path) as people:
        store_clustering(people, {"a": faces(1)}, {"a": ids(1)})
        DecisionLog(people).rename(1, "Anna")
    with pytest.raises(
        InputError,
        match=r"cannot be read or written \(.*full\); wait until other runs have ended, check the",
    ):
        fill()
    with open_people(path) as people:
        assert people.names() == {1: "Anna"}
        assert len(people.assignments("a")) == 1


def test_a_violated_constraint_is_a_programming_error(path: Path) -> None:
    with open_people(path) as people:
        store_clustering(people, {"a": faces(1)}, {"a": ids(1)})
    with pytest.raises(sqlite3.IntegrityError), open_people(path) as people:
        people.connection.execute("INSERT INTO people VALUES (1, 'twice')")


def test_incremental_updates_equal_a_full_replay(path: Path) -> None:
    """A decision updates only faces near its own: the result must equal a full replay."""
    random = np.random.default_rng(7)
    tables = {name: crowded(rows, random) for name, rows in (("a", 40), ("b", 25))}
    with open_people(path) as people:
        found = {name: random.integers(UNKNOWN, 4, len(table)) for name, table in tables.items()}
        store_clustering(
            people, tables, {name: np.where(ids_ == 0, 1, ids_) for name, ids_ in found.items()}
        )
        for _ in range(120):
            act(people, tables, random)
            people.connection.commit()
            before = [people.names(), people.hidden()]
            before += [people.assignments(name).person_id.tolist() for name in tables]
            update_projection(people)
            after = [people.names(), people.hidden()]
            after += [people.assignments(name).person_id.tolist() for name in tables]
            assert after == before
            people.connection.rollback()


def crowded(rows: int, random: np.random.Generator) -> Faces:
    """Return faces that differ only slightly in time and position."""
    left = random.choice([0.0, 2.0, 40.0], rows).astype(np.float32)
    xyxy = np.stack([left, left * 0, left + 10, left * 0 + 10], axis=1)
    time_s = np.sort(random.choice(np.arange(0, 1.5, 0.03), rows))
    return table(Faces, rows, frame_index=np.arange(rows), time_s=time_s, xyxy=xyxy)


def _choose_cover(people: People, tables: dict[str, Faces], random: np.random.Generator) -> None:
    """Choose a cover picture of a random person."""
    owners = {name: people.assignments(name).person_id for name in tables}
    rows = [(name, row) for name, ids in owners.items() for row in np.flatnonzero(ids != UNKNOWN)]
    name, row = rows[random.integers(len(rows))]
    face = FaceKeys(tables[name].time_s[[row]], tables[name].xyxy[[row]])
    person = int(owners[name][row])
    DecisionLog(people).decide(Decision(DecisionKind.COVER, person, faces={name: face}))


def act(people: People, tables: dict[str, Faces], random: np.random.Generator) -> None:
    """Make, undo or redo a random decision."""
    there = list(people.names())
    kind = random.choice([*DecisionKind, "undo", "undo", "redo"])
    if kind == "undo":
        DecisionLog(people).undo()
    elif kind == "redo":
        DecisionLog(people).redo()
    elif kind == DecisionKind.COVER:
        _choose_cover(people, tables, random)
    elif kind in FACE_KINDS:
        picked = {}
        for name, found in tables.items():
            rows = np.sort(random.choice(len(found), random.integers(1, 4), replace=False))
            picked[name] = FaceKeys(found.time_s[rows], found.xyxy[rows])
        person = UNKNOWN if kind == DecisionKind.SPLIT else int(random.choice(there))
        DecisionLog(people).decide(Decision(DecisionKind(kind), person, faces=picked))
    elif kind in PAIR_KINDS:
        if len(there) > 1:
            one, other = random.choice(there, 2, replace=False).tolist()
            DecisionLog(people).decide(Decision(DecisionKind(kind), one, other))
    else:
        name = f"Name {random.integers(10**9)}"
        person = int(random.choice(there))
        DecisionLog(people).decide(
            Decision(DecisionKind(kind), person, name=name if kind == DecisionKind.RENAME else "")
        )
