"""JSON data of the Label page: timeline, faces with labels and predictions, batches to save."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from clustering.output.label_pictures import write_face_picture
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.storage.shown import command_line
from data.tables.faces import Frames
from data.tables.labels import (
    MAX_LABELS,
    MAX_LETTERS,
    Answer,
    LabelFolder,
    LabelSet,
    disagreements,
    picture_file,
)
from web.core.errors import NotFoundError
from web.label.predictions import FootagePredictions, Predictions
from web.label.prelabels import smiles_of_table
from web.people.review import FaceId
from web.people.snapshot import PeopleSnapshot

MAX_BATCH: Final = 1000
_TIMELINE_FRAMES: Final = 48
_TIMELINE_BINS: Final = 96  # of the histogram of faces

ShortText = Annotated[str, Field(min_length=1, max_length=MAX_LETTERS)]


class NewLabelSet(BaseModel):
    """Request to add a label set."""

    model_config = ConfigDict(extra="forbid")

    name: ShortText
    labels: Annotated[list[ShortText], Field(min_length=2, max_length=MAX_LABELS)]


class FaceLabelRequest(BaseModel):
    """The label of one face; an empty label removes it."""

    model_config = ConfigDict(extra="forbid")

    face: FaceId
    label: Annotated[str, Field(max_length=MAX_LETTERS)]


class LabelBatch(BaseModel):
    """Request to save the labels of some faces."""

    model_config = ConfigDict(extra="forbid")

    by: ShortText
    decided: bool = False  # the labels settle a disagreement of the labellers
    labels: Annotated[list[FaceLabelRequest], Field(min_length=1, max_length=MAX_BATCH)]


def set_data(folder: LabelFolder, label_set: LabelSet, *, project: str) -> dict[str, Any]:
    """Return a label set, its numbers of labels and disagreements, and the training command.

    Args:
        folder: all label sets.
        label_set: one of them.
        project: name of the project folder.
    """
    labels = [face.label for face in folder.labels(label_set).values()]
    return {
        "id": label_set.id,
        "name": label_set.name,
        "labels": list(label_set.labels),
        "counts": [labels.count(label) for label in label_set.labels],
        "disagreements": len(disagreements(folder.answers(label_set))),
        "train": _training_command(label_set, Path(project, "labels", label_set.id)),
    }


def _training_command(label_set: LabelSet, folder: Path) -> str:
    is_smile = "smile" in label_set.labels and len(label_set.labels) == 2
    command = "train-smiles" if is_smile else "train-expressions"
    return command_line(command, folder, "--out", folder / "model.onnx")


def timeline(project: Project, snapshot: PeopleSnapshot, name: str, number: int) -> dict[str, Any]:
    """Return evenly spaced frames of a footage and a histogram of its faces over time."""
    frames = Frames.read(project.frames_file(name))
    if not len(frames):
        return {"duration_s": 0.0, "frames": [], "time_s": [], "counts": []}
    end_s = max(project.footages[name].duration_s, float(frames.time_s[-1]))
    steps = min(_TIMELINE_FRAMES, len(frames))
    target_s = (np.arange(steps) + 0.5) * end_s / steps
    after = np.minimum(np.searchsorted(frames.time_s, target_s), len(frames) - 1)
    rows = np.unique(np.where(_nearer_before(frames.time_s, target_s, after), after - 1, after))
    faces = snapshot.faces.time_s[snapshot.faces.footage == number]
    counts, _ = np.histogram(faces, bins=_TIMELINE_BINS, range=(0, max(end_s, 1e-6)))
    return {
        "duration_s": round(end_s, 3),
        "frames": frames.frame_index[rows].tolist(),
        "time_s": np.round(frames.time_s[rows], 3).tolist(),
        "counts": counts.tolist(),
    }


def _nearer_before(
    time_s: NDArray[np.float64], target_s: NDArray[np.float64], after: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return a mask, ``(k,)``: the frame before ``after`` is nearer to the target time.

    Args:
        time_s: ``(n,)`` times of the frames, s, ascending.
        target_s: ``(k,)`` target times, s.
        after: ``(k,)`` index of the first frame at or after each target time.
    """
    before = np.maximum(after - 1, 0)
    return (after > 0) & (target_s - time_s[before] < time_s[after] - target_s)


