"""Log file of unexpected errors, and their description in one line."""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

LOG_FILE: Final = "errors.log"
_MAX_BYTES: Final = 1 << 20  # the previous file, of the same size, is kept as well
_MAX_CHARACTERS: Final = 100_000  # per error, from its end
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


def details_of(error: BaseException) -> str:
    """Return the traceback of an error."""
    own = "".join(traceback.format_exception(error))
    return f"{error.details}\n{own}" if isinstance(error, TaskError) else own


def write_error(folder: Path, subject: str, error: BaseException) -> Path:
    """Append the traceback of an error to the log in ``folder``; return the log.

    Args:
        folder: created if it does not exist.
        subject: what was processed.
        error: the error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / LOG_FILE
    text = f"{subject}\n{details_of(error)[-_MAX_CHARACTERS:]}"
    handler = RotatingFileHandler(
        file, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    try:
        handler.emit(logging.LogRecord("fancam", logging.ERROR, "", 0, text, None, None))
    finally:
        handler.close()
    return file


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
