"""The stage from footage to tracks: what `track-people` does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from data.core.atomic import remove_partial
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.failures import Failures, NoFailures
from data.execution.segments import segments_of
from data.execution.tasks import Finished, LocalRunner, Runner, Task, Work
from data.inference.runtime import RuntimeName
from data.project.project import Project, absolute
from data.project.stages import DETECTIONS, TRACKS
from data.tables.people import Assignments, open_people
from data.video.footage import ASSUMED_RATE, Footage, probe, take_in
from tracking.detection.export import exported_model, people_of_classes
from tracking.detection.networks import DeviceName
from tracking.detection.tasks import DetectorSettings, TrackJob, TrackTask, detect_segment
from tracking.linking.tracks import LinkSettings
from tracking.writing import (
    LinkJob,
    PersonTracks,
    Tracked,
    read_tracked,
    write_detections_and_tracks,
    write_tracks,
)

_GPU_SHARE: Final = 0.25  # of a task: one core decodes too slowly to keep a GPU busy


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """What `track-people` can be told.

    Args:
        every_nth: look at one frame in so many.
        naming: how boxes become tracks.
        faces: whether the faces that cluster-faces knows have a say.
        overlay: whether to write a video with the boxes drawn in.
        mot: whether to write MOTChallenge's format too.
        device, runtime, threads: where the detector runs; all the same to what counts as done.
        force: do again what is done, and accept a footage that has changed.
    """

    every_nth: int = 1
    naming: LinkSettings = field(default_factory=LinkSettings)
    faces: bool = True
    overlay: bool = False
    mot: bool = False
    device: DeviceName = "auto"
    runtime: RuntimeName = "auto"
    threads: int = 0
    force: bool = False


@dataclass(frozen=True, slots=True)
class TracksSummary:
    """What was found in one footage."""

    name: str
    frames: int  # that were looked at
    cuts: int
    people: tuple[PersonTracks, ...]
    damage: str  # one line; empty where nothing is damaged
    took_s: float
    already_done: bool
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the project knows before it tracks."""

    weights: Path
    names: Mapping[int, str]
    classes: tuple[int, ...]  # person of each class of the detector
    model_key: str
    label_margin: float
    assignments: Mapping[str, Assignments]  # by footage


def track_people(
    project: Project,
    paths: Sequence[Path],
    settings: TrackSettings,
    *,
    progress: Progress,
    failures: Failures | None = None,
    runner: Runner | None = None,
) -> list[TracksSummary]:
    """Write the tracks of some footages; of all in the project where none is named.

    What an earlier run finished, or had finished when it was stopped, is not done again.

    Args:
        project: with a trained detector.
        paths: of the footages.
        settings: how to track.
        progress: makes the bars.
        failures: takes what is wrong with single footages; None lets the first one end the run.
        runner: where the footages are watched; None for here, one after the other.

    Raises:
        InputError: no detector or people yet, or a footage that cannot be read or has changed.
    """
    runner = runner or LocalRunner()
    with project.lock():
        known = _knowledge(project)
        chosen = paths or [entry.path for entry in project.footages.values()]
        if not chosen:
            raise InputError(f"{project.folder}: no footage in it; name one, such as concert.mp4")
        failures = failures or NoFailures()
        failures.expect(len(chosen))
        numbered = list(enumerate(chosen))
        frames = _frames_known(project, chosen, settings)
        settings = replace(settings, threads=runner.threads(settings.threads))
        works = failures.each(numbered, lambda one: _work(project, *one, known, settings))
        found: dict[int, TracksSummary] = {}
        for finished in runner.run(works, progress, frames=frames):
            with failures.of_one():
                finished.require()
                found[finished.work.about.number] = _finish(project, finished)
        remove_partial(project.tracks_folder)
        return [found[number] for number in sorted(found)]


def _knowledge(project: Project) -> _Known:
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    weights = project.tracker_file
    facts = exported_model(weights).facts
    with open_people(project.people_file) as people:
        names = people.names()
        assignments = {name: people.assignments(name) for name in project.footages}
    return _Known(
        weights=weights,
        names=names,
        classes=people_of_classes(weights, facts, names),
        model_key=facts.key,
        label_margin=project.label_margin,
        assignments=assignments,
    )


