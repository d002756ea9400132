"""Resolve the arguments of a command to footages: files, folders, patterns and addresses."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TypeVar

from data.core.errors import InputError
from data.project.project import SUFFIX, Project, absolute
from data.storage.addresses import footage_address, footage_path
from data.storage.shown import command_line
from data.video.content import moved_footages
from data.video.pictures.media_folder import (
    NOT_A_VIDEO,
    SUBFOLDERS,
    LeftOut,
    media_among,
    media_in,
)

_T = TypeVar("_T", str, Path)


def footage_paths(
    names: Sequence[Path], left_out: LeftOut | None = None, *, pictures: bool = True
) -> list[Path]:
    """Return the footages that command-line arguments name, without duplicates.

    A folder with videos, at any depth, is resolved to them, sorted by name, and to each folder in
    it that holds still pictures, which is one footage. A folder of pictures without videos is one
    footage, without the folders in it. A folder without either is returned unchanged. A pattern,
    such as ``lessons/*.mp4``, is resolved to its matches, for commands that are started without a
    shell. Addresses are resolved in the same way, by suffix, without fetching the footage.

    Args:
        names: paths, patterns, and cache paths of addresses.
        left_out: receives the media of folders that are not read.
        pictures: include the pictures of a folder that has videos too.

    Raises:
        InputError: nothing matches a pattern, or an address cannot be reached.
    """
    resolver = _Resolver(LeftOut() if left_out is None else left_out, pictures)
    return list(dict.fromkeys(path for name in names for path in resolver.resolved(name)))


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
        raise InputError("several videos go into one project: set its folder with --project")
    source = absolute(sources[0])
    project = Project(Path(f"{source.name if is_folder else source.stem}{SUFFIX}"))
    stored = [entry.path for entry in project.footages.values()]
    known = {absolute(footage) for footage in footages} & set(stored)
    if stored and not known and not moved_footages(project, footages):
        message = f"{project.folder.name} already belongs to {stored[0]}"
        option = command_line("--project", Path(project.folder.name))
        raise InputError(f"{source}: {message}; add to it with {option}, or give another --project")
    return project


def _is_folder(source: Path, footages: Sequence[Path]) -> bool:
    address = footage_address(source)
    if address is None:
        return source.is_dir()
    return list(footages) != [source] and not glob.has_magic(address)


def _pattern(name: Path) -> str:
    """Return a pattern in which the existing folders at the start are literal."""
    literal = next(parent for parent in name.parents if parent.exists())
    return str(Path(glob.escape(str(literal))) / name.relative_to(literal))


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Resolves arguments to footages, and collects what is not read."""

    left_out: LeftOut
    pictures: bool  # include those beside videos

    def resolved(self, name: Path) -> Iterator[Path]:
        """Yield the footages that one argument names."""
        if (address := footage_address(name)) is not None:
            yield from map(footage_path, self._resolved_at(address))
        elif not name.exists() and glob.has_magic(str(name)):
            # Path.glob does not accept absolute patterns.
            matches = sorted(glob.glob(_pattern(name), recursive=True))  # noqa: PTH207
            if not matches:
                raise InputError(f"{name}: nothing matches this pattern; check the name")
            for match in matches:
                yield from self._in_folder(Path(match)) or [Path(match)]
        else:
            yield from self._in_folder(name) or [name]

    def _in_folder(self, folder: Path) -> list[Path]:
        """Return the footages in a local folder; empty for a file."""
        if not folder.is_dir():
            return []
        found = media_in(folder)
        self._add(found.left_out)
        return self._chosen(folder, found.videos, found.picture_folders)

    def _resolved_at(self, address: str) -> Iterator[str]:
        """Yield the addresses of the footages at an address."""
        from data.storage.store import Store

        found = Store(address).info()
        if found is None and glob.has_magic(address):
            yield from self._matching_addresses(address)
        else:
            yield from (self._at_folder(address) if found and found.is_folder else []) or [address]

    def _matching_addresses(self, address: str) -> Iterator[str]:
        from data.storage.store import Store

        scheme, _, rest = address.partition("://")
        parts = rest.split("/")
        plain = list(takewhile(lambda part: not glob.has_magic(part), parts))
        if not any(plain):
            raise InputError(
                f"{address}: the first part of an address cannot be a pattern; write it out"
            )
        folder = f"{scheme}://{'/'.join(plain)}"
        matches = Store(folder).matching("/".join(parts[len(plain) :]))
        if not matches:
            raise InputError(f"{address}: nothing matches this pattern; check the name")
        for name, stored in matches.items():
            match = f"{folder}/{name}"
            yield from (self._at_folder(match) if stored.is_folder else []) or [match]

    def _at_folder(self, folder: str) -> list[str]:
        """Return the addresses of the footages in a folder at an address."""
        from data.storage.store import Store

        names = [PurePosixPath(name) for name in Store(folder).files()]
        found = media_among(names)
        self._add(found.left_out)
        pictures = [folder if str(path) == "." else f"{folder}/{path}" for path in found.pictures]
        return self._chosen(folder, [f"{folder}/{path}" for path in found.videos], pictures)

    def _chosen(self, folder: _T, videos: list[_T], picture_folders: list[_T]) -> list[_T]:
        if not videos and folder in picture_folders:
            others = [other for other in picture_folders if other != folder]
            self._leave_out(SUBFOLDERS, folder, others)
            return [folder]
        if videos and not self.pictures:
            self._leave_out(NOT_A_VIDEO, folder, picture_folders)
            return videos
        return videos + picture_folders

    def _leave_out(self, reason: str, folder: str | Path, inside: Sequence[str | Path]) -> None:
        for path in inside:
            relative = str(path).removeprefix(str(folder)).lstrip("/\\")
            self.left_out.add(reason, relative or Path(folder).name)

    def _add(self, left_out: LeftOut) -> None:
        for reason, names in left_out.names.items():
            for name in names:
                self.left_out.add(reason, name)
