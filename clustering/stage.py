"""The stage from footage to people and dataset: what `cluster-faces` does."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clustering.backends import BackendSettings, load_detector, load_embedder
from clustering.dataset import LABEL_MARGIN, Plan, plan_dataset
from clustering.dbscan import dbscan
from clustering.decided import decided_about
from clustering.extraction import (
    PART_FRAMES,
    Extracted,
    Extractor,
    face_parts,
    remove_stale_pictures,
    write_pictures,
)
from clustering.grouping import PLAIN_MIN_SAMPLES, GroupingSettings, group_faces
from clustering.identities import Clustered, identify
from clustering.tracklets import shot_numbers, tracklet_numbers
from clustering.writing import (
    PEOPLE_STAGE,
    KnownPeople,
    faces_stage,
    known_people,
    outputs_exist,
    read_tables,
    reviewed_inputs,
    write_outputs,
)
from data.decisions import Labels, Places, Reviewed
from data.errors import InputError
from data.faces import Faces, Frames
from data.footage import Footage, default_interval_s, probe
from data.outputs import digest
from data.people import UNKNOWN, Assignments, People, open_people
from data.progress import Bar, Progress
from data.project import FootageEntry, Project, absolute
from data.same_faces import same_faces
from data.video import Damage, sample_frames

VERSION = 1
"""Raised when the same footage and settings would give other faces or people."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What `cluster-faces` can be told.

    Args:
        every_s: from one sampled frame to the next; None follows the footage's length.
        label_margin: share of the face that its label is larger by, on each side.
        force: do again what is done, and accept a footage that has changed.
    """

    every_s: float | None = None
    backend: BackendSettings = field(default_factory=BackendSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    label_margin: float = LABEL_MARGIN
    force: bool = False


@dataclass(frozen=True, slots=True)
class FootageSummary:
    """What was found in one footage."""

    name: str
    kind: str  # video, images or image
    frames: int
    faces: int
    every_s: float
    damage: str  # one line; empty where nothing is damaged
    already_done: bool


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """How much one person is seen."""

    name: str
    faces: int
    seen_s: float  # in videos
    hidden: bool = False  # does not matter, somebody said


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found, for a person to read."""

    footages: tuple[FootageSummary, ...]
    people: tuple[PersonSummary, ...]
    unknown_faces: int
    train_images: int
    val_images: int
    too_few: tuple[str, ...]  # people who are not in both parts of the dataset
    left_out: tuple[str, ...] = ()  # a line on each footage of the project that is not there
    took_s: float = 0.0
    up_to_date: bool = False  # nothing had to be done


def cluster_faces(
    project: Project, paths: Sequence[Path], settings: ClusterSettings, *, progress: Progress
) -> Summary:
    """Find the people in some footage, and write them and their dataset into the project.

    What an earlier run finished, or had finished when it was stopped, is not done again. The
    whole project is clustered together; people keep their names and numbers.

    Raises:
        InputError: a footage that cannot be read or has changed, or no face in any footage.
    """
    start = time.monotonic()
    named = [probe(path) for path in paths]  # before there is a folder for them
    with project.lock():
        others, left_out = _probe_others(project, paths)
        extracted = _extract_all(project, [*named, *others], settings, progress)
        tables = {name: read_tables(project, name) for name in project.footages}
        _require_faces(project, extracted, tables, settings)
        with open_people(project.people_file) as people:
            inputs = _people_inputs(project, settings, people)
            done = project.finished(PEOPLE_STAGE, inputs) and not settings.force
            if not done:
                project.unfinish(PEOPLE_STAGE)
                _assign_people(project, people, tables, settings.grouping)
            known = known_people(people, tables)
            inputs = _people_inputs(project, settings, people)
        plan = plan_dataset(known.that_matter(), known.names, label_margin=settings.label_margin)
        done = done and outputs_exist(project, plan)
        if not done:
            project.unfinish(PEOPLE_STAGE)
            write_outputs(project, known, plan, progress)
            project.finish(PEOPLE_STAGE, inputs)
    summary = _summary(project, extracted, known, plan)
    return dataclasses.replace(
        summary,
        left_out=tuple(left_out),
        took_s=time.monotonic() - start,
        up_to_date=done and all(footage.already_done for footage in extracted),
    )


