"""Search a project for what is left of a person: their name, their embeddings."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

_PIECE_BYTES: Final = 1 << 22
_TOLD_APART: Final = 4
"""Numbers of an embedding in a row that no other has: 16 bytes."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A place where something is left."""

    path: Path
    what: str  # "name" or "embedding"


def find_traces(folder: Path, *, name: str, embeddings: NDArray[np.float32]) -> list[Trace]:
    """Look for a name and embeddings in the name and every byte of every file of a folder.

    Archives and compressed tables are looked into. A name that is part of a longer one does not
    count, so that "Person 1" is not found in "Person 12".

    Args:
        folder: a project's.
        name: of the person.
        embeddings: ``(m, 128)`` of their faces.
    """
    search = _Search(name, embeddings)
    traces = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = {"name"} if search.in_text(path.relative_to(folder).as_posix().encode()) else set()
        for content in _contents(path):
            found |= search.in_content(content)
        if path.suffix == ".parquet":
            found |= search.in_table(path)
        traces += [Trace(path, what) for what in sorted(found)]
    return traces


class _Search:
    def __init__(self, name: str, embeddings: NDArray[np.float32]) -> None:
        # As it is, as JSON escapes it, and as Windows programs write it.
        escaped = json.dumps(name)[1:-1]
        spellings = {name.encode(), escaped.encode(), name.encode("utf-16-le")}
        whole = [rb"(?<![\w\x80-\xff])" + re.escape(s) + rb"(?![\w\x80-\xff])" for s in spellings]
        self._name = re.compile(b"|".join(whole))
        self._embeddings = embeddings
        parts = [row[:_TOLD_APART].tobytes() for row in embeddings]
        self._bytes = re.compile(b"|".join(re.escape(part) for part in parts)) if parts else None
        self.overlap = max(*map(len, spellings), 4 * _TOLD_APART) + 2

    def in_text(self, content: bytes) -> bool:
        return self._name.search(content) is not None

    def in_content(self, content: IO[bytes]) -> set[str]:
        found: set[str] = set()
        before = b""
        while piece := content.read(_PIECE_BYTES):
            window = before + piece
            found |= {"name"} if self.in_text(window) else set()
            if self._bytes is not None and self._bytes.search(window):
                found.add("embedding")
            before = window[-self.overlap :]
        return found

    def in_table(self, path: Path) -> set[str]:
        """What a compressed table holds: any column of 128 numbers, any text."""
        import pyarrow.parquet as pq

        found: set[str] = set()
        table = pq.read_table(path)
        for column in table.itercolumns():
            values = column.combine_chunks()
            if str(values.type).startswith("fixed_size_list<") and values.type.list_size == 128:
                rows = np.asarray(values.flatten()).reshape(-1, 128)
                found |= {"embedding"} if self._has_rows(rows) else set()
            elif str(values.type) in ("string", "large_string"):
                texts = (str(text).encode() for text in values.to_pylist() if text is not None)
                found |= {"name"} if any(map(self.in_text, texts)) else set()
        return found

    def _has_rows(self, rows: NDArray[np.float32]) -> bool:
        mine = {row.tobytes() for row in self._embeddings}
        return any(row.tobytes() in mine for row in rows.astype(np.float32))


def _contents(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, and of what is packed in it."""
    with path.open("rb") as content:
        yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as content:
                    yield content
