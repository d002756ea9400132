"""Open the SQLite file of a project's people; its tables and migrations."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from data.core.errors import RUN_AGAIN, InputError
from data.tables.decisions import default_name

# Faces are identified by time and box, not by row: rows change when a footage is processed again.
_FACES_AND_NAMES = """
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
# people, hidden and faces.person_id are derived from faces.found_id and the decisions.
_DECISIONS = """
ALTER TABLE faces ADD COLUMN found_id INTEGER NOT NULL DEFAULT -1;
UPDATE faces SET found_id = person_id;
CREATE TABLE hidden (person_id INTEGER PRIMARY KEY);
CREATE TABLE decisions (
    decision_id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    person_id INTEGER NOT NULL,
    other_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    faces TEXT NOT NULL,
    note TEXT NOT NULL,
    concerned TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'made',
    revision INTEGER NOT NULL
);
CREATE TABLE review (revision INTEGER NOT NULL, clustered INTEGER NOT NULL);
INSERT INTO review VALUES (0, 0);
"""
# former_faces: the last assignment of people whom, and of faces that, the last clustering missed.
_FORMER_FACES = """
ALTER TABLE faces ADD COLUMN joined_id INTEGER NOT NULL DEFAULT -1;
CREATE TABLE former_faces (
    footage TEXT NOT NULL,
    time_s REAL NOT NULL,
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
    found_id INTEGER NOT NULL
);
CREATE INDEX former_by_footage ON former_faces (footage, time_s);
"""
# Decisions of the kind cover, which earlier versions cannot read.
_COVERS = ""
MIGRATIONS = (_FACES_AND_NAMES, _DECISIONS, _FORMER_FACES, _COVERS)
"""Entry i migrates a file from version i to i + 1; an empty file has version 0."""
VERSION = len(MIGRATIONS)

_LOCK_TIMEOUT_S = 20.0
"""Maximum wait for another run's transaction."""


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file; create it, or migrate it in place, if needed.

    Raises:
        InputError: the file is not a database, has a newer version, or cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S)) as connection:
            _migrate(connection, path)
            yield connection
    except sqlite3.OperationalError as error:
        # The disk is full, or the file is read-only or locked: its content is not lost.
        check = "check the free space and the file's permissions"
        remedy = f"wait until other runs have ended, {check}, and {RUN_AGAIN}"
        message = f"cannot be read or written ({error}); {remedy}"
        raise InputError(f"{path}: {message}") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a violated constraint is a bug
            raise
        message = (
            f"damaged ({error}); it holds the names and decisions, so put back a copy from a"
            " backup; without a backup, move this file somewhere safe and run"
            " cluster-faces --project PROJECT"
        )
        raise InputError(f"{path}: {message}") from error


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version == VERSION:
        return
    if version > VERSION:
        raise InputError(f"{path}: made by a newer fancam; upgrade fancam")
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        version = _version(connection)  # another run may have migrated it meanwhile
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
        if version == 1:
            _record_names(connection)
        if 1 <= version <= 2:
            _record_pins(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _record_pins(connection: sqlite3.Connection) -> None:
    """Add the faces that named, hidden and different people have now to these decisions."""
    query = (
        "SELECT decision_id, person_id, other_id FROM decisions "
        "WHERE kind IN ('rename', 'hide', 'different') AND state = 'made'"
    )
    for number, *both in connection.execute(query).fetchall():
        pins: dict[str, dict[str, list[list[float]]]] = {}
        faces = "SELECT footage, time_s, x1, y1, x2, y2 FROM faces WHERE person_id = ?"
        for person in both:
            for footage, *row in connection.execute(faces, (person,)) if person >= 0 else ():
                pins.setdefault(str(person), {}).setdefault(footage, []).append(row)
        values = (json.dumps(pins, ensure_ascii=False), number)
        connection.execute("UPDATE decisions SET faces = ? WHERE decision_id = ?", values)


def _record_names(connection: sqlite3.Connection) -> None:
    """Convert the names in a file of version 1, which has no decisions, to decisions."""
    rows = connection.execute("SELECT person_id, name FROM people ORDER BY person_id").fetchall()
    custom_names = [
        (person, name)
        for person, name in rows
        if name not in (default_name(person), f"{default_name(person)} (new)")
    ]
    for revision, (person, name) in enumerate(custom_names, start=1):
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        note = f"Renamed {default_name(person)} to {name}"
        row = (at, "rename", person, -1, name, "{}", note, json.dumps([person]), revision)
        query = (
            "INSERT INTO decisions (made_at, kind, person_id, other_id, name, faces, note, "
            "concerned, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        connection.execute(query, row)
    connection.execute("UPDATE review SET revision = ?", (len(custom_names),))


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a file has a table; some are created when they are first needed."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None
