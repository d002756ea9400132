"""The faces of each footage of a project: looked for, unless they are known already."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from clustering.backends import BackendSettings, load_detector, load_embedder
from clustering.extraction import (
    PART_FRAMES,
    Extracted,
    Extractor,
    face_parts,
    remove_stale_pictures,
    write_pictures,
)
from clustering.settings import VERSION, ClusterSettings
from clustering.tracklets import shot_numbers, tracklet_numbers
from clustering.writing import faces_stage, read_tables
from data.errors import InputError
from data.failures import Failures
from data.footage import Footage, default_interval_s, take_in
from data.outputs import digest
from data.progress import Bar, Progress
from data.project import FootageEntry, Project
from data.spans import Spans, as_spans, lengths_s
from data.video import Damage, sample_frames

T = TypeVar("T")


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


def find_faces(
    project: Project,
    footages: Sequence[Footage],
    parts: Mapping[str, Spans],
    settings: ClusterSettings,
    failures: Failures,
    progress: Progress,
) -> list[FootageSummary]:
    """Bring the faces tables of ``footages`` up to date, loading the networks once if at all.

    Args:
        project: where the tables are.
        footages: to be looked at.
        parts: by name what is looked at of those that are not looked at whole.
        settings: how to look.
        failures: notes what cannot be used.
        progress: makes a bar a footage.
    """
    extractor: Extractor | None = None
    summaries = []
    before = dict(project.footages), dict(project.stages)
    for name, footage in _added(project, footages, failures, force=settings.force):
        inputs = _faces_inputs(footage, settings, parts.get(name))
        done = _extracted_already(project, name, inputs) and not settings.force
        damage = Damage()
        with failures.of_one():
            if not done:
                with _put_back_if_refused(project, *before, only=name):
                    extractor = extractor or _load(settings.backend)
                    _extract(project, name, footage, inputs, extractor, settings, progress, damage)
            summaries.append(_footage_summary(project, name, inputs, damage, done))
    return summaries


def _added(
    project: Project, footages: Sequence[Footage], failures: Failures, *, force: bool
) -> list[tuple[str, Footage]]:
    """Take all footages into the project first: a run that is stopped knows what was to be done.

    Each comes with its name there.
    """
    before = dict(project.footages), dict(project.stages)
    added = []
    with _put_back_if_refused(project, *before):
        for footage in footages:
            with failures.of_one():
                added.append((take_in(project, footage, force=force).name, footage))
    return added


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


def _faces_inputs(
    footage: Footage, settings: ClusterSettings, part: Spans | None
) -> dict[str, Any]:
    """Everything that the faces table depends on."""
    backend = settings.backend
    video = footage.kind == "video"
    looked_at_s = footage.duration_s if part is None else float(part[-1, 1] - part[0, 0])
    return {
        "version": VERSION,
        "kind": footage.kind,
        "size_bytes": footage.size_bytes,
        "every_s": (settings.every_s or default_interval_s(looked_at_s)) if video else 1.0,
        "detector": backend.detector,
        "backend": backend.backend,
        "min_face_px": backend.min_face_px,
        "upsample": backend.upsample,
        **({} if part is None else {"spans": part.tolist()}),
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
    spans = as_spans(inputs["spans"]) if "spans" in inputs else None
    frames = sample_frames(
        footage,
        every_s=inputs["every_s"],
        spans=spans,
        after_index=int(done.frames.frame_index[-1]) if len(done.frames) else -1,
        threads=settings.backend.threads,
        damage=damage,
    )
    batches = extractor.extract(frames, lambda f, faces: write_pictures(project, name, f, faces))
    looked_at_s = footage.duration_s if spans is None else float(lengths_s(spans).sum())
    total = max(math.ceil(looked_at_s / inputs["every_s"]), 1)
    found = len(done.faces)
    with progress(name, total, len(done.frames)) as bar:
        for part in _in_parts(batches, bar, found):
            parts.append(part)
    whole = Extracted.concatenate(parts.read())
    _finish_tables(project, name, whole, video=footage.kind == "video")
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


def _finish_tables(project: Project, name: str, whole: Extracted, *, video: bool) -> None:
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
