"""The stage cluster-faces: from footage to people and dataset."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clustering.faces.stage import FacesSummary, find_faces
from clustering.grouping.across_footages import ClusteredFootage, identify
from clustering.grouping.dbscan import dbscan
from clustering.grouping.footage import PLAIN_MIN_SAMPLES, GroupingSettings, group_faces
from clustering.grouping.review_constraints import review_constraints
from clustering.output.dataset import DatasetPlan, plan_dataset
from clustering.output.write import (
    IdentifiedFootages,
    identified_footages,
    outputs_exist,
    read_tables,
    write_outputs,
)
from clustering.pairing.lesson import Lesson
from clustering.pairing.match import (
    analysed_intervals,
    find_lessons,
    known_lessons,
    pair_up,
    remove_pairs,
)
from clustering.settings import VERSION, ClusterSettings
from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.execution.context import RunContext
from data.project.project import FootageEntry, Project, absolute
from data.project.stages import FACES, PEOPLE, PeopleRecord
from data.tables.decisions import Places, Reviewed, ReviewedFaces
from data.tables.face_match import same_faces
from data.tables.faces import Faces, Frames
from data.tables.people import Assignments, People, open_people
from data.tables.projection import assign_found
from data.video.footage import Footage, probe


@dataclass(frozen=True, slots=True)
class PersonFaces:
    """The faces of one person in the project."""

    name: str
    faces: int
    seen_s: float  # in videos
    hidden: bool = False  # by a reviewer


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """The result of a run."""

    footages: tuple[FacesSummary, ...]
    people: tuple[PersonFaces, ...]
    unknown_faces: int
    train_images: int
    val_images: int
    too_few: tuple[str, ...]  # people missing from the training or the validation images
    lessons: tuple[Lesson, ...] = ()  # those of which a recording was read or found done
    left_out: tuple[str, ...] = ()  # a line on each footage of the project that is not there
    failed: tuple[str, ...] = ()  # a line on each footage that could not be used
    took_s: float = 0.0
    up_to_date: bool = False  # nothing had to be done


def cluster_faces(
    project: Project,
    paths: Sequence[Path],
    settings: ClusterSettings,
    *,
    context: RunContext,
) -> ClusterSummary:
    """Find the people in some footage, and write them and their dataset into the project.

    Of paired recordings only the common part is sampled. The project keeps its
    pairs until one of the recordings is named without the other.

    What an earlier run finished, also in part, is not repeated. The
    whole project is clustered together; people keep their names and numbers.

    Of several footages, one that cannot be read or has changed does not stop the others.

    Args:
        project: to write into.
        paths: of footages.
        settings: how to find and sort.
        context: of the run.

    Raises:
        InputError: no footage that can be used, or no face in any.
    """
    start = time.monotonic()
    failures = context.failures
    failures.expect(len(paths))
    named = list(failures.each(paths, probe))  # before there is a folder for them
    paired, single = pair_up(named, settings.pairing.pairs, failures)
    with project.lock():
        others, left_out = _probe_others(project, paths)
        failures.expect(len(others))
        remove_pairs(project, single)
        lessons_of_pairs = find_lessons(
            project,
            paired,
            settings.pairing.off,
            threads=settings.backend.threads,
            force=settings.force,
            context=context,
        )
        named = [*single, *lessons_of_pairs]
        lessons = known_lessons(project)
        extracted = find_faces(
            project,
            [*named, *others],
            settings,
            parts=analysed_intervals(lessons),
            context=context,
        )
        tables = {name: read_tables(project, name) for name in project.footages}
        _require_faces(project, extracted, tables, settings)
        with open_people(project.people_file) as people:
            inputs = _people_inputs(project, settings, people)
            done = project.is_finished(PEOPLE, inputs) and not settings.force
            if not done:
                project.unfinish(PEOPLE)
                assign_people(project, people, tables, settings.grouping)
            known = identified_footages(people, tables)
            inputs = _people_inputs(project, settings, people)
        plan = plan_dataset(known.visible(), known.names, label_margin=settings.label_margin)
        done = done and outputs_exist(project, plan)
        if not done:
            project.unfinish(PEOPLE)
            write_outputs(project, known, plan, context.progress)
            project.finish(PEOPLE, inputs)
    summary = _summary(project, extracted, known, plan)
    read = {footage.name for footage in extracted}
    return dataclasses.replace(
        summary,
        lessons=tuple(lesson for lesson in lessons if read & {*lesson.names}),
        left_out=tuple(left_out),
        failed=tuple(failures.lines),
        took_s=time.monotonic() - start,
        up_to_date=done and all(footage.already_done for footage in extracted),
    )


def _probe_others(project: Project, paths: Sequence[Path]) -> tuple[list[Footage], list[str]]:
    """Probe the footages that a stopped run left, or all of the project where none is named.

    A missing footage does not stop the others: it keeps its faces, or leaves the project if it has
    none.

    Returns:
        The footages, and a line on each missing one.
    """
    footages, left_out = [], []
    for entry in _others(project, paths):
        try:
            footages.append(probe(entry.path))
        except InputError as error:
            if project.has_record(FACES, entry.name):
                left_out.append(f"{error}; its faces are kept")
            else:
                del project.footages[entry.name]
                project.save()
                left_out.append(f"{error}; the project goes on without it")
    if left_out and not project.footages:
        raise InputError(left_out[0])
    return footages, left_out


def _others(project: Project, paths: Sequence[Path]) -> list[FootageEntry]:
    named = {absolute(path) for path in paths}
    return [
        entry
        for entry in project.footages.values()
        if entry.path not in named and (not paths or not project.has_record(FACES, entry.name))
    ]


# --- people -----------------------------------------------------------------------------------


def _require_faces(
    project: Project,
    extracted: Sequence[FacesSummary],
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: ClusterSettings,
) -> None:
    if any(len(faces) for _, faces in tables.values()):
        return
    frames = sum(footage.frames for footage in extracted)
    names = ", ".join(project.footages[footage.name].path.name for footage in extracted)
    advice = "look for smaller faces with --min-face, or more often with --every"
    if settings.backend.detector == "hog":
        advice = "try --detector cnn"
    raise InputError(f"{names}: no face found in {frames} frames; {advice}")


def _people_inputs(project: Project, settings: ClusterSettings, people: People) -> PeopleRecord:
    """Return everything that the people, their folder and the dataset depend on."""
    return PeopleRecord(
        version=VERSION,
        faces={name: project.require_record(FACES, name) for name in project.footages},
        grouping=dataclasses.asdict(settings.grouping),
        label_margin=settings.label_margin,
        names=people.names(),
        decisions=people.decisions_key(),
    )


def assign_people(
    project: Project,
    people: People,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: GroupingSettings,
) -> None:
    """Identify the faces of all footages, and store the result with the review decisions applied.

    Args:
        project: with the records of the faces.
        people: the identities of an earlier run; updated.
        tables: frames and faces of each footage.
        settings: how to cluster.
    """
    faces = {name: table for name, (_, table) in tables.items()}
    before = {name: _found_before(people, name, table) for name, table in faces.items()}
    places = {name: Places(table.time_s, table.xyxy) for name, table in faces.items()}
    reviewed = people.reviewed(places, before)
    clusters = _plain_clusters(faces, settings) if settings.plain else {}
    footages = {}
    for name, (frames, table) in tables.items():
        record = project.require_record(FACES, name)
        video = record.kind == "video"
        labels = reviewed.labels[name]
        if not settings.plain:
            constraints = review_constraints(labels, reviewed)
            clusters[name] = group_faces(
                table, settings, frames=len(frames), video=video, constraints=constraints
            )
        voters = Assignments(table.time_s, table.xyxy, _votes(before[name], labels))
        footages[name] = ClusteredFootage(table, clusters[name], voters, record.every_s)
    next_id, eps = people.next_person_id(), settings.eps
    found = identify(footages, eps=eps, next_person_id=next_id, whole=_reviewed_people(reviewed))
    found = {name: _undoable(found[name], before[name], reviewed.labels[name]) for name in found}
    assign_found(people, faces, found, first_new=next_id)


def _found_before(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Return the person of each face in the earlier run, ``(n,)``; -1 unknown or a new face."""
    before = people.found(name)
    row = same_faces(faces.time_s, faces.xyxy, before.time_s, before.xyxy)
    return np.asarray(np.append(before.person_id, UNKNOWN)[row], np.int64)


