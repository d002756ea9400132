"""Options that a project remembers: those that its stages were last run with.

In order of precedence: the command line, variables, the project's config file, remembered options,
the user's config file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from data.command.parser import Parser, options_shown
from data.core.errors import InputError
from data.project.project import PROJECT_FILE, Project
from data.project.record import Scalar
from data.project.stages import FACES
from data.storage.shown import shown

_UNSET: Final = "not set"


@dataclass(frozen=True, slots=True)
class StageOptions:
    """Options of one run of a stage, with those that its project remembers."""

    parsed: argparse.Namespace
    lines: tuple[str, ...]  # what the user should know about them
    remembered: tuple[str, Mapping[str, Scalar]]  # what the project is to remember, by command


def stage_options(parser: Parser, parsed: argparse.Namespace, project: Project) -> StageOptions:
    """Return the options of a command, and set those that are not given as its project remembers.

    Flags are not set, since no word on the command line would take them back. Options that a given
    one excludes are not set either.

    Args:
        parser: parser of a stage.
        parsed: its result, which is changed.
        project: project of the run.

    Raises:
        InputError: a remembered value is none of the option's.
    """
    lines = () if project.options.get(parser.prog) is None else _remember(parser, parsed, project)
    values = {
        name: (_plain(getattr(parsed, action.dest)), _plain(action.default))
        for name, action in parser.remembered().items()
    }
    changed = {name: value for name, (value, usual) in values.items() if value != usual}
    return StageOptions(parsed, () if parsed.quiet else lines, (parser.prog, changed))


def options_for(parser: Parser, project: Project, *words: str) -> StageOptions:
    """Return the options of a stage that another command runs.

    Args:
        parser: parser of the stage.
        project: project of the run.
        words: options that the user gave to the other command.

    Raises:
        InputError: an option of a config file, a variable or the project is invalid.
    """
    folder = str(project.folder)
    named = ["--project", folder] if parser.prog == FACES.command else [folder]
    parsed = parser.parse_args([*named, *words])
    options = stage_options(parser, parsed, project)
    return replace(options, lines=(*parsed.notes, *options.lines))


def _remember(parser: Parser, parsed: argparse.Namespace, project: Project) -> tuple[str, ...]:
    """Set the remembered options; return a line on them, and one on those that changed."""
    stored = project.options[parser.prog]
    used: dict[str, Scalar] = {}
    changed = []
    kept = parser.remembered().keys() - parsed.given - parser.excluded_by(parsed.given)
    for name, action in parser.remembered().items():
        usual = _plain(action.default)
        before = stored.get(name, usual)
        if name in kept and action.nargs != 0 and not parsed.defaults:
            setattr(parsed, action.dest, _converted(parser, action, name, before, project))
            used |= {name: before} if before != usual else {}
        elif (now := _plain(getattr(parsed, action.dest))) != before:
            changed.append(f"--{name} {_word(now)} (was {_word(before)})")
    saved = f"using saved options of {shown(project.folder)}: {options_shown(used)}"
    new = f"options changed since the last run: {', '.join(changed)}"
    return (*([saved] if used else []), *([new] if changed else []))


def _converted(
    parser: Parser, action: argparse.Action, name: str, value: Scalar, project: Project
) -> Any:
    """Return a remembered value as the parser would return it."""
    if value is None:
        return None
    try:
        return parser._get_values(action, [str(value)])
    except argparse.ArgumentError as error:
        file = shown(project.folder / PROJECT_FILE)
        advice = f"give {parser.prog} another --{name}"
        message = f"--{name} {value} is saved there, but is not valid; {advice}"
        raise InputError(f"{file}: {message}") from error


def _plain(value: Any) -> Scalar:
    """Return a value for JSON; the path of an existing file is absolute."""
    if isinstance(value, Path) or (isinstance(value, str) and value and Path(value).is_file()):
        return str(Path(value).absolute())
    return value  # type: ignore[no-any-return]


def _word(value: Scalar) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return _UNSET if value is None else str(value)
