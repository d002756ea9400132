"""People folder and dataset, written from who is who: by the clustering, and after a review."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clustering.faces.labelled import LabelledFootage
from clustering.output.dataset import DatasetPlan, plan_dataset, wanted_dataset
from clustering.output.people_folder import wanted_people
from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.core.progress import WRITING, Progress
from data.project.manifest import MANIFEST, OutputFolder
from data.project.project import Project
from data.project.stages import FACES, PEOPLE, PeopleRecord
from data.tables.dataset import DATA_FILE, read_data_file
from data.tables.faces import Faces, Frames
from data.tables.people import People, open_people


def read_tables(project: Project, name: str) -> tuple[Frames, Faces]:
    """Read the sampled frames and the faces of a footage.

    Raises:
        InputError: they are not there, or damaged.
    """
    return Frames.read(project.frames_file(name)), Faces.read(project.faces_file(name))


@dataclass(frozen=True, eq=False)
class KnownPeople:
    """Who is who in all footages."""

    footages: tuple[LabelledFootage, ...]  # in the order of the project
    names: Mapping[int, str]
    hidden: frozenset[int]

    def that_matter(self) -> list[LabelledFootage]:
        """The footages with the faces of hidden people as unknown ones.

        So the dataset has no class for them, and does not teach that they are background either:
        their faces are covered (see :mod:`clustering.output.masking`).
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


def known_people(people: People, tables: Mapping[str, tuple[Frames, Faces]]) -> KnownPeople:
    """Return who is who, by the tables of every footage."""
    labelled = []
    for name, (frames, faces) in tables.items():
        person_id = people.assignments(name).person_id
        labelled.append(LabelledFootage(name, frames, faces, person_id))
    return KnownPeople(tuple(labelled), people.names(), people.hidden())


def outputs_exist(project: Project, plan: DatasetPlan) -> bool:
    """Whether both folders are there: a user may have removed one to have it made again."""
    folders = [project.people_folder, *([project.dataset_folder] if plan.images else [])]
    return all((folder / MANIFEST).exists() for folder in folders)


def folders_exist(project: Project) -> bool:
    """Whether both folders are there, of a project whose faces are sorted."""
    folders = (project.people_folder, project.dataset_folder)
    if all((folder / MANIFEST).exists() for folder in folders):
        return True
    record = project.require_record(PEOPLE)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people:
        return outputs_exist(project, _plan(known_people(people, tables), record))


def write_outputs(
    project: Project, known: KnownPeople, plan: DatasetPlan, progress: Progress
) -> None:
    """Bring the people folder and the dataset up to date.

    Raises:
        InputError: a picture is missing, or something of the user's is in the way.
    """
    portraits = wanted_people(known.footages, known.names, project.portrait_file)
    dataset = wanted_dataset(plan, project.still_file)
    with progress(WRITING, len(portraits) + len(dataset), 0) as bar:

        def advance() -> None:
            bar.update(1)

        OutputFolder(project.people_folder).sync(portraits, advance=advance)
        OutputFolder(project.dataset_folder).sync(dataset, advance=advance)


def is_sorted(project: Project) -> bool:
    """Whether all faces that were found are sorted into people."""
    record = project.record(PEOPLE)
    faces = {name: project.record(FACES, name) for name in project.footages}
    return record is not None and record.faces == faces


def is_written(project: Project, people: People) -> bool:
    """Whether people folder and dataset are there and hold everything that was decided."""
    record = project.record(PEOPLE)
    if record is None or record.stopped or not is_sorted(project) or not folders_exist(project):
        return False
    return record == as_reviewed(record, people)


def as_reviewed(record: PeopleRecord, people: People) -> PeopleRecord:
    """Return the record with the names and decisions that are in force now."""
    return dataclasses.replace(
        record, names=people.names(), decisions=people.decisions_key(), stopped=False
    )


@dataclass(frozen=True, slots=True)
class Review:
    """What writing the people folder and the dataset again would change, or has changed."""

    people: tuple[str, ...]  # whom the dataset has, in order of class
    new: tuple[str, ...]  # people of it whom it had not
    gone: tuple[str, ...]  # people whom it had
    renamed: tuple[tuple[str, str], ...]  # people of it who had another name, and which
    images: int  # that it has
    changed_files: int  # of its images and labels; the names are not among them
    up_to_date: bool  # nothing was decided since it was written


def review_people(project: Project) -> Review:
    """Return what `write_people` would change; nothing is written.

    Raises:
        InputError: the project was not clustered, or that was stopped.
    """
    record = sorted_record(project)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people:
        known, now = known_people(people, tables), as_reviewed(record, people)
    done = project.is_finished(PEOPLE, now)
    plan = _plan(known, now)
    return _review(project, plan, up_to_date=done and outputs_exist(project, plan))


def write_people(project: Project, *, progress: Progress) -> Review:
    """Write the people folder and the dataset again, as people have decided since.

    Nothing is clustered anew. What is decided while this runs is not in it.

    Returns:
        What has changed.

    Raises:
        InputError: the project was not clustered, or that was stopped; another run is at work.
    """
    with project.lock():
        record = sorted_record(project)
        tables = {name: read_tables(project, name) for name in project.footages}
        with open_people(project.people_file) as people:
            known, now = known_people(people, tables), as_reviewed(record, people)
        plan = _plan(known, now)
        review = _review(project, plan, up_to_date=True)
        mark_stopped(project, record)
        write_outputs(project, known, plan, progress)
        project.finish(PEOPLE, now)
    return review


def sorted_record(project: Project) -> PeopleRecord:
    """Return the record of the people, into whom all faces are sorted.

    Raises:
        InputError: there are none, or faces were found since.
    """
    record = project.record(PEOPLE)
    if record is None or not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    if not is_sorted(project):
        message = "not all its faces are sorted into people; run cluster-faces again"
        raise InputError(f"{project.folder}: {message}")
    return record


def mark_stopped(project: Project, record: PeopleRecord) -> None:
    """Mark the people as not finished: stopped from here on, the settings are still known."""
    project.finish(PEOPLE, dataclasses.replace(record, decisions="", stopped=True))


def _plan(known: KnownPeople, record: PeopleRecord) -> DatasetPlan:
    margin = record.label_margin
    return plan_dataset(known.that_matter(), known.names, label_margin=margin)


def _review(project: Project, plan: DatasetPlan, *, up_to_date: bool) -> Review:
    folder = OutputFolder(project.dataset_folder)
    wanted = wanted_dataset(plan, project.still_file)
    changed = folder.changes(wanted) - {DATA_FILE}
    before, now = _people_before(project), dict(zip(plan.person_id, plan.names, strict=True))
    both = [(before[person], now[person]) for person in now if person in before]
    return Review(
        people=plan.names,
        new=tuple(name for person, name in now.items() if person not in before),
        gone=tuple(name for person, name in before.items() if person not in now),
        renamed=tuple((old, new) for old, new in both if old != new),
        images=len(plan.images),
        changed_files=len(changed),
        up_to_date=up_to_date,
    )


def _people_before(project: Project) -> dict[int, str]:
    """Who is in the dataset as it was written last, by number."""
    file = project.dataset_folder / DATA_FILE
    names = read_data_file(file).names if file.exists() else ()
    record = project.record(PEOPLE)
    known = {} if record is None else record.names
    return {person: name for person, name in known.items() if name in names}
