"""Tasks of face detection: detect the faces of a segment; write the tables of a footage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from clustering.faces.backends import BackendSettings, load_detector, load_embedder, load_sface
from clustering.faces.extraction import (
    CHECKPOINT_FRAMES,
    Extracted,
    Extractor,
    face_checkpoints,
    replace_pictures,
    write_pictures,
)
from clustering.faces.tracklets import shot_numbers, tracklet_numbers
from data.core.counts import counted
from data.core.intervals import as_intervals
from data.core.progress import Bar
from data.execution.segments import Segment, resume_segment
from data.execution.tasks import TaskContext
from data.project.checkpoints import Checkpoints
from data.project.paths import ProjectFolder
from data.tables.faces import Faces, Frames
from data.video.footage import Footage
from data.video.frames import Damage
from data.video.reader import sample_frames

_FACES_FILE: Final = "faces.parquet"
_FRAMES_FILE: Final = "frames.parquet"


@dataclass(frozen=True, slots=True)
class DetectJob:
    """Face detection in one footage.

    Args:
        paths: layout of the project folder.
        name: the footage's name in the project.
        footage: the footage itself, with an absolute path.
        every_s: interval between sampled frames, seconds.
        spans: intervals to sample, ``(from, to)`` in seconds of presentation time; None for all.
        key: digest of everything that the faces depend on.
        backend: settings of the detector and the embedder.
        segments: the footage's segments, in order.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    every_s: float
    spans: list[list[float]] | None
    key: str
    backend: BackendSettings
    segments: tuple[Segment, ...]

    def checkpoints(self, segment: Segment) -> Checkpoints[Extracted]:
        """Return the checkpoints of a segment's tables."""
        folder = self.paths.parts_folder(self.name)
        return face_checkpoints(folder, key=f"{self.key}-{segment.number:04d}")

    @property
    def new_files(self) -> Path:
        """Folder of the new pictures and tables, until all are whole; see `put_in_place`."""
        return self.paths.parts_folder(self.name) / self.key

    def record_file(self, segment: Segment) -> Path:
        """Return the file that marks a segment as finished."""
        return self.paths.parts_folder(self.name) / f"{self.key}-{segment.number:04d}.json"


@dataclass(frozen=True, slots=True)
class DetectTask:
    """Face detection in one segment of a footage."""

    job: DetectJob
    segment: Segment


def detect_segment(task: DetectTask, context: TaskContext) -> Damage:
    """Write a segment's face checkpoints and pictures, resuming after the last checkpoint."""
    job, segment = task.job, task.segment

    def batches_after(finished: list[Extracted], damage: Damage) -> Iterator[Extracted]:
        done = Extracted.concatenate(finished)
        frames = sample_frames(
            job.footage,
            every_s=job.every_s,
            from_s=segment.from_s,
            until_s=segment.until_s,
            intervals=None if job.spans is None else as_intervals(job.spans),
            after_index=int(done.frames.frame_index[-1]) if len(done.frames) else -1,
            threads=job.backend.threads,
            damage=damage,
        )
        batches = context.loaded(load_extractor, job.backend).extract(
            frames, lambda frame, faces: write_pictures(job.new_files, frame, faces)
        )
        return _merged(batches, context.bar, len(done.faces))

    return resume_segment(job.record_file(segment), job.checkpoints(segment), batches_after)


def load_extractor(settings: BackendSettings) -> Extractor:
    """Load the networks of the settings."""
    return Extractor(load_detector(settings), load_embedder(settings), load_sface(settings))


def _merged(batches: Iterator[Extracted], bar: Bar, found: int) -> Iterator[Extracted]:
    """Merge batches to at least `CHECKPOINT_FRAMES` frames each, and update the bar."""
    pending: list[Extracted] = []
    for batch in batches:
        pending.append(batch)
        found += len(batch.faces)
        bar.update(len(batch.frames))
        bar.set_postfix_str(counted(found, "face"))
        if sum(len(part.frames) for part in pending) >= CHECKPOINT_FRAMES:
            yield Extracted.concatenate(pending)
            pending = []
    if pending:
        yield Extracted.concatenate(pending)


def write_tables(job: DetectJob, _: TaskContext) -> None:
    """Write both tables from all checkpoints, with shots and tracklets of the entire footage."""
    batches = [part for segment in job.segments for part in job.checkpoints(segment).read()]
    extracted = Extracted.concatenate(batches)
    frames, faces = extracted.frames, extracted.faces
    video = job.footage.kind == "video"
    # Photographs have no order in time: each is a shot of its own.
    shot = shot_numbers(frames) if video else np.arange(len(frames), dtype=np.int32)
    frames = frames.replace(shot=shot)
    faces = faces.replace(shot=shot[np.searchsorted(frames.frame_index, faces.frame_index)])
    if video:
        faces = faces.replace(tracklet=tracklet_numbers(frames, faces))
    frames.write(job.new_files / _FRAMES_FILE)
    faces.write(job.new_files / _FACES_FILE)


def put_in_place(job: DetectJob) -> None:
    """Replace the pictures and tables of a footage by the new ones.

    After an interruption, a second call completes it.
    """
    paths, name, new = job.paths, job.name, job.new_files
    faces, frames = Faces.read(new / _FACES_FILE), Frames.read(new / _FRAMES_FILE)
    replace_pictures(new, paths.still_file(name, 0).parent, faces, frames)
    (new / _FRAMES_FILE).replace(paths.frames_file(name))
    (new / _FACES_FILE).replace(paths.faces_file(name))
