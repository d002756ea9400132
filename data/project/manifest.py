"""Sync folders of generated files to a target state, without touching the user's own files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, Self

from data.core.atomic import atomic_write, link_or_copy, partial_of, write_json
from data.core.digest import digest, file_key
from data.core.errors import RUN_AGAIN, InputError

MANIFEST = ".generated.json"
_PENDING = ""  # key of a file that is listed but may not have been written
_FLUSH_EVERY = 2000  # files between two writes of the manifest, in case the run is killed
FOREIGN_FILE: Final = "fancam needs this file name, but did not create the existing file"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a folder must contain."""

    key: str  # short; changes with the content
    write: Callable[[Path], None]  # writes the content to a path

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("key must not be empty")

    @classmethod
    def content(cls, content: bytes) -> Self:
        """Return a file with this content."""
        return cls(digest(content), partial(_write, content))

    @classmethod
    def link(cls, source: Path) -> Self:
        """Return a hard link to ``source`` if the disk supports it, else a copy.

        Raises:
            InputError: ``source`` does not exist.
        """
        return cls(f"link {file_key(source)}", partial(link_or_copy, source))


@dataclass(frozen=True, slots=True)
class SyncCounts:
    """Numbers of files in one sync of a folder."""

    written: int
    removed: int
    kept: int


class Manifest(Protocol):
    """List of the generated files in a folder: relative path and key."""

    def read(self) -> dict[str, str]:
        """Return the keys of the listed files; empty if there is no list."""
        ...

    def write(self, files: Mapping[str, str]) -> None:
        """Replace the list."""
        ...


class FileManifest:
    """Manifest in a hidden file of the folder itself."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / MANIFEST

    def read(self) -> dict[str, str]:
        """Return the keys of the listed files.

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
            message = (
                f"{self._file}: damaged ({error}); move the folder {folder}/ away, and {RUN_AGAIN}"
            )
            raise InputError(message) from error

    def write(self, files: Mapping[str, str]) -> None:
        """Replace the list."""
        note = "the files that fancam wrote here, and will remove when they are out of date"
        write_json(self._file, {"note": note, "files": dict(files)})


class OutputFolder:
    """Folder whose generated files are listed in a manifest; all other files belong to the user.

    The manifest lists a file before it is written and until it is removed, so that a run recognises
    every file of an earlier run that was killed.
    """

    def __init__(self, folder: Path, manifest: Manifest | None = None) -> None:
        self.folder = folder
        self._manifest = FileManifest(folder) if manifest is None else manifest

    def keys(self) -> dict[str, str]:
        """Return the key of each file that was written completely and still exists."""
        known = self._manifest.read()
        return {
            path: key for path, key in known.items() if key != _PENDING and self._has_file(path)
        }

    def unfinished(self) -> frozenset[str]:
        """Return the listed files that a stopped run may have replaced."""
        return frozenset(path for path, key in self._manifest.read().items() if key == _PENDING)

    def files(self) -> list[Path]:
        """Return every existing generated file, including partial ones; the manifest comes last."""
        listed = [self.folder / path for path in self._manifest.read()]
        generated = [file for path in listed for file in (path, partial_of(path))]
        return [file for file in (*generated, self.folder / MANIFEST) if file.is_file()]

    def outdated(self, wanted: Mapping[str, OutputFile]) -> list[str]:
        """Return the paths that `sync` would write.

        Raises:
            InputError: in the same cases as `sync`, but before hours of work.
        """
        known = self._manifest.read()
        listed = {path.casefold() for path in known}
        self._check_free(path for path in wanted if path.casefold() not in listed)
        return [p for p, file in wanted.items() if not self._is_up_to_date(p, file, known)]

    def _is_up_to_date(self, path: str, wanted: OutputFile, known: Mapping[str, str]) -> bool:
        return known.get(path) == wanted.key and self._has_file(path)

    def sync(
        self,
        wanted: Mapping[str, OutputFile],
        *,
        again: Collection[str] = (),
        advance: Callable[[], None] = lambda: None,
    ) -> SyncCounts:
        """Write missing and changed files, then remove generated files that are not wanted.

        A file that fancam did not write is never overwritten. Nor does the generated file get
        another name, since files refer to each other by name (an image to its labels, a page to its
        portraits).

        Args:
            wanted: files by path relative to the folder, with ``/`` as separator.
            again: paths to rewrite even if they are up to date.
            advance: called after each wanted file.

        Raises:
            InputError: a file of the user, or a link out of the folder, has the path of a wanted
                file. Nothing has been written.
            ValueError: a wanted path leads out of the folder.
        """
        for path in wanted:
            _check_inside(path)
        known = self._manifest.read()
        if not wanted and not known:
            return SyncCounts(0, 0, 0)
        stale = [path for path in known if path not in wanted]
        # Stale files that collide with a wanted one are removed first: many disks ignore case, and
        # a folder cannot replace a file.
        colliding = _colliding(stale, wanted)
        self._remove(colliding)
        for path in colliding:
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
        return SyncCounts(len(todo), len(stale), len(wanted) - len(todo))

    def changes(self, wanted: Mapping[str, OutputFile]) -> set[str]:
        """Return the paths that :meth:`sync` would write or remove; nothing is written."""
        known = self._manifest.read()
        written = {p for p, w in wanted.items() if known.get(p) != w.key or not self._has_file(p)}
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
                with atomic_write(self.folder / path) as partial_path:
                    wanted[path].write(partial_path)
                known[path] = wanted[path].key
                if number % _FLUSH_EVERY == 0:
                    self._manifest.write(known)
                advance()
        except BaseException:  # also Ctrl-C: the next run need not repeat finished files
            with suppress(OSError):
                self._manifest.write(known)
            raise

    def _has_file(self, path: str) -> bool:
        file = self.folder / path
        if file.is_dir():
            message = "fancam needs this name for a file, but it is a folder; move it elsewhere"
            raise InputError(f"{file}: {message}")
        return file.is_file()

    def _check_free(self, paths: Iterable[str]) -> None:
        root = self.folder.resolve()
        parents: set[Path] = set()
        for path in paths:
            file = self.folder / path
            if os.path.lexists(file):
                raise InputError(f"{file}: {FOREIGN_FILE}; move it elsewhere")
            parents.add(file.parent)
        for parent in sorted(parents):
            if not parent.resolve().is_relative_to(root):
                message = f"a link to a place outside {self.folder}; move the link elsewhere"
                raise InputError(f"{parent}: {message}")
            blocking = next((p for p in (parent, *parent.parents) if os.path.lexists(p)), root)
            if not blocking.is_dir():
                message = "fancam needs this name for a folder, but it is a file; move it elsewhere"
                raise InputError(f"{blocking}: {message}")

    def _remove(self, paths: Iterable[str]) -> None:
        parents: set[PurePosixPath] = set()
        for path in paths:
            generated = self.folder / path
            for file in (generated, partial_of(generated)):
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    file.unlink()
            parents.update(PurePosixPath(path).parents)
        for parent in sorted(parents, key=lambda p: len(p.parts), reverse=True):
            if parent.parts:
                with suppress(OSError):  # not empty: it holds files of the user, or wanted ones
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
    """Return the stale paths that equal a wanted file or one of its folders, ignoring case."""
    files = {path.casefold() for path in wanted}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}

    def collides(path: str) -> bool:
        parents = {str(parent) for parent in PurePosixPath(path.casefold()).parents}
        return path.casefold() in files | folders or bool(parents & files)

    return [path for path in stale if collides(path)]
