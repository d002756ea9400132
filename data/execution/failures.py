"""Footages that cannot be used: the others go on, and they are named at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from data.core.errors import InputError

T = TypeVar("T")
R = TypeVar("R")


class Failures:
    """What is wrong with single footages of a run over several."""

    def __init__(self) -> None:
        self._count = self._failed = 0
        self.lines: list[str] = []

    def expect(self, count: int) -> None:
        """Say how many more footages there are: of one alone, what is wrong ends the run."""
        self._count += count

    @contextmanager
    def of_one(self, *, footages: int = 1) -> Iterator[None]:
        """Work on one footage: what is wrong with it is noted, and does not stop the others.

        Args:
            footages: that stand or fall together.

        Raises:
            InputError: it was the only one, or all of them have failed.
        """
        try:
            yield
        except InputError as error:
            self.lines.append(str(error))
            self._failed += footages
            if self._failed >= self._count:
                raise InputError(self._whole()) from error

    def each(self, footages: Iterable[T], make: Callable[[T], R]) -> Iterator[R]:
        """Yield what ``make`` makes of each footage; of those that it refuses, nothing.

        Raises:
            InputError: see `of_one`.
        """
        for footage in footages:
            made = []
            with self.of_one():
                made.append(make(footage))
            yield from made

    def _whole(self) -> str:
        if len(self.lines) == 1:
            return self.lines[0]
        return f"none of {self._count} footages can be used; the first: {self.lines[0]}"


class NoFailures(Failures):
    """The first footage that cannot be used ends the run."""

    @contextmanager
    def of_one(self, *, footages: int = 1) -> Iterator[None]:
        """Work on one footage."""
        del footages
        yield
