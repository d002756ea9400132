"""Erase a person from the outputs of cluster-faces."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.faces.labelled import numbers_in_frame
from clustering.faces.portraits import cut_portrait
from clustering.output.dataset import plan_dataset
from clustering.output.masking import cover
from clustering.output.write import (
    as_reviewed,
    clustered_record,
    identified_footages,
    mark_stopped,
    read_tables,
    write_outputs,
)
from data.core.atomic import overwriting
from data.core.boxes import expand
from data.core.errors import InputError
from data.core.progress import Progress
from data.erasure.people import erase_person
from data.erasure.residue_scan import picture_digest, picture_mark
from data.project.project import Project
from data.project.stages import PEOPLE
from data.tables.faces import Faces
from data.tables.labels import picture_file
from data.tables.people import open_people
from data.video.pictures.jpeg import read_jpeg, write_jpeg

MASK_MARGIN = 0.4
"""Margin of the mask, as a share of the face's size: hair and chin also identify a person."""


@dataclass(frozen=True, slots=True, eq=False)
class ErasedFaces:
    """Erased data of a person, to scan for residue."""

    faces: int
    embeddings: NDArray[np.float32]  # (m, 128) of the faces and their mirror images
    portraits: tuple[bytes, ...]  # `picture_mark` of each portrait
    frames: tuple[bytes, ...]  # `picture_digest` of each still that shows the person


def renamed_pictures(project: Project, person_id: int) -> dict[str, str | None]:
    """Map the label pictures of a person's frames to their file names after the erasure.

    Returns:
        New file name by old one, None for the person's own; see `LabelFolder.rename_pictures`.

    Raises:
        InputError: a table is missing.
    """
    renamed: dict[str, str | None] = {}
    with open_people(project.people_file) as people:
        for name in project.footages:
            own = people.assignments(name).person_id == person_id
            _, faces = read_tables(project, name)
            if len(own) == len(faces):
                renamed |= _renamed_in_footage(name, faces.frame_index, own)
    return renamed


def _renamed_in_footage(
    name: str, frame_index: NDArray[np.int64], own: NDArray[np.bool_]
) -> dict[str, str | None]:
    old_number = numbers_in_frame(frame_index)
    new_number = np.full(len(frame_index), -1)
    new_number[~own] = numbers_in_frame(frame_index[~own])
    rows = np.flatnonzero(np.isin(frame_index, frame_index[own]))
    renamed: dict[str, str | None] = {}
    for row in rows[np.lexsort((old_number[rows], frame_index[rows]))].tolist():
        frame = int(frame_index[row])
        new_file = picture_file(name, frame, int(new_number[row])) if new_number[row] >= 0 else None
        renamed[picture_file(name, frame, int(old_number[row]))] = new_file
    return renamed


def erase_faces(project: Project, person_id: int, *, progress: Progress) -> ErasedFaces:
    """Erase a person's faces from the tables, pictures, people and dataset of a project.

    The faces are masked in the stills. The caller holds the project's lock. After an interruption,
    a second call completes the erasure.

    Raises:
        InputError: the project is not clustered, or a table or picture is missing.
    """
    record = clustered_record(project)
    mark_stopped(project, record)
    erased: list[Faces] = []
    portraits: list[bytes] = []
    frames: list[bytes] = []
    with open_people(project.people_file) as people:
        if person_id not in people.names():
            raise InputError(f"there is no person {person_id} in {project.folder.name}")
        for name in project.footages:
            # A stopped run with other options has their faces too.
            shutil.rmtree(project.parts_folder(name), ignore_errors=True)
            own = people.assignments(name).person_id == person_id
            portraits += _portrait_marks(project, name, own)
            frames += _frame_digests(project, name, own)
            erased.append(_erase_in_footage(project, name, own))
        erase_person(people, person_id)
        tables = {name: read_tables(project, name) for name in project.footages}
        with people.reading():
            identified, current = identified_footages(people, tables), as_reviewed(record, people)
    plan = plan_dataset(identified.visible(), identified.names, label_margin=record.label_margin)
    write_outputs(project, identified, plan, progress)
    project.finish(PEOPLE, current)
    faces = Faces.concatenate(erased)
    return ErasedFaces(len(faces), _embeddings(faces), tuple(portraits), tuple(frames))


