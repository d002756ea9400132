"""Stage crop-people: write a video of each person from the tracks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cropping.camera.shots import FrameTimes
from cropping.render.cache_keys import VERSION
from cropping.render.encoder import check_encoder
from cropping.render.job import CropJob, CropPlan, Person, read_plan
from cropping.render.outputs import (
    Cropped,
    PersonVideo,
    WriteTask,
    lacks_smiles,
    output_files,
    read_crops,
    wanted_videos,
    write_crops,
)
from cropping.render.render import encoder_threads
from cropping.render.segments import (
    SHARED_PREFIX,
    RenderSegment,
    combined_smiles,
    frames_done,
    render_segments,
    smiles_folder,
)
from cropping.render.settings import CropSettings
from cropping.render.tasks import RenderTask, render_segment
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import current_smiles, finish_smiles, smiles_key
from data.core.atomic import link_or_copy, remove_partial
from data.core.cores import available_cores
from data.core.errors import InputError
from data.core.name_list import first_names
from data.execution.context import RunContext
from data.execution.space_needed import require_space_for
from data.execution.stage import FootageStage, estimated_frames, known_footages, run_footages
from data.execution.tasks import Finished, Task, Work
from data.project.project import FootageEntry, Project
from data.project.stages import CROPS, CropsRecord
from data.storage.shown import command_line
from data.tables.timeline_json import TIMELINE_FILE
from data.tables.tracked_people import tracked_people
from data.video.content import follow_moved
from data.video.footage import holds_pictures, probe_entry
from data.video.frames import Damage

_RENDER_ALL: Final = "to render all videos, run crop-people without --person"


@dataclass(frozen=True, slots=True)
class CropsSummary:
    """Result of cropping one footage."""

    name: str
    frames: int
    people: tuple[PersonVideo, ...]
    never_seen: tuple[str, ...]
    damage: str  # one line, empty if the footage is undamaged
    sound: tuple[str, ...]  # what the user should know about the sound, one line each
    notes: tuple[str, ...]  # what the user should know about the files, one line each
    took_s: float
    already_done: bool


@dataclass(frozen=True, slots=True)
class _PlannedCrops:
    """Planned crops of one footage."""

    job: CropJob
    done: bool  # finished by an earlier run


def crop_people(
    project: Project, paths: Sequence[Path], settings: CropSettings, *, context: RunContext
) -> list[CropsSummary]:
    """Write the video of each person in each footage.

    Args:
        project: project with tracks.
        paths: files of the footages, empty for all videos in the project.
        settings: settings of `crop-people`.
        context: progress bars, failures and runner.

    Raises:
        InputError: there are no tracks or people, a selected person is unknown, a footage or the
            encoder cannot be used, or the disk is full.
    """
    with project.lock():
        context.notes.extend(follow_moved(project, paths))
        check_encoder(settings.encoder)
        chosen = list(paths) or _videos(project)
        context.failures.expect(len(chosen))
        stage = _Cropping(project, settings, single=len(chosen) == 1)
        frames = round(estimated_frames(project, chosen))
        summaries = run_footages(stage, chosen, context, threads=settings.threads, frames=frames)
        context.remember_options(project)
        return summaries


def _videos(project: Project) -> list[Path]:
    """Return the paths of the project's footages that are not pictures."""
    entries = project.footages.values()
    if not (videos := [entry.path for entry in entries if not holds_pictures(entry)]):
        add = command_line("cluster-faces", "--project", project.folder, "VIDEO")
        track = command_line("track-people", project.folder)
        raise InputError(f"{project.folder}: no video in it; add one with {add}, then run {track}")
    return videos


@dataclass(frozen=True, slots=True)
class _Cropping(FootageStage[Path, _PlannedCrops, Cropped, CropsSummary]):
    """Cropping of the people in one footage."""

    project: Project
    settings: CropSettings
    single: bool  # the run has only one footage

    def path_of(self, footage: Path) -> Path:
        """Return the path itself."""
        return footage

    def plan(self, footage: Path, *, threads: int) -> Work[_PlannedCrops, Cropped]:
        """Return the remaining tasks of a footage: render and write, only write, or read results.

        Raises:
            InputError: the footage cannot be cropped, or is the only one and shows no person.
        """
        job = self._job(footage, threads)
        plan = read_plan(job)
        if not plan.people:
            if self.single:
                message = "no person was seen in it; there is nothing to crop"
                raise InputError(f"{job.name}: {message}")
            return Work(job.name, _PlannedCrops(job, done=True), last=Task(read_crops, job))
        segments = render_segments(len(FrameTimes.of(plan.timeline)))
        stale = _stale_files(plan)
        if not job.smiles_current and combined_smiles(job, segments) is not None:
            stale |= {TIMELINE_FILE}  # an earlier run scored all smiles, but did not store them
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
        scores_smiles = settings.smiles and not job.smiles_current
        # Independent of the cores of each task, because encoder threads change the bytes.
        threads = encoder_threads(len(people), settings.threads or available_cores())
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
        record = _record(project, job)
        if not planned.done or not project.is_finished(CROPS, record, job.name):
            project.finish(CROPS, record, job.name)
        shutil.rmtree(job.work, ignore_errors=True)
        remove_partial(job.folder.folder)
        return CropsSummary(
            name=job.name,
            frames=cropped.frames,
            people=cropped.people,
            never_seen=cropped.never_seen,
            damage=str(finished.damage) if finished.damage else "",
            sound=cropped.sound,
            notes=_notes(cropped),
            took_s=took_s,
            already_done=planned.done,
        )

    def _job(self, path: Path, threads: int) -> CropJob:
        project, settings = self.project, replace(self.settings, threads=threads)
        entry = _entry(project, path)
        footage = probe_entry(entry)
        if footage.kind != "video":
            raise InputError(f"{entry.name}: pictures, not a video; give a video")
        frame_wh = footage.width, footage.height
        project.require_unchanged(entry, size_bytes=footage.size_bytes, frame_wh=frame_wh)
        require_space_for(project, CROPS, [footage])
        _require_fitting(settings.window.size_wh, frame_wh)
        people, model = tracked_people(project, entry.name), smile_model_key()
        return CropJob(
            paths=project.paths,
            name=entry.name,
            footage=footage,
            settings=settings,
            tracked=tuple(people.tracked.items()),
            names=tuple(people.names.items()),
            merged_into=tuple(people.merged_into.items()),
            smiles=smiles_key(project, entry.name, model),
            smiles_current=current_smiles(project, entry.name) is not None,
        )


