"""The people of a project, and which face is whose: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.faces import Faces
from data.tables import Column, Table

UNKNOWN = -1
VERSION = 1

# A face is told by its time and box, not by its row: rows change when a footage is read again.
_SCHEMA = """
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


class People:
    """People and assignments on disk; every change is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> dict[int, str]:
        """Name of each person by id, in order of id."""
        rows = self._connection.execute("SELECT person_id, name FROM people ORDER BY person_id")
        return dict(rows.fetchall())

    def rename(self, person_id: int, name: str) -> None:
        """Give a person another name.

        Raises:
            InputError: the name is empty, or another person's.
        """
        name = name.strip()
        if not name:
            raise InputError("a name must have at least one letter")
        try:
            with self._connection:
                query = "UPDATE people SET name = ? WHERE person_id = ?"
                self._connection.execute(query, (name, person_id))
        except sqlite3.IntegrityError as error:
            raise InputError(f"{name}: another person has this name; choose another") from error

    def assignments(self, footage: str) -> Assignments:
        """Whose the faces of a footage were found to be; empty before the first clustering."""
        query = "SELECT time_s, x1, y1, x2, y2, person_id FROM faces WHERE footage = ?"
        rows = self._connection.execute(query + " ORDER BY time_s, rowid", (footage,)).fetchall()
        values = np.array(rows, np.float64).reshape(-1, 6)
        return Assignments(
            time_s=values[:, 0],
            xyxy=values[:, 1:5].astype(np.float32),
            person_id=values[:, 5].astype(np.int64),
        )

    def next_person_id(self) -> int:
        """The number that the next new person will have; numbers are never given twice."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'people'"
        row = self._connection.execute(query).fetchone()
        return int(row[0]) + 1 if row else 1

    def assign(
        self, faces: Mapping[str, Faces], person_id: Mapping[str, NDArray[np.int64]]
    ) -> None:
        """Replace all assignments, making the people who are new.

        A person who lost every face stays if a human named them, and goes otherwise.

        Args:
            faces: the faces of every footage of the project, by its name.
            person_id: whose they are, ``(n,)`` each; -1 unknown.
        """
        present = {int(p) for ids in person_id.values() for p in np.unique(ids)} - {UNKNOWN}
        names = self.names()
        with self._connection as connection:
            connection.execute("DELETE FROM faces")
            for footage, table in faces.items():
                rows = _rows(footage, table, person_id[footage])
                connection.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            gone = [p for p in names if p not in present and names[p] == default_name(p)]
            connection.executemany("DELETE FROM people WHERE person_id = ?", [(p,) for p in gone])
            taken = {name for p, name in names.items() if p not in gone}
            new = [(p, _free_name(p, taken)) for p in sorted(present - names.keys())]
            connection.executemany("INSERT INTO people VALUES (?, ?)", new)


def default_name(person_id: int) -> str:
    """Name of a person whom nobody has named yet."""
    return f"Person {person_id}"


def _free_name(person_id: int, taken: set[str]) -> str:
    name = default_name(person_id)
    return name if name not in taken else f"{name} (new)"


def _rows(
    footage: str, faces: Faces, person_id: NDArray[np.int64]
) -> Iterator[tuple[str, float, float, float, float, float, int]]:
    for time_s, box, person in zip(faces.time_s, faces.xyxy, person_id, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        yield footage, float(time_s), x1, y1, x2, y2, int(person)


@contextmanager
def open_people(path: Path) -> Iterator[People]:
    """Open the people of a project, making the file where there is none.

    Raises:
        InputError: the file is not a database, or another version's, or cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
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
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        with connection:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        message = f"made by another version (people schema {version}, this one reads {VERSION})"
        raise InputError(f"{path}: {message}; choose another --project")