def _embeddings(faces: Faces) -> NDArray[np.float32]:
    """Return all embeddings of some faces, ``(m, 128)``, dlib's first."""
    columns = (faces.embedding, faces.embedding_mirrored, faces.sface, faces.sface_mirrored)
    embeddings = np.concatenate(columns)
    # A footage without SFace has zeros there, which are no residue of a person.
    return np.asarray(embeddings[embeddings.any(axis=1)], np.float32)


def _portrait_marks(project: Project, name: str, own: NDArray[np.bool_]) -> Iterator[bytes]:
    _, faces = read_tables(project, name)
    if len(own) != len(faces):  # see `_erase_in_footage`
        return
    number = numbers_in_frame(faces.frame_index)
    untouched = _untouched_frames(project, name, faces.frame_index)
    for row in np.flatnonzero(own & np.isin(faces.frame_index, untouched)).tolist():
        file = project.portrait_file(name, int(faces.frame_index[row]), int(number[row]))
        if file.exists():
            yield picture_mark(file.read_bytes())


def _frame_digests(project: Project, name: str, own: NDArray[np.bool_]) -> Iterator[bytes]:
    _, faces = read_tables(project, name)
    if len(own) == len(faces):
        untouched = _untouched_frames(project, name, faces.frame_index)
        for frame_index in np.intersect1d(faces.frame_index[own], untouched).tolist():
            file = project.still_file(name, frame_index)
            if file.exists():
                yield picture_digest(file.read_bytes())


def _untouched_frames(
    project: Project, name: str, frame_index: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the frames that have a portrait of each face: no stopped erasure has changed them.

    In a changed one, the portraits have the numbers of others, see `_mask_in_frame`.
    """
    frames, counts = np.unique(frame_index, return_counts=True)
    last = (
        project.portrait_file(name, int(frame), int(count) - 1)
        for frame, count in zip(frames, counts, strict=True)
    )
    is_whole = np.fromiter((file.exists() for file in last), bool, len(frames))
    return np.asarray(frames[is_whole], np.int64)


def _erase_in_footage(project: Project, name: str, own: NDArray[np.bool_]) -> Faces:
    """Erase faces from a footage's table and pictures, and return them."""
    _, faces = read_tables(project, name)
    if len(own) != len(faces):  # an earlier call stopped after writing the table
        return Faces.empty()
    erased, others = faces.take(own), faces.take(~own)
    if len(erased) == 0:
        return erased
    for frame_index in np.unique(erased.frame_index).tolist():
        _mask_in_frame(
            project,
            name,
            frame_index,
            erased.take(erased.frame_index == frame_index),
            others.take(others.frame_index == frame_index),
        )
    with overwriting(project.faces_file(name)) as file:
        others.write(file)
    return erased


def _mask_in_frame(
    project: Project, name: str, frame_index: int, erased: Faces, others: Faces
) -> None:
    """Mask faces in the still, and cut the other faces' portraits from it again, renumbered.

    The previous portraits may show parts of the erased person. Idempotent.
    """
    still = project.still_file(name, frame_index)
    image = cover(read_jpeg(still), expand(erased.xyxy, MASK_MARGIN), keep=others.xyxy)
    for number in reversed(range(len(others), len(others) + len(erased))):
        project.portrait_file(name, frame_index, number).unlink(missing_ok=True)
    write_jpeg(still, image)
    for number, box in enumerate(others.xyxy):
        write_jpeg(project.portrait_file(name, frame_index, number), cut_portrait(image, box))
