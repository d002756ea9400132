"""Face detection stage: bring the faces tables of a project's footages up to date."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clustering.faces.backends import BackendSettings, require_scale
from clustering.faces.extraction import CHECKPOINT_FRAMES
from clustering.faces.settings import VERSION, FaceSettings
from clustering.faces.tasks import DetectJob, DetectTask, detect_segment, write_tables
from data.core.atomic import remove_partial
from data.core.digest import digest
from data.core.intervals import Intervals, lengths_s
from data.execution.context import RunContext
from data.execution.segments import segments_of
from data.execution.stage import FootageStage, run_footages
from data.execution.tasks import Finished, Task, Work
from data.project.project import Project, ProjectSnapshot, absolute
from data.project.stages import FACES, FacesRecord
from data.tables.faces import Faces, Frames
from data.video.footage import Footage, add_footage, default_interval_s


@dataclass(frozen=True, slots=True)
class FacesSummary:
    """Result of face detection in one footage."""

    name: str
    kind: str  # video, images or image
    frames: int
    faces: int
    every_s: float
    damage: str  # one line; empty if nothing is damaged
    already_done: bool
    better: str = ""  # detector and embedder that --force would use, if the finished ones were kept


def find_faces(
    project: Project,
    footages: Sequence[Footage],
    settings: FaceSettings,
    *,
    intervals: Mapping[str, Intervals],
    context: RunContext,
) -> list[FacesSummary]:
    """Bring the faces tables of ``footages`` up to date.

    Args:
        project: locked by the caller, who has counted the footages in ``context.failures``.
        footages: probed footages.
        settings: settings of the detection.
        intervals: intervals to sample, by footage name; other footages are sampled in full.
        context: progress, failures and runner of this run.
    """
    stage = _FaceDetection(project, settings, intervals, project.snapshot())
    added = stage.add(footages, context)
    frames = sum(_sampled_frames(footage, settings, intervals.get(name)) for name, footage in added)
    threads = settings.backend.threads
    summaries = run_footages(stage, added, context, threads=threads, frames=frames)
    remove_partial(project.faces_folder)
    return summaries


@dataclass(frozen=True, slots=True)
class _FaceDetection(FootageStage[tuple[str, Footage], FacesRecord, None, FacesSummary]):
    """Face detection in footages, each with its name in the project."""

    project: Project
    settings: FaceSettings
    intervals: Mapping[str, Intervals]
    snapshot: ProjectSnapshot

    def add(self, footages: Sequence[Footage], context: RunContext) -> list[tuple[str, Footage]]:
        """Add all footages to the project first, so that it lists them if the run is killed."""
        added = []
        try:
            for footage in footages:
                with context.failures.guard(footage.path):
                    entry = add_footage(self.project, footage, force=self.settings.force)
                    added.append((entry.name, footage))
        except Exception:
            self.project.restore(self.snapshot, FACES, list(self.project.footages))
            raise
        return added

    def path_of(self, footage: tuple[str, Footage]) -> Path:
        """Return the path of a footage."""
        return footage[1].path

    def plan(self, footage: tuple[str, Footage], *, threads: int) -> Work[FacesRecord, None]:
        """Return the detection tasks of a footage; none if its tables are up to date."""
        project, settings, (name, source) = self.project, self.settings, footage
        intervals = self.intervals.get(name)
        inputs = self._kept(name, _faces_inputs(source, settings, intervals))
        frames = _sampled_frames(source, settings, intervals)
        if faces_done(project, name, inputs) and not settings.force:
            return Work(name, inputs, total=frames, done=frames)
        require_scale(settings.backend, (source.width, source.height))
        project.unfinish(FACES, name)
        if settings.force:
            shutil.rmtree(project.parts_folder(name), ignore_errors=True)
        job = _job(project, name, source, inputs, replace(settings.backend, threads=threads))
        reads = project.names_of(project.parts_folder(name))
        finished = [part for segment in job.segments for part in job.checkpoints(segment).read()]
        return Work(
            name,
            inputs,
            tuple(
                Task(detect_segment, DetectTask(job, segment), reads=reads)
                for segment in job.segments
            ),
            Task(write_tables, job),
            total=frames,
            done=sum(len(part.frames) for part in finished),
        )

    def _kept(self, name: str, inputs: FacesRecord) -> FacesRecord:
        """Return the inputs of the finished tables, if only options that are not given differ."""
        record = self.project.record(FACES, name) if self.settings.keep_backend else None
        if record is None or self.settings.force:
            return inputs
        kept = replace(inputs, detector=record.detector, embedder=record.embedder)
        if inputs.min_face_px is None and inputs.upsample is None:
            kept = replace(kept, min_face_px=record.min_face_px, upsample=record.upsample)
        return kept if faces_done(self.project, name, kept) else inputs

    def _better_than(self, inputs: FacesRecord) -> str:
        """Name the chosen detector and embedder if a footage keeps worse ones; else empty."""
        chosen = self.settings.backend
        finds_more = chosen.detector == "centerface" != inputs.detector
        tells_more = chosen.embedder == "sface" != inputs.embedder
        return f"{chosen.detector} and {chosen.embedder}" if finds_more or tells_more else ""

    def finish(self, finished: Finished[FacesRecord, None], *, took_s: float) -> FacesSummary:
        """Record a footage's tables as finished, and remove its checkpoints."""
        del took_s  # only the total time of a run is reported
        project, name, inputs = self.project, finished.work.name, finished.work.payload
        if finished.work.last is not None:
            project.finish(FACES, inputs, name)
        # Also if nothing was left to do: an earlier run may have been killed just before this line.
        shutil.rmtree(project.parts_folder(name), ignore_errors=True)
        remove_partial(project.still_file(name, 0).parent)
        return FacesSummary(
            name=name,
            kind=inputs.kind,
            frames=Frames.count(project.frames_file(name)),
            faces=Faces.count(project.faces_file(name)),
            every_s=inputs.every_s,
            damage=str(finished.damage) if finished.damage else "",
            already_done=finished.work.last is None,
            better=self._better_than(inputs),
        )

    def discard(self, footage: tuple[str, Footage]) -> None:
        """Restore a refused footage's previous entry and record, so that later runs can go on."""
        self.project.restore(self.snapshot, FACES, [footage[0]])


