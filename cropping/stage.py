"""The stage crop-people: from tracks to a video of each person."""

from __future__ import annotations

import shutil
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
    WriteTask,
    read_crops,
    wanted_files,
    write_crops,
)
from cropping.render.render import threads_each
from cropping.render.segments import (
    SHARED,
    RenderSegment,
    combined_smiles,
    frames_done,
    render_segments,
    smiles_folder,
)
from cropping.render.settings import CropSettings
from cropping.render.tasks import RenderTask, render_segment
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import finish_smiles, smiles_key, stored_smiles
from data.core.atomic import link_or_copy, remove_partial
from data.core.cores import available_cores
from data.core.errors import InputError
from data.core.file_types import is_picture
from data.execution.context import RunContext
from data.execution.stage import FootageStage, known_footages, run_footages
from data.execution.tasks import Finished, Task, Work
from data.project.project import FootageEntry, Project
from data.project.stages import CROPS, SMILES, CropsRecord
from data.storage.fetch import fetch_footage
from data.tables.people import open_people
from data.tables.timeline_json import TIMELINE_FILE
from data.tables.tracks import tracked_names
from data.video.footage import probe
from data.video.frames import Damage


@dataclass(frozen=True, slots=True)
class CropsSummary:
    """The files written of one footage."""

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

    job: CropJob
    done: bool  # by an earlier run


def crop_people(
    project: Project, paths: Sequence[Path], settings: CropSettings, *, context: RunContext
) -> list[CropsSummary]:
    """Write each person's video of the footages; without ``paths``, of all in the project.

    Args:
        project: with tracks.
        paths: of the footages.
        settings: how to crop.
        context: of the run.

    Raises:
        InputError: no tracks yet, no person or an unknown one, a footage or encoder that cannot be
            used, or no space on the disk.
    """
    with project.lock():
        check_encoder(settings.encoder)
        chosen = list(paths) or _videos(project)
        context.failures.expect(len(chosen))
        stage = _Cropping(project, settings, alone=len(chosen) == 1)
        known = known_footages(project, chosen)
        frames = round(sum(entry.duration_s * (entry.rate or 1) for entry in known))
        return run_footages(stage, chosen, context, threads=settings.threads, frames=frames)


def _videos(project: Project) -> list[Path]:
    """The footages of a project that may be videos."""
    paths = [entry.path for entry in project.footages.values()]
    if not (videos := [path for path in paths if not (path.is_dir() or is_picture(path))]):
        raise InputError(f"{project.folder}: no video in it; run cluster-faces and track-people")
    return videos


