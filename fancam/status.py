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
    states = states_of(project)
    print(_json(states) if as_json else "\n".join(_table(states)))
    return 0


def states_of(project: Project) -> list[StageStatus]:
    """Return the status of every output of a project, in the order of the stages."""
    from clustering.state import states as clustering_states
    from cropping.state import states as cropping_states
    from tracking.state import states as tracking_states

    return [*clustering_states(project), *tracking_states(project), *cropping_states(project)]


def _table(states: Sequence[StageStatus]) -> list[str]:
    """Format the status as aligned lines."""
    rows = [(state.what, state.footage, state.state, state.why) for state in states]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, state in zip(rows, states, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*cells, _command(state)]).rstrip())
    found = {state.state for state in states}
    if found == {"done"}:
        lines.append("all is up to date")
    if "stale" in found:
        lines.append("run these commands with the same options as before")
    return lines


def _json(states: Sequence[StageStatus]) -> str:
    rows = [
        {
            "what": state.what,
            "footage": state.footage or None,
            "state": state.state,
            "why": state.why,
            "command": list(state.command),
        }
        for state in states
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]"


def _command(state: StageStatus) -> str:
    # As typed by the user: relative paths below the working directory.
    words = (shown(Path(word)) if Path(word).is_absolute() else word for word in state.command)
    return shlex.join(words)
