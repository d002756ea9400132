"""Failures of single footages: the run continues, and reports them at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from data.core.errors import InputError

T = TypeVar("T")
R = TypeVar("R")


class Failures:
    """Collects the errors of single footages in a run over several."""

    def __init__(self) -> None:
        self._count = self._failed = 0
        self.lines: list[str] = []

    def expect(self, count: int) -> None:
        """Add to the number of footages in the run; when all of them fail, the run fails."""
        self._count += count

    @contextmanager
    def guard(self, *, footages: int = 1) -> Iterator[None]:
        """Record an `InputError` of the block instead of raising it.

        Args:
            footages: number that the block works on; they fail together.

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
        """Yield ``make(footage)`` of each footage that does not fail.

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
    """The first footage that fails ends the run."""

    @contextmanager
    def guard(self, *, footages: int = 1) -> Iterator[None]:
        """Let every error pass."""
        del footages
        yield
