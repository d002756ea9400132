"""Search a project for residues of an erased person: names, embeddings and pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from data.erasure.archives import entries_of
from data.erasure.content import Content, Texts
from data.erasure.names import NameSearch
from data.erasure.own_texts import free_name, is_own_archive, is_own_place, without_suffix
from data.erasure.texts import texts_of

UNREADABLE: Final = "unreadable"
FRAME: Final = "frame"
_BLOCK_BYTES: Final = 1 << 22
_MAX_DEPTH: Final = 5
"""Maximum number of archives around an entry: an archive may contain itself."""
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
    kind: str  # "name", "embedding", "portrait" or FRAME; UNREADABLE for an unsearched file


@dataclass(frozen=True, slots=True, eq=False)
class Needle:
    """Data of an erased person to search for.

    Args:
        names: current and former names.
        kept: names of the other people.
        footages: names of footages, which fancam's own files and folders keep.
        embeddings: ``(m, 128)``, one per face.
        portraits: `picture_mark` of each picture of a single face.
        frames: `picture_digest` of each picture that shows the person.
    """

    names: Collection[str]
    embeddings: NDArray[np.float32]
    portraits: Collection[bytes] = ()
    frames: Collection[bytes] = ()
    kept: Collection[str] = ()
    footages: Collection[str] = ()


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

    Embeddings and pictures are searched in all bytes, names in all text, and long names in all
    bytes of other files as well. Archives and compressed tables are unpacked. Names match whole
    words only: "Person 1" does not match "Person 12".
    """
    scan = _Scan(needle)
    residues = []
    for path in sorted(folder.rglob("*")):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        found = {"name"} if scan.in_path(path, relative) else set()
        if path.is_file():
            try:
                with path.open("rb") as file:
                    found |= scan.in_file(Content(relative, file, path))
            except OSError:
                found.add(UNREADABLE)
        residues += [Residue(path, kind) for kind in sorted(found)]
    return residues


class _Scan:
    def __init__(self, needle: Needle) -> None:
        self._names = NameSearch(needle.names, needle.kept)
        self._rows = {row.tobytes() for row in needle.embeddings}
        self._marks = {
            "embedding": _Marks({row[:_EMBEDDING_BYTES] for row in self._rows}),
            "portrait": _Marks(set(needle.portraits)),
        }
        self._frames = set(needle.frames)
        self._footages = sorted(needle.footages, key=len, reverse=True)
        self._overlap = max(_PICTURE_BYTES + 2, self._names.overlap)

    def in_path(self, path: Path, relative: PurePosixPath) -> bool:
        """Search the last component of a path, and of the target of a link."""
        parts = [free_name(relative)]
        parts += [without_suffix(path.readlink().name)] if path.is_symlink() else []
        return any(part is not None and self._in_value(part, relative) for part in parts)

    def _in_value(self, value: str, path: PurePosixPath) -> bool:
        """Search a value in a file, or the name of the file."""
        for footage in self._footages if is_own_place(path) else ():
            value = value.replace(footage, "\n")
        return self._names.in_value(value)

    def in_file(self, content: Content, depth: int = 0) -> set[str]:
        """Search a file or an entry of an archive, and the entries of an archive in it.

        Args:
            content: the file or entry.
            depth: number of archives around it.
        """
        texts = texts_of(content)
        named = any(self._in_value(value, content.path) for value in texts.values)
        found = {"name"} if named else set()
        content.file.seek(0)
        found |= self._in_bytes(content, texts)
        if content.path.suffix == ".parquet":
            content.file.seek(0)
            found |= self._in_table(content.file)
        content.file.seek(0)
        for entry in entries_of(content) if depth < _MAX_DEPTH else ():
            named = not is_own_archive(content.path) and any(
                self._names.in_value(without_suffix(part)) for part in entry.path.parts
            )
            found |= {"name"} if named else set()
            found |= self.in_file(entry, depth + 1)
        return found

    def _in_bytes(self, content: Content, texts: Texts) -> set[str]:
        found: set[str] = set()
        before, sha256 = b"", hashlib.sha256()
        ignored = [f.encode() for f in self._footages] if is_own_place(content.path) else []
        while block := content.file.read(_BLOCK_BYTES):
            window = before + block
            if not texts.complete:
                searched = window
                for footage in ignored:
                    searched = searched.replace(footage, bytes(len(footage)))
                found |= {"name"} if self._names.in_bytes(searched, texts.words) else set()
            found |= {kind for kind, marks in self._marks.items() if marks.in_content(window)}
            before = window[-self._overlap :]
            sha256.update(block)
        return found | ({FRAME} if sha256.digest() in self._frames else set())

    def _in_table(self, file: IO[bytes]) -> set[str]:
        """Search the embeddings in a compressed table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.ParquetFile(file).read()
        except (OSError, ValueError, pa.ArrowException):
            return set()
        for column in table.itercolumns():
            values = column.combine_chunks()
            if str(values.type).startswith("fixed_size_list<") and values.type.list_size == 128:
                rows = np.asarray(values.flatten()).reshape(-1, 128).astype(np.float32)
                if any(row.tobytes() in self._rows for row in rows):
                    return {"embedding"}
        return set()


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
