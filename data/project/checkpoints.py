"""Checkpoints: finished parts of a table, from which a stopped run resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Checkpoints(Generic[T]):
    """Checkpoints in the numbered files of a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        key: str,
        suffix: str,
        read: Callable[[Path], T],
        write: Callable[[T, Path], None],
    ) -> None:
        """Create the checkpoints of ``folder``; nothing is read or written yet.

        Args:
            folder: folder for checkpoints only.
            key: digest of the inputs; checkpoints with other keys are ignored.
            suffix: suffix of the file whose existence marks a finished checkpoint.
            read: reads a checkpoint from its file.
            write: writes a checkpoint atomically.
        """
        self._folder, self._key, self._suffix = folder, key, suffix
        self._read_file, self._write_file = read, write

    def read(self) -> list[T]:
        """Return the finished checkpoints, in order."""
        parts: list[T] = []
        while (file := self._file(len(parts))).exists():
            parts.append(self._read_file(file))
        return parts

    def append(self, part: T) -> None:
        """Write the next checkpoint."""
        number = next(n for n in count() if not self._file(n).exists())
        self._write_file(part, self._file(number))

    def remove(self) -> None:
        """Remove all checkpoints, when the table is complete or they are stale."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._key}-{number:06d}{self._suffix}"
