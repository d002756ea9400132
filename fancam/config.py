"""The command `fancam config`: list the options that config files and variables set."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.command.config import (
    CONFIG_FILE,
    OF_ONE_RUN,
    may_set,
    parsed_toml,
    section_of,
    user_file,
    variable_of,
)
from data.project.project import Project
from data.storage.shown import shown
from fancam.commands import options_of, parsers


def print_config(project: Project | None) -> int:
    """Print the config files, and each option that they or variables set; return the exit code.

    A later line has precedence.

    Raises:
        InputError: a file is not readable TOML.
    """
    for name, file in _files(project).items():
        print(f"{name:<8} {shown(file)}{'' if file.is_file() else '  (does not exist)'}")
    for line in _settings(project):
        print(line)
    return 0


def template() -> str:
    """Return a config file in which every option is a comment with its default and help."""
    lines = [
        f"# All options that a file may set. Save this file as {CONFIG_FILE}, at a path that",
        "# `fancam config` lists, and remove the # of each option that you set.",
    ]
    for command, parser in parsers().items():
        lines += ["", f"[{section_of(command)}]"]
        named = [(option.lstrip("-"), action) for option, action in options_of(parser)]
        lines += [
            f"# {name} = {_example(action)}  # {_help(action)}"
            for name, action in named
            if name not in OF_ONE_RUN
        ]
    return "\n".join(lines)


def _files(project: Project | None) -> dict[str, Path]:
    user = user_file()
    files = {} if user is None else {"user": user}
    return files if project is None else {**files, "project": project.folder / CONFIG_FILE}


def _settings(project: Project | None) -> Iterator[str]:
    """Yield a line per option that a file or a variable sets, files first."""
    commands = parsers()
    sections = {section_of(command): command for command in commands}
    for place, file in _files(project).items():
        if project is not None and place == "project":
            yield from _remembered(project)
        for section, options in _read(file).items():
            command = sections.get(section, "")
            known = dict(options_of(commands[command])) if command else {}
            for name, value in options.items():
                note = "" if f"--{name}" in known else "  (there is no such option)"
                if note == "" and not may_set(file, command, name):
                    kind = "a config file" if name in OF_ONE_RUN else "a project's config file"
                    note = f"  (not allowed in {kind})"
                yield f"{command or section} --{name} {json.dumps(value)}  from {shown(file)}{note}"
    for command, parser in commands.items():
        for option, _ in options_of(parser):
            variable = variable_of(command, option)
            if variable in os.environ:
                yield f"{command} {option} {json.dumps(os.environ[variable])}  from {variable}"


def _remembered(project: Project) -> Iterator[str]:
    """Yield a line per option that a project remembers."""
    for command, options in project.options.items():
        for name, value in options.items():
            yield f"{command} --{name} {json.dumps(value)}  from options saved in earlier runs"


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Return the sections of a config file; empty if there is none."""
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8") as stream:
        content = parsed_toml(stream)
    return {name: value for name, value in content.items() if isinstance(value, dict)}


def _example(action: argparse.Action) -> str:
    """Return the default of an option as TOML, else an example of its kind."""
    if action.nargs == 0:
        return "true"
    if isinstance(action.default, int | float | str):
        return json.dumps(action.default)
    if isinstance(action.metavar, tuple):
        return json.dumps(list(action.metavar))
    if action.choices:
        return json.dumps(str(next(iter(action.choices))))
    return json.dumps(str(action.metavar or action.dest.upper()))


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")  # argparse would format it
    return " ".join(text.split())
