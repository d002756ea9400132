"""The stage track-people: detect people in footages, and link the detections to tracks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from data.core.atomic import remove_partial
from data.core.errors import InputError
from data.core.name_list import first_names
from data.execution.context import RunContext
from data.execution.segments import segments_of
from data.execution.space_needed import require_space_for
from data.execution.stage import FootageStage, estimated_frames, run_footages
from data.execution.tasks import Finished, Task, Work
from data.inference.runtime import RuntimeName
from data.project.project import Project, absolute
from data.project.stages import DETECTIONS, TRACKS
from data.storage.fetch import fetch_footage
from data.tables.frame_sizes import assignments_in_frame, store_frame_sizes
from data.tables.people import Assignments, open_people
from data.video.container import ASSUMED_RATE
from data.video.content import follow_moved
from data.video.footage import Footage, add_footage, probe
from data.video.frames import Damage
from tracking.detection.body_weights import FoundBodies, find_body_model
from tracking.detection.export import exported_model, people_of_classes
from tracking.detection.tasks import DetectorSettings, TrackJob, TrackTask, detect_segment
from tracking.detection.weights import STARTING_FOLDER
from tracking.tracks import LinkSettings
from tracking.training.report import REPORT
from tracking.training.usefulness import require_useful
from tracking.writing import (
    LinkJob,
    PersonTracks,
    Tracked,
    read_tracked,
    write_detections_and_tracks,
    write_tracks,
)

_GPU_SHARE: Final = 0.25  # of a GPU per task: one core decodes too slowly to keep a GPU busy


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """Options of `track-people`.

    Args:
        every_nth: detect in every n-th frame only.
        linking: settings of linking.
        faces: whether the faces of cluster-faces count as evidence of identity.
        overlay: whether to also write a video with boxes and names.
        mot: whether to also write MOTChallenge's format.
        device, runtime, threads: how the detector is executed; no effect on the output.
        force: repeat finished work, and accept a footage that has changed.
        body_weights: source of the body detector; see `find_body_model`.
        training: False to follow bodies and recognised faces without the trained detector.
    """

    every_nth: int = 1
    linking: LinkSettings = field(default_factory=LinkSettings)
    faces: bool = True
    overlay: bool = False
    mot: bool = False
    device: str = "auto"
    runtime: RuntimeName = "auto"
    threads: int = 0
    force: bool = False
    body_weights: str | None = None
    training: bool = True


@dataclass(frozen=True, slots=True)
class TracksSummary:
    """Result of tracking the people of one footage."""

    name: str
    frames: int  # sampled frames
    cuts: int
    people: tuple[PersonTracks, ...]
    damage: str  # one line; empty if nothing is damaged
    took_s: float
    already_done: bool
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()  # what the user should know, one line each


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Detector, names and known identities of a project."""

    weights: Path | None  # None without a trained detector
    names: Mapping[int, str]
    classes: tuple[int, ...]  # person id of each class of the detector
    model_key: str
    label_margin: float
    bodies: FoundBodies


def track_people(
    project: Project, paths: Sequence[Path], settings: TrackSettings, *, context: RunContext
) -> list[TracksSummary]:
    """Write the tracks of the footages.

    Finished footages and checkpoints of an earlier run are reused.

    Args:
        project: project with a trained detector.
        paths: the footages; empty for all footages of the project.
        settings: options of tracking.
        context: progress bars, failures and runner.

    Raises:
        InputError: the project has no detector or no people, or a footage is unreadable or has
            changed.
    """
    with project.lock():
        context.notes.extend(follow_moved(project, paths))
        store_frame_sizes(project)
        inputs = _inputs_of(project, settings)
        stage = _Tracking(project, settings, inputs)
        context.notes.extend([inputs.bodies.note] if inputs.bodies.note else [])
        if settings.training and not settings.force:
            require_useful(project.tracker_folder / REPORT, project.folder)
        chosen = paths or [entry.path for entry in project.footages.values()]
        if not chosen:
            raise InputError(f"{project.folder}: no footage in it; name one, such as concert.mp4")
        context.failures.expect(len(chosen))
        frames = estimated_frames(project, chosen)
        summaries = run_footages(
            stage,
            chosen,
            context,
            threads=settings.threads,
            frames=round(frames / settings.every_nth),
        )
        remove_partial(project.tracks_folder)
        return summaries


def _inputs_of(project: Project, settings: TrackSettings) -> _Inputs:
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    with open_people(project.people_file) as people, people.reading():
        names, merged_into = people.names(), people.merged_into()
    weights: Path | None = None
    classes: tuple[int, ...] = ()
    key = ""
    if settings.training:
        weights = project.tracker_file
        metadata = exported_model(weights).metadata
        classes, key = people_of_classes(weights, metadata, names, merged_into), metadata.key
    return _Inputs(
        weights=weights,
        names=names,
        classes=classes,
        model_key=key,
        label_margin=project.label_margin,
        bodies=find_body_model(
            settings.body_weights,
            project.tracker_folder / STARTING_FOLDER,
            download=not settings.training,
        ),
    )


@dataclass(frozen=True, slots=True)
class _PlannedTracks:
    """One footage of a run, and what an earlier run finished."""

    job: LinkJob
    detected: bool  # the detections are finished
    tracked: bool  # the tracks are finished