def _probe_others(project: Project, paths: Sequence[Path]) -> tuple[list[Footage], list[str]]:
    """Probe what a stopped run left, or all of the project where nothing is named.

    A footage that is not there any more does not stop the others: it keeps the faces that were
    found in it, and leaves the project where none were. The second list says so, a line each.
    """
    footages, left_out = [], []
    for entry in _others(project, paths):
        try:
            footages.append(probe(entry.path))
        except InputError as error:
            if faces_stage(entry.name) in project.stages:
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
        if entry.path not in named and (not paths or faces_stage(entry.name) not in project.stages)
    ]


def _add(project: Project, footage: Footage, *, force: bool) -> None:
    project.add_footage(
        footage.path,
        size_bytes=footage.size_bytes,
        duration_s=footage.duration_s,
        rate=footage.rate,
        frame_wh=(footage.width, footage.height),
        force=force,
    )


# --- extraction -------------------------------------------------------------------------------


def _extract_all(
    project: Project, footages: Sequence[Footage], settings: ClusterSettings, progress: Progress
) -> list[FootageSummary]:
    """Bring the faces tables of ``footages`` up to date, loading the networks once if at all."""
    extractor: Extractor | None = None
    summaries = []
    before = dict(project.footages), dict(project.stages)
    with _put_back_if_refused(project, *before):
        for footage in footages:
            _add(project, footage, force=settings.force)
    for footage in footages:
        inputs = _faces_inputs(footage, settings)
        name = _name_of(project, footage)
        done = _extracted_already(project, name, inputs) and not settings.force
        damage = Damage()
        if not done:
            with _put_back_if_refused(project, *before, only=name):
                extractor = extractor or _load(settings.backend)
                _extract(project, name, footage, inputs, extractor, settings, progress, damage)
        summaries.append(_footage_summary(project, name, inputs, damage, done))
    return summaries


@contextmanager
def _put_back_if_refused(
    project: Project,
    footages: Mapping[str, FootageEntry],
    stages: Mapping[str, dict[str, Any]],
    *,
    only: str | None = None,
) -> Iterator[None]:
    """Forget a footage again that turns out to be of no use, or know it as before.

    Without this it would stop every later run of the project.

    ``footages`` and ``stages`` are the project's before this run, ``only`` names the footage: all
    where none is given.
    """
    try:
        yield
    except InputError:
        changed = dict(project.footages), dict(project.stages)
        for name in [only] if only else list(project.footages):
            _put_back(project.footages, footages, name)
            _put_back(project.stages, stages, faces_stage(name))
        if (project.footages, project.stages) != changed:
            project.save()
        raise


def _put_back(now: dict[str, T], before: Mapping[str, T], key: str) -> None:
    if key in before:
        now[key] = before[key]
    else:
        now.pop(key, None)


def _footage_summary(
    project: Project, name: str, inputs: Mapping[str, Any], damage: Damage, done: bool
) -> FootageSummary:
    frames, faces = read_tables(project, name)
    return FootageSummary(
        name=name,
        kind=inputs["kind"],
        frames=len(frames),
        faces=len(faces),
        every_s=float(inputs["every_s"]),
        damage=str(damage) if damage else "",
        already_done=done,
    )


def _load(settings: BackendSettings) -> Extractor:
    return Extractor(load_detector(settings), load_embedder(settings))


def _name_of(project: Project, footage: Footage) -> str:
    path = absolute(footage.path)
    return next(entry.name for entry in project.footages.values() if entry.path == path)


def _faces_inputs(footage: Footage, settings: ClusterSettings) -> dict[str, Any]:
    """Everything that the faces table depends on."""
    backend = settings.backend
    video = footage.kind == "video"
    return {
        "version": VERSION,
        "kind": footage.kind,
        "size_bytes": footage.size_bytes,
        "every_s": (settings.every_s or default_interval_s(footage.duration_s)) if video else 1.0,
        "detector": backend.detector,
        "backend": backend.backend,
        "min_face_px": backend.min_face_px,
        "upsample": backend.upsample,
    }


