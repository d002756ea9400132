"""What the Label room shows and takes: a timeline, faces, and what is said of them."""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from clustering.output.label_pictures import write_face_picture
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.tables.faces import Frames
from data.tables.labels import MAX_LABELS, MAX_LETTERS, LabelFolder, LabelSet, picture_file
from web.core.errors import NotFoundError
from web.label.model_guesses import ModelGuesses
from web.label.prelabels import watched_smiles
from web.people.review import FaceId
from web.people.snapshot import PeopleSnapshot

MAX_BATCH: Final = 1000
_STRIP: Final = 48  # frames of the timeline
_BINS: Final = 96  # of its count of faces

Words = Annotated[str, Field(min_length=1, max_length=MAX_LETTERS)]


class NewSet(BaseModel):
    """A question about faces, and its answers."""

    model_config = ConfigDict(extra="forbid")

    name: Words
    labels: Annotated[list[Words], Field(min_length=2, max_length=MAX_LABELS)]


class OneLabel(BaseModel):
    """What somebody says about a face; nothing takes back what was said."""

    model_config = ConfigDict(extra="forbid")

    face: FaceId
    label: Annotated[str, Field(max_length=MAX_LETTERS)]


class Batch(BaseModel):
    """What somebody says about some faces."""

    model_config = ConfigDict(extra="forbid")

    by: Words
    labels: Annotated[list[OneLabel], Field(min_length=1, max_length=MAX_BATCH)]


def set_data(folder: LabelFolder, label_set: LabelSet) -> dict[str, Any]:
    """Return a set, and how many faces have each label."""
    said = [each.label for each in folder.labels(label_set).values()]
    return {
        "id": label_set.id,
        "name": label_set.name,
        "labels": list(label_set.labels),
        "counts": [said.count(label) for label in label_set.labels],
    }


def timeline(project: Project, who: PeopleSnapshot, name: str, number: int) -> dict[str, Any]:
    """Return frames at equal distances, and how many faces there are when."""
    frames = Frames.read(project.frames_file(name))
    if not len(frames):
        return {"duration_s": 0.0, "frames": [], "time_s": [], "counts": []}
    end_s = max(project.footages[name].duration_s, float(frames.time_s[-1]))
    steps = min(_STRIP, len(frames))
    wanted_s = (np.arange(steps) + 0.5) * end_s / steps
    after = np.minimum(np.searchsorted(frames.time_s, wanted_s), len(frames) - 1)
    rows = np.unique(np.where(_nearer_before(frames.time_s, wanted_s, after), after - 1, after))
    faces = who.faces.time_s[who.faces.footage == number]
    counts, _ = np.histogram(faces, bins=_BINS, range=(0, max(end_s, 1e-6)))
    return {
        "duration_s": round(end_s, 3),
        "frames": frames.frame_index[rows].tolist(),
        "time_s": np.round(frames.time_s[rows], 3).tolist(),
        "counts": counts.tolist(),
    }


def _nearer_before(
    time_s: NDArray[np.float64], wanted_s: NDArray[np.float64], after: NDArray[np.int64]
) -> NDArray[np.bool_]:
    before = np.maximum(after - 1, 0)
    return (after > 0) & (wanted_s - time_s[before] < time_s[after] - wanted_s)


def faces_to_label(
    project: Project,
    who: PeopleSnapshot,
    number: int,
    label_set: LabelSet,
    guesses: ModelGuesses,
) -> dict[str, Any]:
    """Return every face of a footage in order of time, what was said, and what a model says.

    Args:
        project: as it is on disk.
        who: who is who in it.
        number: of the footage, from 1.
        label_set: the question.
        guesses: of models.
    """
    rows = np.flatnonzero(who.faces.footage == number)
    said = LabelFolder(project.labels_folder).labels(label_set)
    place = {label: i for i, label in enumerate(label_set.labels)}
    files = [picture_name(who, int(row)) for row in rows]
    labels = [place.get(said[file].label, -1) if file in said else -1 for file in files]
    model, looking = _model(project, who, number, label_set, guesses)
    return {
        "faces": who.faces.ids(rows),
        "time_s": np.round(who.faces.time_s[rows], 3).tolist(),
        "label": labels,
        "model": model,
        "looking": looking,  # what the model says is coming
    }


def _model(
    project: Project, who: PeopleSnapshot, number: int, label_set: LabelSet, guesses: ModelGuesses
) -> tuple[list[list[float] | None] | None, bool]:
    """Probability of each label for each face; None for a face, or all, where nobody knows."""
    name = list(project.footages)[number - 1]
    if name not in who.faces.footages:
        return None, False
    faces = who.faces.tables[who.faces.footages.index(name)]
    folder = LabelFolder(project.labels_folder).folder(label_set)
    scores, looking = guesses.ask(project, name, folder, label_set.labels)
    if scores is None or len(scores) != len(faces):
        scores = watched_smiles(project, name, faces, label_set.labels)
    if scores is None or not np.isfinite(scores).any():
        return None, looking
    rounded = np.round(scores, 4).tolist()
    return [row if np.isfinite(row).all() else None for row in rounded], looking


def picture_name(who: PeopleSnapshot, row: int) -> str:
    """What the picture of a face is called among those that are labelled."""
    faces = who.faces
    footage = faces.footage_name(row)
    return picture_file(footage, int(faces.frame_index[row]), int(faces.number[row]))


def save_batch(project: Project, who: PeopleSnapshot, label_set: LabelSet, batch: Batch) -> None:
    """Write down what somebody says, and the faces beside it.

    Raises:
        NotFoundError: there is no such face.
        InputError: no such label, or a portrait is missing.
    """
    folder = LabelFolder(project.labels_folder)
    frames: dict[str, Frames] = {}
    said = []
    for one in batch.labels:
        row = who.faces.rows.get(one.face)
        if row is None:
            raise NotFoundError("there is no such face")
        file, person = picture_name(who, row), int(who.person_id[row])
        if one.label:
            _write_picture(project, who, row, folder.faces_folder(label_set) / file, frames)
        known = str(person) if person != UNKNOWN else ""
        said.append((file, one.label, known))
    folder.save(label_set, said, by=batch.by)


def _write_picture(
    project: Project, who: PeopleSnapshot, row: int, place: Any, frames: dict[str, Frames]
) -> None:
    name = who.faces.footage_name(row)
    if name not in frames:
        frames[name] = Frames.read(project.frames_file(name))
    frame_index, number = int(who.faces.frame_index[row]), int(who.faces.number[row])
    at = int(np.searchsorted(frames[name].frame_index, frame_index))
    width, height = frames[name].frame_wh[at].tolist()
    portrait = project.portrait_file(name, frame_index, number)
    write_face_picture(portrait, who.faces.xyxy(row), (width, height), place)
