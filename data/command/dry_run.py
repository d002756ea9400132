"""What ``--dry-run`` prints: the outputs that are due, the time and the space that they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from data.command.remembered import StageOptions
from data.core.disk_space import free_bytes, readable
from data.core.errors import InputError
from data.core.time_left import duration
from data.execution.space_needed import space_needed
from data.execution.time_needed import MACHINE, time_needed
from data.project.project import Project, absolute
from data.project.status import OTHER_OPTIONS, StageStatus, is_due
from data.video.footage import Footage, probe

COMMAND_OF: Final = {
    "faces": "cluster-faces",
    "people": "cluster-faces",
    "tracker": "train-tracker",
    "tracks": "track-people",
    "videos": "crop-people",
    "smile GIFs": "smile-gifs",
}
"""Command that makes each output, in the order of the stages."""
_WHOLE: Final = {
    "faces": "the faces",
    "people": "the grouping into people",
    "tracker": "the detector",
}
"""Outputs on which the whole project depends, as words in a reason."""
_SOURCES: Final = ("weights", "body-weights")
"""Options whose files are not read here; compared by name with those of the last run."""


def stage_plan(
    statuses: Iterable[StageStatus],
    project: Project,
    paths: Sequence[Path],
    options: StageOptions,
    *,
    every_s: float | None = None,
) -> list[str]:
    """Return what the ``--dry-run`` of one stage prints.

    Args:
        statuses: statuses with the settings of the run, from the stage's ``state.py``.
        project: the project.
        paths: named footages; empty for all of the project.
        options: options of the run.
        every_s: interval of sampled frames in seconds; None for the default.
    """
    command, now = options.remembered
    of_run = with_consequences(_of_run(statuses, project, paths, ("faces",)))
    chosen = [status for status in of_run if COMMAND_OF[status.output] == command]
    before = project.options.get(command)
    other = [] if before is None else [n for n in _SOURCES if before.get(n) != now.get(n)]
    outputs = []
    for status in chosen:
        # The user asks for an optional output, although nothing needs it.
        if is_due(status) or status.state == "optional":
            outputs.append(status)
        elif options.parsed.force:
            outputs.append(replace(status, state="stale", reason="repeated because of --force"))
        elif other:
            reason = f"{OTHER_OPTIONS}: --{other[0]}"
            outputs.append(replace(status, state="stale", reason=reason))
    return plan_lines(outputs, project, paths, every_s=every_s)


def run_plan(
    statuses: Iterable[StageStatus],
    project: Project,
    paths: Sequence[Path],
    *,
    training: bool,
    every_s: float | None = None,
) -> list[str]:
    """Return what the ``--dry-run`` of all stages prints.

    Args:
        statuses: statuses with the settings of the run, in the order of the stages.
        project: the project, which need not exist.
        paths: named footages.
        training: whether a detector is trained.
        every_s: interval of sampled frames in seconds; None for the default.
    """
    of_run = _of_run(statuses, project, paths, ("faces", "tracks", "videos", "smile GIFs"))
    wanted = [
        replace(status, state="missing") if status.state == "optional" else status
        for status in of_run
        if training or status.output != "tracker"
    ]
    order = list(COMMAND_OF)
    wanted.sort(key=lambda status: order.index(status.output))
    outputs = [status for status in with_consequences(wanted) if is_due(status)]
    return plan_lines(outputs, project, paths, every_s=every_s)


def _of_run(
    statuses: Iterable[StageStatus], project: Project, paths: Sequence[Path], outputs: Sequence[str]
) -> list[StageStatus]:
    """Return the statuses of the named footages, with ``outputs`` of those new to the project."""
    named = {absolute(path) for path in paths}
    known = {entry.path: name for name, entry in project.footages.items()}
    new = [
        StageStatus(output, path.name, "missing", "not in the project yet")
        for path in paths
        if absolute(path) not in known
        for output in outputs
        if output != "videos" or not path.is_dir()
    ]
    others = {name for path, name in known.items() if named and path not in named}
    return [*new, *(status for status in statuses if status.footage not in others)]


def with_consequences(statuses: Iterable[StageStatus]) -> list[StageStatus]:
    """Return statuses in the order of the stages; what is made from a due output is due as well."""
    found = []
    whole = ""  # due output on which the whole project depends
    tracks: set[str] = set()  # footages whose tracks are due
    for status in statuses:
        cause = whole or ("the tracks" if status.footage in tracks else "")
        if cause and status.state == "done":
            status = replace(status, state="stale", reason=f"depends on {cause}, which will change")
        if is_due(status) and status.output in _WHOLE:
            whole = _WHOLE[status.output]
        elif is_due(status) and status.output == "tracks":
            tracks.add(status.footage)
        found.append(status)
    return found


def plan_lines(
    outputs: Sequence[StageStatus],
    project: Project,
    paths: Sequence[Path],
    *,
    every_s: float | None = None,
) -> list[str]:
    """Return what ``--dry-run`` prints about the outputs that are due.

    Args:
        outputs: the outputs, in the order of the stages.
        project: the project, which need not exist.
        paths: named footages; empty for all of the project.
        every_s: interval of sampled frames in seconds; None for the default.
    """
    if not outputs:
        return ["already up to date: nothing would run"]
    lines = [
        f"{COMMAND_OF[one.output]:<14} {one.output:<10} {one.footage:<20} {one.reason}".rstrip()
        for one in outputs
    ]
    footages, unread = _footages(project, paths)
    taken_s, needed = 0.0, 0
    for command in dict.fromkeys(COMMAND_OF[one.output] for one in outputs):
        names = {one.footage for one in outputs if COMMAND_OF[one.output] == command}
        chosen = [footage for name, footage in footages.items() if name in names]
        if names == {""}:  # the people or the tracker alone
            chosen = list(footages.values()) if command == "train-tracker" else []
        taken_s += time_needed(chosen, every_s=every_s)[command]
        needed += space_needed(chosen, every_s=every_s)[command]
    lines += [f"not counted, as it cannot be read here: {name}" for name in unread]
    free = readable(free_bytes(project.folder))
    about = f"about {duration(taken_s)}"
    lines += [
        f"time     {about}, a rough estimate from the length of the footage, for {MACHINE}",
        f"space    up to {readable(needed)}, of {free} free",
        "nothing was run or written",
    ]
    return lines


def _footages(project: Project, paths: Sequence[Path]) -> tuple[dict[str, Footage], list[str]]:
    """Return footages by their name in the project or file name, and the names of unread ones."""
    known = {entry.path: entry for entry in project.footages.values()}
    chosen = [absolute(path) for path in paths] or list(known)
    found, unread = {}, []
    for path in chosen:
        entry = known.get(path)
        name = entry.name if entry else path.name
        try:
            found[name] = probe(path, project.streams_of(path))
        except InputError:
            unread.append(name)
    return found, unread
