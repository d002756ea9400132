"""The command `fancam completion`: print a script that completes all commands in a shell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, Literal

from data.storage.addresses import footage_path, project_path
from fancam.commands import parsers

Shell = Literal["bash", "zsh", "tcsh"]
SHELLS: Final[tuple[Shell, ...]] = ("bash", "zsh", "tcsh")
_PATHS: Final = (Path, footage_path, project_path)


def completion(shell: Shell) -> str:
    """Return a script for ``shell`` that completes options, choices, subcommands and files."""
    import shtab

    made = dict(parsers())
    front = argparse.ArgumentParser(prog="fancam")
    subparsers = front.add_subparsers()
    _with_actions(front, made.pop("fancam"))
    for name in [name for name in made if name.startswith("fancam ")]:
        parser = made.pop(name)
        part = subparsers.add_parser(name.removeprefix("fancam "), help=parser.description)
        _with_actions(part, parser)
    commands: list[argparse.ArgumentParser] = [front, *made.values()]
    return "\n".join(shtab.complete(_with_files(command), shell) for command in commands)


def _with_actions(
    parser: argparse.ArgumentParser, other: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Add the actions of another parser but its ``--help``."""
    for action in other._actions[1:]:
        parser._add_action(action)
    return parser


def _with_files(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let the shell complete files where a path is expected."""
    import shtab

    for action in parser._actions:
        if action.type in _PATHS:
            setattr(action, "complete", shtab.FILE)  # noqa: B010 - read by shtab
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                _with_files(part)
    return parser
