"""The command `fancam status`: print which outputs of a project are done, stale or missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.command.command import EXIT_STALE
from data.project.status import StageStatus, is_due, next_command
from data.storage.shown import command_line
from web.core.status import statuses_of

if TYPE_CHECKING:
    from data.project.project import Project

_OPTIONS: Final = "these commands use the saved options again; add flags such as --overlay yourself"


def print_status(project: Project, *, as_json: bool) -> int:
    """Print the status of every output of a project; return 0 if all are done, else `EXIT_STALE`.

    Raises:
        InputError: a table of the project is unreadable.
    """
    statuses = statuses_of(project)
    print(_json(statuses) if as_json else "\n".join([*_table(statuses), *_next(project, statuses)]))
    return EXIT_STALE if any(is_due(status) for status in statuses) else 0


def _table(statuses: Sequence[StageStatus]) -> list[str]:
    """Format the statuses as aligned lines."""
    rows = [(status.output, status.footage, status.state, status.reason) for status in statuses]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, status in zip(rows, statuses, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*cells, _shell(status.command)]).rstrip())
    return lines


def _next(project: Project, statuses: Sequence[StageStatus]) -> list[str]:
    """Return the closing lines: what to do next."""
    found = {status.state for status in statuses}
    lines = [_OPTIONS] if "stale" in found else []
    if command := next_command(statuses):
        return [*lines, f"next: {_shell(command)}"]
    if any(is_due(status) for status in statuses):
        return lines
    watch = _shell(("serve-people", str(project.folder), "--open"))
    return [*lines, f"everything is up to date; to watch the videos: {watch}"]


def _json(statuses: Sequence[StageStatus]) -> str:
    rows = [
        {
            "what": status.output,
            "footage": status.footage or None,
            "state": status.state,
            "why": status.reason,
            "command": list(status.command),
        }
        for status in statuses
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]"


def _shell(command: Sequence[str]) -> str:
    words = (Path(word) if Path(word).is_absolute() else word for word in command)
    return command_line(*words)
