"""Which people of a project are named after known people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.known_photos import KnownFaces
from clustering.naming import name_known
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.people import People, open_people
from data.tables.projection import store_clustering
from tests.clustering.crowd import crowd

EPS = 0.5
DRAWN = (0, 1, 0, 2)
"""Drawn person of each person of the project: 1 and 3 are the same, and 1 is nearer to them."""


@pytest.fixture
def tables() -> dict[str, Faces]:
    parts = [
        crowd([[person]] * 5, seed=number, spread=1.3 if number == 2 else 0.5)
        for number, person in enumerate(DRAWN)
    ]
    faces = Faces.concatenate(parts)
    return {"a": faces.replace(time_s=np.arange(20.0), frame_index=np.arange(20))}


@pytest.fixture
def people(tables: dict[str, Faces], tmp_path: Path) -> Iterator[People]:
    """Yield a project's people, of whom person 5 has no face any more."""
    person_id = {"a": np.repeat([1, 2, 3, 4], 5)}
    with open_people(tmp_path / "people.sqlite") as opened:
        with opened.transaction() as connection:
            connection.execute("INSERT INTO people VALUES (5, 'Person 5')")
        store_clustering(opened, tables, person_id)
        yield opened


def known(**people: int) -> KnownFaces:
    faces = crowd([[person] for person in people.values() for _ in range(5)], seed=9)
    return KnownFaces(tuple(people), ((faces, np.repeat(np.arange(len(people)), 5)),))


def given(people: People, tables: dict[str, Faces], **named: int) -> list[str]:
    return name_known(people, tables, known(**named), eps=EPS)


def test_named(people: People, tables: dict[str, Faces]) -> None:
    notes = given(people, tables, Ben=1, Anna=0, Other=7)
    assert notes == ["Renamed Person 1 to Anna", "Renamed Person 2 to Ben"]
    assert [entry.note for entry in DecisionLog(people).history()] == notes[::-1]
    assert list(people.names().values()) == ["Anna", "Ben", "Person 3", "Person 4"]
    assert given(people, tables, Ben=1, Anna=0, Other=7) == []


@pytest.mark.parametrize("name", ["Maria", "ANNA", "Anna"])
def test_a_known_person_whom_a_user_named_otherwise(
    people: People, tables: dict[str, Faces], name: str
) -> None:
    DecisionLog(people).rename(1, name)
    assert given(people, tables, Anna=0) == []
    assert list(people.names().values()) == [name, "Person 2", "Person 3", "Person 4"]


@pytest.mark.parametrize("later", [(), ("Maria",)])
def test_an_undone_name_is_not_given_again(
    people: People, tables: dict[str, Faces], later: Sequence[str]
) -> None:
    assert len(given(people, tables, Anna=0)) == 1
    DecisionLog(people).undo()
    for name in later:  # after which the undone decision cannot be repeated
        DecisionLog(people).rename(4, name)
    assert given(people, tables, Anna=0) == []
    assert given(people, tables, Annie=0) == ["Renamed Person 1 to Annie"]


def test_no_faces(people: People, tables: dict[str, Faces]) -> None:
    assert name_known(people, tables, KnownFaces((), ()), eps=EPS) == []
    assert name_known(people, {}, known(Anna=0), eps=EPS) == []
    nobody = KnownFaces(("Anna",), ((Faces.empty(), np.zeros(0, np.int64)),))
    assert name_known(people, tables, nobody, eps=EPS) == []