@dataclass(frozen=True, slots=True)
class _Tracking(FootageStage[Path, _PlannedTracks, Tracked, TracksSummary]):
    """Tracking of people in one footage."""

    project: Project
    settings: TrackSettings
    inputs: _Inputs

    def path_of(self, footage: Path) -> Path:
        """Return the path itself."""
        return footage

    def plan(self, footage: Path, *, threads: int) -> Work[_PlannedTracks, Tracked]:
        """Return the tasks of a footage: all, linking only, or reading its results."""
        project, settings, probed = self.project, self.settings, self._probed(footage)
        require_space_for(project, TRACKS, [probed])
        name = add_footage(project, probed, force=settings.force).name
        job = self._job(name, probed, threads)
        detected = not settings.force and _is_detected(project, job)
        tracked = detected and _is_tracked(project, job)
        planned = _PlannedTracks(job, detected, tracked)
        frames = _frames_expected(probed, job.detection.every_nth)
        if tracked:
            return Work(name, planned, last=Task(read_tracked, job), total=frames, done=frames)
        # The earlier tracks stay valid until new ones are written.
        if detected:
            return Work(name, planned, last=Task(write_tracks, job), total=frames, done=frames)
        if settings.force:
            shutil.rmtree(job.detection.folder, ignore_errors=True)
        batches = [
            batch
            for segment in job.detection.segments
            for batch in job.detection.checkpoints(segment).read()
        ]
        return Work(
            name,
            planned,
            self._detect_tasks(job.detection),
            Task(write_detections_and_tracks, job),
            total=frames,
            done=sum(map(len, batches)),
        )

    def _probed(self, path: Path) -> Footage:
        return probe(fetch_footage(path), self.project.streams_of(path))

    def _detect_tasks(self, job: TrackJob) -> tuple[Task[Damage], ...]:
        gpus = _GPU_SHARE if self.settings.device.startswith("cuda") else 0.0
        reads = self.project.names_of(self.project.tracker_folder, job.folder)
        return tuple(
            Task(detect_segment, TrackTask(job, segment), gpus, reads) for segment in job.segments
        )

    def finish(
        self, finished: Finished[_PlannedTracks, Tracked], *, took_s: float
    ) -> TracksSummary:
        """Record a footage's detections and tracks, and remove its checkpoints."""
        planned, tracked = finished.work.payload, finished.output()
        job = planned.job
        if not planned.detected:
            self.project.finish(DETECTIONS, job.detection.record(), job.name)
        if not planned.tracked:
            self.project.finish(TRACKS, job.record(), job.name)
        # Even if the footage was finished: that run may have been killed just before this line.
        shutil.rmtree(job.detection.folder, ignore_errors=True)
        return TracksSummary(
            name=job.name,
            frames=tracked.frames,
            cuts=tracked.cuts,
            people=tracked.people,
            damage=str(finished.damage) if finished.damage else "",
            took_s=took_s,
            already_done=planned.tracked,
            files=job.files,
            notes=(*_removed(tracked), *self._lost(job, tracked)),
        )

    def _job(self, name: str, footage: Footage, threads: int) -> LinkJob:
        project, settings, inputs = self.project, self.settings, self.inputs
        detection = TrackJob(
            footage=replace(footage, path=absolute(footage.path)),
            folder=project.tracks_file(name).with_suffix(".parts"),
            every_nth=settings.every_nth if footage.kind == "video" else 1,
            detector=DetectorSettings(
                weights=inputs.weights,
                key=inputs.model_key,
                device=settings.device,
                runtime=settings.runtime,
                threads=threads,
                bodies=inputs.bodies.model if footage.kind == "video" else None,
            ),
            people=len(inputs.classes),
            segments=segments_of(footage),
        )
        return LinkJob(
            paths=project.paths,
            name=name,
            detection=detection,
            classes=inputs.classes,
            names=inputs.names,
            label_margin=inputs.label_margin,
            faces=self._faces(name),
            linking=settings.linking,
            overlay=settings.overlay,
            mot=settings.mot,
        )

    def _lost(self, job: LinkJob, tracked: Tracked) -> tuple[str, ...]:
        """Return a line on the people who have faces in a footage, but no track."""
        with open_people(self.project.people_file) as people:
            person_id = people.assignments(job.name).person_id
        found = {person.name for person in tracked.people}
        counts = {
            name: int((person_id == person).sum())
            for person, name in job.names.items()
            if name not in found
        }
        lost = [f"{name} ({faces} faces)" for name, faces in counts.items() if faces]
        if not lost:
            return ()
        used = self._lossy_options()
        advice = f"leave out {used}" if used else "train-tracker with more epochs may find them"
        return (f"no track of {first_names(lost)}, whom cluster-faces found in it; {advice}",)

    def _lossy_options(self) -> str:
        """Return the options in use that lose people."""
        used = {
            "--every-nth": self.settings.every_nth > 1,
            "--no-faces": not self.settings.faces,
            "--no-training": not self.settings.training,
        }
        return " and ".join(option for option, is_used in used.items() if is_used)

    def _faces(self, name: str) -> Assignments:
        """Return the recognised faces of a footage; none if the settings ignore them."""
        if not self.settings.faces:
            return Assignments.empty()
        with open_people(self.project.people_file) as people:
            return assignments_in_frame(people, self.project.footages[name])


def _removed(tracked: Tracked) -> tuple[str, ...]:
    """Return a line on removed files, if there are any."""
    if not tracked.removed:
        return ()
    advice = "--overlay and --format mot write them again"
    return (f"removed {first_names(tracked.removed)}, made from earlier tracks; {advice}",)


# --- what an earlier run finished -------------------------------------------------------------


def _is_detected(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(DETECTIONS, job.detection.record(), job.name)
    return finished and job.detections_file.exists()


def _is_tracked(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(TRACKS, job.record(), job.name)
    return finished and all(file.exists() for file in job.files)


def _frames_expected(footage: Footage, every_nth: int) -> int:
    rate = footage.rate or ASSUMED_RATE
    if footage.kind != "video":
        rate = Fraction(1)
    return max(round(footage.duration_s * rate / every_nth), 1)