def _job(
    project: Project,
    name: str,
    footage: Footage,
    inputs: FacesRecord,
    backend: BackendSettings,
) -> DetectJob:
    every_s, spans = inputs.every_s, inputs.spans
    return DetectJob(
        paths=project.paths,
        name=name,
        footage=replace(footage, path=absolute(footage.path)),
        every_s=every_s,
        spans=None if spans is None else [list(span) for span in spans],
        key=digest(repr(sorted(inputs.to_json().items()))),
        backend=backend,
        segments=segments_of(footage, step_s=every_s * CHECKPOINT_FRAMES),
    )


def _faces_inputs(
    footage: Footage, settings: FaceSettings, intervals: Intervals | None
) -> FacesRecord:
    """Return everything that the faces tables depend on."""
    backend, spans = settings.backend, None
    if intervals is not None:
        spans = tuple((begin, end) for begin, end in intervals.tolist())
    return FacesRecord(
        version=VERSION,
        kind=footage.kind,
        size_bytes=footage.size_bytes,
        every_s=_sampling_interval_s(footage, settings, intervals),
        detector=backend.detector,
        backend=backend.backend,
        min_face_px=backend.min_face_px,
        upsample=backend.upsample,
        spans=spans,
        embedder=backend.embedder,
        video_stream=footage.streams.video,
    )


def _sampling_interval_s(
    footage: Footage, settings: FaceSettings, intervals: Intervals | None
) -> float:
    if footage.kind != "video":
        return 1.0
    sampled_s = footage.duration_s
    if intervals is not None:
        sampled_s = float(intervals[-1, 1] - intervals[0, 0])
    return settings.every_s or default_interval_s(sampled_s)


def _sampled_frames(footage: Footage, settings: FaceSettings, intervals: Intervals | None) -> int:
    """Return the estimated number of sampled frames."""
    sampled_s = footage.duration_s if intervals is None else float(lengths_s(intervals).sum())
    return max(math.ceil(sampled_s / _sampling_interval_s(footage, settings, intervals)), 1)


def faces_done(project: Project, name: str, inputs: FacesRecord) -> bool:
    """Whether the faces tables of a footage exist and were made from these inputs."""
    return project.is_finished(FACES, inputs, name) and not missing_tables(project, name)


def missing_tables(project: Project, name: str) -> list[Path]:
    """Return the table files of a footage that are missing."""
    files = (project.faces_file(name), project.frames_file(name))
    return [file for file in files if not file.exists()]