def faces_to_label(
    project: Project,
    snapshot: PeopleSnapshot,
    number: int,
    label_set: LabelSet,
    predictions: Predictions,
) -> dict[str, Any]:
    """Return all faces of a footage in chronological order, with labels, answers and predictions.

    Args:
        project: project with the labels.
        snapshot: snapshot with the faces.
        number: number of the footage, from 1.
        label_set: the label set to return labels of.
        predictions: predictions of the expression models.
    """
    rows = np.flatnonzero(snapshot.faces.footage == number)
    folder = LabelFolder(project.labels_folder)
    saved, answers = folder.labels(label_set), folder.answers(label_set)
    index = {label: i for i, label in enumerate(label_set.labels)}
    files = [picture_name(snapshot, int(row)) for row in rows]
    labels = [index.get(saved[file].label, -1) if file in saved else -1 for file in files]
    predicted = _predictions(project, snapshot, number, label_set, predictions)
    return {
        "faces": snapshot.faces.ids(rows),
        "time_s": np.round(snapshot.faces.time_s[rows], 3).tolist(),
        "label": labels,
        "answers": _answers(answers, files, index),
        "disagreements": _disagreements(answers, files, index),
        "model": _probabilities(predicted.scores),
        "pending": predicted.pending,
        "problem": predicted.problem,
    }


def _answers(
    answers: list[Answer], files: list[str], index: dict[str, int]
) -> list[dict[str, Any]]:
    """Return the index of the label that each labeller gave each face, -1 for none."""
    row_of = {file: row for row, file in enumerate(files)}
    labels: dict[str, list[int]] = {}
    for answer in answers:
        if answer.file in row_of:
            given = labels.setdefault(answer.by, [-1] * len(files))
            given[row_of[answer.file]] = index.get(answer.label, -1)
    return [{"by": by, "label": given} for by, given in sorted(labels.items())]


def _disagreements(
    answers: list[Answer], files: list[str], index: dict[str, int]
) -> list[dict[str, Any]]:
    """Return the answers in force to each face whose labellers disagree."""
    found = disagreements(answer for answer in answers if answer.label in index)
    return [
        {
            "row": row,
            "answers": [{"by": a.by, "label": index[a.label]} for a in found[file]],
        }
        for row, file in enumerate(files)
        if file in found
    ]


def _predictions(
    project: Project,
    snapshot: PeopleSnapshot,
    number: int,
    label_set: LabelSet,
    predictions: Predictions,
) -> FootagePredictions:
    """Return the predictions of the model, or of smile-gifs while there are none."""
    name = list(project.footages)[number - 1]
    if name not in snapshot.faces.footages:
        return FootagePredictions()
    faces = snapshot.faces.tables[snapshot.faces.footages.index(name)]
    folder = LabelFolder(project.labels_folder).folder(label_set)
    found = predictions.of_footage(project, name, folder, label_set.labels)
    if found.scores is None or len(found.scores) != len(faces):
        return replace(found, scores=smiles_of_table(project, name, faces, label_set.labels))
    return found


def _probabilities(scores: NDArray[np.float64] | None) -> list[list[float] | None] | None:
    """Return the probability of each label per face.

    A face without a prediction has None instead of a row; without any, the list is None.
    """
    if scores is None or not np.isfinite(scores).any():
        return None
    return [row if np.isfinite(row).all() else None for row in np.round(scores, 4).tolist()]


def picture_name(snapshot: PeopleSnapshot, row: int) -> str:
    """Return the file name of a labelled face's picture."""
    faces = snapshot.faces
    footage = faces.footage_name(row)
    return picture_file(footage, int(faces.frame_index[row]), int(faces.number[row]))


def save_batch(
    project: Project, snapshot: PeopleSnapshot, label_set: LabelSet, batch: LabelBatch
) -> None:
    """Save the labels of a batch and the pictures of its faces.

    Raises:
        NotFoundError: no such face.
        InputError: no such label, or a portrait is missing.
    """
    folder = LabelFolder(project.labels_folder)
    frames: dict[str, Frames] = {}
    rows = []
    for labelled in batch.labels:
        row = snapshot.faces.rows.get(labelled.face)
        if row is None:
            raise NotFoundError("no such face")
        file, person = picture_name(snapshot, row), int(snapshot.person_id[row])
        if labelled.label:
            _write_picture(project, snapshot, row, folder.faces_folder(label_set) / file, frames)
        person_text = str(person) if person != UNKNOWN else ""
        rows.append((file, labelled.label, person_text))
    folder.save(label_set, rows, by=batch.by, decided=batch.decided)


def _write_picture(
    project: Project, snapshot: PeopleSnapshot, row: int, target: Path, frames: dict[str, Frames]
) -> None:
    name = snapshot.faces.footage_name(row)
    if name not in frames:
        frames[name] = Frames.read(project.frames_file(name))
    frame_index, number = int(snapshot.faces.frame_index[row]), int(snapshot.faces.number[row])
    frame_row = int(np.searchsorted(frames[name].frame_index, frame_index))
    width, height = frames[name].frame_wh[frame_row].tolist()
    portrait = project.portrait_file(name, frame_index, number)
    write_face_picture(portrait, snapshot.faces.xyxy(row), (width, height), target)
