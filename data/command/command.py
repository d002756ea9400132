"""Parts of every command: parser, confirmation, exit codes, and one-line error messages."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from data.command.output import configured_output
from data.core.error_log import describe, write_error
from data.core.errors import InputError, InternalError, disk_problem
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from data.video.pictures.media_folder import LeftOut

EXIT_PARTLY = 1
EXIT_INPUT = 2
EXIT_STALE = 3  # of fancam status --exit-code
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # as if by SIGPIPE

_SYSTEM_LIBRARIES = {"libGL.so": "libgl1", "libgthread": "libglib2.0-0", "libglib": "libglib2.0-0"}


def runnable(command: str) -> str:
    """Format a command of this installation for the user's shell: its path if PATH lacks it."""
    beside_python = Path(sys.executable).parent / command
    return command if which(command) or not beside_python.exists() else shown(beside_python)


def with_next(lines: Sequence[str], *command: str | Path) -> list[str]:
    """Add the command to run next to the last line of a report."""
    return [*lines[:-1], f"{lines[-1]}; next: {command_line(*command)}"]


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask the user to confirm, unless ``yes`` is set.

    Raises:
        InputError: standard input is not a terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError(f"{question} Not a terminal: add --yes to confirm")
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:  # Ctrl-D
        return False
    return answer.strip().casefold() in ("y", "yes")


def limit_threads(threads: int) -> None:
    """Limit the threads of OpenCV; 0 means one per core."""
    import cv2

    if threads:
        cv2.setNumThreads(threads)


def run(name: str, command: Callable[[], int]) -> int:
    """Run ``command`` and return the exit code, turning expected failures into one line.

    Args:
        name: name of the command, the prefix of the line.
        command: returns its own exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may have characters that it does not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return command()
    except KeyboardInterrupt:
        return _fail(name, "stopped; run the same command again to resume", EXIT_INTERRUPTED)
    except InternalError as error:
        return _fail(name, str(error), EXIT_PARTLY)
    except InputError as error:
        return _fail(name, str(error), EXIT_INPUT)
    except BrokenPipeError:
        return _end_broken_pipe()
    except Exception as error:
        if (problem := _system_problem(error)) is not None:
            return _fail(name, problem, EXIT_INPUT)
        return _fail(name, _internal(name, error), EXIT_PARTLY)


def with_projects(
    name: str, parsed: argparse.Namespace, work: Callable[[argparse.Namespace], int]
) -> int:
    """Run a command on local copies of the projects that its arguments give as addresses.

    Args:
        name: name of the command.
        parsed: its arguments; projects are paths of `data.storage.addresses.project_path`.
        work: runs the command and returns the exit code; ``parsed.syncs`` holds the
            `data.remote.sync.ProjectSync` of each project at an address.

    Raises:
        InputError: a project cannot be pulled or pushed.
    """
    values = [item for value in vars(parsed).values() for item in _items(value)]
    folders = [v for v in values if isinstance(v, Path) and project_address(v) is not None]
    with ExitStack() as stack:
        stack.enter_context(configured_output(parsed))
        parsed.syncs = []
        for folder in dict.fromkeys(folders):
            from data.remote.sync import synced_project

            sync = synced_project(folder, say=lambda line: say(name, line))
            parsed.syncs.append(stack.enter_context(sync))
        return work(parsed)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def report_failures(name: str, failed: Sequence[str]) -> int:
    """Print one line per failed input; return the exit code."""
    for line in failed:
        say(name, line)
    return EXIT_PARTLY if failed else 0


@contextmanager
def naming_left_out(name: str) -> Iterator[LeftOut]:
    """Yield a record of the media that are not read; print one line per reason at the end."""
    from data.video.pictures.media_folder import LeftOut

    left_out = LeftOut()
    try:
        yield left_out
    finally:
        for line in left_out.lines():
            say(name, line)


def _end_broken_pipe() -> int:
    """Exit quietly when the reader of the output has exited, as in ``| head``."""
    # Otherwise Python flushes the remaining output at exit, and fails again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE


def _fail(name: str, message: str, code: int) -> int:
    say(name, message)
    return code


def say(name: str, message: str) -> None:
    """Print one line about the run to the standard error stream."""
    # File names and messages of libraries may contain line breaks.
    lines = (line.strip() for line in legible(message).splitlines())
    print(f"{name}: {' '.join(filter(None, lines))}", file=sys.stderr)  # noqa: T201


def _system_problem(error: Exception) -> str | None:
    """Return the line for a problem with the disk or a missing system library."""
    if isinstance(error, OSError):
        return disk_problem(error)
    if isinstance(error, ImportError):
        for library, package in _SYSTEM_LIBRARIES.items():
            if library in str(error):
                return f"the system library {library} is missing: apt-get install {package}"
    return None


def _internal(name: str, error: Exception) -> str:
    """Return the line for an unexpected error; write its traceback to the cache folder."""
    line = f"an error of fancam ({describe(error)})"
    with suppress(OSError):  # the line must not be lost
        return f"{line}; see {write_error(cache_folder() / 'logs', name, error)}"
    return line
