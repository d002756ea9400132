"""Description of unexpected errors in one line, and their tracebacks."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

_SOURCE: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("clustering/", "cropping/", "data/", "fancam/", "tracking/", "web/")
_RUNNERS: Final = ("data/execution/", "data/command/")


class TaskError(Exception):
    """An unexpected error in another process.

    Args:
        message: one line.
        details: its traceback.
    """

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message, details)
        self.message, self.details = message, details

    def __str__(self) -> str:
        return self.message


def describe(error: BaseException) -> str:
    """Return the class of an error, and the last place in fancam's code that it passed."""
    if isinstance(error, TaskError):
        return error.message
    place = _place(error.__traceback__)
    return f"{type(error).__name__} in {place}" if place else type(error).__name__


def unexpected(error: BaseException, log: Path | None) -> str:
    """Return the line about an unexpected error.

    Args:
        error: the error.
        log: file with its traceback; None if it could not be written.
    """
    line = f"unexpected error, a bug in fancam ({describe(error)})"
    return line if log is None else f"{line}; details are in {log}"


def details_of(error: BaseException) -> str:
    """Return the traceback of an error."""
    own = "".join(traceback.format_exception(error))
    return f"{error.details}\n{own}" if isinstance(error, TaskError) else own


def _place(trace: TracebackType | None) -> str:
    places = traceback.extract_tb(trace)
    if not places:
        return ""
    own = [place for place in places if _module(place.filename).startswith(_PACKAGES)]
    working = [place for place in own if not _module(place.filename).startswith(_RUNNERS)]
    last = (working or places)[-1]
    return f"{_module(last.filename)}:{last.lineno}"


def _module(file: str) -> str:
    """Return a file's path in fancam's source, or the name of any other file."""
    path = Path(file)
    return path.relative_to(_SOURCE).as_posix() if path.is_relative_to(_SOURCE) else path.name
