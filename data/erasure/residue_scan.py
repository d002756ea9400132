"""Search a project for what is left of a person: their names, their embeddings, their pictures."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

_PIECE_BYTES: Final = 1 << 22
_EMBEDDING_BYTES: Final = 16
"""So many of an embedding (four of its numbers) nothing else has."""
_PICTURE_BYTES: Final = 32
"""So many of a picture nothing else has: other pictures have the same background."""
_SCAN_BYTES: Final = b"\xff\xda"
"""In a JPEG file the picture itself begins here."""


@dataclass(frozen=True, slots=True)
class Residue:
    """A place where something is left."""

    path: Path
    what: str  # "name", "embedding", "portrait" or "frame"


@dataclass(frozen=True, slots=True, eq=False)
class Needle:
    """What must not be left of a person.

    Args:
        names: that they have, and had.
        embeddings: ``(m, 128)`` of their faces.
        portraits: `picture_mark` of each picture of them alone.
        frames: `picture_digest` of each picture that they are seen in.
    """

    names: Collection[str]
    embeddings: NDArray[np.float32]
    portraits: Collection[bytes] = ()
    frames: Collection[bytes] = ()


def picture_mark(content: bytes) -> bytes:
    """Return 32 bytes of a JPEG file by which it is found, also inside of another file."""
    begin = content.find(_SCAN_BYTES) + 1  # all before it, tables and sizes, others have too
    # From the middle, where the face is; where most happens, since plain areas are all alike.
    quarter = (len(content) - begin) // 4
    middle = content[begin + quarter : len(content) - quarter]
    places = range(0, max(len(middle) - _PICTURE_BYTES, 1), _PICTURE_BYTES)
    return max((middle[at : at + _PICTURE_BYTES] for at in places), key=lambda part: len(set(part)))


def picture_digest(content: bytes) -> bytes:
    """Return by what a file with just this content is found."""
    return hashlib.sha256(content).digest()


def find_residues(folder: Path, sought: Needle) -> list[Residue]:
    """Look for somebody in the name and every byte of every file of a folder.

    Archives and compressed tables are looked into. A name that is part of a longer one does not
    count, so that "Person 1" is not found in "Person 12".
    """
    search = _Scan(sought)
    traces = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = {"name"} if search.in_text(path.relative_to(folder).as_posix().encode()) else set()
        for content in _contents(path):
            found |= search.in_content(content)
        if path.suffix == ".parquet":
            found |= search.in_table(path)
        traces += [Residue(path, what) for what in sorted(found)]
    return traces


class _Scan:
    def __init__(self, sought: Needle) -> None:
        # As they are, as JSON escapes them, and as Windows programs write them.
        texts = {text for name in sought.names for text in (name, json.dumps(name)[1:-1])}
        spellings = {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le")}
        whole = [rb"(?<![\w\x80-\xff])" + re.escape(s) + rb"(?![\w\x80-\xff])" for s in spellings]
        self._name = re.compile(b"|".join(whole)) if whole else None
        self._rows = {row.tobytes() for row in sought.embeddings}
        self._marks = {
            "embedding": _Marks({row[:_EMBEDDING_BYTES] for row in self._rows}),
            "portrait": _Marks(set(sought.portraits)),
        }
        self._frames = set(sought.frames)
        self.overlap = max([_PICTURE_BYTES, *map(len, spellings)]) + 2

    def in_text(self, content: bytes) -> bool:
        return self._name is not None and self._name.search(content) is not None

    def in_content(self, content: IO[bytes]) -> set[str]:
        found: set[str] = set()
        before, whole = b"", hashlib.sha256()
        while piece := content.read(_PIECE_BYTES):
            window = before + piece
            found |= {"name"} if self.in_text(window) else set()
            found |= {what for what, marks in self._marks.items() if marks.in_content(window)}
            before = window[-self.overlap :]
            whole.update(piece)
        return found | ({"frame"} if whole.digest() in self._frames else set())

    def in_table(self, path: Path) -> set[str]:
        """What a compressed table holds: any column of 128 numbers, any text."""
        import pyarrow.parquet as pq

        found: set[str] = set()
        table = pq.read_table(path)
        for column in table.itercolumns():
            values = column.combine_chunks()
            if str(values.type).startswith("fixed_size_list<") and values.type.list_size == 128:
                rows = np.asarray(values.flatten()).reshape(-1, 128).astype(np.float32)
                found |= {"embedding"} if any(r.tobytes() in self._rows for r in rows) else set()
            elif str(values.type) in ("string", "large_string"):
                texts = (str(text).encode() for text in values.to_pylist() if text is not None)
                found |= {"name"} if any(map(self.in_text, texts)) else set()
        return found


class _Marks:
    """Many strings of one length, each looked for at every place of a content at once."""

    def __init__(self, marks: set[bytes]) -> None:
        self._marks = marks
        self._length = max(map(len, marks), default=0)
        # By their first two bytes: nearly every place is out of question at one glance.
        self._begins = np.zeros(1 << 16, np.bool_)
        self._begins[np.frombuffer(b"".join(mark[:2] for mark in marks), "<u2")] = True

    def in_content(self, content: bytes) -> bool:
        return bool(self._marks) and any(
            content[place : place + self._length] in self._marks
            for shift in (0, 1)
            for place in self._places(content, shift)
        )

    def _places(self, content: bytes, shift: int) -> Iterator[int]:
        count = (len(content) - shift) // 2
        if count > 0:
            words = np.frombuffer(content, "<u2", count, shift)
            yield from (np.flatnonzero(self._begins[words]) * 2 + shift).tolist()


def _contents(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, and of what is packed in it."""
    with path.open("rb") as content:
        yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as content:
                    yield content
