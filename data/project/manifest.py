"""Folders of generated files: sync them to a wanted state, never touching the user's own files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol, Self

from data.core.atomic import link_or_copy, partial_of, whole_file, write_json
from data.core.digest import digest, file_key
from data.core.errors import InputError

MANIFEST = ".generated.json"
_PENDING = ""  # the key of a file that is listed but may not be written yet
_FLUSH_EVERY = 2000  # files between two writes of the manifest, for a run that is killed


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file that a folder must contain."""

    key: str  # short; changes with the content
    write: Callable[[Path], None]  # writes the content to a path

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("key must not be empty")

    @classmethod
    def content(cls, content: bytes) -> Self:
        """A file of these bytes."""
        return cls(digest(content), partial(_write, content))

    @classmethod
    def link(cls, source: Path) -> Self:
        """A hard link to ``source`` where the disk supports it, else a copy.

        Raises:
            InputError: there is no such file.
        """
        return cls(f"link {file_key(source)}", partial(link_or_copy, source))


@dataclass(frozen=True, slots=True)
class Synced:
    """Counts of files in one sync of a folder."""

    written: int
    removed: int
    kept: int


class Manifest(Protocol):
    """The list of the generated files in a folder: path relative to it, and key."""

    def read(self) -> dict[str, str]:
        """Return the listed files; empty without a list."""
        ...

    def write(self, files: Mapping[str, str]) -> None:
        """Replace the list."""
        ...


