"""Resolve the arguments of a command to footages: files, folders, patterns and addresses."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from data.core.errors import InputError
from data.project.project import SUFFIX, Project, absolute
from data.storage.addresses import footage_address, footage_path

_CONTAINERS: Final = "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
VIDEO_SUFFIXES: Final = frozenset(f".{name}" for name in _CONTAINERS.split())
"""Suffixes of the videos in a folder; a file given on the command line may have any suffix."""


def footage_paths(names: Sequence[Path]) -> list[Path]:
    """Return the footages that command-line arguments name, without duplicates.

    A folder that contains videos, at any depth, is resolved to them, sorted by name. A folder
    without videos is one footage of pictures. A pattern, such as ``lessons/*.mp4``, is resolved
    to its matches, for commands that are started without a shell. Addresses are resolved in the
    same way, without fetching the footage.

    Raises:
        InputError: nothing matches a pattern, or an address cannot be reached.
    """
    return list(dict.fromkeys(path for name in names for path in _resolved(name)))


def project_for(
    sources: Sequence[Path], footages: Sequence[Path], *, folder: Path | None
) -> Project:
    """Return the project of a run: the one in ``folder``, or one named after the source.

    Args:
        sources: arguments of the command; a single footage or folder if ``folder`` is None.
        footages: the footages that ``sources`` resolve to; see `footage_paths`.
        folder: project folder that the user chose; None for the default.

    Raises:
        InputError: several footages and no project folder, or the default folder holds the
            project of another footage.
    """
    if folder is not None:
        return Project(folder)
    is_folder = len(sources) == 1 and _is_folder(sources[0], footages)
    if len(sources) != 1 or not (len(footages) == 1 or is_folder):
        raise InputError("several footages go into one project: name it by --project")
    source = absolute(sources[0])
    project = Project(Path(f"{source.name if is_folder else source.stem}{SUFFIX}"))
    stored = [entry.path for entry in project.footages.values()]
    if stored and not {absolute(footage) for footage in footages} & set(stored):
        message = f"{project.folder.name} is the project of {stored[0]}"
        raise InputError(f"{source}: {message}; add to it, or choose another project by --project")
    return project


def _is_folder(source: Path, footages: Sequence[Path]) -> bool:
    address = footage_address(source)
    if address is None:
        return source.is_dir()
    return list(footages) != [source] and not glob.has_magic(address)


def _resolved(name: Path) -> Iterator[Path]:
    if (address := footage_address(name)) is not None:
        yield from map(footage_path, _resolved_at(address))
    elif not name.exists() and glob.has_magic(str(name)):
        # Path.glob does not accept absolute patterns.
        matches = sorted(glob.glob(str(name), recursive=True))  # noqa: PTH207
        if not matches:
            raise InputError(f"{name}: nothing matches this pattern; check the name")
        for match in matches:
            yield from _videos(Path(match)) or [Path(match)]
    else:
        yield from _videos(name) or [name]


def _resolved_at(address: str) -> Iterator[str]:
    """Yield the addresses of the footages at an address."""
    from data.storage.store import Store

    found = Store(address).info()
    if found is None and glob.has_magic(address):
        yield from _matching_addresses(address)
    else:
        yield from (_video_addresses(address) if found and found.is_folder else []) or [address]


def _matching_addresses(address: str) -> Iterator[str]:
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
        yield from (_video_addresses(match) if stored.is_folder else []) or [match]


def _video_addresses(folder: str) -> list[str]:
    from data.storage.store import Store

    paths = [PurePosixPath(name) for name in Store(folder).files()]
    found = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES]
    return [f"{folder}/{path}" for path in found if not _is_excluded(path)]


def _videos(folder: Path) -> list[Path]:
    """Return the videos in a folder; empty for a file or a folder of pictures."""
    if not folder.is_dir():
        return []
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in VIDEO_SUFFIXES]
    return [path for path in found if path.is_file() and not _is_excluded(path.relative_to(folder))]


def _is_excluded(path: PurePath) -> bool:
    """Whether a file is hidden or inside a project folder, and therefore not footage."""
    parents = path.parts[:-1]
    return any(part.startswith(".") for part in path.parts) or any(
        part.endswith(SUFFIX) for part in parents
    )
