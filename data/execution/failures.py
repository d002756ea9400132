"""Failures of single footages, which the run reports at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from data.core.errors import InputError

T = TypeVar("T")
R = TypeVar("R")


class Failures:
    """Collects the errors of single footages in a run over several footages."""

    def __init__(self) -> None:
        self._count = self._failed = 0
        self.lines: list[str] = []

    def expect(self, count: int) -> None:
        """Add ``count`` to the number of footages in the run, which fails if all of them fail."""
        self._count += count

    @contextmanager
    def guard(self, *, footages: int = 1) -> Iterator[None]:
        """Record an `InputError` that the block raises.

        Args:
            footages: number of footages that the block processes; they fail together.

        Raises:
            InputError: all footages of the run have failed.
        """
        try:
            yield
        except InputError as error:
            self.lines.append(str(error))
            self._failed += footages
            if self._failed >= self._count:
                raise InputError(self._summary()) from error

    def each(self, footages: Iterable[T], make: Callable[[T], R]) -> Iterator[R]:
        """Yield ``make(footage)`` for each footage for which it succeeds.

        Raises:
            InputError: see `guard`.
        """
        for footage in footages:
            made = []
            with self.guard():
                made.append(make(footage))
            yield from made

    def _summary(self) -> str:
        if len(self.lines) == 1:
            return self.lines[0]
        return f"none of {self._count} footages can be used; the first: {self.lines[0]}"


class FailFast(Failures):
    """Ends the run at the first footage that fails."""

    @contextmanager
    def guard(self, *, footages: int = 1) -> Iterator[None]:
        """Propagate every error."""
        del footages
        yield