def _votes(found: NDArray[np.int64], labels: ReviewedFaces) -> NDArray[np.int64]:
    """Return the person that each face votes for, ``(n,)``; -1 for none.

    A face votes for the person that a reviewer pinned it to, or else for the person found, unless
    a reviewer removed it from that person.

    Args:
        found: ``(n,)`` person of each face in the earlier run.
        labels: the review decisions on them.
    """
    unpinned = np.where(labels.person_id == UNKNOWN, UNKNOWN, found)
    return np.where(labels.pinned != UNKNOWN, labels.pinned, unpinned)


def _reviewed_people(reviewed: Reviewed) -> set[int]:
    """Return the ids of people that a reviewer assigned faces to or merged."""
    pinned = {int(p) for labels in reviewed.labels.values() for p in np.unique(labels.pinned)}
    return (pinned | set(reviewed.merged_into) | set(reviewed.merged_into.values())) - {UNKNOWN}


def _undoable(
    found: NDArray[np.int64], before: NDArray[np.int64], labels: ReviewedFaces
) -> NDArray[np.int64]:
    """Return ``found``, with reviewed faces at their person of the earlier run, ``(n,)``.

    Decisions are applied on top of this. Undoing one must bring the face back to that person.
    """
    pinned = labels.pinned != UNKNOWN
    removed = (labels.never != UNKNOWN).any(axis=1) & (found == UNKNOWN)
    return np.where((pinned | removed) & (before != UNKNOWN), before, found)


def _plain_clusters(
    faces: Mapping[str, Faces], settings: GroupingSettings
) -> dict[str, NDArray[np.int64]]:
    """Cluster each footage's faces by DBSCAN alone, as the reference recipe does."""
    samples = settings.min_samples or PLAIN_MIN_SAMPLES
    return {
        name: dbscan(table.embedding, eps=settings.eps, min_samples=samples)
        for name, table in faces.items()
    }


# --- the report -----------------------------------------------------------------------------


def _summary(
    project: Project,
    extracted: Sequence[FacesSummary],
    known: IdentifiedFootages,
    plan: DatasetPlan,
) -> ClusterSummary:
    names = known.names
    faces = dict.fromkeys(names, 0)
    seen_s = dict.fromkeys(names, 0.0)
    for footage in known.footages:
        record = project.require_record(FACES, footage.name)
        every_s = record.every_s if record.kind == "video" else 0.0
        present, counts = np.unique(footage.person_id, return_counts=True)
        for person, count in zip(present.tolist(), counts.tolist(), strict=True):
            faces[person] = faces.get(person, 0) + count
            seen_s[person] = seen_s.get(person, 0.0) + count * every_s
    return ClusterSummary(
        footages=tuple(extracted),
        people=tuple(PersonFaces(names[p], faces[p], seen_s[p], p in known.hidden) for p in names),
        unknown_faces=faces.get(UNKNOWN, 0),
        train_images=sum(image.split == "train" for image in plan.images),
        val_images=sum(image.split == "val" for image in plan.images),
        too_few=tuple(names[person] for person in plan.too_few),
    )
