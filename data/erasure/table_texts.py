"""Extract the text of tables: SQLite databases, Parquet files, and arrays of NumPy."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from data.erasure.content import Content, Texts

SQLITE_MAGIC: Final = b"SQLite format 3\0"
PARQUET_MAGIC: Final = b"PAR1"
NUMPY_MAGIC: Final = b"\x93NUMPY"
_WORD: Final = re.compile(r"[^\W_]+")


def sqlite_texts(content: Content, skipped: Mapping[str, re.Pattern[str]]) -> Texts:
    """Return the text values of a database, without its schema.

    Args:
        content: the database.
        skipped: by column, what of its values is no text of a user.
    """
    values: list[str] = []
    words = {"sqlite", "format", "table", "index"}
    try:
        with _opened(content) as database:
            for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL"):
                words |= _words(sql)
            for table, column in _columns(database):
                found = _values(database, table, column)
                if column in skipped:
                    pattern = skipped[column]
                    words |= {
                        w for text in found for part in pattern.findall(text) for w in _words(part)
                    }
                    found = [pattern.sub("\n", text) for text in found]
                values += found
    except sqlite3.Error:
        pass  # damaged or encrypted: its bytes are searched as those of any file
    return Texts(iter(values), words=frozenset(words))


@contextmanager
def _opened(content: Content) -> Iterator[sqlite3.Connection]:
    """Open a database for reading, with its write-ahead log, and without a change to its files."""
    if content.disk is None:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(content.file.read())
            yield _lenient(database)
        return
    log = content.disk.with_name(f"{content.disk.name}-wal")
    if not log.exists():
        address = f"{content.disk.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            yield _lenient(database)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copy(content.disk, copy)
        shutil.copy(log, f"{copy}-wal")
        with closing(sqlite3.connect(copy)) as database:
            yield _lenient(database)


def _lenient(database: sqlite3.Connection) -> sqlite3.Connection:
    database.text_factory = lambda text: text.decode("utf-8", "replace")
    return database


def _columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    query = """
        SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
    """
    return list(database.execute(query))


def _values(database: sqlite3.Connection, table: str, column: str) -> list[str]:
    query = f"SELECT DISTINCT {_quoted(column)} FROM {_quoted(table)}"
    try:
        return [text for (value,) in database.execute(query) for text in _text(value)]
    except sqlite3.OperationalError:  # a virtual table whose extension is missing
        return []


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        try:
            yield value.decode("utf-8")
        except UnicodeDecodeError:
            return


def parquet_texts(content: Content) -> Texts:
    """Return the text columns and the metadata of a Parquet file, without its schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(content.file)
        schema = file.schema_arrow
        values = list(_metadata(file.metadata.metadata or {}))
        names = [field.name for field in schema if _has_text(str(field.type))]
        for batch in file.iter_batches(columns=names) if names else ():
            for column in batch.columns:
                values += set(_strings(column.to_pylist()))
    except (OSError, ValueError, pa.ArrowException):
        return Texts(iter(()))
    return Texts(
        iter(values),
        words=frozenset(_words(str(schema)) | _words("parquet cpp arrow schema version build")),
    )


def array_texts(content: Content) -> Texts:
    """Return the values of an array of text."""
    import numpy as np

    version = np.lib.format.read_magic(content.file)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    if version[0] not in read or read[version[0]](content.file)[2].kind not in "US":
        return Texts(iter(()))
    content.file.seek(0)
    values = np.load(content.file, allow_pickle=False).ravel().tolist()
    return Texts(iter([text for value in values for text in _text(value)]))


def _has_text(kind: str) -> bool:
    return "string" in kind or "binary" in kind


def _metadata(entries: dict[bytes, bytes]) -> Iterator[str]:
    for key, value in entries.items():
        if key == b"ARROW:schema":
            continue
        text = value.decode("utf-8", "replace")
        yield key.decode("utf-8", "replace")
        try:
            yield from _strings(json.loads(text))
        except ValueError:
            yield text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str | bytes):
        yield from _text(value)
    elif isinstance(value, dict):
        yield from (text for entry in value.items() for text in _strings(list(entry)))
    elif isinstance(value, list | tuple):
        yield from (text for entry in value for text in _strings(entry))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
