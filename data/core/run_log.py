"""Log of a project: its commands with their options, results, warnings and unexpected errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import MemoryHandler, RotatingFileHandler
from pathlib import Path
from typing import Final

from data.core.error_details import details_of

LOGGER: Final = logging.getLogger("fancam")
LOGGER.addHandler(logging.NullHandler())  # a program that uses the API chooses its own handlers
LOG_FILE: Final = "fancam.log"
_EARLIER_FILE: Final = "errors.log"  # of earlier versions
_MAX_BYTES: Final = 1 << 20  # the previous file, of the same size, is kept as well
_MAX_CHARACTERS: Final = 100_000  # per error, from its end
_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"


class _Encodable(logging.Filter):
    """Escape what UTF-8 has no code for: a file name may be any bytes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message by its encodable form."""
        record.msg = record.getMessage().encode("utf-8", "backslashreplace").decode()
        record.args = ()
        return True


LOGGER.addFilter(_Encodable())


class RunLog(MemoryHandler):
    """Log of one command, kept in memory until its folder is known and its project exists.

    A command that is refused must not create the folder. A log that cannot be written is given up.
    """

    def __init__(self) -> None:
        super().__init__(0, flushOnClose=False)
        self._folder: Path | None = None
        self._project_file: Path | None = None

    def write_to(self, folder: Path, project_file: Path) -> None:
        """Set the folder of the log, which is created when ``project_file`` exists."""
        self._folder, self._project_file = folder, project_file

    def shouldFlush(self, record: logging.LogRecord) -> bool:  # noqa: N802
        """Whether the project exists."""
        del record
        return self._project_file is not None and self._project_file.exists()

    def flush(self) -> None:
        """Write the records to the file; open it first."""
        if self.target is None and self._folder is not None:
            try:
                self.setTarget(_opened(self._folder / LOG_FILE))
            except OSError:  # a disk without room, or without the right to write
                self.buffer.clear()
        super().flush()

    def write_error(
        self, subject: str, error: BaseException, otherwise: Path | None = None
    ) -> Path | None:
        """Write the traceback of an error at once; return the log, None if it cannot be written.

        Args:
            subject: what was processed.
            error: the error.
            otherwise: folder of the log of a command without a project, which gets nothing else.
        """
        if self._folder is None:
            self._folder = otherwise
            self.buffer.clear()
        if self._folder is None:
            return None
        LOGGER.error("%s\n%s", subject, details_of(error)[-_MAX_CHARACTERS:])
        self.flush()
        file = self._folder / LOG_FILE
        return file if self.target is not None and file.exists() else None

    def close(self) -> None:
        """Write the records of a project that exists by now, and close the file."""
        if self._project_file is not None and self._project_file.exists():
            self.flush()
        self._folder = None
        target = self.target
        super().close()
        if target is not None:
            with suppress(OSError):  # a full disk, which the stage reported
                target.close()


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Do nothing: a full disk is reported by the stage."""


def _opened(file: Path) -> logging.Handler:
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(
        file, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler


@contextmanager
def run_log() -> Iterator[RunLog]:
    """Log one command within the block."""
    log = RunLog()
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(log)
    try:
        yield log
    finally:
        LOGGER.removeHandler(log)
        LOGGER.setLevel(level)
        log.close()


def current_log() -> RunLog | None:
    """Return the log of the running command; None in a program that uses the API."""
    logs = [handler for handler in LOGGER.handlers if isinstance(handler, RunLog)]
    return logs[-1] if logs else None


def log_files(folder: Path) -> list[Path]:
    """Return the log files in a folder, those of earlier versions among them."""
    names = [f"{name}{suffix}" for name in (LOG_FILE, _EARLIER_FILE) for suffix in ("", ".1")]
    return [folder / name for name in names if (folder / name).is_file()]
