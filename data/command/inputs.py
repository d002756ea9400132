"""Resolve the arguments of a command to footages: files, folders, patterns and addresses."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from data.core.errors import InputError
from data.project.project import SUFFIX, Project, absolute
from data.storage.addresses import footage_address, footage_place

_CONTAINERS: Final = "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
VIDEO_SUFFIXES: Final = frozenset(f".{name}" for name in _CONTAINERS.split())
"""Suffixes of footage in a folder. A file named on the command line may have any suffix."""


def footage_paths(names: Sequence[Path]) -> list[Path]:
    """Return the footages of command-line arguments, without duplicates.

    A folder with videos in it, or in folders within, is those videos, in order of name; a folder
    without is one footage of pictures. A pattern, such as ``lessons/*.mp4``, is what matches it:
    for those who start a command without a shell. At an address it is the same; footage is not
    fetched before it is looked at.

    Raises:
        InputError: nothing matches a pattern, or an address cannot be reached.
    """
    return list(dict.fromkeys(path for name in names for path in _resolved(name)))


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
    is_folder = len(given) == 1 and _is_folder(given[0], footages)
    if len(given) != 1 or not (len(footages) == 1 or is_folder):
        raise InputError("several footages go into one project: name it by --project")
    one = absolute(given[0])
    project = Project(Path(f"{one.name if is_folder else one.stem}{SUFFIX}"))
    known = [entry.path for entry in project.footages.values()]
    if known and not {absolute(footage) for footage in footages} & set(known):
        message = f"{project.folder.name} is the project of {known[0]}"
        raise InputError(f"{one}: {message}; add to it or start another by --project")
    return project


def _is_folder(given: Path, footages: Sequence[Path]) -> bool:
    address = footage_address(given)
    if address is None:
        return given.is_dir()
    return list(footages) != [given] and not glob.has_magic(address)


def _resolved(name: Path) -> Iterator[Path]:
    if (address := footage_address(name)) is not None:
        yield from map(footage_place, _resolved_at(address))
    elif not name.exists() and glob.has_magic(str(name)):
        # Path.glob takes no pattern that begins at the root.
        matches = sorted(glob.glob(str(name), recursive=True))  # noqa: PTH207
        if not matches:
            raise InputError(f"{name}: nothing matches this pattern; check the name")
        for match in matches:
            yield from _videos(Path(match)) or [Path(match)]
    else:
        yield from _videos(name) or [name]


def _resolved_at(address: str) -> Iterator[str]:
    """Addresses of the footages at an address."""
    from data.storage.store import Store

    found = Store(address).look()
    if found is None and glob.has_magic(address):
        yield from _matching_there(address)
    else:
        yield from (_videos_there(address) if found and found.is_folder else []) or [address]


def _matching_there(address: str) -> Iterator[str]:
    from data.storage.store import Store

    scheme, _, rest = address.partition("://")
    parts = rest.split("/")
    plain = list(takewhile(lambda part: not glob.has_magic(part), parts))
    if not any(plain):
        raise InputError(f"{address}: the first part of an address cannot be a pattern; name it")
    folder = f"{scheme}://{'/'.join(plain)}"
    matches = Store(folder).matching("/".join(parts[len(plain) :]))
    if not matches:
        raise InputError(f"{address}: nothing matches this pattern; check the name")
    for name, stored in matches.items():
        match = f"{folder}/{name}"
        yield from (_videos_there(match) if stored.is_folder else []) or [match]


def _videos_there(folder: str) -> list[str]:
    from data.storage.store import Store

    paths = [PurePosixPath(name) for name in Store(folder).files()]
    found = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES]
    return [f"{folder}/{path}" for path in found if not _is_ours(path)]


def _videos(folder: Path) -> list[Path]:
    """Videos in a folder; none where it is not a folder, or one of pictures."""
    if not folder.is_dir():
        return []
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in VIDEO_SUFFIXES]
    return [path for path in found if path.is_file() and not _is_ours(path.relative_to(folder))]


def _is_ours(path: PurePath) -> bool:
    """Whether a file is hidden or inside a project folder, and so no footage."""
    parents = path.parts[:-1]
    return any(part.startswith(".") for part in path.parts) or any(
        part.endswith(SUFFIX) for part in parents
    )
