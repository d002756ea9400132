"""The served projects, looked up by id: requests never contain a path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as PathParameter

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.project import PROJECT_FILE, SUFFIX, FootageEntry, Project, require_project
from web.core.errors import NotFoundError

PROJECT_ID = r"^[a-z0-9-]{1,64}$"
MAX_ID = 2**53 - 1
"""Largest integer that JavaScript represents exactly."""

_ID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class OpenProject:
    """One served project."""

    id: str  # in URLs
    folder: Path
    title: str  # shown on pages

    @property
    def argument(self) -> Path:
        """Folder as an argument of commands that are run beside it."""
        return Path(self.folder.name)

    def read(self) -> Project:
        """Read the project from disk: commands may have changed it.

        Raises:
            InputError: the project is damaged.
        """
        return Project(self.folder)

    def footage(self, number: int) -> FootageEntry:
        """Return the footage with this number, counted from 1.

        Raises:
            NotFoundError: no such footage.
        """
        entries = self.footages()
        if not 1 <= number <= len(entries):
            raise NotFoundError("the project has no such footage")
        return entries[number - 1]

    def shown(self, message: str) -> str:
        """Return a message with the project's path shortened to the name of its folder."""
        return message.replace(str(self.folder), self.folder.name)

    def holds(self, file: Path) -> bool:
        """Return whether ``file`` exists and no symbolic link leads it out of the folder."""
        return file.is_file() and file.resolve().is_relative_to(self.folder.resolve())

    def footages(self) -> tuple[FootageEntry, ...]:
        """Return all footages in the order they were added; numbers count from 1."""
        return _footages(self.folder, file_key(self.folder / PROJECT_FILE))


# Cached, because every range request of a video needs it.
@lru_cache(maxsize=64)
def _footages(folder: Path, key: str) -> tuple[FootageEntry, ...]:
    del key  # part of the cache key only: it changes with the file
    return tuple(Project(folder).footages.values())


class Library:
    """The served projects, in the order of the command line.

    Raises:
        InputError: a folder is not a project, or there are no folders.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._projects: dict[str, OpenProject] = {}
        folders = list(dict.fromkeys(folder.absolute() for folder in folders))
        if not folders:
            raise InputError("no project; give the folder that cluster-faces made")
        for folder in folders:
            self._add(folder)

    def _add(self, folder: Path) -> None:
        require_project(folder)
        project = Project(folder)
        title = title_of(project.folder.name.removesuffix(SUFFIX)) or "project"
        base = identifier = _slug(title)
        number = 2
        while identifier in self._projects:
            identifier, number = f"{base}-{number}", number + 1
        self._projects[identifier] = OpenProject(identifier, project.folder, title)

    def __iter__(self) -> Iterator[OpenProject]:
        return iter(self._projects.values())

    def __len__(self) -> int:
        return len(self._projects)

    def get(self, project_id: str) -> OpenProject:
        """Return the project with this id.

        Raises:
            NotFoundError: no such project.
        """
        try:
            return self._projects[project_id]
        except KeyError:
            raise NotFoundError("no such project") from None


def title_of(name: str) -> str:
    """Return the name of a footage or project as a title."""
    return " ".join(name.replace("_", " ").split())


def _slug(title: str) -> str:
    """Return a title in ASCII for URLs: ``Élodie's song`` becomes ``elodie-s-song``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_ID_LENGTH].strip("-") or "project"


# --- request parameters ---------------------------------------------------------------------------


# Async although they await nothing: FastAPI would run sync functions in a thread.
async def _library(request: Request) -> Library:
    return get_library(request)


async def _project(
    request: Request, project_id: Annotated[str, PathParameter(pattern=PROJECT_ID)]
) -> OpenProject:
    return get_library(request).get(project_id)


def get_library(request: Request) -> Library:
    """Return the library of the application."""
    library: Library = request.app.state.library
    return library


LibraryParameter = Annotated[Library, Depends(_library)]
ProjectParameter = Annotated[OpenProject, Depends(_project)]
"""The project of the route's ``{project_id}``."""
NumberParameter = Annotated[int, PathParameter(ge=0, le=MAX_ID)]
"""Number of a footage, person, frame or face in a URL."""
