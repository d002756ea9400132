"""Face detection stage: bring the faces tables of a project's footages up to date."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clustering.faces.backends import BackendSettings, require_scale
from clustering.faces.extraction import CHECKPOINT_FRAMES, Extracted
from clustering.faces.settings import VERSION, FaceSettings
from clustering.faces.tasks import (
    DetectJob,
    DetectTask,
    detect_segment,
    put_in_place,
    write_tables,
)
from data.core.atomic import remove_partial
from data.core.digest import digest
from data.core.errors import InputError
from data.core.intervals import Intervals, lengths_s
from data.execution.context import RunContext
from data.execution.segments import segments_of
from data.execution.stage import FootageStage, known_footages, run_footages
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
    better: str = ""  # face models that --force would use, if weaker ones were kept


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
class _PlannedFaces:
    """Planned face detection in one footage."""

    inputs: FacesRecord
    job: DetectJob | None = None  # None if the tables are up to date


@dataclass(frozen=True, slots=True)
class _FaceDetection(FootageStage[tuple[str, Footage], _PlannedFaces, None, FacesSummary]):
    """Face detection in footages, each with its name in the project."""

    project: Project
    settings: FaceSettings
    intervals: Mapping[str, Intervals]
    snapshot: ProjectSnapshot

    def add(self, footages: Sequence[Footage], context: RunContext) -> list[tuple[str, Footage]]:
        """Add all footages to the project first, so that it lists them if the run is killed.

        The entry of a changed one stays until its new faces are whole, see `finish`.
        """
        added = []
        try:
            for footage in footages:
                with context.failures.guard(footage.path):
                    known = known_footages(self.project, [footage.path])
                    if known and self.settings.force:
                        entry = known[0]
                    else:
                        entry = add_footage(self.project, footage)
                    added.append((entry.name, footage))
        except Exception:
            self.project.restore(self.snapshot, FACES, list(self.project.footages))
            raise
        return added

    def path_of(self, footage: tuple[str, Footage]) -> Path:
        """Return the path of a footage."""
        return footage[1].path

    def plan(self, footage: tuple[str, Footage], *, threads: int) -> Work[_PlannedFaces, None]:
        """Return the detection tasks of a footage; none if its tables are up to date."""
        project, settings, (name, source) = self.project, self.settings, footage
        intervals = self.intervals.get(name)
        inputs = faces_inputs(project, name, source, settings, intervals)
        frames = _sampled_frames(source, settings, intervals)
        done = faces_done(project, name, inputs)
        if done and not settings.force:
            return Work(name, _PlannedFaces(inputs), total=frames, done=frames)
        require_scale(settings.backend, (source.width, source.height))
        parts = project.parts_folder(name)
        if done:  # repeated by --force
            shutil.rmtree(parts, ignore_errors=True)
        job = _job(project, name, source, inputs, replace(settings.backend, threads=threads))
        finished = self._checkpoints(job)
        reads = project.names_of(*(path for path in parts.glob("*") if path.is_file()))
        return Work(
            name,
            _PlannedFaces(inputs, job),
            tuple(
                Task(detect_segment, DetectTask(job, segment), reads=reads)
                for segment in job.segments
            ),
            Task(write_tables, job),
            total=frames,
            done=sum(len(part.frames) for part in finished),
        )

    def _checkpoints(self, job: DetectJob) -> list[Extracted]:
        """Read the checkpoints of a stopped run; with --force, damaged ones are removed."""
        try:
            return [part for segment in job.segments for part in job.checkpoints(segment).read()]
        except InputError:
            if not self.settings.force:
                raise
            shutil.rmtree(job.paths.parts_folder(job.name))
            return []

    def _better_than(self, inputs: FacesRecord) -> str:
        """Name the chosen face models if a footage keeps worse ones; else empty."""
        chosen = self.settings.backend
        finds_more = chosen.detector == "centerface" != inputs.detector
        tells_more = chosen.embedder == "sface" != inputs.embedder
        titles = (
            ("CenterFace", chosen.detector == "centerface"),
            ("SFace", chosen.embedder == "sface"),
        )
        better = " and ".join(title for title, is_chosen in titles if is_chosen)
        return better if finds_more or tells_more else ""

    def finish(self, finished: Finished[_PlannedFaces, None], *, took_s: float) -> FacesSummary:
        """Replace a footage's pictures and tables, and remove its checkpoints."""
        del took_s  # only the total time of a run is reported
        project, name, planned = self.project, finished.work.name, finished.work.payload
        inputs = planned.inputs
        if planned.job is not None:
            if not project.is_finished(FACES, inputs, name):
                project.unfinish(FACES, name)
            add_footage(project, planned.job.footage, force=True)
            put_in_place(planned.job)
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
            already_done=planned.job is None,
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


def faces_inputs(
    project: Project,
    name: str,
    footage: Footage,
    settings: FaceSettings,
    intervals: Intervals | None,
) -> FacesRecord:
    """Return everything that the faces tables of a footage depend on.

    These are the inputs of the finished tables, if only settings that are kept differ.
    """
    inputs = _inputs(footage, settings, intervals)
    record = project.record(FACES, name)
    if record is None or settings.force:
        return inputs
    kept = replace(inputs, **{field: getattr(record, field) for field in settings.kept})
    return kept if faces_done(project, name, kept) else inputs


def _inputs(footage: Footage, settings: FaceSettings, intervals: Intervals | None) -> FacesRecord:
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
