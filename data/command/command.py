"""Parts of every command: parser, confirmation, exit codes, and one-line error messages."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, NoReturn

from data.core.error_log import describe, write_error
from data.core.errors import InputError, InternalError, disk_problem
from data.core.streams import StreamChoice
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from data.video.pictures.media_folder import LeftOut

EXIT_PARTLY = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # as if by SIGPIPE

_NUMBER = re.compile(r"-\.?\d[\d.eE+-]*")
_SYSTEM_LIBRARIES = {"libGL.so": "libgl1", "libgthread": "libglib2.0-0", "libglib": "libglib2.0-0"}


class Parser(argparse.ArgumentParser):
    """Argument parser that raises an InputError instead of printing the usage and exiting."""

    def parse_known_args(  # type: ignore[override, unused-ignore]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments, after a check for names that look like options.

        Raises:
            InputError: the arguments are invalid.
        """
        words = list(sys.argv[1:] if args is None else args)
        for word in takewhile(lambda word: word != "--", words):
            if self._is_name(word):
                reason = "a name that begins with a dash looks like an option"
                advice = f"give it after --, or as {command_line(Path(word))}"
                raise InputError(f"{word}: {reason}; {advice}")
        parsed, unknown = super().parse_known_args(words, namespace)
        return parsed or argparse.Namespace(), unknown

    def _is_name(self, word: str) -> bool:
        """Whether a word begins with a dash and is a file, or no option at all."""
        option = word.partition("=")[0]
        if not word.startswith("-") or word == "-" or option in self._option_string_actions:
            return False
        if _NUMBER.fullmatch(word):
            return False
        return not word.startswith("--") or Path(word).exists()

    def error(self, message: str) -> NoReturn:
        """Raise the InputError of invalid arguments."""
        raise InputError(f"{message}; see --help")


def add_ray_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--ray``; see `data.remote.runners.runner_at`."""
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster: HOST:PORT of its head, auto, or local to start Ray here",
    )


def add_stream_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--video-stream`` and ``--audio-stream``; see `stream_choice`."""
    for kind, name in (("video", "video"), ("audio", "sound")):
        parser.add_argument(
            f"--{kind}-stream",
            type=int,
            metavar="N",
            help=f"read the N-th {name} stream of the file, from 1 (default: the one flagged as "
            "default, else the first)",
        )


def stream_choice(parsed: argparse.Namespace) -> StreamChoice:
    """Return the streams of `add_stream_options`.

    Raises:
        InputError: a number is out of range.
    """
    for kind in ("video", "audio"):
        require_range(f"--{kind}-stream", getattr(parsed, f"{kind}_stream"), low=1, high=1000)
    return StreamChoice(parsed.video_stream, parsed.audio_stream)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--models`` and ``--offline``; see `data.inference.models.ensure.ensure_models`."""
    add = parser.add_argument
    add("--models", type=Path, metavar="DIR", help="folder to read face models from")
    add("--offline", action="store_true", help="fetch no face models")


def require_range(
    option: str, value: float | None, *, low: float, high: float, unit: str = ""
) -> None:
    """Check that the value of an option is in its range; None means that it was not set.

    Raises:
        InputError: the value is out of range.
    """
    if value is not None and not low <= value <= high:
        shown = value if isinstance(value, int) else f"{value:g}"
        raise InputError(f"{option} {shown}: give a number from {low} to {high}{unit}")


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
        raise InputError(f"{question} No terminal to ask on: give --yes")
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
