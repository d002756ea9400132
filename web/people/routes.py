"""The People room: review of who is who."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from clustering.output.write import review_people
from data.core.digest import file_key
from data.core.errors import InputError
from data.tables.decision_log import DecisionLog, HistoryEntry
from data.tables.people import People, open_people
from web.core.errors import NotFoundError, RefusedError
from web.core.library import Number, OpenProject, TheLibrary, TheProject
from web.core.templates import page
from web.core.thumbnails import cached_jpeg, small_jpeg
from web.people.job import WritingJobs
from web.people.review import (
    Asked,
    EmptyBody,
    UndoRequest,
    decision_of,
    faces_of_person,
    overview,
    unknown_faces,
)
from web.people.snapshot import read_snapshot

THUMBNAIL_PX: Final = 160
"""Width: sharp at 80 px on a phone's screen too."""
_API: Final = "/api/projects/{project_id}/people"
_MAX_HISTORY: Final = 200

router = APIRouter()


# --- pages ------------------------------------------------------------------------------------


@router.get("/people", include_in_schema=False)
def people_of_which(request: Request, library: TheLibrary) -> Response:
    """The people of the project, where there is only one."""
    projects = list(library)
    if len(projects) == 1:
        return RedirectResponse(f"/people/{projects[0].id}", 303)
    return page(request, "projects.html", title="People", room="people")


@router.get("/people/{project_id}", include_in_schema=False)
def everybody(request: Request, project: TheProject) -> Response:
    """Everybody of a project, as cards."""
    if not project.read().people_file.exists():
        return page(request, "unsorted.html", project=project, title="People")
    return page(request, "people.html", project=project, data=_page_data(project))


@router.get("/people/{project_id}/unknown", include_in_schema=False)
def unknown(request: Request, project: TheProject) -> Response:
    """The unknown faces."""
    return page(request, "unknown.html", project=project, data=_page_data(project))


@router.get("/people/{project_id}/{person}", include_in_schema=False)
def one_person(request: Request, project: TheProject, person: Number) -> Response:
    """One person's faces."""
    names = read_snapshot(project).names
    if person not in names:
        raise NotFoundError("there is no such person; they may have been merged into another")
    data = {**_page_data(project), "person": person}
    return page(request, "person.html", project=project, name=names[person], data=data)


def _page_data(project: OpenProject) -> dict[str, Any]:
    return {
        "api": _API.format(project_id=project.id),
        "pages": f"/people/{project.id}",
        "thumbnails": f"/faces/{project.id}",
        "command": project.folder.name,
        "footages": [entry.name for entry in project.footages()],
    }


@router.get("/faces/{project_id}/{footage}/{frame}/{number}", response_class=FileResponse)
def thumbnail(
    project: TheProject, footage: Number, frame: Number, number: Number, large: bool = False
) -> Response:
    """A picture of a face."""
    name = project.footage(footage).name
    file = project.read().portrait_file(name, frame, number)
    if not file.is_file():
        raise NotFoundError("there is no such face")
    if large:
        return FileResponse(file, media_type="image/jpeg")
    key = f"face {THUMBNAIL_PX} {name} {file.name} {file_key(file)}"
    return cached_jpeg(project, key, lambda: small_jpeg(file, width=THUMBNAIL_PX))


# --- what the pages ask for -------------------------------------------------------------------


@router.get(_API)
def everybody_data(project: TheProject) -> JSONResponse:
    """Everybody, who looks like whom, and what can be taken back."""
    return JSONResponse(overview(read_snapshot(project)))


@router.get(_API + "/revision")
def revision(project: TheProject) -> dict[str, int]:
    """A number that rises with every decision, also in another browser."""
    with _people(project) as people:
        return {"revision": people.revision()}


@router.get(_API + "/history")
def history(project: TheProject) -> dict[str, Any]:
    """The latest decisions, the very last first."""
    with _people(project) as people:
        return {"history": [asdict(past) for past in DecisionLog(people).history(_MAX_HISTORY)]}


@router.get(_API + "/unknown/faces")
def unknown_data(project: TheProject) -> JSONResponse:
    """The unknown faces, by whom they look like."""
    return JSONResponse(unknown_faces(read_snapshot(project)))


@router.get(_API + "/{person}/faces")
def person_data(project: TheProject, person: Number) -> JSONResponse:
    """A person's faces, the most doubtful first."""
    who = read_snapshot(project)
    if person not in who.names:
        raise NotFoundError("there is no such person; they may have been merged into another")
    return JSONResponse(faces_of_person(who, person))


@router.post(_API + "/decisions")
def decide(project: TheProject, asked: Annotated[Asked, Body()]) -> JSONResponse:
    """Make a decision; answers with everybody as they are then."""
    try:
        decision = decision_of(asked, read_snapshot(project))
    except ValueError as error:
        raise RefusedError(422, "a person and the same person; choose two") from error
    return _change(project, lambda log: log.decide(decision, seen=asked.seen))


@router.post(_API + "/undo")
def undo(project: TheProject, turn: UndoRequest) -> JSONResponse:
    """Take the last decision back; answers with everybody as they are then."""
    return _change(project, lambda log: log.undo(seen=turn.seen))


@router.post(_API + "/redo")
def redo(project: TheProject, turn: UndoRequest) -> JSONResponse:
    """Make the decision again that was taken back last; answers with everybody."""
    return _change(project, lambda log: log.redo(seen=turn.seen))


def _change(
    project: OpenProject, change: Callable[[DecisionLog], HistoryEntry | None]
) -> JSONResponse:
    with _people(project) as people:
        past = change(DecisionLog(people))
    content = overview(read_snapshot(project))
    return JSONResponse({**content, "note": past.note if past is not None else None})


@contextmanager
def _people(project: OpenProject) -> Iterator[People]:
    """The people of a project.

    Raises:
        InputError: it was not clustered yet.
    """
    file = project.read().people_file
    if not file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    with open_people(file) as people:
        yield people


# --- writing the dataset again ----------------------------------------------------------------


@router.get(_API + "/changes")
def changes(project: TheProject) -> dict[str, Any]:
    """What writing again would change, and what would have to be trained and tracked again."""
    from tracking.state import outdated

    read = project.read()
    review, old = review_people(read), outdated(read)
    return {**asdict(review), **asdict(old)}


@router.get(_API + "/writing")
def writing(request: Request, project: TheProject) -> dict[str, Any]:
    """How far the writing is."""
    return _jobs(request).state(project).as_json()


@router.post(_API + "/writing")
def write(request: Request, project: TheProject, nothing: EmptyBody) -> JSONResponse:
    """Start to write people folder and dataset again."""
    del nothing
    with _people(project):
        pass
    return JSONResponse(_jobs(request).start(project).as_json(), 202)


def _jobs(request: Request) -> WritingJobs:
    jobs = getattr(request.app.state, "writing_jobs", None)
    if jobs is None:
        jobs = request.app.state.writing_jobs = WritingJobs()
    assert isinstance(jobs, WritingJobs)
    return jobs
