"""The faces of each footage of a project: looked for, unless they are known already."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from clustering.extraction import PART_FRAMES
from clustering.looking import Search, SegmentSearch, look_for_faces, write_tables
from clustering.settings import VERSION, ClusterSettings
from clustering.writing import faces_stage
from data.errors import InputError
from data.faces import Faces, Frames
from data.failures import Failures
from data.footage import Footage, default_interval_s, take_in
from data.outputs import digest
from data.progress import Progress
from data.project import FootageEntry, Project
from data.running import Finished, Runner, Task, Work
from data.segments import segments_of

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
    settings: ClusterSettings,
    failures: Failures,
    progress: Progress,
    runner: Runner,
) -> list[FootageSummary]:
    """Bring the faces tables of ``footages`` up to date."""
    before = dict(project.footages), dict(project.stages)
    added = _added(project, footages, failures, force=settings.force)
    works = failures.each(added, lambda one: _work(project, *one, settings))
    found: dict[str, FootageSummary] = {}
    for finished in runner.run(works, progress):
        name = finished.work.name
        with failures.of_one():
            with _put_back_if_refused(project, *before, only=name):
                finished.require()
            found[name] = _finish(project, finished)
    return [found[name] for name, _ in added if name in found]


def _work(
    project: Project, name: str, footage: Footage, settings: ClusterSettings
) -> Work[dict[str, Any], None]:
    """What is to be done about a footage: nothing where that is done."""
    inputs = _faces_inputs(footage, settings)
    if _extracted_already(project, name, inputs) and not settings.force:
        return Work(name, inputs)
    project.unfinish(faces_stage(name))
    if settings.force:
        shutil.rmtree(project.parts_folder(name), ignore_errors=True)
    every_s = float(inputs["every_s"])
    search = Search(
        paths=project.paths,
        name=name,
        footage=footage,
        every_s=every_s,
        key=digest(repr(sorted(inputs.items()))),
        backend=settings.backend,
        segments=segments_of(footage, step_s=every_s * PART_FRAMES),
    )
    known = [part for segment in search.segments for part in search.parts(segment).read()]
    return Work(
        name,
        inputs,
        tuple(Task(look_for_faces, SegmentSearch(search, one)) for one in search.segments),
        Task(write_tables, search),
        total=max(math.ceil(footage.duration_s / every_s), 1),
        done=sum(len(part.frames) for part in known),
    )


def _finish(project: Project, finished: Finished[dict[str, Any], None]) -> FootageSummary:
    """Note that a footage's tables are written, if they were not before."""
    name, inputs = finished.work.name, finished.work.about
    if finished.work.last is not None:
        project.finish(faces_stage(name), inputs)
        shutil.rmtree(project.parts_folder(name), ignore_errors=True)
    return _footage_summary(project, finished)


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


def _footage_summary(project: Project, finished: Finished[dict[str, Any], None]) -> FootageSummary:
    name, inputs = finished.work.name, finished.work.about
    return FootageSummary(
        name=name,
        kind=inputs["kind"],
        frames=Frames.count(project.frames_file(name)),
        faces=Faces.count(project.faces_file(name)),
        every_s=float(inputs["every_s"]),
        damage=str(finished.damage) if finished.damage else "",
        already_done=finished.work.last is None,
    )


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
