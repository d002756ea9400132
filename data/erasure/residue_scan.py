"""Search a project for residues of an erased person: names, embeddings and pictures."""

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

_BLOCK_BYTES: Final = 1 << 22
_EMBEDDING_BYTES: Final = 16
"""Length of an embedding's start (four numbers) that occurs nowhere else."""
_PICTURE_BYTES: Final = 32
"""Length of a picture's part that occurs nowhere else, although backgrounds are shared."""
_SCAN_BYTES: Final = b"\xff\xda"
"""Start of scan: the image data of a JPEG file follow this marker."""


@dataclass(frozen=True, slots=True)
class Residue:
    """A file that still holds something of the person."""

    path: Path
    what: str  # "name", "embedding", "portrait" or "frame"


@dataclass(frozen=True, slots=True, eq=False)
class Needle:
    """Everything of a person that must not be left.

    Args:
        names: present and past.
        embeddings: ``(m, 128)`` float32, of their faces.
        portraits: `picture_mark` of each picture of them alone.
        frames: `picture_digest` of each picture that shows them.
    """

    names: Collection[str]
    embeddings: NDArray[np.float32]
    portraits: Collection[bytes] = ()
    frames: Collection[bytes] = ()


def picture_mark(content: bytes) -> bytes:
    """Return 32 bytes that identify a JPEG file, also inside another file."""
    begin = content.find(_SCAN_BYTES) + 1  # tables and sizes before it are the same in other files
    # From the middle, where the face is, and of the most varied part: plain areas are alike.
    quarter = (len(content) - begin) // 4
    middle = content[begin + quarter : len(content) - quarter]
    places = range(0, max(len(middle) - _PICTURE_BYTES, 1), _PICTURE_BYTES)
    return max((middle[at : at + _PICTURE_BYTES] for at in places), key=lambda part: len(set(part)))


def picture_digest(content: bytes) -> bytes:
    """Return the digest that identifies a file with exactly this content."""
    return hashlib.sha256(content).digest()


def find_residues(folder: Path, needle: Needle) -> list[Residue]:
    """Search the name and every byte of every file in a folder for a needle.

    Archives and compressed tables are searched as well. A name inside a longer one does not count:
    "Person 1" is not found in "Person 12".
    """
    search = _Scan(needle)
    residues = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = {"name"} if search.in_text(path.relative_to(folder).as_posix().encode()) else set()
        for content in _contents(path):
            found |= search.in_content(content)
        if path.suffix == ".parquet":
            found |= search.in_table(path)
        residues += [Residue(path, what) for what in sorted(found)]
    return residues


class _Scan:
    def __init__(self, needle: Needle) -> None:
        # Plain, escaped for JSON, and in the encoding of Windows programs.
        texts = {text for name in needle.names for text in (name, json.dumps(name)[1:-1])}
        spellings = {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le")}
        whole = [rb"(?<![\w\x80-\xff])" + re.escape(s) + rb"(?![\w\x80-\xff])" for s in spellings]
        self._name = re.compile(b"|".join(whole)) if whole else None
        self._rows = {row.tobytes() for row in needle.embeddings}
        self._marks = {
            "embedding": _Marks({row[:_EMBEDDING_BYTES] for row in self._rows}),
            "portrait": _Marks(set(needle.portraits)),
        }
        self._frames = set(needle.frames)
        self.overlap = max([_PICTURE_BYTES, *map(len, spellings)]) + 2

    def in_text(self, content: bytes) -> bool:
        return self._name is not None and self._name.search(content) is not None

    def in_content(self, content: IO[bytes]) -> set[str]:
        found: set[str] = set()
        before, whole = b"", hashlib.sha256()
        while block := content.read(_BLOCK_BYTES):
            window = before + block
            found |= {"name"} if self.in_text(window) else set()
            found |= {what for what, marks in self._marks.items() if marks.in_content(window)}
            before = window[-self.overlap :]
            whole.update(block)
        return found | ({"frame"} if whole.digest() in self._frames else set())

    def in_table(self, path: Path) -> set[str]:
        """Search a compressed table: columns of 128 numbers, and of text."""
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
    """Search for many byte strings of one length at once."""

    def __init__(self, marks: set[bytes]) -> None:
        self._marks = marks
        self._length = max(map(len, marks), default=0)
        # The first two bytes rule out nearly every place.
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
    """The bytes of a file, and of the entries of an archive."""
    with path.open("rb") as content:
        yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as content:
                    yield content
