"""The finished parts of something that takes long to make, from which a killed run goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Checkpoints(Generic[T]):
    """Numbered files of one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        key: str,
        suffix: str,
        read: Callable[[Path], T],
        write: Callable[[T, Path], None],
    ) -> None:
        """Say where, and how a part is read and written, whole or not at all.

        Args:
            folder: holds nothing else.
            key: of what the parts depend on: others' parts do not count.
            suffix: of the file that tells that a part is finished.
            read: a part from its file.
            write: a part to its file.
        """
        self._folder, self._key, self._suffix = folder, key, suffix
        self._read_one, self._write_one = read, write

    def read(self) -> list[T]:
        """Read what is finished, in order; nothing where nothing is."""
        parts: list[T] = []
        while (file := self._file(len(parts))).exists():
            parts.append(self._read_one(file))
        return parts

    def append(self, part: T) -> None:
        """Write one more part."""
        number = next(n for n in count() if not self._file(n).exists())
        self._write_one(part, self._file(number))

    def remove(self) -> None:
        """Remove the parts: the whole has been written, or they are out of date."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._key}-{number:06d}{self._suffix}"
