"""The people of a project and the assignment of its faces to them, read from one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.digest import digest
from data.core.intervals import Interval
from data.core.table import Column, Table
from data.tables.decisions import (
    DECISION_COLUMNS,
    MADE,
    Decision,
    Places,
    Reviewed,
    decision_of,
    replay,
)
from data.tables.people_schema import open_database

_ALWAYS: tuple[Interval, ...] = ((-inf, inf),)


@dataclass(frozen=True, eq=False)
class Assignments(Table):
    """Person of each face of one footage, in order of time."""

    time_s: NDArray[np.float64]  # (n,) s, presentation time
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame
    person_id: NDArray[np.int64]  # (n,) -1 unknown

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_s": (np.float64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }

    @property
    def places(self) -> Places:
        """The faces without their people, ``(n,)`` rows."""
        return Places(self.time_s, self.xyxy)


class People:
    """Reader of people, assignments and decisions; owner of the connection.

    `DecisionLog` makes decisions, `projection` applies them, `data.erasure.people` erases a person.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock from the first read to the last write; roll back on an error."""
        self.connection.execute("BEGIN IMMEDIATE")
        with self.connection as connection:
            yield connection

    # --- people and faces ---------------------------------------------------------------------

    def names(self) -> dict[int, str]:
        """Name of each person by id, in order of id."""
        rows = self.connection.execute("SELECT person_id, name FROM people ORDER BY person_id")
        return dict(rows.fetchall())

    def hidden(self) -> frozenset[int]:
        """Ids of the hidden people."""
        return frozenset(p for (p,) in self.connection.execute("SELECT person_id FROM hidden"))

    def next_person_id(self) -> int:
        """Id of the next new person; an id is never used twice."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'people'"
        row = self.connection.execute(query).fetchone()
        return int(row[0]) + 1 if row else 1

    def footages(self) -> list[str]:
        """Names of the footages that have faces."""
        query = "SELECT DISTINCT footage FROM faces"
        return [name for (name,) in self.connection.execute(query)]

    def assignments(self, footage: str, *, intervals: Iterable[Interval] = _ALWAYS) -> Assignments:
        """Faces of a footage with the people that the decisions assign to them.

        Args:
            footage: by name; one without faces gives no rows.
            intervals: read only the faces in these; seconds, both ends inclusive.
        """
        time_s, xyxy, (person_id,) = self.read_faces(footage, "person_id", intervals=intervals)
        return Assignments(time_s, xyxy, person_id)

    def found(self, footage: str) -> Assignments:
        """Faces of a footage with the people that the clustering found, without any decision."""
        time_s, xyxy, (person_id,) = self.read_faces(footage, "found_id")
        return Assignments(time_s, xyxy, person_id)

    def read_faces(
        self, footage: str, *columns: str, intervals: Iterable[Interval] = _ALWAYS
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], list[NDArray[np.int64]]]:
        """Read columns of the faces of a footage, in order of time.

        Returns:
            Times ``(n,)`` in seconds, boxes ``(n, 4)`` in px, and each further column ``(n,)``.
        """
        query = (
            f"SELECT time_s, x1, y1, x2, y2, {', '.join(columns)} FROM faces "
            "WHERE footage = ? AND time_s BETWEEN ? AND ? ORDER BY time_s, rowid"
        )
        execute = self.connection.execute
        rows = [row for each in intervals for row in execute(query, (footage, *each)).fetchall()]
        values = np.array(rows, np.float64).reshape(-1, 5 + len(columns))
        further = [values[:, i].astype(np.int64) for i in range(5, values.shape[1])]
        return values[:, 0].copy(), values[:, 1:5].astype(np.float32), further

    # --- decisions ----------------------------------------------------------------------------

    def decisions(self) -> list[Decision]:
        """Every decision in force, in order."""
        query = f"SELECT {DECISION_COLUMNS} FROM decisions WHERE state = ? ORDER BY decision_id"
        return [decision_of(row) for row in self.connection.execute(query, (MADE,))]

    def decisions_key(self) -> str:
        """Digest of the decisions in force; empty where there is none."""
        query = "SELECT decision_id FROM decisions WHERE state = ? ORDER BY decision_id"
        numbers = [f"{number}" for (number,) in self.connection.execute(query, (MADE,))]
        return digest(*numbers) if numbers else ""

    def reviewed(
        self, places: Mapping[str, Places], found: Mapping[str, NDArray[np.int64]]
    ) -> Reviewed:
        """Apply the decisions to faces that are not in the file yet; see `replay`.

        Args:
            places: the faces of each footage.
            found: person that each face was found to be, ``(n,)`` each; -1 unknown.
        """
        return replay(places, found, self.decisions())

    # --- revisions ----------------------------------------------------------------------------

    def revision(self) -> int:
        """A number that rises with every change of people or assignments."""
        return int(self.connection.execute("SELECT revision FROM review").fetchone()[0])

    def clustered(self) -> int:
        """The revision of the last clustering."""
        return int(self.connection.execute("SELECT clustered FROM review").fetchone()[0])

    def raise_revision(self) -> int:
        """Count one change, inside a transaction, and return the new revision."""
        self.connection.execute("UPDATE review SET revision = revision + 1")
        return self.revision()


@contextmanager
def open_people(path: Path) -> Iterator[People]:
    """Open the people of a project; create the file, or migrate it in place, where needed.

    Raises:
        InputError: the file is not a database, has a newer version, or cannot be read or written.
    """
    with open_database(path) as connection:
        yield People(connection)
