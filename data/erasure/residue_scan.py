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
"""Length of an embedding's unique prefix: four float32 numbers."""
_PICTURE_BYTES: Final = 32
"""Length of a unique section of a picture, even among pictures with the same background."""
_SCAN_BYTES: Final = b"\xff\xda"
"""Start of scan: the marker before the image data of a JPEG file."""


@dataclass(frozen=True, slots=True)
class Residue:
    """A file that still contains data of the person."""

    path: Path
    kind: str  # "name", "embedding", "portrait" or "frame"


@dataclass(frozen=True, slots=True, eq=False)
class Needle:
    """Data of an erased person to search for.

    Args:
        names: current and former names.
        embeddings: ``(m, 128)``, one per face.
        portraits: `picture_mark` of each picture of a single face.
        frames: `picture_digest` of each picture that shows the person.
    """

    names: Collection[str]
    embeddings: NDArray[np.float32]
    portraits: Collection[bytes] = ()
    frames: Collection[bytes] = ()


def picture_mark(content: bytes) -> bytes:
    """Return 32 bytes that identify a JPEG file, even inside another file."""
    # Skip the tables and sizes before the scan: they occur in other files as well.
    begin = content.find(_SCAN_BYTES) + 1
    # Use the section with the most distinct bytes in the middle, where the face is: uniform
    # areas are alike in many pictures.
    quarter = (len(content) - begin) // 4
    middle = content[begin + quarter : len(content) - quarter]
    offsets = range(0, max(len(middle) - _PICTURE_BYTES, 1), _PICTURE_BYTES)
    return max(
        (middle[at : at + _PICTURE_BYTES] for at in offsets), key=lambda part: len(set(part))
    )


def picture_digest(content: bytes) -> bytes:
    """Return the digest of a file's content."""
    return hashlib.sha256(content).digest()


def find_residues(folder: Path, needle: Needle) -> list[Residue]:
    """Search the path and the content of every file in a folder for a needle.

    Archives and compressed tables are unpacked. Names match whole words only: "Person 1" does not
    match "Person 12".
    """
    search = _Scan(needle)
    residues = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = {"name"} if search.in_text(path.relative_to(folder).as_posix().encode()) else set()
        for content in _contents(path):
            found |= search.in_content(content)
        if path.suffix == ".parquet":
            found |= search.in_table(path)
        residues += [Residue(path, kind) for kind in sorted(found)]
    return residues


class _Scan:
    def __init__(self, needle: Needle) -> None:
        # Plain and escaped for JSON; in UTF-8, and in UTF-16, which Windows programs write.
        texts = {text for name in needle.names for text in (name, json.dumps(name)[1:-1])}
        spellings = {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le")}
        words = [rb"(?<![\w\x80-\xff])" + re.escape(s) + rb"(?![\w\x80-\xff])" for s in spellings]
        self._name = re.compile(b"|".join(words)) if words else None
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
        before, sha256 = b"", hashlib.sha256()
        while block := content.read(_BLOCK_BYTES):
            window = before + block
            found |= {"name"} if self.in_text(window) else set()
            found |= {kind for kind, marks in self._marks.items() if marks.in_content(window)}
            before = window[-self.overlap :]
            sha256.update(block)
        return found | ({"frame"} if sha256.digest() in self._frames else set())

    def in_table(self, path: Path) -> set[str]:
        """Search the embedding and text columns of a compressed table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found: set[str] = set()
        with pa.OSFile(str(path)) as source, pq.ParquetFile(source) as file:
            table = file.read()
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
    """Search for many byte strings of equal length in one pass."""

    def __init__(self, marks: set[bytes]) -> None:
        self._marks = marks
        self._length = max(map(len, marks), default=0)
        # The first two bytes rule out nearly every offset.
        self._prefixes = np.zeros(1 << 16, np.bool_)
        self._prefixes[np.frombuffer(b"".join(mark[:2] for mark in marks), "<u2")] = True

    def in_content(self, content: bytes) -> bool:
        return bool(self._marks) and any(
            content[offset : offset + self._length] in self._marks
            for shift in (0, 1)
            for offset in self._candidates(content, shift)
        )

    def _candidates(self, content: bytes, shift: int) -> Iterator[int]:
        count = (len(content) - shift) // 2
        if count > 0:
            words = np.frombuffer(content, "<u2", count, shift)
            yield from (np.flatnonzero(self._prefixes[words]) * 2 + shift).tolist()


def _contents(path: Path) -> Iterator[IO[bytes]]:
    """Yield the content of a file, and of each of its entries if it is an archive."""
    with path.open("rb") as content:
        yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as content:
                    yield content
