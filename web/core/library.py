"""The projects that are served, each by its id: nothing is ever found by a path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as InUrl

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.project import PROJECT_FILE, SUFFIX, FootageEntry, Project, require_project
from web.core.errors import NotFoundError

PROJECT_ID = r"^[a-z0-9-]{1,64}$"
MAX_ID = 2**53 - 1
"""Largest number that also JavaScript keeps exactly."""

_ID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project that is served."""

    id: str  # as in the page's address
    folder: Path
    title: str  # for people

    def read(self) -> Project:
        """The project as it is on disk now: the commands may have run since.

        Raises:
            InputError: it is damaged.
        """
        return Project(self.folder)

    def footage(self, number: int) -> FootageEntry:
        """The ``number``-th footage of the project, counted from 1.

        Raises:
            NotFoundError: there are not so many.
        """
        entries = self.footages()
        if not 1 <= number <= len(entries):
            raise NotFoundError("the project has no such footage")
        return entries[number - 1]

    def footages(self) -> tuple[FootageEntry, ...]:
        """All footages, in the order they came; the first one's number is 1."""
        return _footages(self.folder, file_key(self.folder / PROJECT_FILE))


# Every range of a video asks for it.
@lru_cache(maxsize=64)
def _footages(folder: Path, key: str) -> tuple[FootageEntry, ...]:
    del key  # another one means that the file is another
    return tuple(Project(folder).footages.values())


class Library:
    """The projects that are served, in the order they were given.

    Raises:
        InputError: a folder is no project, or there is none at all.
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
        title = project.folder.name.removesuffix(SUFFIX) or "project"
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
        """The project of this id.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return self._projects[project_id]
        except KeyError:
            raise NotFoundError("there is no such project here") from None


def _slug(title: str) -> str:
    """A title as it may stand in an address: ``Élodie's song`` is ``elodie-s-song``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_ID_LENGTH].strip("-") or "project"


# --- how a request says which ---------------------------------------------------------------------


# Not "async" for what they wait for, but because FastAPI would call each in a thread of its own.
async def the_library(request: Request) -> Library:
    """The library of the server that got this request."""
    return library_of(request)


async def project_by_id(
    request: Request, project_id: Annotated[str, InUrl(pattern=PROJECT_ID)]
) -> OpenProject:
    """The project that the ``{project_id}`` of a route names."""
    return library_of(request).get(project_id)


def library_of(request: Request) -> Library:
    """The library of the server that got this request."""
    library: Library = request.app.state.library
    return library


TheLibrary = Annotated[Library, Depends(the_library)]
TheProject = Annotated[OpenProject, Depends(project_by_id)]
Number = Annotated[int, InUrl(ge=0, le=MAX_ID)]
"""A footage's, person's or face's number in an address."""
