"""Erase a person from the outputs of cluster-faces."""

from __future__ import annotations

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
    identified_footages,
    mark_stopped,
    read_tables,
    sorted_record,
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
from data.video.jpeg import read_jpeg, write_jpeg

COVERED_MARGIN = 0.4
"""Margin of the mask, in sizes of the face: hair and chin identify a person too."""


@dataclass(frozen=True, slots=True, eq=False)
class ErasedFaces:
    """The erased data of a person, to scan for residue."""

    faces: int
    embeddings: NDArray[np.float32]  # (2 * faces, 128) of the faces, then of their mirror images
    portraits: tuple[bytes, ...]  # `picture_mark` of each
    frames: tuple[bytes, ...]  # `picture_digest` of each still that shows them


def renamed_pictures(project: Project, person_id: int) -> dict[str, str | None]:
    """Map the labelled pictures of a person's frames to their names without the person.

    Returns:
        New file by old file, None for the person's own; see `LabelFolder.rename_pictures`.

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
    before = numbers_in_frame(frame_index)
    after = np.full(len(frame_index), -1)
    after[~own] = numbers_in_frame(frame_index[~own])
    rows = np.flatnonzero(np.isin(frame_index, frame_index[own]))
    renamed: dict[str, str | None] = {}
    for row in rows[np.lexsort((before[rows], frame_index[rows]))].tolist():
        frame = int(frame_index[row])
        now = picture_file(name, frame, int(after[row])) if after[row] >= 0 else None
        renamed[picture_file(name, frame, int(before[row]))] = now
    return renamed


def erase_faces(project: Project, person_id: int, *, progress: Progress) -> ErasedFaces:
    """Erase a person's faces from the tables, pictures, people and dataset of a project.

    In the stills, the faces are masked. The caller holds the project's lock. After an
    interruption, a second call completes the work.

    Raises:
        InputError: the project was not clustered, or a table or picture is missing.
    """
    record = sorted_record(project)
    mark_stopped(project, record)
    gone: list[Faces] = []
    portraits: list[bytes] = []
    frames: list[bytes] = []
    with open_people(project.people_file) as people:
        if person_id not in people.names():
            raise InputError(f"there is no person {person_id} in {project.folder.name}")
        for name in project.footages:
            own = people.assignments(name).person_id == person_id
            portraits += _portrait_marks(project, name, own)
            frames += _frame_digests(project, name, own)
            gone.append(_erase_in_footage(project, name, own))
        erase_person(people, person_id)
        tables = {name: read_tables(project, name) for name in project.footages}
        identified, now = identified_footages(people, tables), as_reviewed(record, people)
    plan = plan_dataset(identified.visible(), identified.names, label_margin=record.label_margin)
    write_outputs(project, identified, plan, progress)
    project.finish(PEOPLE, now)
    faces = Faces.concatenate(gone)
    both = np.concatenate([faces.embedding, faces.embedding_mirrored])
    return ErasedFaces(len(faces), both, tuple(portraits), tuple(frames))


def _portrait_marks(project: Project, name: str, own: NDArray[np.bool_]) -> Iterator[bytes]:
    _, faces = read_tables(project, name)
    if len(own) != len(faces):  # see `_erase_in_footage`
        return
    number = numbers_in_frame(faces.frame_index)
    for row in np.flatnonzero(own).tolist():
        file = project.portrait_file(name, int(faces.frame_index[row]), int(number[row]))
        if file.exists():
            yield picture_mark(file.read_bytes())


def _frame_digests(project: Project, name: str, own: NDArray[np.bool_]) -> Iterator[bytes]:
    _, faces = read_tables(project, name)
    if len(own) == len(faces):
        for frame_index in np.unique(faces.frame_index[own]).tolist():
            file = project.still_file(name, frame_index)
            if file.exists():
                yield picture_digest(file.read_bytes())


def _erase_in_footage(project: Project, name: str, own: NDArray[np.bool_]) -> Faces:
    """Erase faces from a footage's table and pictures, and return them."""
    _, faces = read_tables(project, name)
    if len(own) != len(faces):  # interrupted after writing the table, before updating the people
        return Faces.empty()
    gone, rest = faces.take(own), faces.take(~own)
    if len(gone) == 0:
        return gone
    for frame_index in np.unique(gone.frame_index).tolist():
        _cover_in_frame(
            project,
            name,
            frame_index,
            gone.take(gone.frame_index == frame_index),
            rest.take(rest.frame_index == frame_index),
        )
    with overwriting(project.faces_file(name)) as file:
        rest.write(file)
    return gone


def _cover_in_frame(
    project: Project, name: str, frame_index: int, gone: Faces, rest: Faces
) -> None:
    """Mask faces in the still, and cut the other portraits from it, with new numbers.

    The old portraits may show parts of the erased person. Idempotent.
    """
    still = project.still_file(name, frame_index)
    image = cover(read_jpeg(still), expand(gone.xyxy, COVERED_MARGIN), keep=rest.xyxy)
    write_jpeg(still, image)
    for number, box in enumerate(rest.xyxy):
        write_jpeg(project.portrait_file(name, frame_index, number), cut_portrait(image, box))
    for number in range(len(rest), len(rest) + len(gone)):
        project.portrait_file(name, frame_index, number).unlink(missing_ok=True)
