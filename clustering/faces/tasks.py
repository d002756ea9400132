"""What is done about one footage, wherever that is: look for faces, and write its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clustering.faces.backends import BackendSettings, load_detector, load_embedder
from clustering.faces.extraction import (
    CHECKPOINT_FRAMES,
    Extracted,
    Extractor,
    face_checkpoints,
    remove_stale_pictures,
    write_pictures,
)
from clustering.faces.tracklets import shot_numbers, tracklet_numbers
from data.core.intervals import as_intervals
from data.core.progress import Bar
from data.execution.segments import Segment, note_damage, noted_damage
from data.execution.tasks import TaskContext
from data.project.checkpoints import Checkpoints
from data.project.paths import ProjectFolder
from data.video.footage import Footage
from data.video.frames import Damage
from data.video.reader import sample_frames


@dataclass(frozen=True, slots=True)
class DetectJob:
    """A footage in which faces are looked for.

    Args:
        paths: of the project.
        name: of the footage there.
        footage: what is looked at.
        every_s: seconds from one look to the next.
        spans: what of it is looked at, beginning and end of each in seconds; None is all.
        key: of all that the faces depend on.
        backend: what finds them.
        segments: of the footage.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    every_s: float
    spans: list[list[float]] | None
    key: str
    backend: BackendSettings
    segments: tuple[Segment, ...]

    def parts(self, segment: Segment) -> Checkpoints[Extracted]:
        """The finished parts of a segment's tables."""
        folder = self.paths.parts_folder(self.name)
        return face_checkpoints(folder, key=f"{self.key}-{segment.number:04d}")

    def note(self, segment: Segment) -> Path:
        """Where it is noted that a segment has all its parts."""
        return self.paths.parts_folder(self.name) / f"{self.key}-{segment.number:04d}.json"


@dataclass(frozen=True, slots=True)
class DetectTask:
    """One segment of it."""

    search: DetectJob
    segment: Segment


def detect_segment(given: DetectTask, place: TaskContext) -> Damage:
    """Write a segment's faces, in parts and with their pictures, from where an earlier run was."""
    search, segment = given.search, given.segment
    noted = noted_damage(search.note(segment))
    if noted is not None:
        return noted
    extractor = place.loaded(_load, search.backend)
    parts, damage = search.parts(segment), Damage()
    done = Extracted.concatenate(parts.read())
    frames = sample_frames(
        search.footage,
        every_s=search.every_s,
        from_s=segment.from_s,
        until_s=segment.until_s,
        intervals=None if search.spans is None else as_intervals(search.spans),
        after_index=int(done.frames.frame_index[-1]) if len(done.frames) else -1,
        threads=search.backend.threads,
        damage=damage,
    )
    batches = extractor.extract(
        frames, lambda frame, faces: write_pictures(search.paths, search.name, frame, faces)
    )
    for part in _in_parts(batches, place.bar, len(done.faces)):
        parts.append(part)
    note_damage(search.note(segment), damage)
    return damage


def _load(settings: BackendSettings) -> Extractor:
    return Extractor(load_detector(settings), load_embedder(settings))


def _in_parts(batches: Iterator[Extracted], bar: Bar, found: int) -> Iterator[Extracted]:
    """Gather batches into parts of about PART_FRAMES frames, showing how it goes on."""
    waiting: list[Extracted] = []
    for batch in batches:
        waiting.append(batch)
        found += len(batch.faces)
        bar.update(len(batch.frames))
        bar.set_postfix_str(f"{found} faces")
        if sum(len(batch.frames) for batch in waiting) >= CHECKPOINT_FRAMES:
            yield Extracted.concatenate(waiting)
            waiting = []
    if waiting:
        yield Extracted.concatenate(waiting)


def write_tables(search: DetectJob, _: TaskContext) -> None:
    """Write both tables from all parts, with the shots and tracklets that need the whole."""
    parts = [part for segment in search.segments for part in search.parts(segment).read()]
    whole = Extracted.concatenate(parts)
    frames, faces = whole.frames, whole.faces
    video = search.footage.kind == "video"
    # Photographs of a folder have no order in time: each is a shot of its own.
    shot = shot_numbers(frames) if video else np.arange(len(frames), dtype=np.int32)
    frames = frames.replace(shot=shot)
    faces = faces.replace(shot=shot[np.searchsorted(frames.frame_index, faces.frame_index)])
    if video:
        faces = faces.replace(tracklet=tracklet_numbers(frames, faces))
    frames.write(search.paths.frames_file(search.name))
    faces.write(search.paths.faces_file(search.name))
    remove_stale_pictures(search.paths, search.name, faces, frames)
