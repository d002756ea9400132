"""The command `fancam clean`: remove files that fancam can regenerate, and its logs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from data.command.command import confirmed
from data.core.counts import counted

if TYPE_CHECKING:
    from data.project.cleanup import Removable
    from data.project.project import Project

MADE_AGAIN: Final = ("exports", "cache", "crops", "tracks", "tracker", "dataset")
KINDS: Final = (*MADE_AGAIN, "logs")


def clean(project: Project, kinds: Collection[str], *, yes: bool) -> int:
    """List the files of some kinds, and remove them if confirmed; return the exit code.

    Args:
        project: project to clean.
        kinds: kinds of files to remove, from `KINDS`.
        yes: remove them without asking.

    Raises:
        InputError: there is no terminal for the question, or another run holds the lock.
    """
    from data.core.disk_space import readable
    from data.project.cleanup import remove

    removables = _removables(project, kinds)
    if not removables:
        print("nothing to remove")
        return 0
    print("\n".join(_table(removables)))
    if not confirmed("Remove them?", yes=yes):
        return 0
    with project.lock():
        removables = _removables(project, kinds)
        freed = sum(removable.size_bytes for removable in removables)
        for removable in removables:
            remove(project, removable)
    again = "; the commands above make these files again" if {*kinds} & {*MADE_AGAIN} else ""
    print(f"{readable(freed)} freed{again}")
    return 0


def _removables(project: Project, kinds: Collection[str]) -> list[Removable]:
    """Return the removable files of ``kinds``."""
    from clustering.state import removable as clustering_files
    from cropping.state import removable as cropping_files
    from tracking.state import removable as tracking_files

    removables = [
        exports(project),
        cache(project),
        logs(project),
        *cropping_files(project),
        *tracking_files(project),
        *clustering_files(project),
    ]
    return [removable for removable in removables if removable.kind in kinds and removable.files]


def _table(removables: Sequence[Removable]) -> list[str]:
    from data.core.disk_space import readable

    rows = [
        (
            removable.kind,
            counted(len(removable.files), "file"),
            readable(removable.size_bytes),
            f"made by {removable.made_by}",
        )
        for removable in removables
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{kind:<{widths[0]}}  {files:>{widths[1]}}  {size:>{widths[2]}}  {made_by}"
        for kind, files, size, made_by in rows
    ]


def exports(project: Project) -> Removable:
    """Return the archives of `fancam export`."""
    from data.project.cleanup import Removable
    from data.tables.archives import archives_in

    return Removable("exports", "fancam export", tuple(archives_in(project.export_folder)))


def cache(project: Project) -> Removable:
    """Return the cache of serve-people."""
    from data.project.cleanup import Removable, files_under
    from data.project.project import CACHE_FOLDER

    files = files_under(project.folder / CACHE_FOLDER)
    return Removable("cache", "serve-people", tuple(files))


def logs(project: Project) -> Removable:
    """Return the logs of the project, which no command can make again."""
    from data.core.run_log import log_files
    from data.project.cleanup import Removable

    return Removable("logs", "all commands", tuple(log_files(project.logs_folder)))