def _extracted_already(project: Project, name: str, inputs: dict[str, Any]) -> bool:
    files = (project.faces_file(name), project.frames_file(name))
    return project.finished(faces_stage(name), inputs) and all(file.exists() for file in files)


def _extract(
    project: Project,
    name: str,
    footage: Footage,
    inputs: dict[str, Any],
    extractor: Extractor,
    settings: ClusterSettings,
    progress: Progress,
    damage: Damage,
) -> None:
    project.unfinish(faces_stage(name))
    parts = face_parts(project.parts_folder(name), key=digest(repr(sorted(inputs.items()))))
    if settings.force:
        parts.remove()
    done = Extracted.concatenate(parts.read())
    frames = sample_frames(
        footage,
        every_s=inputs["every_s"],
        after_index=int(done.frames.frame_index[-1]) if len(done.frames) else -1,
        threads=settings.backend.threads,
        damage=damage,
    )
    batches = extractor.extract(frames, lambda f, faces: write_pictures(project, name, f, faces))
    total = max(math.ceil(footage.duration_s / inputs["every_s"]), 1)
    found = len(done.faces)
    with progress(name, total, len(done.frames)) as bar:
        for part in _in_parts(batches, bar, found):
            parts.append(part)
    whole = Extracted.concatenate(parts.read())
    _finishread_tables(project, name, whole, video=footage.kind == "video")
    project.finish(faces_stage(name), inputs)
    parts.remove()


def _in_parts(batches: Iterator[Extracted], bar: Bar, found: int) -> Iterator[Extracted]:
    """Gather batches into parts of about PART_FRAMES frames, showing how it goes on."""
    waiting: list[Extracted] = []
    for batch in batches:
        waiting.append(batch)
        found += len(batch.faces)
        bar.update(len(batch.frames))
        bar.set_postfix_str(f"{found} faces")
        if sum(len(batch.frames) for batch in waiting) >= PART_FRAMES:
            yield Extracted.concatenate(waiting)
            waiting = []
    if waiting:
        yield Extracted.concatenate(waiting)


def _finishread_tables(project: Project, name: str, whole: Extracted, *, video: bool) -> None:
    """Fill in shots and tracklets, which need the whole footage, and write both tables."""
    frames, faces = whole.frames, whole.faces
    # Photographs of a folder have no order in time: each is a shot of its own.
    shot = shot_numbers(frames) if video else np.arange(len(frames), dtype=np.int32)
    frames = frames.replace(shot=shot)
    faces = faces.replace(shot=shot[np.searchsorted(frames.frame_index, faces.frame_index)])
    if video:
        faces = faces.replace(tracklet=tracklet_numbers(frames, faces))
    frames.write(project.frames_file(name))
    faces.write(project.faces_file(name))
    remove_stale_pictures(project, name, faces, frames)


# --- people -----------------------------------------------------------------------------------


def _require_faces(
    project: Project,
    extracted: Sequence[FootageSummary],
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: ClusterSettings,
) -> None:
    if any(len(faces) for _, faces in tables.values()):
        return
    looked = sum(footage.frames for footage in extracted)
    names = ", ".join(project.footages[footage.name].path.name for footage in extracted)
    advice = "look for smaller faces with --min-face, or more often with --every"
    if settings.backend.detector == "hog":
        advice = "try --detector cnn"
    raise InputError(f"{names}: no face found in {looked} frames; {advice}")


def _people_inputs(project: Project, settings: ClusterSettings, people: People) -> dict[str, Any]:
    """Everything that the people, their folder and the dataset depend on."""
    faces = {name: project.stages[faces_stage(name)] for name in project.footages}
    return {
        "version": VERSION,
        "faces": faces,
        "grouping": dataclasses.asdict(settings.grouping),
        "label_margin": settings.label_margin,
        **reviewed_inputs(people),
    }


