"""Options from config files and environment variables: where they are, and what they may set."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from configargparse import TomlConfigParser

from data.core.errors import InputError
from data.project.project import PROJECT_FILE, SUFFIX

CONFIG_FILE: Final = "config.toml"
"""Name of the config file in the user's config folder, and in a project folder."""
PREFIX: Final = "FANCAM"
STAGES: Final = frozenset(
    {"fancam", "cluster-faces", "train-tracker", "track-people", "crop-people", "smile-gifs"}
)
"""Commands whose options a project's file may set: a project may come from somebody else."""
USERS_ONLY: Final = frozenset({"ray", "models"})
"""Options of these commands that it may not set."""
OF_ONE_RUN: Final = frozenset({"dry-run"})
"""Options that no file may set."""


def config_folder() -> Path | None:
    """Return the folder ``fancam`` in the user's config folder; None if there is no home folder."""
    if chosen := os.environ.get("XDG_CONFIG_HOME"):
        return Path(chosen).absolute() / "fancam"
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA")
        return Path(roaming) / "fancam" if roaming else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    is_mac = sys.platform == "darwin"
    return home / ("Library/Application Support" if is_mac else ".config") / "fancam"


def user_file() -> Path | None:
    """Return the user's config file, which need not exist; None if there is no home folder."""
    folder = config_folder()
    return None if folder is None else folder / CONFIG_FILE


def project_files(words: Iterable[str]) -> list[Path]:
    """Return the config files of the projects that the words of a command line name.

    A project is named by its folder, or by a footage whose project is in the current folder.
    """
    found = []
    for word in words:
        path = Path(word.partition("=")[2] if word.startswith("--") else word)
        for folder in (path, Path(f"{path.stem}{SUFFIX}"), Path(f"{path.name}{SUFFIX}")):
            file = folder / CONFIG_FILE
            if _exists(folder / PROJECT_FILE) and _exists(file):
                found.append(file)
    return list(dict.fromkeys(found))


def config_files(words: Sequence[str]) -> list[Path]:
    """Return the config files of a command line; a later one has precedence."""
    user = user_file()
    return [*([user] if user is not None else []), *project_files(words)]


def section_of(command: str) -> str:
    """Return the section of a command in a config file: ``fancam status`` is ``fancam-status``."""
    return command.replace(" ", "-")


def variable_prefix(command: str) -> str:
    """Return the start of the environment variables of a command's options."""
    words = command.upper().replace("-", "_").split()
    return "_".join([PREFIX, *(word for word in words if word != PREFIX)]) + "_"


def variable_of(command: str, option: str) -> str:
    """Return the environment variable of an option such as ``--min-face``."""
    return variable_prefix(command) + option.lstrip("-").upper().replace("-", "_")


def parsed_toml(stream: TextIO) -> dict[str, Any]:
    """Return the content of an open config file, by section.

    Raises:
        InputError: it is not TOML.
    """
    try:
        return tomllib.loads(stream.read())
    except ValueError as error:  # also UnicodeDecodeError
        reason = " ".join(str(error).split())
        message = f"not valid TOML ({reason}); correct it, or move it away"
        raise InputError(f"{stream.name}: {message}") from error


def may_set(file: Path, command: str, option: str) -> bool:
    """Whether a config file may set an option, named without dashes."""
    if option in OF_ONE_RUN:
        return False
    return file == user_file() or (command in STAGES and option not in USERS_ONLY)


class SectionParser(TomlConfigParser):  # type: ignore[misc]
    """Reads the section of one command from a TOML file."""

    def __init__(self, command: str) -> None:
        super().__init__([section_of(command)])
        self._command = command

    def parse(self, stream: Any) -> dict[str, Any]:
        """Return the options of the section.

        Raises:
            InputError: the file is not TOML, or sets an option that it may not set.
        """
        content = parsed_toml(stream)
        loose = [name for name, value in content.items() if not isinstance(value, dict)]
        stream.seek(0)
        items: dict[str, Any] = super().parse(stream)
        if loose:
            message = (
                f"the option {loose[0]} is in no section; write it below one, "
                f"such as [{self.sections[0]}]"
            )
            raise InputError(f"{stream.name}: {message}")
        refused = [name for name in items if not may_set(Path(stream.name), self._command, name)]
        if refused:
            raise InputError(f"{stream.name}: {_refusal(refused[0])}")
        return items


def _refusal(option: str) -> str:
    """Say why a file may not set an option, and what to do."""
    if option in OF_ONE_RUN:
        return f"the option {option} is not read from a file; give --{option} on the command line"
    place = user_file() or "the environment"
    return f"the option {option} is not read from a project's file; set it in {place}"


def _exists(path: Path) -> bool:
    """Whether a file exists; False also for what is no path, such as an address."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