@dataclass(frozen=True, slots=True)
class _Cropping(FootageStage[Path, _PlannedCrops, Cropped, CropsSummary]):
    """Cropping of one footage's people."""

    project: Project
    settings: CropSettings
    alone: bool  # the run has one footage

    def plan(self, footage: Path, *, threads: int) -> Work[_PlannedCrops, Cropped]:
        """Return the tasks that a footage needs: to render, to write files, or to read results.

        Raises:
            InputError: the footage cannot be cropped, or it is the only one and shows no person.
        """
        job = self._job(footage, threads)
        plan = plan_of(job)
        if not plan.people:
            if self.alone:
                message = "no person was seen in it; there is nothing to crop"
                raise InputError(f"{job.name}: {message}")
            return Work(job.name, _PlannedCrops(job, done=True), last=Task(read_crops, job))
        segments = render_segments(len(FrameTimes.of(plan.timeline)))
        stale = _stale_files(plan)
        if not job.knows_smiles and combined_smiles(job, segments) is not None:
            stale |= {TIMELINE_FILE}  # a stopped run had scored all smiles
        frames = max(len(FrameTimes.of(plan.timeline)), 1)
        planned = _PlannedCrops(job, done=not stale)
        if not stale:
            last = Task(read_crops, job)
            return Work(job.name, planned, last=last, total=frames, done=frames)
        people = _people_to_render(plan, stale, job.folder.keys())
        done = sum(frames_done(plan, people, segment) for segment in segments)
        ids = tuple(person.person_id for person in people)
        return Work(
            job.name,
            planned,
            self._render_tasks(job, ids, segments) if people else (),
            Task(write_crops, WriteTask(job, frozenset(stale), ids)),
            total=frames,
            done=done if people else frames,
        )

    def _render_tasks(
        self, job: CropJob, people: tuple[int, ...], segments: Sequence[RenderSegment]
    ) -> tuple[Task[Damage], ...]:
        project, settings = self.project, self.settings
        scores_smiles = settings.smiles and not job.knows_smiles
        if scores_smiles:
            project.unfinish(SMILES, job.name)
        # The cores of a single task do not count: other encoder threads give other bytes.
        threads = threads_each(len(people), settings.threads or available_cores())
        reads = project.names_of(
            project.tracks_file(job.name), project.detections_file(job.name), job.work
        )
        return tuple(
            Task(
                render_segment,
                RenderTask(job, people, segment, scores_smiles, threads),
                reads=reads,
            )
            for segment in segments
        )

    def finish(self, finished: Finished[_PlannedCrops, Cropped], *, took_s: float) -> CropsSummary:
        """Record a footage's videos and smiles, and remove its checkpoints."""
        planned, cropped = finished.work.payload, finished.output()
        project, job = self.project, planned.job
        if cropped.scored_smiles:
            finish_smiles(project, job.name, smile_model_key())
        if not planned.done:
            record = CropsRecord(VERSION, job.settings.video_key(), job.settings.others)
            project.finish(CROPS, record, job.name)
        shutil.rmtree(job.work, ignore_errors=True)
        remove_partial(job.folder.folder)
        return CropsSummary(
            name=job.name,
            frames=cropped.frames,
            people=cropped.people,
            never_seen=cropped.never_seen,
            damage=str(finished.damage) if finished.damage else "",
            took_s=took_s,
            already_done=planned.done,
        )

    def _job(self, path: Path, threads: int) -> CropJob:
        project, settings = self.project, replace(self.settings, threads=threads)
        entry = _entry(project, path)
        footage = probe(fetch_footage(entry.path))
        if footage.kind != "video":
            raise InputError(f"{entry.name}: pictures, not a video; name a video")
        if footage.size_bytes != entry.size_bytes:
            message = "it has changed since it was tracked; run track-people --force"
            raise InputError(f"{entry.path.name}: {message}")
        tracked, model = tracked_names(project, entry.name), smile_model_key()
        names = _current_names(project)
        return CropJob(
            paths=project.paths,
            name=entry.name,
            footage=footage,
            settings=settings,
            tracked=tuple(tracked.items()),
            names=tuple((person, names.get(person, name)) for person, name in tracked.items()),
            smiles=smiles_key(project, entry.name, model),
            knows_smiles=stored_smiles(project, entry.name, model) is not None,
        )


def _entry(project: Project, path: Path) -> FootageEntry:
    if not (entries := known_footages(project, [path])):
        message = f"not in this project yet; run track-people {project.folder.name} {path.name}"
        raise InputError(f"{path}: {message}")
    return entries[0]


def _current_names(project: Project) -> dict[int, str]:
    if not project.people_file.exists():
        return {}
    with open_people(project.people_file) as people:
        return people.names()


def _stale_files(plan: CropPlan) -> set[str]:
    """Return the files to write, relative to the folder of crops."""
    known = plan.job.folder.keys()
    wanted = wanted_files(plan, known)
    stale = set(plan.job.folder.outdated(wanted))
    if plan.settings.force:
        ours = {file for person in plan.chosen for file in (person.video, person.best)}
        ours.add(TIMELINE_FILE)
        stale |= {path for path in wanted if path not in known or path in ours}
    return stale


def _people_to_render(plan: CropPlan, stale: set[str], known: Mapping[str, str]) -> list[Person]:
    """Return the people to render, and remove the checkpoints of all other people."""
    people = [person for person in plan.people if person.video in stale]
    _remove_other_checkpoints(plan, people)
    force = plan.settings.force
    return [person for person in people if force or not _reuse_renamed(plan, person, known)]


def _reuse_renamed(plan: CropPlan, person: Person, known: Mapping[str, str]) -> bool:
    """Keep a video of which only the name has changed: people are renamed often."""
    for path, key in known.items():
        if key == person.key and path != person.video:
            link_or_copy(plan.job.folder.folder / path, plan.ready_video(person))
            return True
    return False


def _remove_other_checkpoints(plan: CropPlan, people: Sequence[Person]) -> None:
    """Remove the checkpoints of an earlier run that had other people or settings.

    Shared chunks stay until the footage is finished: some person's own chunks may need them.
    """
    wanted = {plan.chunk_folder(person) for person in people} | {smiles_folder(plan.job)}
    work = plan.job.work
    if work.is_dir():
        for folder in set(work.iterdir()) - wanted:
            if folder.is_dir() and not folder.name.startswith(SHARED):
                shutil.rmtree(folder)
