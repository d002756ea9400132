"""What is out of date or missing in a project, and the command to run next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.core.errors import InputError
from data.project.project import FootageEntry, Project
from data.project.status import StageStatus, is_due, next_command
from data.storage.addresses import footage_address
from data.storage.shown import command_line
from data.video.pictures.media_folder import size_on_disk

if TYPE_CHECKING:
    from web.core.library import OpenProject


def statuses_of(project: Project) -> list[StageStatus]:
    """Return the status of every output of a project, in the order of the stages.

    Raises:
        InputError: a table of the project is unreadable.
    """
    found = [status for states in import_states() for status in states(project)]
    changed = {name for name, entry in project.footages.items() if _has_changed(entry)}
    return [
        # Only cluster-faces accepts a footage that has changed.
        replace(status, command=())
        if status.footage in changed and status.output != "faces"
        else status
        for status in found
    ]


def import_states() -> tuple[Callable[[Project], list[StageStatus]], ...]:
    """Import the function `states` of every stage: late, because it takes a while."""
    from clustering.state import states as clustering_states
    from cropping.state import states as cropping_states
    from tracking.state import states as tracking_states

    return clustering_states, tracking_states, cropping_states


def _has_changed(entry: FootageEntry) -> bool:
    """Return whether a footage is missing or has changed; a fetched one is fetched again."""
    size = size_on_disk(entry.path)
    return size != entry.size_bytes and (size is not None or footage_address(entry.path) is None)


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """What a page says about the state of its project."""

    stale: tuple[str, ...] = ()  # outputs that are out of date
    missing: tuple[str, ...] = ()  # outputs that do not exist yet
    reasons: tuple[tuple[str, str], ...] = ()  # of each of them: output with footage, and why
    command: str = ""  # to run next beside the project; empty if none helps
    problem: str = ""  # why the state is unknown

    def __bool__(self) -> bool:
        """Return whether there is something to say."""
        return bool(self.reasons or self.problem)


def project_status(
    project: OpenProject, footage: str | None = None, *, without: Collection[str] = ()
) -> ProjectStatus:
    """Return what is out of date or missing.

    Args:
        project: project of the page.
        footage: name of a footage, to leave out the outputs of the others.
        without: outputs to leave out.
    """
    read = project.read()
    try:
        found = statuses_of(read)
    except InputError as error:
        return ProjectStatus(problem=project.shown(str(error)))
    of_page = [s for s in found if footage is None or s.footage in ("", footage)]
    due = [s for s in of_page if is_due(s) and s.output not in without]
    # Pages do not show where files are on this machine.
    short = {str(entry.path): Path(entry.path.name) for entry in read.footages.values()}
    short[str(read.folder)] = project.argument
    command = next_command(due)
    return ProjectStatus(
        stale=_outputs(due, "stale"),
        missing=_outputs(due, "missing"),
        reasons=tuple(
            (_label(s, len(read.footages)), _without_paths(s.reason, short)) for s in due
        ),
        command=command_line(*(short.get(word, word) for word in command)) if command else "",
    )


def _outputs(statuses: Iterable[StageStatus], state: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.output for s in statuses if s.state == state))


def _label(status: StageStatus, footages: int) -> str:
    return (
        f"{status.output} of {status.footage}" if status.footage and footages > 1 else status.output
    )


def _without_paths(text: str, short: dict[str, Path]) -> str:
    for path in sorted(short, key=len, reverse=True):
        text = text.replace(path, str(short[path]))
    return text
