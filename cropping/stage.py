"""The stage from tracks to a video of each person: what `crop-people` does."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cropping.camera.shots import FrameTimes
from cropping.render.cache_keys import VERSION
from cropping.render.encoder import check_encoder
from cropping.render.job import CropJob, CropPlan, Person, plan_of
from cropping.render.outputs import (
    Cropped,
    PersonVideo,
    WriteJob,
    read_crops,
    wanted_files,
    write_crops,
)
from cropping.render.render import threads_each
from cropping.render.settings import CropSettings
from cropping.render.tasks import (
    SHARED,
    RenderTask,
    frames_done,
    render_segment,
    render_segments,
    segment_smiles,
    smiles_folder,
)
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import finish_smiles, smiles_key, stored_smiles
from data.core.atomic import link_or_copy, remove_partial
from data.core.errors import InputError
from data.core.file_types import is_picture
from data.core.progress import Progress
from data.execution.failures import Failures, NoFailures
from data.execution.tasks import Finished, LocalRunner, Runner, Task, Work
from data.project.project import TIMELINE_FILE, FootageEntry, Project, absolute
from data.project.stages import CROPS, SMILES, CropsRecord
from data.tables.people import open_people
from data.tables.tracks import tracked_names
from data.video.footage import probe


@dataclass(frozen=True, slots=True)
class CropsSummary:
    """What was written of one footage."""

    name: str
    frames: int
    people: tuple[PersonVideo, ...]
    never_seen: tuple[str, ...]
    damage: str  # one line; empty where nothing is damaged
    took_s: float
    already_done: bool


@dataclass(frozen=True, slots=True)
class _PlannedCrops:
    """One footage of a run."""

    number: int  # in the order that was asked for
    request: CropJob
    done: bool  # before
    start: float


def crop_people(
    project: Project,
    paths: Sequence[Path],
    settings: CropSettings,
    *,
    progress: Progress,
    failures: Failures | None = None,
    runner: Runner | None = None,
) -> list[CropsSummary]:
    """Write a video of each person for some footages; for all in the project where none is named.

    Args:
        project: with tracks.
        paths: of the footages.
        settings: how to crop.
        progress: makes the bars.
        failures: takes what is wrong with single footages; None lets the first one end the run.
        runner: where the footages are rendered; None for here, one after the other.

    Raises:
        InputError: no tracks yet, nobody or somebody unknown was seen, a footage or encoder that
            cannot be used, or no room to write.
    """
    failures, runner = failures or NoFailures(), runner or LocalRunner()
    with project.lock():
        check_encoder(settings.encoder)
        chosen = _chosen(project, paths)
        failures.expect(len(chosen))
        alone, threads = len(chosen) == 1, runner.threads(settings.threads)
        works = failures.each(
            enumerate(chosen),
            lambda one: _work(project, *one, settings, threads=threads, alone=alone),
        )
        known = [entry for entry in project.footages.values() if entry.path in chosen]
        frames = round(sum(entry.duration_s * (entry.rate or 1) for entry in known))
        done: dict[int, CropsSummary] = {}
        for finished in runner.run(works, progress, frames=frames):
            with failures.of_one():
                finished.require()
                done[finished.work.about.number] = _finish(project, finished)
        return [done[number] for number in sorted(done)]


def _chosen(project: Project, paths: Sequence[Path]) -> list[Path]:
    """The footages that were named, or else all videos; what is no picture may be one."""
    entries = [entry.path for entry in project.footages.values()]
    videos = [path for path in entries if not (path.is_dir() or is_picture(path))]
    if not (chosen := list(paths) or videos):
        raise InputError(f"{project.folder}: no video in it; run cluster-faces and track-people")
    return chosen


def _entry(project: Project, path: Path) -> FootageEntry:
    for entry in project.footages.values():
        if entry.path == absolute(path):
            return entry
    message = f"not in this project yet; run track-people {project.folder.name} {path.name}"
    raise InputError(f"{path}: {message}")


def _work(
    project: Project,
    number: int,
    path: Path,
    settings: CropSettings,
    *,
    threads: int,
    alone: bool,
) -> Work[_PlannedCrops, Cropped]:
    """What is to be done about a footage: no more than what is not done yet.

    Raises:
        InputError: nobody is seen in it and there is no other, or it cannot be cropped.
    """
    start = time.monotonic()
    request = _request(project, _entry(project, path), replace(settings, threads=threads))
    job = plan_of(request)
    if not job.people:
        if alone:
            message = "nobody was ever seen in it; there is nothing to crop"
            raise InputError(f"{request.name}: {message}")
        nothing = _PlannedCrops(number, request, done=True, start=start)
        return Work(request.name, nothing, last=Task(read_crops, request))
    legs = render_segments(len(FrameTimes.of(job.timeline)))
    known = request.folder.keys()
    todo = _todo(job, known)
    if not request.knows_smiles and segment_smiles(request, legs) is not None:
        todo |= {TIMELINE_FILE}  # a stopped run had looked who smiles
    planned = _PlannedCrops(number, request, not todo, start)
    frames = max(len(FrameTimes.of(job.timeline)), 1)
    if not todo:
        return Work(
            request.name, planned, last=Task(read_crops, request), total=frames, done=frames
        )
    people = _lacking(job, todo, known)
    watches = bool(people) and settings.smiles and not request.knows_smiles
    if watches:
        project.unfinish(SMILES, request.name)
    ids = tuple(person.person_id for person in people)
    # Not by the threads of a task: another number of an encoder's gives other bytes.
    encoders = threads_each(len(people), settings.threads or os.cpu_count() or 1)
    reads = project.names_of(
        project.tracks_file(request.name), project.detections_file(request.name), request.work
    )
    return Work(
        request.name,
        planned,
        tuple(
            Task(render_segment, RenderTask(request, ids, leg, watches, encoders), reads=reads)
            for leg in (legs if people else ())
        ),
        Task(write_crops, WriteJob(request, frozenset(todo), ids)),
        total=frames,
        done=sum(frames_done(job, people, leg) for leg in legs) if people else frames,
    )


def _finish(project: Project, finished: Finished[_PlannedCrops, Cropped]) -> CropsSummary:
    """Note what is done by now."""
    planned, cropped = finished.work.about, finished.result
    request = planned.request
    if cropped is None:
        raise ValueError(f"{request.name} must have been cropped")
    if cropped.watched:
        finish_smiles(project, request.name, smile_model_key())
    if not planned.done:
        settings = request.settings
        record = CropsRecord(VERSION, settings.video_key(), settings.others)
        project.finish(CROPS, record, request.name)
    shutil.rmtree(request.work, ignore_errors=True)
    remove_partial(request.folder.folder)
    return CropsSummary(
        name=request.name,
        frames=cropped.frames,
        people=cropped.people,
        never_seen=cropped.never_seen,
        damage=str(finished.damage) if finished.damage else "",
        took_s=time.monotonic() - planned.start,
        already_done=planned.done,
    )


def _request(project: Project, entry: FootageEntry, settings: CropSettings) -> CropJob:
    footage = probe(entry.path)
    if footage.kind != "video":
        raise InputError(f"{entry.name}: pictures, not a video; there is nobody to follow in them")
    if footage.size_bytes != entry.size_bytes:
        message = "it has changed since it was tracked; run track-people --force"
        raise InputError(f"{entry.path.name}: {message}")
    tracked, model = tracked_names(project, entry.name), smile_model_key()
    by_now = _names_by_now(project)
    return CropJob(
        paths=project.paths,
        name=entry.name,
        footage=footage,
        settings=settings,
        tracked=tuple(tracked.items()),
        names=tuple((person, by_now.get(person, name)) for person, name in tracked.items()),
        smiles=smiles_key(project, entry.name, model),
        knows_smiles=stored_smiles(project, entry.name, model) is not None,
    )


def _names_by_now(project: Project) -> dict[int, str]:
    if not project.people_file.exists():
        return {}
    with open_people(project.people_file) as people:
        return people.names()


def _todo(job: CropPlan, known: Mapping[str, str]) -> set[str]:
    """Which files are to be written."""
    wanted = wanted_files(job, known)
    todo = set(job.request.folder.outdated(wanted))
    if job.settings.force:
        ours = {file for person in job.chosen for file in (person.video, person.best)}
        ours.add(TIMELINE_FILE)
        todo |= {path for path in wanted if path not in known or path in ours}
    return todo


def _lacking(job: CropPlan, todo: set[str], known: Mapping[str, str]) -> list[Person]:
    """Whose video is to be rendered; what earlier runs left and nobody wants any more goes."""
    people = [person for person in job.people if person.video in todo]
    _remove_others(job, people)
    return [person for person in people if job.settings.force or not _reuse(job, person, known)]


def _reuse(job: CropPlan, person: Person, known: Mapping[str, str]) -> bool:
    """Keep a video that is right but for its name at hand, since people are renamed often."""
    for path, key in known.items():
        if key == person.key and path != person.video:
            link_or_copy(job.request.folder.folder / path, job.ready_video(person))
            return True
    return False


def _remove_others(job: CropPlan, people: Sequence[Person]) -> None:
    """Remove pieces of what was asked for by an earlier run, and is no more.

    What several people share stays up to the end: their own pieces may go with it.
    """
    wanted = {job.chunk_folder(person) for person in people} | {smiles_folder(job.request)}
    work = job.request.work
    if work.is_dir():
        for folder in set(work.iterdir()) - wanted:
            if folder.is_dir() and not folder.name.startswith(SHARED):
                shutil.rmtree(folder)
