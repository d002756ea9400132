"""The command `fancam status`: print which outputs of a project are done, stale or missing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import shown

if TYPE_CHECKING:
    from data.project.project import Project
    from data.project.status import StageStatus


def print_status(project: Project, *, as_json: bool) -> int:
    """Print the status of every output of a project; return the exit code.

    Raises:
        InputError: a table of the project is unreadable.
    """
    statuses = statuses_of(project)
    print(_json(statuses) if as_json else "\n".join(_table(statuses)))
    return 0


def statuses_of(project: Project) -> list[StageStatus]:
    """Return the status of every output of a project, in the order of the stages."""
    from clustering.state import states as clustering_states
    from cropping.state import states as cropping_states
    from tracking.state import states as tracking_states

    return [*clustering_states(project), *tracking_states(project), *cropping_states(project)]


def _table(statuses: Sequence[StageStatus]) -> list[str]:
    """Format the statuses as aligned lines."""
    rows = [(status.output, status.footage, status.state, status.reason) for status in statuses]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, status in zip(rows, statuses, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*cells, _command(status)]).rstrip())
    found = {status.state for status in statuses}
    if found == {"done"}:
        lines.append("everything is up to date")
    if "stale" in found:
        lines.append("run these commands with the same options as before")
    return lines


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


def _command(status: StageStatus) -> str:
    # Paths below the working directory are shown relative, as the user would type them.
    words = (shown(Path(word)) if Path(word).is_absolute() else word for word in status.command)
    return shlex.join(words)