@dataclass(frozen=True, slots=True)
class _Planned:
    """One footage of a run."""

    number: int  # in the order that was asked for
    job: LinkJob
    detected: bool  # before
    tracked: bool  # before
    start: float


def _work(
    project: Project, number: int, path: Path, known: _Known, settings: TrackSettings
) -> Work[_Planned, Tracked]:
    """What is to be done about a footage: no more than what is not done yet."""
    start, footage = time.monotonic(), probe(path)
    name = take_in(project, footage, force=settings.force).name
    job = _job(project, name, footage, known, settings)
    detected = not settings.force and _is_detected(project, job)
    tracked = detected and _is_tracked(project, job)
    planned = _Planned(number, job, detected, tracked, start)
    frames = _frames_expected(footage, job.watch.every_nth)
    if tracked:
        return Work(name, planned, last=Task(read_tracked, job), total=frames, done=frames)
    project.unfinish(TRACKS, name)
    if detected:
        return Work(name, planned, last=Task(write_tracks, job), total=frames, done=frames)
    project.unfinish(DETECTIONS, name)
    watch = job.watch
    gpus = _GPU_SHARE if settings.device == "cuda" else 0.0
    if settings.force:
        shutil.rmtree(watch.folder, ignore_errors=True)
    reads = project.names_of(project.tracker_folder, watch.folder)
    before = [part for one in watch.segments for part in watch.parts(one).read()]
    return Work(
        name,
        planned,
        tuple(Task(detect_segment, TrackTask(watch, one), gpus, reads) for one in watch.segments),
        Task(write_detections_and_tracks, job),
        total=frames,
        done=sum(map(len, before)),
    )


def _finish(project: Project, finished: Finished[_Planned, Tracked]) -> TracksSummary:
    """Note what is done by now."""
    planned, tracked = finished.work.about, finished.result
    job = planned.job
    if tracked is None:
        raise ValueError(f"{job.name} must have been tracked")
    if not planned.detected:
        project.finish(DETECTIONS, job.watch.record(), job.name)
    if not planned.tracked:
        project.finish(TRACKS, job.record(), job.name)
    # Also where all was done before: that run may have been killed at this very place.
    shutil.rmtree(job.watch.folder, ignore_errors=True)
    return TracksSummary(
        name=job.name,
        frames=tracked.frames,
        cuts=tracked.cuts,
        people=tracked.people,
        damage=str(finished.damage) if finished.damage else "",
        took_s=time.monotonic() - planned.start,
        already_done=planned.tracked,
        files=job.files,
    )


def _job(
    project: Project, name: str, footage: Footage, known: _Known, settings: TrackSettings
) -> LinkJob:
    watch = TrackJob(
        footage=replace(footage, path=absolute(footage.path)),
        folder=project.tracks_file(name).with_suffix(".parts"),
        every_nth=settings.every_nth if footage.kind == "video" else 1,
        detector=DetectorSettings(
            weights=known.weights,
            key=known.model_key,
            device=settings.device,
            runtime=settings.runtime,
            threads=settings.threads,
        ),
        people=len(known.classes),
        segments=segments_of(footage),
    )
    heard = known.assignments.get(name) if settings.faces else None
    return LinkJob(
        paths=project.paths,
        name=name,
        watch=watch,
        classes=known.classes,
        names=known.names,
        label_margin=known.label_margin,
        faces=Assignments.empty() if heard is None else heard,
        naming=settings.naming,
        overlay=settings.overlay,
        mot=settings.mot,
    )


# --- what is done already ---------------------------------------------------------------------


def _is_detected(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(DETECTIONS, job.watch.record(), job.name)
    return finished and job.detections_file.exists()


def _is_tracked(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(TRACKS, job.record(), job.name)
    return finished and all(file.exists() for file in job.files)


def _frames_known(project: Project, paths: Sequence[Path], settings: TrackSettings) -> int:
    """How many frames there are in the footages that the project knows."""
    known, wanted = project.footages.values(), {absolute(path) for path in paths}
    seconds = [entry.duration_s * (entry.rate or 1) for entry in known if entry.path in wanted]
    return round(sum(seconds) / settings.every_nth)


def _frames_expected(footage: Footage, every_nth: int) -> int:
    rate = footage.rate or ASSUMED_RATE
    if footage.kind != "video":
        rate = Fraction(1)
    return max(round(footage.duration_s * rate / every_nth), 1)
