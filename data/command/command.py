"""Parts of every command: parser, confirmation, exit codes, and one-line error messages."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from data.command.interrupts import (
    EXIT_INTERRUPTED,
    STOPPED,
    interrupt_caught,
    one_interrupt,
)
from data.command.output import WARNING, configured_output
from data.core.error_details import unexpected
from data.core.errors import InputError, InternalError, disk_problem, is_interrupt
from data.core.run_log import LOGGER, RunLog, current_log, run_log
from data.core.time_left import duration
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from data.project.project import Project
    from data.project.record import Scalar
    from data.video.pictures.media_folder import LeftOut

EXIT_PARTLY = 1
EXIT_INPUT = 2
EXIT_STALE = 3  # of fancam status --exit-code
EXIT_BROKEN_PIPE = 141  # as if by SIGPIPE

_SYSTEM_LIBRARIES = {"libGL.so": "libgl1", "libgthread": "libglib2.0-0", "libglib": "libglib2.0-0"}


def runnable(command: str) -> str:
    """Format a command of this installation for the user's shell: its path if PATH lacks it."""
    beside_python = Path(sys.executable).parent / command
    return command if which(command) or not beside_python.exists() else shown(beside_python)


def with_next(lines: Sequence[str], *command: str | Path) -> list[str]:
    """Add the command to run next to the end of a report."""
    return [*lines, f"next: {command_line(*command)}"]


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask the user to confirm, unless ``yes`` is set.

    Raises:
        InputError: standard input is not a terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError("cannot ask for confirmation without a terminal; add --yes")
    try:
        answer = input(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt) as key:  # Ctrl-D, Ctrl-C
        print(file=sys.stderr)  # noqa: T201 - the line of the question ends, as after Enter
        if isinstance(key, KeyboardInterrupt):
            raise
        return False
    return answer.strip().casefold() in ("y", "yes")


def outcome(took_s: float, *, up_to_date: bool) -> str:
    """Return the line of a report that says how long the work took, or that there was none."""
    return "already up to date" if up_to_date else f"done in {duration(took_s)}"


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
    started_s = time.monotonic()
    with one_interrupt(name), run_log() as log:
        code = _run(name, command, log)
        LOGGER.info("%s ended with exit code %d after %.1f s", name, code, _since(started_s))
    return code


def _since(started_s: float) -> float:
    return time.monotonic() - started_s


def _run(name: str, command: Callable[[], int], log: RunLog) -> int:
    try:
        return command()
    except KeyboardInterrupt:
        return _stopped(name)
    except Exception as error:
        if is_interrupt(error):
            return _stopped(name)
        if isinstance(error, BrokenPipeError):
            return _end_broken_pipe()
        return _failed(name, error, log)


def _stopped(name: str) -> int:
    interrupt_caught()
    if sys.stderr.isatty():
        print(end="\r", file=sys.stderr)  # noqa: T201 - over the ^C of the terminal
    return _fail(name, STOPPED, EXIT_INTERRUPTED)


def _failed(name: str, error: Exception, log: RunLog) -> int:
    if isinstance(error, InternalError):
        return _fail(name, str(error), EXIT_PARTLY)
    if isinstance(error, InputError):
        return _fail(name, str(error), EXIT_INPUT)
    if (problem := _system_problem(error)) is not None:
        return _fail(name, problem, EXIT_INPUT)
    return _fail(name, _internal(name, error, log), EXIT_PARTLY)


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
        _log_start(name, parsed)
        stack.enter_context(configured_output(parsed))
        say_all(name, getattr(parsed, "notes", ()))
        parsed.syncs = []
        for folder in dict.fromkeys(folders):
            from data.remote.sync import synced_project

            sync = synced_project(folder, say=lambda line: say(name, line))
            parsed.syncs.append(stack.enter_context(sync))
        return work(parsed)


def _log_start(name: str, parsed: argparse.Namespace) -> None:
    from importlib.metadata import version

    words = getattr(parsed, "words", ())
    LOGGER.info("fancam %s: %s", version("fancam"), command_line(name, *words))


def log_to(project: Project, *options: tuple[str, Mapping[str, Scalar]]) -> None:
    """Write the log of the running command into a project, as soon as it exists.

    Args:
        project: the project.
        options: command of each stage that runs, and its options that are not the defaults.
    """
    from data.command.parser import options_shown
    from data.project.project import PROJECT_FILE

    if (log := current_log()) is not None:
        log.write_to(project.logs_folder, project.folder / PROJECT_FILE)
    for command, chosen in options:
        if chosen:
            LOGGER.info("options of %s: %s", command, options_shown(chosen))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def report_failures(name: str, failed: Sequence[str]) -> int:
    """Print one line per failed input; return the exit code."""
    for line in failed:
        _print_error(name, line, logging.ERROR)
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
    _print_error(name, message, logging.ERROR)
    return code


def say(name: str, message: str) -> None:
    """Print one line about the run to the standard error stream, and log it."""
    _print_error(name, message, _level(message))


def _print_error(name: str, message: str, level: int) -> None:
    # File names and messages of libraries may contain line breaks.
    lines = (line.strip() for line in legible(message).splitlines())
    line = f"{name}: {' '.join(filter(None, lines))}"
    print(line, file=sys.stderr)  # noqa: T201
    LOGGER.log(level, "%s", line)


def _level(line: str) -> int:
    return logging.WARNING if line.startswith(WARNING) else logging.INFO


def report(lines: Iterable[str]) -> None:
    """Print lines of a result to the standard output, and log them."""
    for line in lines:
        print(line)  # noqa: T201
        log_line(line)


def log_line(line: str) -> None:
    """Log a line of a result that is printed elsewhere."""
    LOGGER.log(_level(line), "%s", line)


def say_all(name: str, messages: Iterable[str]) -> None:
    """Print a line per message, as `say` does."""
    for message in messages:
        say(name, message)


def _system_problem(error: Exception) -> str | None:
    """Return the line for a problem with the disk or a missing system library."""
    if isinstance(error, OSError):
        return disk_problem(error)
    if isinstance(error, ImportError):
        for library, package in _SYSTEM_LIBRARIES.items():
            if library in str(error):
                return f"the system library {library} is missing: apt-get install {package}"
    return None


def _internal(name: str, error: Exception, log: RunLog) -> str:
    """Return the line for an unexpected error; write its traceback to the log."""
    return unexpected(error, log.write_error(name, error, otherwise=cache_folder() / "logs"))
