"""The stage track-people: detect people in footages, and link the detections to tracks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from data.core.atomic import remove_partial
from data.core.counts import counted
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
from data.storage.shown import command_line, shown
from data.tables.frame_sizes import assignments_in_frame, store_frame_sizes
from data.tables.people import Assignments, open_people
from data.tables.tracks import has_tracks
from data.video.container import ASSUMED_RATE
from data.video.content import follow_moved
from data.video.footage import Footage, add_footage, probe, probe_entry
from data.video.frames import Damage
from tracking.detection.body_weights import BODIES_FOLDER, FoundBodies, find_body_model
from tracking.detection.export import exported_model, people_of_classes
from tracking.detection.tasks import DetectorSettings, TrackJob, TrackTask, detect_segment
from tracking.tracks import LinkSettings
from tracking.training.usefulness import ChosenDetector, choose_detector
from tracking.writing import (
    LinkJob,
    PersonTracks,
    Tracked,
    put_in_place,
    read_tracked,
    write_detections_and_tracks,
    write_tracks,
)

_NAME_SOMEBODY: Final = "run track-people without --no-faces, or run train-tracker"
_WRITTEN_BY: Final = {".txt": ("--format", "mot"), ".mp4": ("--overlay",)}
"""Options of `track-people` that write files beside the tracks, by suffix."""
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
        training: whether to use the trained detector; False to follow bodies and recognised faces
            without it, None to use it if the project has one.
        offline: do not download the body detector's default weights.
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
    training: bool | None = None
    offline: bool = False


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

    detector: ChosenDetector
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
        project: project with people.
        paths: the footages; empty for all footages of the project.
        settings: options of tracking.
        context: progress bars, failures and runner.

    Raises:
        InputError: the project has no people or not the detector that was asked for, or a footage
            is unreadable or has changed.
    """
    with project.lock():
        context.notes.extend(follow_moved(project, paths))
        store_frame_sizes(project)
        inputs = _inputs_of(project, settings, context.say)
        stage = _Tracking(project, settings, inputs)
        context.notes.extend(filter(None, (inputs.detector.note, inputs.bodies.note)))
        chosen = paths or [entry.path for entry in project.footages.values()]
        if not chosen:
            raise InputError(
                f"{project.folder}: no footage in it; give a video, such as concert.mp4"
            )
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
        context.remember_options(project)
        return summaries


def _inputs_of(project: Project, settings: TrackSettings, say: Callable[[str], None]) -> _Inputs:
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    with open_people(project.people_file) as people, people.reading():
        names, merged_into = people.names(), people.merged_into()
        detector = choose_detector(project, people, settings.training)
    if detector.weights is None and not settings.faces:
        message = "without a trained detector, people are named by their faces"
        raise InputError(f"{project.folder}: {message}; {_NAME_SOMEBODY}")
    classes: tuple[int, ...] = ()
    key = ""
    if (weights := detector.weights) is not None:
        metadata = exported_model(weights).metadata
        classes, key = people_of_classes(weights, metadata, names, merged_into), metadata.key
    return _Inputs(
        detector=detector,
        names=names,
        classes=classes,
        model_key=key,
        label_margin=project.label_margin,
        bodies=find_body_model(
            settings.body_weights,
            project.tracker_folder / BODIES_FOLDER,
            offline=settings.offline,
            say=say,
            needed=detector.weights is None,
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
        # The earlier tracks stay in force until the new ones are whole, see `finish`.
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
        entry = self.project.footage_at(path)
        return probe(fetch_footage(path)) if entry is None else probe_entry(entry)

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
        if not planned.tracked:
            self._replace_tracks(planned)
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
            notes=(*self._removed(job, tracked), *self._lost(job, tracked)),
        )

    def _replace_tracks(self, planned: _PlannedTracks) -> None:
        """Replace the detections and tracks of a footage, and their records."""
        project, job = self.project, planned.job
        # A run that is stopped in between leaves no record of other files.
        if not planned.detected and not project.is_finished(
            DETECTIONS, job.detection.record(), job.name
        ):
            project.unfinish(DETECTIONS, job.name)
        if not project.is_finished(TRACKS, job.record(), job.name):
            project.unfinish(TRACKS, job.name)
        put_in_place(job)
        if not planned.detected:
            project.finish(DETECTIONS, job.detection.record(), job.name)
        project.finish(TRACKS, job.record(), job.name)

    def _job(self, name: str, footage: Footage, threads: int) -> LinkJob:
        project, settings, inputs = self.project, self.settings, self.inputs
        detection = TrackJob(
            footage=replace(footage, path=absolute(footage.path)),
            folder=project.tracks_file(name).with_suffix(".parts"),
            every_nth=settings.every_nth if footage.kind == "video" else 1,
            detector=DetectorSettings(
                weights=inputs.detector.weights,
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
            training=settings.training,
            linking=settings.linking,
            overlay=settings.overlay,
            mot=settings.mot,
        )

    def _removed(self, job: LinkJob, tracked: Tracked) -> tuple[str, ...]:
        """Return a line on removed files, if there are any."""
        if not tracked.removed:
            return ()
        files = first_names([shown(job.csv_file.with_name(name)) for name in tracked.removed])
        options = [word for name in tracked.removed for word in _WRITTEN_BY[Path(name).suffix]]
        path = self.project.footages[job.name].path
        command = command_line("track-people", self.project.folder, path, *options)
        them = "it" if len(tracked.removed) == 1 else "them"
        return (f"removed {files}, made from earlier tracks; to write {them} again: {command}",)

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
        lost = [f"{name} ({counted(n, 'face')} found)" for name, n in counts.items() if n]
        if not lost:
            return ()
        used = self._lossy_options()
        trained = self.inputs.detector.weights is not None
        training = "a detector trained with train-tracker may help"
        if trained:
            training = "train-tracker with more epochs may help"
        if used:
            training = f"track-people {used} may find them"
        return (f"{first_names(lost)} could not be tracked; {training}",)

    def _lossy_options(self) -> str:
        """Return the options of track-people that would lose fewer people."""
        used = {
            "with --every-nth 1": self.settings.every_nth > 1,
            "without --no-faces": not self.settings.faces,
            "without --no-training": self.settings.training is False,
        }
        return " and ".join(option for option, is_used in used.items() if is_used)

    def _faces(self, name: str) -> Assignments:
        """Return the recognised faces of a footage; none if the settings ignore them."""
        if not self.settings.faces:
            return Assignments.empty()
        with open_people(self.project.people_file) as people:
            return assignments_in_frame(people, self.project.footages[name])


# --- what an earlier run finished -------------------------------------------------------------


def _is_detected(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(DETECTIONS, job.detection.record(), job.name)
    return finished and job.detections_file.exists()


def _is_tracked(project: Project, job: LinkJob) -> bool:
    finished = project.is_finished(TRACKS, job.record(), job.name)
    return finished and all(file.exists() for file in job.files) and has_tracks(project, job.name)


def _frames_expected(footage: Footage, every_nth: int) -> int:
    rate = footage.rate or ASSUMED_RATE
    if footage.kind != "video":
        rate = Fraction(1)
    return max(round(footage.duration_s * rate / every_nth), 1)
