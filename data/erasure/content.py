"""Content of a file of a project or of an archive's entry, and the texts in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content.

    Args:
        path: path relative to the project, or an entry's name in its archive.
        file: content, seekable.
        disk: the file; None for an entry of an archive.
    """

    path: PurePosixPath
    file: IO[bytes]
    disk: Path | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in a file.

    Args:
        values: texts, each a whole value, such as a cell of a table, or some lines.
        complete: whether the file consists of nothing else.
        words: words of the file's format, in lower case, which are no names in its bytes.
    """

    values: Iterator[str]
    complete: bool = False
    words: frozenset[str] = frozenset()
