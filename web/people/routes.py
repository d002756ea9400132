"""Routes of the People pages: review of the people in a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request
from starlette.responses import FileResponse, JSONResponse, Response

from clustering.output.write import pending_changes
from data.core.digest import file_key
from data.core.errors import InputError
from data.storage.shown import command_line
from data.tables.decision_log import DecisionLog, HistoryEntry
from data.tables.people import People, open_people
from web.core.errors import NotFoundError, RefusedError
from web.core.library import LibraryParameter, NumberParameter, OpenProject, ProjectParameter
from web.core.templates import page, project_page
from web.core.thumbnails import cached_jpeg, small_jpeg
from web.people.review import (
    DecisionRequest,
    EmptyBody,
    UndoRequest,
    decision_of,
    faces_of_person,
    overview,
    unknown_faces,
)
from web.people.snapshot import read_snapshot
from web.people.writing import WritingJobs

THUMBNAIL_PX: Final = 160
"""Width, px: 80 px on the page, doubled for high-resolution screens."""
_NEXT: Final = ("train-tracker", "track-people", "crop-people")
_API: Final = "/api/projects/{project_id}/people"
_MAX_HISTORY: Final = 200

router = APIRouter()


# --- pages ------------------------------------------------------------------------------------


@router.get("/people", include_in_schema=False)
def choose_project(request: Request, library: LibraryParameter) -> Response:
    """Redirect to the only project, or list the projects."""
    return project_page(request, library, title="People", section="people")


@router.get("/people/{project_id}", include_in_schema=False)
def people_page(request: Request, project: ProjectParameter) -> Response:
    """Show the people of a project as cards."""
    if not project.read().people_file.exists():
        return page(request, "shared/not_clustered.html", project=project, title="People")
    return page(request, "people/people.html", project=project, data=_page_data(project))


@router.get("/people/{project_id}/unknown", include_in_schema=False)
def unknown_page(request: Request, project: ProjectParameter) -> Response:
    """Show the unknown faces."""
    return page(request, "people/unknown.html", project=project, data=_page_data(project))


@router.get("/people/{project_id}/{person}", include_in_schema=False)
def person_page(request: Request, project: ProjectParameter, person: NumberParameter) -> Response:
    """Show one person's faces."""
    names = read_snapshot(project).names
    if person not in names:
        raise NotFoundError("no such person; they may have been merged into another")
    data = {**_page_data(project), "person": person}
    return page(request, "people/person.html", project=project, name=names[person], data=data)


def _page_data(project: OpenProject) -> dict[str, Any]:
    return {
        "api": _API.format(project_id=project.id),
        "pages": f"/people/{project.id}",
        "thumbnails": f"/faces/{project.id}",
        "commands": {name: command_line(name, Path(project.folder.name)) for name in _NEXT},
        "footages": [entry.name for entry in project.footages()],
    }


@router.get("/faces/{project_id}/{footage}/{frame}/{number}", response_class=FileResponse)
def thumbnail(
    project: ProjectParameter,
    footage: NumberParameter,
    frame: NumberParameter,
    number: NumberParameter,
    large: bool = False,
) -> Response:
    """Return a picture of a face."""
    name = project.footage(footage).name
    file = project.read().portrait_file(name, frame, number)
    if not file.is_file():
        raise NotFoundError("no such face")
    if large:
        return FileResponse(file, media_type="image/jpeg")
    key = f"face {THUMBNAIL_PX} {name} {file.name} {file_key(file)}"
    return cached_jpeg(project, key, lambda: small_jpeg(file, width=THUMBNAIL_PX))


# --- API --------------------------------------------------------------------------------------


@router.get(_API)
def people_data(project: ProjectParameter) -> JSONResponse:
    """Return all people, pairs that look alike, and the next undo and redo."""
    return JSONResponse(overview(read_snapshot(project)))


@router.get(_API + "/revision")
def revision(project: ProjectParameter) -> dict[str, int]:
    """Return the revision, which increases with every decision from any browser."""
    with _people(project) as people:
        return {"revision": people.revision()}


@router.get(_API + "/history")
def history(project: ProjectParameter) -> dict[str, Any]:
    """Return the latest decisions, newest first."""
    with _people(project) as people:
        return {"history": [asdict(entry) for entry in DecisionLog(people).history(_MAX_HISTORY)]}


@router.get(_API + "/unknown/faces")
def unknown_data(project: ProjectParameter) -> JSONResponse:
    """Return the unknown faces grouped by the most similar person."""
    return JSONResponse(unknown_faces(read_snapshot(project)))


@router.get(_API + "/{person}/faces")
def person_data(project: ProjectParameter, person: NumberParameter) -> JSONResponse:
    """Return a person's faces, least certain first."""
    snapshot = read_snapshot(project)
    if person not in snapshot.names:
        raise NotFoundError("no such person; they may have been merged into another")
    return JSONResponse(faces_of_person(snapshot, person))


@router.post(_API + "/decisions")
def decide(
    project: ProjectParameter, decision_request: Annotated[DecisionRequest, Body()]
) -> JSONResponse:
    """Make a decision; return the updated overview of all people."""
    try:
        decision = decision_of(decision_request, read_snapshot(project))
    except ValueError as error:
        raise RefusedError(422, "both are the same person; choose two different people") from error
    return _change(project, lambda log: log.decide(decision, seen=decision_request.seen))


@router.post(_API + "/undo")
def undo(project: ProjectParameter, undo_request: UndoRequest) -> JSONResponse:
    """Undo the latest decision; return the updated overview of all people."""
    return _change(project, lambda log: log.undo(seen=undo_request.seen))


@router.post(_API + "/redo")
def redo(project: ProjectParameter, undo_request: UndoRequest) -> JSONResponse:
    """Redo the decision that was undone last; return the updated overview of all people."""
    return _change(project, lambda log: log.redo(seen=undo_request.seen))


def _change(
    project: OpenProject, change: Callable[[DecisionLog], HistoryEntry | None]
) -> JSONResponse:
    with _people(project) as people:
        entry = change(DecisionLog(people))
    content = overview(read_snapshot(project))
    return JSONResponse({**content, "note": entry.note if entry is not None else None})


@contextmanager
def _people(project: OpenProject) -> Iterator[People]:
    """Open the people of a project.

    Raises:
        InputError: the project has not been clustered yet.
    """
    file = project.read().people_file
    if not file.exists():
        raise InputError(f"{project.folder}: there are no people yet; run cluster-faces first")
    with open_people(file) as people:
        yield people


# --- writing the dataset ----------------------------------------------------------------------


@router.get(_API + "/changes")
def changes(project: ProjectParameter) -> dict[str, Any]:
    """Return what writing would change, and whether training and tracks would be stale."""
    from tracking.state import stale_tracking

    opened = project.read()
    return {**asdict(pending_changes(opened)), **asdict(stale_tracking(opened))}


@router.get(_API + "/writing")
def writing(request: Request, project: ProjectParameter) -> dict[str, Any]:
    """Return the progress of writing the dataset."""
    return _jobs(request).state(project).as_json()


@router.post(_API + "/writing")
def write(request: Request, project: ProjectParameter, empty: EmptyBody) -> JSONResponse:
    """Start rewriting the people folders and the dataset."""
    del empty
    with _people(project):
        pass  # raises for a project without people
    return JSONResponse(_jobs(request).start(project).as_json(), 202)


def _jobs(request: Request) -> WritingJobs:
    jobs: WritingJobs = request.app.state.writing_jobs
    return jobs
