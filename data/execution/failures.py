"""Failures of single footages, which the run reports at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from data.core.error_details import unexpected
from data.core.errors import InputError, InternalError, ends_run
from data.core.run_log import current_log
from data.project.project import absolute

T = TypeVar("T")
R = TypeVar("R")


class Failures:
    """Collects the errors of single footages in a run over several footages."""

    def __init__(self) -> None:
        self._count = self._failed = 0
        self._paths: set[Path] = set()  # absolute paths of the footages that failed
        self._internal = False
        self.lines: list[str] = []

    def expect(self, count: int) -> None:
        """Add ``count`` to the number of footages in the run, which fails if all of them fail."""
        self._count += count

    @contextmanager
    def guard(self, *footages: Path) -> Iterator[None]:
        """Record an error that the block raises, unless it ends the run; see `ends_run`.

        A footage that fails again, in another stage, is reported once.

        Args:
            footages: the footages that the block processes; they fail together.

        Raises:
            InputError: all footages of the run have failed.
        """
        try:
            yield
        except Exception as error:
            if ends_run(error):
                raise
            line = self.line_of(error, *footages)
            known = bool(footages) and all(self.includes(path) for path in footages)
            self._paths |= {absolute(path) for path in footages}
            if not known:
                self.lines.append(line)
            self._failed += len(footages) or 1
            if self._failed >= self._count:
                raise self.summary() from error

    def each(
        self, footages: Iterable[T], make: Callable[[T], R], path_of: Callable[[T], Path]
    ) -> Iterator[R]:
        """Yield ``make(footage)`` for each footage for which it succeeds.

        Raises:
            InputError: see `guard`.
        """
        for footage in footages:
            made = []
            with self.guard(path_of(footage)):
                made.append(make(footage))
            yield from made

    def line_of(self, error: Exception, *footages: Path) -> str:
        """Return the line that reports an error; log the traceback of an unexpected one."""
        if isinstance(error, InputError):
            self._internal |= isinstance(error, InternalError)
            return str(error)
        self._internal = True
        subject = " and ".join(map(str, footages)) or "footage"
        log = current_log()
        file = None if log is None else log.write_error(subject, error)
        return f"{subject}: {unexpected(error, file)}"

    def includes(self, footage: Path) -> bool:
        """Whether a footage has failed."""
        return absolute(footage) in self._paths

    def add(self, other: Failures) -> None:
        """Add the failures of an earlier stage."""
        self.lines += other.lines
        self._paths |= other._paths
        self._internal |= other._internal

    def summary(self) -> InputError:
        """Return the error of a run in which all footages failed."""
        kind = InternalError if self._internal else InputError
        if len(self.lines) == 1:
            return kind(self.lines[0])
        first = f"the first of {len(self.lines)} errors: {self.lines[0]}"
        return kind(f"none of the footage can be used; {first}")


class FailFast(Failures):
    """Ends the run at the first footage that fails."""

    @contextmanager
    def guard(self, *footages: Path) -> Iterator[None]:
        """Propagate every error."""
        del footages
        yield
