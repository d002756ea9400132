"""Write the people folder and the dataset, after clustering or a review."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clustering.faces.labelled import LabelledFootage
from clustering.output.dataset import DatasetPlan, dataset_files, plan_dataset
from clustering.output.people_folder import people_files
from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.core.progress import WRITING, Progress
from data.project.manifest import MANIFEST, OutputFolder
from data.project.project import Project
from data.project.stages import FACES, PEOPLE, PeopleRecord
from data.storage.shown import command_line
from data.tables.dataset import DATA_FILE, read_data_file
from data.tables.faces import Faces, Frames
from data.tables.people import People, open_people


def read_tables(project: Project, name: str) -> tuple[Frames, Faces]:
    """Read the sampled frames and the faces of a footage.

    Raises:
        InputError: a table is missing or damaged.
    """
    return Frames.read(project.frames_file(name)), Faces.read(project.faces_file(name))


@dataclass(frozen=True, eq=False)
class IdentifiedFootages:
    """All footages with the person of each face."""

    footages: tuple[LabelledFootage, ...]  # in the order of the project
    names: Mapping[int, str]  # by person id
    hidden: frozenset[int]  # ids of hidden people

    def visible(self) -> list[LabelledFootage]:
        """Return the footages with the faces of hidden people marked as unknown.

        The dataset then has no class for hidden people, and masks their faces instead of treating
        them as background (see :mod:`clustering.output.masking`).
        """
        return [
            dataclasses.replace(
                footage,
                person_id=np.where(
                    np.isin(footage.person_id, list(self.hidden)), UNKNOWN, footage.person_id
                ),
            )
            for footage in self.footages
        ]


def identified_footages(
    people: People, tables: Mapping[str, tuple[Frames, Faces]]
) -> IdentifiedFootages:
    """Combine the tables of every footage with the people of its faces."""
    labelled = []
    for name, (frames, faces) in tables.items():
        person_id = people.assignments(name).person_id
        labelled.append(LabelledFootage(name, frames, faces, person_id))
    return IdentifiedFootages(tuple(labelled), people.names(), people.hidden())


def outputs_exist(project: Project, plan: DatasetPlan) -> bool:
    """Whether both folders exist; a user may remove one to have it written again."""
    folders = [project.people_folder, *([project.dataset_folder] if plan.images else [])]
    return all((folder / MANIFEST).exists() for folder in folders)


def folders_exist(project: Project) -> bool:
    """Whether both folders exist, in a project whose faces are clustered."""
    folders = (project.people_folder, project.dataset_folder)
    if all((folder / MANIFEST).exists() for folder in folders):
        return True
    record = project.require_record(PEOPLE)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people, people.reading():
        return outputs_exist(project, _plan(identified_footages(people, tables), record))


def write_outputs(
    project: Project, identified: IdentifiedFootages, plan: DatasetPlan, progress: Progress
) -> None:
    """Bring the people folder and the dataset up to date.

    Raises:
        InputError: a picture is missing, or a user's file is in the way.
    """
    portraits = people_files(identified.footages, identified.names, project.portrait_file)
    dataset = dataset_files(plan, project.still_file)
    with progress(WRITING, len(portraits) + len(dataset), 0) as bar:

        def advance() -> None:
            bar.update(1)

        OutputFolder(project.people_folder).sync(portraits, advance=advance)
        OutputFolder(project.dataset_folder).sync(dataset, advance=advance)


def all_faces_clustered(project: Project) -> bool:
    """Whether all detected faces are clustered."""
    record = project.record(PEOPLE)
    faces = {name: project.record(FACES, name) for name in project.footages}
    return record is not None and record.faces == faces


def is_written(project: Project, people: People) -> bool:
    """Whether the people folder and the dataset exist and reflect all review decisions."""
    record = project.record(PEOPLE)
    if (
        record is None
        or record.stopped
        or not all_faces_clustered(project)
        or not folders_exist(project)
    ):
        return False
    return record == as_reviewed(record, people)


def as_reviewed(record: PeopleRecord, people: People) -> PeopleRecord:
    """Return the record with the current names and decisions."""
    return dataclasses.replace(
        record, names=people.names(), decisions=people.decisions_key(), stopped=False
    )


@dataclass(frozen=True, slots=True)
class OutputChanges:
    """Changes to the dataset since it was last written."""

    people: tuple[str, ...]  # names in the dataset, by class
    new: tuple[str, ...]  # names of added people
    gone: tuple[str, ...]  # names of removed people
    renamed: tuple[tuple[str, str], ...]  # old and new name
    images: int  # number of images in the dataset
    changed_files: int  # number of changed images and labels
    up_to_date: bool  # whether no decision was made since it was written


def pending_changes(project: Project) -> OutputChanges:
    """Return what `write_people` would change, without writing.

    Raises:
        InputError: the project is not clustered, or clustering was interrupted.
    """
    record = clustered_record(project)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people, people.reading():
        identified, current = identified_footages(people, tables), as_reviewed(record, people)
    done = project.is_finished(PEOPLE, current)
    plan = _plan(identified, current)
    return _changes(project, plan, up_to_date=done and outputs_exist(project, plan))


def write_people(project: Project, *, progress: Progress) -> OutputChanges:
    """Rewrite the people folder and the dataset from the review decisions, without clustering.

    Decisions made while this runs are not included.

    Returns:
        The changes.

    Raises:
        InputError: the project is not clustered, clustering was interrupted, or another run is
            using the project.
    """
    with project.lock():
        record = clustered_record(project)
        tables = {name: read_tables(project, name) for name in project.footages}
        with open_people(project.people_file) as people, people.reading():
            identified, current = identified_footages(people, tables), as_reviewed(record, people)
        plan = _plan(identified, current)
        changes = _changes(project, plan, up_to_date=True)
        mark_stopped(project, record)
        write_outputs(project, identified, plan, progress)
        project.finish(PEOPLE, current)
    return changes


def clustered_record(project: Project) -> PeopleRecord:
    """Return the record of the people if all faces are clustered.

    Raises:
        InputError: there are no people, or faces were detected since.
    """
    record = project.record(PEOPLE)
    if record is None or not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    if not all_faces_clustered(project):
        again = command_line("cluster-faces", "--project", project.folder)
        message = f"not all its faces are sorted into people; run {again}"
        raise InputError(f"{project.folder}: {message}")
    return record


def mark_stopped(project: Project, record: PeopleRecord) -> None:
    """Mark the people as unfinished, but keep their settings in case the run is interrupted."""
    project.finish(PEOPLE, dataclasses.replace(record, decisions="", stopped=True))


def _plan(identified: IdentifiedFootages, record: PeopleRecord) -> DatasetPlan:
    margin = record.label_margin
    return plan_dataset(identified.visible(), identified.names, label_margin=margin)


def _changes(project: Project, plan: DatasetPlan, *, up_to_date: bool) -> OutputChanges:
    folder = OutputFolder(project.dataset_folder)
    planned = dataset_files(plan, project.still_file)
    changed = folder.changes(planned) - {DATA_FILE}
    previous, current = _previous_names(project), dict(zip(plan.person_id, plan.names, strict=True))
    pairs = [(previous[person], current[person]) for person in current if person in previous]
    return OutputChanges(
        people=plan.names,
        new=tuple(name for person, name in current.items() if person not in previous),
        gone=tuple(name for person, name in previous.items() if person not in current),
        renamed=tuple((old, new) for old, new in pairs if old != new),
        images=len(plan.images),
        changed_files=len(changed),
        up_to_date=up_to_date,
    )


def _previous_names(project: Project) -> dict[int, str]:
    """Return the names in the dataset as last written, by person id."""
    file = project.dataset_folder / DATA_FILE
    names = read_data_file(file).names if file.exists() else ()
    record = project.record(PEOPLE)
    known = {} if record is None else record.names
    return {person: name for person, name in known.items() if name in names}
