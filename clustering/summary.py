"""Result of a run of cluster-faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clustering.faces.coverage import Coverage, coverage
from clustering.faces.stage import FacesSummary
from clustering.output.dataset import DatasetPlan
from clustering.output.write import IdentifiedFootages
from clustering.pairing.lesson import Lesson
from data.core.arrays import UNKNOWN
from data.core.counts import counted
from data.core.time_left import duration
from data.project.project import Project
from data.project.stages import FACES


@dataclass(frozen=True, slots=True)
class PersonFaces:
    """Face counts of one person in the project."""

    name: str
    faces: int
    seen_s: float  # time on screen in videos, seconds
    hidden: bool = False  # hidden by a reviewer


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """Result of a run."""

    footages: tuple[FacesSummary, ...]
    people: tuple[PersonFaces, ...]
    unknown_faces: int
    train_images: int
    val_images: int
    too_few: tuple[str, ...]  # people missing from the training or the validation images
    lessons: tuple[Lesson, ...] = ()  # lessons with a recording in this run
    left_out: tuple[str, ...] = ()  # one line per missing footage of the project
    named: tuple[str, ...] = ()  # one line per person who got the name of a known person
    skipped: tuple[str, ...] = ()  # one line per skipped folder or picture of known people
    failed: tuple[str, ...] = ()  # one line per unusable footage
    took_s: float = 0.0
    up_to_date: bool = False  # whether there was nothing to do
    coverage: Mapping[str, Coverage] = field(default_factory=dict)  # by footage of this run


def summarise(
    project: Project,
    extracted: Sequence[FacesSummary],
    identified: IdentifiedFootages,
    plan: DatasetPlan,
) -> ClusterSummary:
    """Count the faces, the images and the time on screen of each person.

    Args:
        project: project with the records of its faces.
        extracted: footages of this run.
        identified: all footages with the person of each face.
        plan: plan of the dataset.
    """
    people, unknown_faces = count_faces(project, identified)
    names = {footage.name for footage in extracted}
    covered = {
        footage.name: coverage(
            footage.frames, footage.faces, project.require_record(FACES, footage.name)
        )
        for footage in identified.footages
        if footage.name in names
    }
    return ClusterSummary(
        footages=tuple(extracted),
        people=people,
        unknown_faces=unknown_faces,
        train_images=sum(image.split == "train" for image in plan.images),
        val_images=sum(image.split == "val" for image in plan.images),
        too_few=tuple(identified.names[person] for person in plan.too_few),
        coverage=covered,
    )


def count_faces(
    project: Project, identified: IdentifiedFootages
) -> tuple[tuple[PersonFaces, ...], int]:
    """Count the faces and the time on screen of each person.

    Args:
        project: project with the records of its faces.
        identified: all footages with the person of each face.

    Returns:
        The people, and the number of unknown faces.
    """
    names = identified.names
    faces = dict.fromkeys(names, 0)
    seen_s = dict.fromkeys(names, 0.0)
    for footage in identified.footages:
        record = project.require_record(FACES, footage.name)
        every_s = record.every_s if record.kind == "video" else 0.0
        present, counts = np.unique(footage.person_id, return_counts=True)
        for person, count in zip(present.tolist(), counts.tolist(), strict=True):
            faces[person] = faces.get(person, 0) + count
            seen_s[person] = seen_s.get(person, 0.0) + count * every_s
    people = (PersonFaces(names[p], faces[p], seen_s[p], p in identified.hidden) for p in names)
    return tuple(people), faces.get(UNKNOWN, 0)


def people_lines(people: Sequence[PersonFaces], unknown_faces: int) -> list[str]:
    """Return a line for each person, and one for the unknown faces."""
    total = unknown_faces + sum(person.faces for person in people)
    width = max(len(name) for name in ("unknown", *(p.name for p in people)))
    lines = []
    for person in people:
        seen = f"  about {duration(person.seen_s)} on screen" if person.seen_s else ""
        hidden = "  (hidden: not in the dataset)" if person.hidden else ""
        faces = counted(person.faces, "face", width=6)
        lines.append(f"  {person.name:<{width}}  {faces}{seen}{hidden}")
    if unknown_faces:
        share = unknown_faces / total
        percent = f"{share:.0%}" if share >= 0.01 else "under 1%"
        faces = counted(unknown_faces, "face", width=6)
        lines.append(f"  {'unknown':<{width}}  {faces}  {percent} of all")
    return lines


def missed_lines(summary: ClusterSummary, project: Project) -> list[str]:
    """Return a line for each footage of this run where much points to missed faces."""
    lines = []
    for footage in summary.footages:
        covered = summary.coverage.get(footage.name)
        if footage.better:
            weak = "analysed earlier with weaker face models"
            again = project.analysed_again(project.footages[footage.name].path)
            lines.append(f"{footage.name}: {weak}; to use {footage.better}: {again}")
        elif covered is not None and (advice := covered.advice(project.folder)):
            lines.append(f"{footage.name}: {advice}")
    return lines
