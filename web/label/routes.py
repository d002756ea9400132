"""The Label room: faces labelled in bulk."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi import Path as InUrl
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from data.core.digest import file_key
from data.tables.labels import LabelFolder, LabelSet
from web.core.errors import NotFoundError
from web.core.library import Number, OpenProject, TheLibrary, TheProject
from web.core.templates import page
from web.core.thumbnails import cached_jpeg, small_jpeg
from web.label.labelling import Batch, NewSet, faces_to_label, save_batch, set_data, timeline
from web.label.model_guesses import ModelGuesses
from web.people.snapshot import read_snapshot

FRAME_PX: Final = 160
_API: Final = "/api/projects/{project_id}/labels"

SetId = Annotated[str, InUrl(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

router = APIRouter()


@router.get("/label", include_in_schema=False)
def label_of_which(request: Request, library: TheLibrary) -> Response:
    """The labeller of the project, where there is only one."""
    projects = list(library)
    if len(projects) == 1:
        return RedirectResponse(f"/label/{projects[0].id}", 303)
    return page(request, "projects.html", title="Label", room="label")


@router.get("/label/{project_id}", include_in_schema=False)
def labeller(request: Request, project: TheProject) -> Response:
    """The bulk labeller."""
    if not project.read().people_file.exists():
        return page(request, "unsorted.html", project=project, title="Label")
    data = {
        "api": _API.format(project_id=project.id),
        "thumbnails": f"/faces/{project.id}",
        "frames": f"/frames/{project.id}",
        "command": project.folder.name,
        "footages": [entry.name for entry in project.footages()],
    }
    return page(request, "label.html", project=project, data=data)


@router.get("/frames/{project_id}/{footage}/{frame}", response_class=FileResponse)
def frame_picture(project: TheProject, footage: Number, frame: Number) -> Response:
    """A small picture of a sampled frame."""
    name = project.footage(footage).name
    file = project.read().still_file(name, frame)
    if not file.is_file():
        raise NotFoundError("there is no such frame")
    key = f"frame {FRAME_PX} {name} {file.name} {file_key(file)}"
    return cached_jpeg(project, key, lambda: small_jpeg(file, width=FRAME_PX))


# --- what the page asks for -------------------------------------------------------------------


@router.get(_API)
def sets(project: TheProject) -> dict[str, Any]:
    """The label sets of the project."""
    folder = _folder(project)
    return {"sets": [set_data(folder, each) for each in folder.sets()]}


@router.post(_API)
def add_set(project: TheProject, asked: NewSet) -> JSONResponse:
    """Make a new label set."""
    folder = _folder(project)
    return JSONResponse(set_data(folder, folder.add(asked.name, asked.labels)), 201)


@router.get(_API + "/timeline/{footage}")
def timeline_data(project: TheProject, footage: Number) -> dict[str, Any]:
    """Frames of a footage at equal distances, and how many faces there are when."""
    name = project.footage(footage).name
    return timeline(project.read(), read_snapshot(project), name, footage)


@router.get(_API + "/{set_id}/faces/{footage}")
def faces(request: Request, project: TheProject, set_id: SetId, footage: Number) -> JSONResponse:
    """Every face of a footage, what was said of it, and what a model says."""
    project.footage(footage)
    label_set = _set(project, set_id)
    content = faces_to_label(
        project.read(), read_snapshot(project), footage, label_set, _guesses(request)
    )
    return JSONResponse(content)


@router.post(_API + "/{set_id}/faces")
def save(project: TheProject, set_id: SetId, batch: Batch) -> dict[str, Any]:
    """Write down what somebody says about some faces."""
    label_set = _set(project, set_id)
    save_batch(project.read(), read_snapshot(project), label_set, batch)
    return set_data(_folder(project), label_set)


def _folder(project: OpenProject) -> LabelFolder:
    return LabelFolder(project.read().labels_folder)


def _set(project: OpenProject, set_id: str) -> LabelSet:
    found = _folder(project).set(set_id)
    if found is None:
        raise NotFoundError("there is no such label set")
    return found


def _guesses(request: Request) -> ModelGuesses:
    guesses = getattr(request.app.state, "model_guesses", None)
    if guesses is None:
        guesses = request.app.state.model_guesses = ModelGuesses()
    assert isinstance(guesses, ModelGuesses)
    return guesses
