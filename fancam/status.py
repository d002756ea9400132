"""The command `fancam status`: print which outputs of a project are done, stale or missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import EXIT_STALE
from data.storage.addresses import footage_address
from data.storage.shown import command_line
from data.video.pictures.media_folder import size_on_disk

if TYPE_CHECKING:
    from data.project.project import FootageEntry, Project
    from data.project.status import StageStatus


def print_status(project: Project, *, as_json: bool) -> int:
    """Print the status of every output of a project; return 0 if all are done, else `EXIT_STALE`.

    Raises:
        InputError: a table of the project is unreadable.
    """
    statuses = statuses_of(project)
    print(_json(statuses) if as_json else "\n".join([*_table(statuses), *_next(project, statuses)]))
    return 0 if all(status.state == "done" for status in statuses) else EXIT_STALE


def statuses_of(project: Project) -> list[StageStatus]:
    """Return the status of every output of a project, in the order of the stages."""
    from clustering.state import states as clustering_states
    from cropping.state import states as cropping_states
    from tracking.state import states as tracking_states

    found = [*clustering_states(project), *tracking_states(project), *cropping_states(project)]
    changed = {name for name, entry in project.footages.items() if _has_changed(entry)}
    return [
        # Only cluster-faces accepts a footage that has changed.
        replace(status, command=())
        if status.footage in changed and status.output != "faces"
        else status
        for status in found
    ]


def _has_changed(entry: FootageEntry) -> bool:
    """Return whether a footage is missing or has changed; a fetched one is fetched again."""
    size = size_on_disk(entry.path)
    return size != entry.size_bytes and (size is not None or footage_address(entry.path) is None)


def next_command(statuses: Sequence[StageStatus]) -> tuple[str, ...]:
    """Return the command to run next; empty if there is none."""
    return next((s.command for s in statuses if s.state != "done" and s.command), ())


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
    lines = ["run these commands with the same options as before"] if "stale" in found else []
    if command := next_command(statuses):
        return [*lines, f"next: {_shell(command)}"]
    if found != {"done"}:
        return lines
    watch = _shell(("serve-people", str(project.folder), "--open"))
    return [*lines, f"everything is up to date; watch it: {watch}"]


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
