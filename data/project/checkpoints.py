"""Finished parts of a table that a stopped run resumes from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Checkpoints(Generic[T]):
    """Checkpoints in numbered files of one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        key: str,
        suffix: str,
        read: Callable[[Path], T],
        write: Callable[[T, Path], None],
    ) -> None:
        """Use ``folder`` with these functions to read and write a checkpoint.

        Args:
            folder: holds nothing else.
            key: of the inputs; checkpoints of other inputs are ignored.
            suffix: of the file whose existence marks a finished checkpoint.
            read: reads a checkpoint from its file.
            write: writes a checkpoint atomically.
        """
        self._folder, self._key, self._suffix = folder, key, suffix
        self._read_one, self._write_one = read, write

    def read(self) -> list[T]:
        """Return the finished checkpoints, in order."""
        parts: list[T] = []
        while (file := self._file(len(parts))).exists():
            parts.append(self._read_one(file))
        return parts

    def append(self, part: T) -> None:
        """Write one more checkpoint."""
        number = next(n for n in count() if not self._file(n).exists())
        self._write_one(part, self._file(number))

    def remove(self) -> None:
        """Remove all checkpoints: the table is complete, or they are stale."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._key}-{number:06d}{self._suffix}"
