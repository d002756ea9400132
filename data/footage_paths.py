"""What the names on a command line mean: footages, folders of them, and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from data.errors import InputError
from data.project import SUFFIX, Project, absolute

_CONTAINERS: Final = "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
VIDEO_SUFFIXES: Final = frozenset(f".{name}" for name in _CONTAINERS.split())
"""Files of a folder that are taken for footage. A file that is named itself may be called anything:
whether it is a video is seen when it is opened."""


def footage_paths(names: Sequence[Path]) -> list[Path]:
    """Return the footages that ``names`` stand for, each once.

    A folder with videos in it, or in folders within, is those videos, in order of name; a folder
    without is one footage of pictures. A pattern, such as ``lessons/*.mp4``, is what matches it:
    for those who start a command without a shell.

    Raises:
        InputError: nothing matches a pattern.
    """
    return list(dict.fromkeys(path for name in names for path in _meant(name)))


def project_for(given: Sequence[Path], footages: Sequence[Path], *, named: Path | None) -> Project:
    """Return the project to work in: the one that was named, or one called after what was given.

    Args:
        given: one footage, or one folder of footages, where no project is named.
        footages: that are meant by it; see `footage_paths`.
        named: a project's folder.

    Raises:
        InputError: several footages and no project, or another footage's project has that name.
    """
    if named is not None:
        return Project(named)
    if len(given) != 1 or not (len(footages) == 1 or given[0].is_dir()):
        raise InputError("several footages go into one project: name it by --project")
    one = absolute(given[0])
    project = Project(Path(f"{one.name if one.is_dir() else one.stem}{SUFFIX}"))
    known = [entry.path for entry in project.footages.values()]
    if known and not {absolute(footage) for footage in footages} & set(known):
        message = f"{project.folder.name} is the project of {known[0]}"
        raise InputError(f"{one}: {message}; add to it or start another by --project")
    return project


def _meant(name: Path) -> Iterator[Path]:
    if not name.exists() and glob.has_magic(str(name)):
        # Path.glob takes no pattern that begins at the root.
        matches = sorted(glob.glob(str(name), recursive=True))  # noqa: PTH207
        if not matches:
            raise InputError(f"{name}: nothing matches this pattern; check the name")
        for match in matches:
            yield from _videos(Path(match)) or [Path(match)]
    else:
        yield from _videos(name) or [name]


def _videos(folder: Path) -> list[Path]:
    """Videos in a folder; none where it is not a folder, or one of pictures."""
    if not folder.is_dir():
        return []
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in VIDEO_SUFFIXES]
    return [path for path in found if path.is_file() and not _is_ours(path.relative_to(folder))]


def _is_ours(path: Path) -> bool:
    """Whether a file is of a project or hidden: what fancam wrote is not footage."""
    parents = path.parts[:-1]
    return any(part.startswith(".") for part in path.parts) or any(
        part.endswith(SUFFIX) for part in parents
    )
