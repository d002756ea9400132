"""What can be made again is removed: what `fancam clean` does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from data.command.command import confirmed

if TYPE_CHECKING:
    from data.project.cleanup import Removable
    from data.project.project import Project

KINDS: Final = ("exports", "cache", "crops", "tracks", "tracker", "dataset")


def clean(project: Project, kinds: Collection[str], *, yes: bool) -> int:
    """Say what can be made again, and remove it if that is wished; return the exit code.

    Args:
        project: to be cleaned.
        kinds: of `KINDS`.
        yes: do not ask.

    Raises:
        InputError: there is nobody to ask, or another run is at work in the project.
    """
    from data.core.disk_space import readable
    from data.project.cleanup import remove

    there = _removables(project, kinds)
    if not there:
        print("nothing to remove")
        return 0
    print("\n".join(_table(there)))
    if not confirmed("Remove them?", yes=yes):
        return 0
    with project.lock():
        there = _removables(project, kinds)
        freed = sum(one.size_bytes for one in there)
        for one in there:
            remove(project, one)
    print(f"{readable(freed)} freed; to have it again, run fancam on the footage")
    return 0


def _removables(project: Project, kinds: Collection[str]) -> list[Removable]:
    """What is there of these kinds."""
    from clustering.state import removable as of_clustering
    from cropping.state import removable as of_cropping
    from tracking.state import removable as of_tracking

    every = [
        exports(project),
        cache(project),
        *of_cropping(project),
        *of_tracking(project),
        *of_clustering(project),
    ]
    return [one for one in every if one.kind in kinds and one.files]


def _table(removables: Sequence[Removable]) -> list[str]:
    from data.core.disk_space import readable

    rows = [
        (one.kind, f"{len(one.files)} files", readable(one.size_bytes), f"again by {one.made_by}")
        for one in removables
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{kind:<{widths[0]}}  {files:>{widths[1]}}  {size:>{widths[2]}}  {again}"
        for kind, files, size, again in rows
    ]


def exports(project: Project) -> Removable:
    """Dataset and tracks in other tools' formats."""
    from data.project.cleanup import Removable
    from data.tables.export import exported

    return Removable("exports", "fancam export", tuple(exported(project.export_folder)))


def cache(project: Project) -> Removable:
    """What the pages have made for themselves."""
    from data.project.cleanup import Removable, files_under
    from data.project.project import CACHE_FOLDER

    files = files_under(project.folder / CACHE_FOLDER)
    return Removable("cache", "serve-people", tuple(files))
