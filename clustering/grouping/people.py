"""Identify the people of a project: cluster each footage, then match across footages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.across_footages import ClusteredFootage, identify
from clustering.grouping.arrays import Labels
from clustering.grouping.dbscan import dbscan
from clustering.grouping.footage import PLAIN_MIN_SAMPLES, GroupingSettings, group_faces
from clustering.grouping.review_constraints import ReviewConstraints, review_constraints
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.project.stages import FACES
from data.tables.decisions import FaceKeys, Reviewed, ReviewedFaces
from data.tables.face_match import same_faces
from data.tables.faces import Faces, Frames
from data.tables.people import Assignments, People
from data.tables.projection import store_clustering

_MAX_ROUNDS: Final = 8


def identify_people(
    project: Project,
    people: People,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: GroupingSettings,
) -> None:
    """Identify the faces of all footages, and store the result with the review decisions applied.

    Decisions refer to people, and constrain the faces that these had in the previous run. So the
    clustering is repeated with its own result until that is stable: another run then changes
    nothing.

    Args:
        project: project with the records of its faces.
        people: the identities of an earlier run; updated.
        tables: frames and faces by footage.
        settings: settings of the clustering.
    """
    grouped: dict[str, tuple[ReviewConstraints, Labels]] = {}
    before = None
    for _ in range(_MAX_ROUNDS if people.decisions() else 1):
        _identify(project, people, tables, settings, grouped)
        found = _people_of_faces(people, tables)
        if found == before:
            return
        before = found


def _people_of_faces(people: People, names: Iterable[str]) -> tuple[object, ...]:
    """Return the names of the people, and their faces as bytes."""
    found = (
        (people.assignments(name).person_id, people.clustered_assignments(name).person_id)
        for name in names
    )
    return people.names(), [(now.tobytes(), clustered.tobytes()) for now, clustered in found]


def _identify(
    project: Project,
    people: People,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: GroupingSettings,
    grouped: dict[str, tuple[ReviewConstraints, Labels]],
) -> None:
    """Identify the faces once; ``grouped`` keeps the constraints and clusters of each footage."""
    faces = {name: table for name, (_, table) in tables.items()}
    previous = {name: _previous_people(people, name, table) for name, table in faces.items()}
    former = {name: _former_people(people, name, table) for name, table in faces.items()}
    face_keys = {name: FaceKeys(table.time_s, table.xyxy) for name, table in faces.items()}
    last = {n: np.where(previous[n] == UNKNOWN, former[n], previous[n]) for n in faces}
    reviewed = people.reviewed(face_keys, last)
    clusters = _plain_clusters(faces, settings) if settings.plain else {}
    footages = {}
    for name, (frames, table) in tables.items():
        record = project.require_record(FACES, name)
        video = record.kind == "video"
        labels = reviewed.labels[name]
        if not settings.plain:
            constraints = review_constraints(labels, reviewed)
            if name not in grouped or not grouped[name][0].equals(constraints):
                found = group_faces(
                    table, settings, frames=len(frames), video=video, constraints=constraints
                )
                grouped[name] = constraints, found
            clusters[name] = grouped[name][1]
        votes = Assignments(table.time_s, table.xyxy, _votes(previous[name], labels))
        footages[name] = ClusteredFootage(
            table, clusters[name], votes, record.every_s, _votes(former[name], labels)
        )
    next_id, eps = people.next_person_id(), settings.eps
    identified = identify(
        footages, eps=eps, next_person_id=next_id, reviewed_people=_reviewed_people(reviewed)
    )
    labels_of = reviewed.labels
    undoable = {n: _undoable(person, last[n], labels_of[n]) for n, person in identified.items()}
    joined = {name: _joined(person, labels_of[name]) for name, person in identified.items()}
    store_clustering(people, faces, undoable, first_new=next_id, joined=joined)


def _previous_people(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Return the person of each face in the previous run, ``(n,)``; -1 unknown or a new face."""
    previous = people.clustered_assignments(name)
    row = same_faces(faces.time_s, faces.xyxy, previous.time_s, previous.xyxy)
    return np.asarray(np.append(previous.person_id, UNKNOWN)[row], np.int64)


def _former_people(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Return the last person of each face whom the previous run did not find, ``(n,)``; -1 none."""
    former = people.former_assignments(name)
    row = same_faces(faces.time_s, faces.xyxy, former.time_s, former.xyxy)
    return np.asarray(np.append(former.person_id, UNKNOWN)[row], np.int64)


def _votes(found: NDArray[np.int64], labels: ReviewedFaces) -> NDArray[np.int64]:
    """Return the person that each face votes for, ``(n,)``; -1 none.

    A face votes for the person that a reviewer pinned it to. Other faces vote for their person in
    the previous run, unless a reviewer removed them from that person.

    Args:
        found: ``(n,)`` person of each face in the previous run.
        labels: review decisions about the same faces.
    """
    unpinned = np.where(_removed(labels), UNKNOWN, found)
    return np.where(labels.pinned != UNKNOWN, labels.pinned, unpinned)


def _reviewed_people(reviewed: Reviewed) -> set[int]:
    """Return the ids of people that a reviewer assigned faces to or merged."""
    pinned = {int(p) for labels in reviewed.labels.values() for p in np.unique(labels.pinned)}
    return (pinned | set(reviewed.merged_into) | set(reviewed.merged_into.values())) - {UNKNOWN}


def _removed(labels: ReviewedFaces) -> NDArray[np.bool_]:
    """Return the faces that a reviewer removed from a person, ``(n,)``."""
    return np.asarray((labels.never != UNKNOWN).any(axis=1), np.bool_)


def _joined(found: NDArray[np.int64], labels: ReviewedFaces) -> NDArray[np.int64]:
    """Return the person whom each removed face joins, ``(n,)``; -1 for other faces."""
    return np.where(_removed(labels) & (labels.pinned == UNKNOWN), found, UNKNOWN)


def _undoable(
    found: NDArray[np.int64], previous: NDArray[np.int64], labels: ReviewedFaces
) -> NDArray[np.int64]:
    """Return ``found``, but with reviewed faces at their person of the previous run, ``(n,)``.

    Decisions are applied on top of this result, so that undoing one restores that person.
    """
    pinned = labels.pinned != UNKNOWN
    removed = _removed(labels) & (labels.person_id == UNKNOWN)
    return np.where((pinned | removed) & (previous != UNKNOWN), previous, found)


def _plain_clusters(
    faces: Mapping[str, Faces], settings: GroupingSettings
) -> dict[str, NDArray[np.int64]]:
    """Cluster each footage's faces by DBSCAN alone, like the reference recipe."""
    samples = settings.min_samples or PLAIN_MIN_SAMPLES
    return {
        name: dbscan(table.embedding, eps=settings.eps, min_samples=samples)
        for name, table in faces.items()
    }
