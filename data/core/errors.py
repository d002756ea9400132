"""Errors that the user can correct, and errors that end a whole run."""

from __future__ import annotations

import errno
from typing import Final

RUN_AGAIN: Final = "run the same command again"
_DISK_PROBLEMS: Final = {
    errno.ENOSPC: f"the disk is full; free some space and {RUN_AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; free some space and {RUN_AGAIN}",
    errno.EFBIG: "the disk does not support files this large; write to another disk",
    errno.EROFS: "the disk is read-only; write to another disk",
}
_ACCESS_PROBLEM: Final = "no permission; change the permissions, or use another folder"


class InputError(Exception):
    """An error that the user can correct.

    The message is one line: what is wrong, why, and what to do. Commands print it without a
    traceback and exit with code 2.
    """


class OutdatedError(InputError):
    """A change is based on data that has been modified since the user loaded it."""


class RunError(InputError):
    """An error of the whole run, such as a lost cluster, and not of one footage."""


class InternalError(InputError):
    """An unexpected error, whose traceback is in a log file; commands exit with code 1."""


def disk_problem(error: OSError) -> str | None:
    """Return what is wrong with the disk and what to do, or None for any other error."""
    problem = _DISK_PROBLEMS.get(error.errno or 0)
    if problem is None and error.errno in (errno.EACCES, errno.EPERM):
        # libav's decoders use these numbers for damaged data.
        problem = None if type(error).__module__.startswith("av.") else _ACCESS_PROBLEM
    return problem and f"{error.filename or 'writing'}: {problem}"


def unreadable(error: OSError) -> str:
    """Return that a file or folder cannot be read, why, and what to do."""
    reason = error.strerror or str(error)
    return f"cannot be read ({reason}); check its permissions and the disk"


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is a `KeyboardInterrupt`, or was raised while one was handled.

    Python's own clean-up can fail after Ctrl-C: `shutil.rmtree` then closes a file twice.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__context__
    return False


def ends_run(error: Exception) -> bool:
    """Whether an error in the work on one footage prevents the work on every other footage."""
    if is_interrupt(error):
        return True
    if isinstance(error, OSError):
        return isinstance(error, BrokenPipeError) or disk_problem(error) is not None
    return isinstance(error, (RunError, ImportError))
