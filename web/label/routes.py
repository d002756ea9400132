"""Routes of the Label page."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, JSONResponse, Response

from data.core.digest import file_key
from data.tables.labels import LabelFolder, LabelSet
from web.core.errors import NotFoundError
from web.core.library import LibraryParameter, NumberParameter, OpenProject, ProjectParameter
from web.core.templates import page, project_page
from web.core.thumbnails import cached_jpeg, small_jpeg
from web.label.labelling import (
    LabelBatch,
    NewLabelSet,
    faces_to_label,
    save_batch,
    set_data,
    timeline,
)
from web.label.predictions import Predictions
from web.people.no_people import no_people
from web.people.snapshot import read_snapshot

FRAME_PX: Final = 160
_API: Final = "/api/projects/{project_id}/labels"

SetId = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

router = APIRouter()


@router.get("/label", include_in_schema=False)
def choose_project(request: Request, library: LibraryParameter) -> Response:
    """Redirect to the only project, or list the projects."""
    return project_page(request, library, title="Label", section="label")


@router.get("/label/{project_id}", include_in_schema=False)
def label_page(request: Request, project: ProjectParameter) -> Response:
    """Show the Label page of a project."""
    if missing := no_people(request, project, title="Label"):
        return missing
    data = {
        "api": _API.format(project_id=project.id),
        "thumbnails": f"/faces/{project.id}",
        "frames": f"/frames/{project.id}",
        "footages": [entry.name for entry in project.footages()],
    }
    return page(request, "label/label.html", project=project, data=data)


@router.get("/frames/{project_id}/{footage}/{frame}", response_class=FileResponse)
def frame_picture(
    project: ProjectParameter, footage: NumberParameter, frame: NumberParameter
) -> Response:
    """Return a small picture of a sampled frame."""
    name = project.footage(footage).name
    file = project.read().still_file(name, frame)
    if not project.holds(file):
        raise NotFoundError("no such frame")
    key = f"frame {FRAME_PX} {name} {file.name} {file_key(file)}"
    return cached_jpeg(project, key, lambda: small_jpeg(file, width=FRAME_PX))


# --- API --------------------------------------------------------------------------------------


@router.get(_API)
def sets(project: ProjectParameter) -> dict[str, Any]:
    """Return the label sets of the project."""
    folder = _folder(project)
    name = project.folder.name
    return {"sets": [set_data(folder, label_set, project=name) for label_set in folder.sets()]}


@router.post(_API)
def add_set(project: ProjectParameter, new_set: NewLabelSet) -> JSONResponse:
    """Add a label set."""
    folder = _folder(project)
    added = folder.add(new_set.name, new_set.labels)
    return JSONResponse(set_data(folder, added, project=project.folder.name), 201)


@router.get(_API + "/timeline/{footage}")
def timeline_data(project: ProjectParameter, footage: NumberParameter) -> dict[str, Any]:
    """Return evenly spaced frames of a footage and a histogram of its faces over time."""
    name = project.footage(footage).name
    return timeline(project.read(), read_snapshot(project), name, footage)


@router.get(_API + "/{set_id}/faces/{footage}")
def faces(
    request: Request, project: ProjectParameter, set_id: SetId, footage: NumberParameter
) -> JSONResponse:
    """Return all faces of a footage with their labels and a model's predictions."""
    project.footage(footage)
    label_set = _set(project, set_id)
    content = faces_to_label(
        project.read(), read_snapshot(project), footage, label_set, _predictions(request)
    )
    return JSONResponse(content)


@router.post(_API + "/{set_id}/faces")
def save(project: ProjectParameter, set_id: SetId, batch: LabelBatch) -> dict[str, Any]:
    """Save the labels of some faces."""
    label_set = _set(project, set_id)
    save_batch(project.read(), read_snapshot(project), label_set, batch)
    return set_data(_folder(project), label_set, project=project.folder.name)


def _folder(project: OpenProject) -> LabelFolder:
    return LabelFolder(project.read().labels_folder)


def _set(project: OpenProject, set_id: str) -> LabelSet:
    label_set = _folder(project).set(set_id)
    if label_set is None:
        raise NotFoundError("no such question")
    return label_set


def _predictions(request: Request) -> Predictions:
    predictions: Predictions = request.app.state.predictions
    return predictions