def _assign_people(
    project: Project,
    people: People,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: GroupingSettings,
) -> None:
    faces = {name: table for name, (_, table) in tables.items()}
    before = {name: _found_before(people, name, table) for name, table in faces.items()}
    places = {name: Places(table.time_s, table.xyxy) for name, table in faces.items()}
    reviewed = people.reviewed(places, before)
    clusters = _plain_clusters(faces, settings) if settings.plain else {}
    footages = {}
    for name, (frames, table) in tables.items():
        stage = project.stages[faces_stage(name)]
        video = stage["kind"] == "video"
        labels = reviewed.labels[name]
        if not settings.plain:
            decided = decided_about(labels, reviewed)
            clusters[name] = group_faces(
                table, settings, frames=len(frames), video=video, decided=decided
            )
        voters = Assignments(table.time_s, table.xyxy, _votes(before[name], labels))
        footages[name] = Clustered(table, clusters[name], voters, float(stage["every_s"]))
    next_id, eps = people.next_person_id(), settings.eps
    found = identify(footages, eps=eps, next_person_id=next_id, whole=_by_hand(reviewed))
    found = {name: _undoable(found[name], before[name], reviewed.labels[name]) for name in found}
    people.assign(faces, found, first_new=next_id)


def _found_before(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Whom the run before found each face to be, ``(n,)``; -1 unknown, or not seen then."""
    before = people.found(name)
    row = same_faces(faces.time_s, faces.xyxy, before.time_s, before.xyxy)
    return np.asarray(np.append(before.person_id, UNKNOWN)[row], np.int64)


def _votes(found: NDArray[np.int64], labels: Labels) -> NDArray[np.int64]:
    """Whom each face speaks for, ``(n,)``: whom it was put to, or was found to be.

    Whoever was thrown out speaks for nobody.
    """
    spoken = np.where(labels.person_id == UNKNOWN, UNKNOWN, found)
    return np.where(labels.pinned != UNKNOWN, labels.pinned, spoken)


def _by_hand(reviewed: Reviewed) -> set[int]:
    """People whom somebody put together, by the numbers under which they are found."""
    put = {int(p) for labels in reviewed.labels.values() for p in np.unique(labels.pinned)}
    return (put | set(reviewed.merged_into) | set(reviewed.merged_into.values())) - {UNKNOWN}


def _undoable(
    found: NDArray[np.int64], before: NDArray[np.int64], labels: Labels
) -> NDArray[np.int64]:
    """Leave faces that somebody decided about where they were found without that, ``(n,)``.

    The decision is applied to them anyway; taken back, it shall leave them where they were.
    """
    put = labels.pinned != UNKNOWN
    out = (labels.never != UNKNOWN).any(axis=1) & (found == UNKNOWN)
    return np.where((put | out) & (before != UNKNOWN), before, found)


def _plain_clusters(
    faces: Mapping[str, Faces], settings: GroupingSettings
) -> dict[str, NDArray[np.int64]]:
    """The reference recipe over each footage's faces."""
    samples = settings.min_samples or PLAIN_MIN_SAMPLES
    return {
        name: dbscan(table.embedding, eps=settings.eps, min_samples=samples)
        for name, table in faces.items()
    }


# --- the report -----------------------------------------------------------------------------


def _summary(
    project: Project,
    extracted: Sequence[FootageSummary],
    known: KnownPeople,
    plan: Plan,
) -> Summary:
    names = known.names
    faces = dict.fromkeys(names, 0)
    seen_s = dict.fromkeys(names, 0.0)
    for footage in known.footages:
        stage = project.stages[faces_stage(footage.name)]
        every_s = stage["every_s"] if stage["kind"] == "video" else 0.0
        present, counts = np.unique(footage.person_id, return_counts=True)
        for person, count in zip(present.tolist(), counts.tolist(), strict=True):
            faces[person] = faces.get(person, 0) + count
            seen_s[person] = seen_s.get(person, 0.0) + count * every_s
    return Summary(
        footages=tuple(extracted),
        people=tuple(
            PersonSummary(names[p], faces[p], seen_s[p], p in known.hidden) for p in names
        ),
        unknown_faces=faces.get(UNKNOWN, 0),
        train_images=sum(image.split == "train" for image in plan.images),
        val_images=sum(image.split == "val" for image in plan.images),
        too_few=tuple(names[person] for person in plan.too_few),
    )
