"""Paths and commands, as the user can read and repeat them."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Final

from data.storage.addresses import legible

_SAFE_ON_WINDOWS: Final = re.compile(r"[\w.:\\/=+~-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def shown(path: Path) -> str:
    """Format a path for the user.

    A path below the working directory is shown relative to it, a path in the cache as its address.
    """
    text, current = legible(str(path)), Path.cwd()
    below = text == str(path) and path.is_relative_to(current)
    return str(path.relative_to(current)) if below else text


def command_line(*words: str | Path) -> str:
    """Format a command for the user's shell.

    Args:
        words: the command and its arguments; a path is shown as by `shown`, and never as an option.
    """
    return " ".join(_quoted(_argument(word)) for word in words)


def not_an_option(name: str) -> str:
    """Return a file name that no command takes for an option."""
    return f".{os.sep}{name}" if name.startswith("-") else name


def _argument(word: str | Path) -> str:
    if isinstance(word, str):
        return word
    return not_an_option(shown(word) if word.is_absolute() else str(word))


def _quoted(word: str) -> str:
    if os.name == "nt":
        return quoted_on_windows(word)
    if _CONTROL.search(word):  # bash and zsh
        return "$'" + _CONTROL.sub(_escaped, word.replace("\\", "\\\\").replace("'", "\\'")) + "'"
    return shlex.quote(word)


def quoted_on_windows(word: str) -> str:
    """Quote a word for PowerShell, and for cmd unless it contains a dollar or a backtick."""
    if _SAFE_ON_WINDOWS.fullmatch(word):
        return word
    if "$" in word or "`" in word:  # PowerShell replaces them in double quotes
        return "'" + word.replace("'", "''") + "'"
    return f'"{word}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
