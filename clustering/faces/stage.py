"""The faces of each footage of a project: looked for, unless they are known already."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clustering.faces.extraction import CHECKPOINT_FRAMES
from clustering.faces.tasks import DetectJob, DetectTask, detect_segment, write_tables
from clustering.settings import VERSION, ClusterSettings
from data.core.atomic import remove_partial
from data.core.digest import digest
from data.core.errors import InputError
from data.core.intervals import Intervals, lengths_s
from data.core.progress import Progress
from data.execution.failures import Failures
from data.execution.segments import segments_of
from data.execution.tasks import Finished, Runner, Task, Work
from data.project.project import Project, ProjectSnapshot, absolute
from data.project.stages import FACES, FacesRecord
from data.tables.faces import Faces, Frames
from data.video.footage import Footage, default_interval_s, take_in


@dataclass(frozen=True, slots=True)
class FacesSummary:
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
    parts: Mapping[str, Intervals],
    settings: ClusterSettings,
    failures: Failures,
    progress: Progress,
    runner: Runner,
) -> list[FacesSummary]:
    """Bring the faces tables of ``footages`` up to date.

    Args:
        project: where the tables are.
        footages: to be looked at.
        parts: by name what is looked at of those that are not looked at whole.
        settings: how to look.
        failures: notes what cannot be used.
        progress: makes a bar a footage.
        runner: where they are looked at.
    """
    before = project.snapshot()
    added = _added(project, footages, failures, force=settings.force)
    threads = runner.threads(settings.backend.threads)
    backend = dataclasses.replace(settings.backend, threads=threads)
    chosen = dataclasses.replace(settings, backend=backend)
    works = failures.each(added, lambda one: _work(project, *one, parts.get(one[0]), chosen))
    frames = sum(_looks(one, settings, parts.get(name)) for name, one in added)
    found: dict[str, FacesSummary] = {}
    for finished in runner.run(works, progress, frames=frames):
        name = finished.work.name
        with failures.of_one():
            with _restored_if_refused(project, before, [name]):
                finished.require()
            found[name] = _finish(project, finished)
    remove_partial(project.faces_folder)
    return [found[name] for name, _ in added if name in found]


def _work(
    project: Project, name: str, footage: Footage, part: Intervals | None, settings: ClusterSettings
) -> Work[FacesRecord, None]:
    """What is to be done about a footage: nothing where that is done."""
    inputs = _faces_inputs(footage, settings, part)
    every_s, looks = inputs.every_s, _looks(footage, settings, part)
    if faces_done(project, name, inputs) and not settings.force:
        return Work(name, inputs, total=looks, done=looks)
    project.unfinish(FACES, name)
    if settings.force:
        shutil.rmtree(project.parts_folder(name), ignore_errors=True)
    search = DetectJob(
        paths=project.paths,
        name=name,
        footage=dataclasses.replace(footage, path=absolute(footage.path)),
        every_s=every_s,
        spans=None if part is None else part.tolist(),
        key=digest(repr(sorted(inputs.to_json().items()))),
        backend=settings.backend,
        segments=segments_of(footage, step_s=every_s * CHECKPOINT_FRAMES),
    )
    reads = project.names_of(project.parts_folder(name))
    known = [one for segment in search.segments for one in search.parts(segment).read()]
    return Work(
        name,
        inputs,
        tuple(
            Task(detect_segment, DetectTask(search, one), reads=reads) for one in search.segments
        ),
        Task(write_tables, search),
        total=looks,
        done=sum(len(part.frames) for part in known),
    )


def _finish(project: Project, finished: Finished[FacesRecord, None]) -> FacesSummary:
    """Note that a footage's tables are written, if they were not before."""
    name, inputs = finished.work.name, finished.work.about
    if finished.work.last is not None:
        project.finish(FACES, inputs, name)
    # Also where all was done before: that run may have been killed at this very place.
    shutil.rmtree(project.parts_folder(name), ignore_errors=True)
    remove_partial(project.still_file(name, 0).parent)
    return _footage_summary(project, finished)


def _added(
    project: Project, footages: Sequence[Footage], failures: Failures, *, force: bool
) -> list[tuple[str, Footage]]:
    """Take all footages into the project first: a run that is stopped knows what was to be done.

    Each comes with its name there.
    """
    before = project.snapshot()
    added: list[tuple[str, Footage]] = []
    with _restored_if_refused(project, before, project.footages):
        for footage in footages:
            with failures.of_one():
                added.append((take_in(project, footage, force=force).name, footage))
    return added


@contextmanager
def _restored_if_refused(
    project: Project, before: ProjectSnapshot, footages: Iterable[str]
) -> Iterator[None]:
    """Restore the project's footages as they were before this run if one cannot be used.

    Without this it would stop every later run of the project.
    """
    try:
        yield
    except InputError:
        project.restore(before, FACES, list(footages))
        raise


def _footage_summary(project: Project, finished: Finished[FacesRecord, None]) -> FacesSummary:
    name, inputs = finished.work.name, finished.work.about
    return FacesSummary(
        name=name,
        kind=inputs.kind,
        frames=Frames.count(project.frames_file(name)),
        faces=Faces.count(project.faces_file(name)),
        every_s=inputs.every_s,
        damage=str(finished.damage) if finished.damage else "",
        already_done=finished.work.last is None,
    )


def _faces_inputs(
    footage: Footage, settings: ClusterSettings, part: Intervals | None
) -> FacesRecord:
    """Everything that the faces table depends on."""
    backend = settings.backend
    return FacesRecord(
        version=VERSION,
        kind=footage.kind,
        size_bytes=footage.size_bytes,
        every_s=_every_s(footage, settings, part),
        detector=backend.detector,
        backend=backend.backend,
        min_face_px=backend.min_face_px,
        upsample=backend.upsample,
        spans=None if part is None else tuple((begin, end) for begin, end in part.tolist()),
    )


def _every_s(footage: Footage, settings: ClusterSettings, part: Intervals | None) -> float:
    if footage.kind != "video":
        return 1.0
    looked_at_s = footage.duration_s if part is None else float(part[-1, 1] - part[0, 0])
    return settings.every_s or default_interval_s(looked_at_s)


def _looks(footage: Footage, settings: ClusterSettings, part: Intervals | None) -> int:
    """About how many frames are looked at."""
    looked_at_s = footage.duration_s if part is None else float(lengths_s(part).sum())
    return max(math.ceil(looked_at_s / _every_s(footage, settings, part)), 1)


def faces_done(project: Project, name: str, inputs: FacesRecord) -> bool:
    """Whether the faces of a footage were found, with just these inputs."""
    return project.is_finished(FACES, inputs, name) and not _lost_tables(project, name)


def _lost_tables(project: Project, name: str) -> list[Path]:
    files = (project.faces_file(name), project.frames_file(name))
    return [file for file in files if not file.exists()]
