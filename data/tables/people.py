"""Read a project's people, and the assignment of faces to them, from the SQLite file."""

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
    PIN_KINDS,
    Decision,
    DecisionKind,
    FaceKeys,
    Reviewed,
    decision_of,
    replay,
)
from data.tables.people_schema import open_database

_ALWAYS: tuple[Interval, ...] = ((-inf, inf),)


@dataclass(frozen=True, eq=False)
class Assignments(Table):
    """Person of each face of one footage, ordered by time."""

    time_s: NDArray[np.float64]  # (n,) s, presentation time
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame
    person_id: NDArray[np.int64]  # (n,) -1 unknown

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_s": (np.float64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }

    @property
    def face_keys(self) -> FaceKeys:
        """The times and boxes of the faces, ``(n,)`` rows."""
        return FaceKeys(self.time_s, self.xyxy)


class People:
    """Reader of people, assignments and decisions from an open connection.

    `DecisionLog` makes decisions, `projection` applies them, `data.erasure.people` erases people.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock from the first read to the commit; roll back on an error."""
        self.connection.execute("BEGIN IMMEDIATE")
        with self.connection as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Give all reads of the block the same revision, whatever is written meanwhile.

        Writers wait for the end of the block, so another connection must not be opened in it.
        """
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.rollback()

    # --- people and faces ---------------------------------------------------------------------

    def names(self) -> dict[int, str]:
        """Return the name of each person, by id and in order of id."""
        rows = self.connection.execute("SELECT person_id, name FROM people ORDER BY person_id")
        return dict(rows.fetchall())

    def hidden(self) -> frozenset[int]:
        """Return the ids of the hidden people."""
        return frozenset(p for (p,) in self.connection.execute("SELECT person_id FROM hidden"))

    def next_person_id(self) -> int:
        """Return the id of the next new person; ids are never reused."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'people'"
        row = self.connection.execute(query).fetchone()
        return int(row[0]) + 1 if row else 1

    def footages(self) -> list[str]:
        """List the names of the footages with faces."""
        query = "SELECT DISTINCT footage FROM faces"
        return [name for (name,) in self.connection.execute(query)]

    def assignments(self, footage: str, *, intervals: Iterable[Interval] = _ALWAYS) -> Assignments:
        """Read the faces of a footage with the people assigned after all decisions.

        Args:
            footage: name of a footage; without faces, the result has no rows.
            intervals: limits the faces to these times; seconds, both ends inclusive.
        """
        time_s, xyxy, (person_id,) = self.read_faces(footage, "person_id", intervals=intervals)
        return Assignments(time_s, xyxy, person_id)

    def clustered_assignments(self, footage: str) -> Assignments:
        """Read the faces of a footage with the people assigned by the clustering alone."""
        time_s, xyxy, (person_id,) = self.read_faces(footage, "found_id")
        return Assignments(time_s, xyxy, person_id)

    def joined_people(self, footage: str) -> NDArray[np.int64]:
        """Return the person whom each face joins while it is ejected, ``(n,)``; -1 none."""
        _, _, (joined_id,) = self.read_faces(footage, "joined_id")
        return joined_id

    def former_assignments(self, footage: str) -> Assignments:
        """Read the last assignment of people and faces that the last clustering did not find."""
        query = "SELECT time_s, x1, y1, x2, y2, found_id FROM former_faces WHERE footage = ?"
        rows = self.connection.execute(f"{query} ORDER BY time_s, rowid", (footage,)).fetchall()
        values = np.array(rows, np.float64).reshape(-1, 6)
        boxes, person_id = values[:, 1:5].astype(np.float32), values[:, 5].astype(np.int64)
        return Assignments(values[:, 0].copy(), boxes, person_id)

    def read_faces(
        self, footage: str, *columns: str, intervals: Iterable[Interval] = _ALWAYS
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], list[NDArray[np.int64]]]:
        """Read columns of the faces of a footage, ordered by time.

        Returns:
            Times ``(n,)`` in seconds, boxes ``(n, 4)`` in px, and each of ``columns``, ``(n,)``.
        """
        query = (
            f"SELECT time_s, x1, y1, x2, y2, {', '.join(columns)} FROM faces "
            "WHERE footage = ? AND time_s BETWEEN ? AND ? ORDER BY time_s, rowid"
        )
        execute = self.connection.execute
        rows = [row for span in intervals for row in execute(query, (footage, *span)).fetchall()]
        values = np.array(rows, np.float64).reshape(-1, 5 + len(columns))
        extra = [values[:, i].astype(np.int64) for i in range(5, values.shape[1])]
        return values[:, 0].copy(), values[:, 1:5].astype(np.float32), extra

    # --- decisions ----------------------------------------------------------------------------

    def decisions(self, *, pins: bool = True) -> list[Decision]:
        """List the decisions in force, in order; their pins may be left out, which is faster."""
        columns, kinds = DECISION_COLUMNS, ", ".join(f"'{kind}'" for kind in sorted(PIN_KINDS))
        if not pins:
            unpinned = f"CASE WHEN kind IN ({kinds}) THEN '{{}}' ELSE faces END"
            columns = columns.replace("faces", unpinned)
        query = f"SELECT {columns} FROM decisions WHERE state = ? ORDER BY decision_id"
        return [decision_of(row) for row in self.connection.execute(query, (MADE,))]

    def decisions_key(self) -> str:
        """Return a digest of the decisions in force that outputs show; empty if there are none."""
        query = (
            "SELECT decision_id FROM decisions WHERE state = ? AND kind != ? ORDER BY decision_id"
        )
        values = (MADE, DecisionKind.COVER.value)
        numbers = [f"{number}" for (number,) in self.connection.execute(query, values)]
        return digest(*numbers) if numbers else ""

    def merged_into(self) -> dict[int, int]:
        """Return the id after all merges in force, by id of each merged person."""
        query = (
            f"SELECT {DECISION_COLUMNS} FROM decisions WHERE state = ? AND kind = ? "
            "ORDER BY decision_id"
        )
        rows = self.connection.execute(query, (MADE, DecisionKind.MERGE.value))
        return dict(replay({}, {}, map(decision_of, rows)).merged_into)

    def reviewed(
        self,
        face_keys: Mapping[str, FaceKeys],
        clustered: Mapping[str, NDArray[np.int64]],
        joined: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> Reviewed:
        """Apply the decisions in force to a clustering; see `replay`.

        Args:
            face_keys: faces of each footage, ``(n,)`` rows, by the footage's name.
            clustered: person of each face by the clustering, ``(n,)`` per footage; -1 unknown.
            joined: person whom each face joins while it is ejected, like ``clustered``.
        """
        has_faces = any(len(table) for table in face_keys.values())
        return replay(face_keys, clustered, self.decisions(pins=has_faces), joined)

    # --- revisions ----------------------------------------------------------------------------

    def revision(self) -> int:
        """Return a number that increases with every change of people or assignments."""
        return int(self.connection.execute("SELECT revision FROM review").fetchone()[0])

    def clustered(self) -> int:
        """Return the revision at which faces were last clustered, renumbered or erased."""
        return int(self.connection.execute("SELECT clustered FROM review").fetchone()[0])

    def raise_revision(self, *, clustered: bool = False) -> int:
        """Increment the revision, inside a transaction, and return it.

        Args:
            clustered: refuse decisions from pages that show an earlier revision.
        """
        self.connection.execute("UPDATE review SET revision = revision + 1")
        if clustered:
            self.connection.execute("UPDATE review SET clustered = revision")
        return self.revision()


@contextmanager
def open_people(path: Path) -> Iterator[People]:
    """Open a project's people; create the file, or migrate it in place, if needed.

    Raises:
        InputError: the file is not a database, has a newer version, or cannot be read or written.
    """
    with open_database(path) as connection:
        yield People(connection)
