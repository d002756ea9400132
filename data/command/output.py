"""What a command prints: the options ``--quiet``, ``--verbose`` and ``--progress``."""

from __future__ import annotations

import argparse
import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Final

from data.core.errors import InputError
from data.core.progress import progress_form, show_progress

WARNING: Final = "warning:"


@contextmanager
def configured_output(parsed: argparse.Namespace) -> Iterator[None]:
    """Print as the options of a command say within the block.

    Args:
        parsed: options; those of `data.command.parser.Parser` may be missing.
    """
    show_progress(getattr(parsed, "progress", "auto"))
    quiet = getattr(parsed, "quiet", False)
    if quiet and progress_form() == "bar":
        show_progress("none")
    try:
        if quiet:
            with redirect_stdout(_WarningsOnly()):
                yield
        else:
            yield
    except Exception as error:
        if getattr(parsed, "verbose", False) and not isinstance(error, InputError):
            traceback.print_exc()
        raise
    finally:
        show_progress("auto")


class _WarningsOnly(io.TextIOBase):
    """Standard output of a quiet command: warnings and questions go to the error stream."""

    def __init__(self) -> None:
        self._line = ""

    def write(self, text: str) -> int:
        """Keep a text until its line is complete, and print a warning."""
        *lines, self._line = f"{self._line}{text}".split("\n")
        for line in lines:
            if line.startswith(WARNING):
                print(line, file=sys.stderr)  # noqa: T201
        return len(text)

    def flush(self) -> None:
        """Print an incomplete line, which is a question."""
        with suppress(ValueError):  # the error stream is closed
            sys.stderr.write(self._line)
            sys.stderr.flush()
        self._line = ""