def _record(project: Project, job: CropJob) -> CropsRecord:
    """Return the record of the videos; a run of chosen people keeps it that all have a video."""
    before = project.record(CROPS, job.name)
    everybody = not job.settings.people or (before is not None and before.everybody)
    return CropsRecord(VERSION, job.video_key, job.settings.others, everybody)


def _notes(cropped: Cropped) -> tuple[str, ...]:
    """Return a line on removed videos, and one on those left out of date."""
    notes = []
    if cropped.removed:
        files = first_names(cropped.removed)
        notes += [f"removed {files}: made from tracks that no longer exist"]
    if cropped.stale:
        names = first_names(cropped.stale)
        reason = "made from other tracks or settings"
        notes += [f"not rendered again: {names} ({reason}); {_RENDER_ALL}"]
    return tuple(notes)


def _require_fitting(size_wh: tuple[int, int] | None, frame_wh: tuple[int, int]) -> None:
    """Check that a fixed crop window is not larger than the frames."""
    if size_wh is not None and (size_wh[0] > frame_wh[0] or size_wh[1] > frame_wh[1]):
        size, frame = ("x".join(map(str, wh)) for wh in (size_wh, frame_wh))
        advice = f"give crop-people --size {frame} or smaller"
        raise InputError(f"--size {size}: larger than the footage; {advice}")


def _entry(project: Project, path: Path) -> FootageEntry:
    if not (entries := known_footages(project, [path])):
        command = command_line("track-people", project.folder, path)
        raise InputError(f"{path}: not in this project yet; run {command}")
    return entries[0]


def _stale_files(plan: CropPlan) -> set[str]:
    """Return the files to write, relative to the crops folder."""
    listed = plan.job.folder.keys()
    files = output_files(plan, listed)
    stale = set(plan.job.folder.outdated(files))
    if lacks_smiles(plan):
        stale.add(TIMELINE_FILE)
    if plan.settings.force:
        forced = {TIMELINE_FILE}
        for person in plan.chosen:
            forced |= {person.video, person.small, person.best}
        stale |= {path for path in files if path not in listed or path in forced}
    return stale


def _people_to_render(plan: CropPlan, stale: set[str], listed: Mapping[str, str]) -> list[Person]:
    """Return the people to render, and remove the checkpoints of all other people.

    Args:
        plan: crop plan of the footage.
        stale: files to write.
        listed: keys of the existing files, by path.
    """
    people = [person for person in plan.people if {person.video, person.small} & stale]
    _remove_other_checkpoints(plan, people)
    missing = stale - _reuse_renamed(plan, stale, listed)
    return [person for person in people if {person.video, person.small} & missing]


def _reuse_renamed(plan: CropPlan, stale: set[str], listed: Mapping[str, str]) -> set[str]:
    """Link the existing files of renamed people; return the paths that they become."""
    forced = {person.person_id for person in plan.chosen} if plan.settings.force else set()
    reused = set()
    for path, file in wanted_videos(plan, listed).items():
        link = plan.renamed_file(path, file.key)
        if file.person.person_id in forced:
            link.unlink(missing_ok=True)
        elif path in stale and file.source is not None:
            link_or_copy(plan.job.folder.folder / file.source, link)
        if link.exists():  # or of a stopped run
            reused.add(path)
    return reused


def _remove_other_checkpoints(plan: CropPlan, people: Sequence[Person]) -> None:
    """Remove the checkpoints of an earlier run with other people or settings.

    Shared chunks are kept until the footage is finished, since a person's own chunks may need them.
    """
    needed = {plan.chunk_folder(person) for person in people} | {smiles_folder(plan.job)}
    work = plan.job.work
    if work.is_dir():
        for folder in set(work.iterdir()) - needed:
            if folder.is_dir() and not folder.name.startswith(SHARED_PREFIX):
                shutil.rmtree(folder)
