"""The page that stands for People and Label while a project has no people."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from web.core.library import OpenProject
from web.core.templates import page
from web.people.snapshot import read_snapshot


def no_people(request: Request, project: OpenProject, *, title: str) -> Response | None:
    """Return the page; None if the project has people or faces.

    Raises:
        InputError: the people cannot be read.
    """
    clustered = project.read().people_file.exists()
    if clustered:
        snapshot = read_snapshot(project)
        if snapshot.names or len(snapshot.person_id):
            return None
    return page(request, "shared/no_people.html", project=project, title=title, clustered=clustered)