class FileManifest:
    """A manifest in a hidden file of the folder itself."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / MANIFEST

    def read(self) -> dict[str, str]:
        """Return the listed files.

        Raises:
            InputError: the list is damaged.
        """
        try:
            files = json.loads(self._file.read_text(encoding="utf-8"))["files"]
            for path in files:
                _check_inside(path)
            return {str(path): str(key) for path, key in files.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            folder = self._file.parent.name
            message = f"{self._file}: damaged ({error}); move {folder}/ away and run again"
            raise InputError(message) from error

    def write(self, files: Mapping[str, str]) -> None:
        """Replace the list."""
        note = "the files that fancam wrote here, and will remove when they are out of date"
        write_json(self._file, {"note": note, "files": dict(files)})


class OutputFolder:
    """A folder whose generated files are listed in a hidden manifest; all others are the user's.

    The manifest lists a file before it is written and until it is removed, so that the next run
    recognises every file of a killed one.
    """

    def __init__(self, folder: Path, manifest: Manifest | None = None) -> None:
        self.folder = folder
        self._manifest = FileManifest(folder) if manifest is None else manifest

    def keys(self) -> dict[str, str]:
        """The key of each file that was written completely and still exists."""
        known = self._manifest.read()
        return {path: key for path, key in known.items() if key != _PENDING and self._holds(path)}

    def files(self) -> list[Path]:
        """Every generated file that exists, partial ones included; the manifest comes last."""
        places = [self.folder / path for path in self._manifest.read()]
        ours = [one for place in places for one in (place, partial_of(place))]
        return [file for file in (*ours, self.folder / MANIFEST) if file.is_file()]

    def outdated(self, wanted: Mapping[str, OutputFile]) -> list[str]:
        """Paths that `sync` would write.

        Raises:
            InputError: as `sync` does, but before hours of work.
        """
        known = self._manifest.read()
        ours = {path.casefold() for path in known}
        self._check_free(path for path in wanted if path.casefold() not in ours)
        return [p for p, one in wanted.items() if not self._is_up_to_date(p, one, known)]

    def _is_up_to_date(self, path: str, wanted: OutputFile, known: Mapping[str, str]) -> bool:
        return known.get(path) == wanted.key and self._holds(path)

    def sync(
        self,
        wanted: Mapping[str, OutputFile],
        *,
        again: Collection[str] = (),
        advance: Callable[[], None] = lambda: None,
    ) -> Synced:
        """Write what is missing or changed, then remove what was written earlier and is unwanted.

        Args:
            wanted: by path relative to the folder, with ``/`` between its parts.
            again: files to rewrite even if they are up to date.
            advance: called after each wanted file.

        Raises:
            InputError: the user's own file, or a link out of the folder, is in the place of a
                wanted one. It is not overwritten; nor does the wanted one get another name,
                since files find each other by their names (an image its labels, a page its
                portraits). Nothing has been written then.
            ValueError: a wanted path leads out of the folder.
        """
        for path in wanted:
            _check_inside(path)
        known = self._manifest.read()
        if not wanted and not known:
            return Synced(0, 0, 0)
        stale = [path for path in known if path not in wanted]
        # Files that collide with a wanted one are removed first: "anna" is "Anna" on many disks,
        # and a folder cannot replace a file.
        in_the_way = _colliding(stale, wanted)
        self._remove(in_the_way)
        for path in in_the_way:
            del known[path]
        self._check_free(path for path in wanted if path not in known)
        todo = [p for p, w in wanted.items() if p in again or not self._is_up_to_date(p, w, known)]
        for _ in range(len(wanted) - len(todo)):
            advance()
        if todo:
            self._write(wanted, todo, known, advance)
        self._remove(path for path in stale if path in known)
        if todo or stale:
            self._manifest.write({path: wanted[path].key for path in sorted(wanted)})
        return Synced(len(todo), len(stale), len(wanted) - len(todo))

    def changes(self, wanted: Mapping[str, OutputFile]) -> set[str]:
        """Return the paths that :meth:`sync` would write or remove; nothing is written."""
        known = self._manifest.read()
        written = {p for p, w in wanted.items() if known.get(p) != w.key or not self._holds(p)}
        return written | (known.keys() - wanted.keys())

    def _write(
        self,
        wanted: Mapping[str, OutputFile],
        todo: list[str],
        known: dict[str, str],
        advance: Callable[[], None],
    ) -> None:
        known.update(dict.fromkeys(todo, _PENDING))
        self._manifest.write(known)
        try:
            for number, path in enumerate(todo, start=1):
                with whole_file(self.folder / path) as place:
                    wanted[path].write(place)
                known[path] = wanted[path].key
                if number % _FLUSH_EVERY == 0:
                    self._manifest.write(known)
                advance()
        except BaseException:  # also Ctrl-C: the next run need not repeat finished files
            with suppress(OSError):
                self._manifest.write(known)
            raise

    def _holds(self, path: str) -> bool:
        place = self.folder / path
        if place.is_dir():
            raise InputError(f"{place}: a folder in the place of a file; move it away")
        return place.is_file()

    def _check_free(self, paths: Iterable[str]) -> None:
        root = self.folder.resolve()
        parents: set[Path] = set()
        for path in paths:
            place = self.folder / path
            if os.path.lexists(place):
                raise InputError(f"{place}: not written by fancam, but in its way; move it away")
            parents.add(place.parent)
        for parent in sorted(parents):
            if not parent.resolve().is_relative_to(root):
                raise InputError(f"{parent}: leads out of {self.folder}; move the link away")
            blocking = next((p for p in (parent, *parent.parents) if os.path.lexists(p)), root)
            if not blocking.is_dir():
                raise InputError(f"{blocking}: a file in the place of a folder; move it away")

    def _remove(self, paths: Iterable[str]) -> None:
        parents: set[PurePosixPath] = set()
        for path in paths:
            place = self.folder / path
            for file in (place, partial_of(place)):
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    file.unlink()
            parents.update(PurePosixPath(path).parents)
        for parent in sorted(parents, key=lambda p: len(p.parts), reverse=True):
            if parent.parts:
                with suppress(OSError):  # not empty: a file of the user's, or still wanted
                    (self.folder / parent).rmdir()


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def leads_out(path: str) -> bool:
    """Whether a relative path may lead out of its folder."""
    parts = path.split("/")
    return not all(parts) or bool({".", ".."} & set(parts) or set(path) & set("\\:\0"))


def _check_inside(path: str) -> None:
    if path == MANIFEST or leads_out(path):
        raise ValueError(f"path must stay inside the folder, got {path!r}")


def _colliding(stale: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those of ``stale`` that share a name with a wanted file, or one of its folders."""
    files = {path.casefold() for path in wanted}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}

    def collides(path: str) -> bool:
        parents = {str(parent) for parent in PurePosixPath(path.casefold()).parents}
        return path.casefold() in files | folders or bool(parents & files)

    return [path for path in stale if collides(path)]
