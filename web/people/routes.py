"""Routes of the People pages: review of the people in a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request
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
from web.core.thumbnails import cached_jpeg, is_whole, placeholder, small_jpeg
from web.people.moments import has_video, moments_together, shown_crops
from web.people.no_people import no_people
from web.people.review import (
    DecisionRequest,
    EmptyBody,
    Id,
    RedoRequest,
    UndoRequest,
    decisions_of,
    faces_of_person,
    overview,
    unknown_faces,
)
from web.people.snapshot import PeopleSnapshot, read_snapshot
from web.people.writing import WritingJobs

THUMBNAIL_PX: Final = 160
"""Width, px: 80 px on the page, doubled for high-resolution screens."""
_NEXT: Final = ("train-tracker", "track-people", "crop-people")
_API: Final = "/api/projects/{project_id}/people"
_MAX_HISTORY: Final = 200
MAX_TOGETHER: Final = 1000
"""Maximum number of people of a search for moments together."""

router = APIRouter()


# --- pages ------------------------------------------------------------------------------------


@router.get("/people", include_in_schema=False)
def choose_project(request: Request, library: LibraryParameter) -> Response:
    """Redirect to the only project, or list the projects."""
    return project_page(request, library, title="People", section="people")


@router.get("/people/{project_id}", include_in_schema=False)
def people_page(request: Request, project: ProjectParameter) -> Response:
    """Show the people of a project as cards."""
    if missing := no_people(request, project, title="People"):
        return missing
    return page(request, "people/people.html", project=project, data=_page_data(project))


@router.get("/people/{project_id}/unknown", include_in_schema=False)
def unknown_page(request: Request, project: ProjectParameter) -> Response:
    """Show the unknown faces."""
    read_snapshot(project)  # an error page, if the people cannot be read
    return page(request, "people/unknown.html", project=project, data=_face_data(project))


@router.get("/people/{project_id}/together", include_in_schema=False)
def together_page(
    request: Request,
    project: ProjectParameter,
    person: Annotated[list[Id] | None, Query(max_length=MAX_TOGETHER)] = None,
) -> Response:
    """Let the user choose people, and show when all of them are in view."""
    snapshot = read_snapshot(project)
    chosen = [each for each in dict.fromkeys(person or []) if each in snapshot.names]
    together = moments_together(project, snapshot, chosen) if len(chosen) > 1 else []
    hidden = snapshot.reviewed.hidden - set(chosen)
    return page(
        request,
        "people/together.html",
        project=project,
        chosen=chosen,
        names=snapshot.names,
        pictures={p: snapshot.picture(p) for p in snapshot.names if p not in hidden},
        footages=together,
        data={**_page_data(project), "revision": snapshot.revision},
    )


@router.get("/people/{project_id}/{person}", include_in_schema=False)
def person_page(request: Request, project: ProjectParameter, person: NumberParameter) -> Response:
    """Show one person's faces."""
    snapshot = read_snapshot(project)
    return page(
        request,
        "people/person.html",
        project=project,
        name=_name(snapshot, person),
        picture=snapshot.picture(person),
        data={**_face_data(project), "person": person},
    )


@router.get("/people/{project_id}/{person}/moments", include_in_schema=False)
def moments_page(request: Request, project: ProjectParameter, person: NumberParameter) -> Response:
    """Show when and where one person is in view, and their videos."""
    snapshot = read_snapshot(project)
    name = _name(snapshot, person)
    return page(
        request,
        "people/moments.html",
        project=project,
        person=person,
        name=name,
        picture=snapshot.picture(person),
        footages=moments_together(project, snapshot, [person]),
        data={**_page_data(project), "person": person, "revision": snapshot.revision},
    )


def _name(snapshot: PeopleSnapshot, person: int) -> str:
    """Return the name of a person.

    Raises:
        NotFoundError: no such person.
    """
    if person not in snapshot.names:
        raise NotFoundError("no such person; they may have been merged into another")
    return snapshot.names[person]


def _page_data(project: OpenProject) -> dict[str, Any]:
    return {
        "api": _API.format(project_id=project.id),
        "pages": f"/people/{project.id}",
        "thumbnails": f"/faces/{project.id}",
        "commands": {name: command_line(name, project.argument) for name in _NEXT},
    }


def _face_data(project: OpenProject) -> dict[str, Any]:
    """Return the data of a page of faces, each of which leads to its moment in Watch."""
    videos = _people_with_videos(project)
    return {**_page_data(project), "watch": f"/watch/{project.id}", "videos": videos}


def _people_with_videos(project: OpenProject) -> dict[int, list[int]]:
    """Return the ids of the people with a video, by the number of the footage."""
    read, found = project.read(), {}
    for number, entry in enumerate(project.footages(), start=1):
        crops = shown_crops(read, entry.name)
        if crops is not None:
            found[number] = [person.person_id for person in crops.people if has_video(person)]
    return found


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
    if not project.holds(file):
        raise NotFoundError("no such face")
    if large:
        return FileResponse(file, media_type="image/jpeg") if is_whole(file) else placeholder()
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
    _name(snapshot, person)
    return JSONResponse(faces_of_person(snapshot, person))


@router.post(_API + "/decisions")
def decide(
    project: ProjectParameter, decision_request: Annotated[DecisionRequest, Body()]
) -> JSONResponse:
    """Make a decision; return the updated overview of all people."""
    try:
        decisions = decisions_of(decision_request, read_snapshot(project))
    except ValueError as error:
        message = "you selected the same person twice; select different people"
        raise RefusedError(422, message) from error
    return _change(project, lambda log: log.decide(*decisions, seen=decision_request.seen))


@router.post(_API + "/undo")
def undo(project: ProjectParameter, undo_request: UndoRequest) -> JSONResponse:
    """Undo the latest decision; return the updated overview of all people."""
    number = undo_request.decision
    seen = undo_request.seen if number is None else None
    return _change(project, lambda log: log.undo(seen=seen, decision_id=number))


@router.post(_API + "/redo")
def redo(project: ProjectParameter, redo_request: RedoRequest) -> JSONResponse:
    """Redo the decision that was undone last; return the updated overview of all people."""
    return _change(project, lambda log: log.redo(seen=redo_request.seen))


def _change(
    project: OpenProject, change: Callable[[DecisionLog], HistoryEntry | None]
) -> JSONResponse:
    with _people(project) as people:
        entry = change(DecisionLog(people))
    content = overview(read_snapshot(project))
    made = (
        {"note": entry.note, "decision": entry.decision_id} if entry is not None else {"note": None}
    )
    return JSONResponse({**content, **made})


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
