"""Last tasks of tracking: write a footage's detections, tracks and overlay."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from data.core.errors import InputError
from data.execution.tasks import TaskContext
from data.project.paths import ProjectFolder
from data.project.stages import TracksRecord
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks, read_csv, write_csv, write_mot
from data.video.footage import ASSUMED_RATE
from data.video.frames import Frame
from data.video.reader import read_frames
from tracking.detection.cuts import find_cuts
from tracking.detection.detections import DetectedFrames, Detections, FootageDetections
from tracking.detection.inputs import faces_key, tracks_record
from tracking.detection.tasks import TrackJob
from tracking.linking.tracks import LinkSettings, find_tracks
from tracking.overlay import write_overlay


@dataclass(frozen=True, slots=True)
class LinkJob:
    """Linking of the detections in one footage into tracks.

    Args:
        paths: of the project.
        name: of the footage in the project.
        detection: the job that the detections come from.
        classes: person of each class of the detector.
        names: of the people.
        label_margin: by how much the detector's boxes exceed the face, as a share of its size.
        faces: known identities of faces; empty where they are not to be used.
        linking: how detections become tracks.
        overlay: whether to write a video with the boxes drawn in.
        mot: whether to write MOTChallenge's format too.
    """

    paths: ProjectFolder
    name: str
    detection: TrackJob
    classes: tuple[int, ...]
    names: Mapping[int, str]
    label_margin: float
    faces: Assignments
    linking: LinkSettings
    overlay: bool
    mot: bool

    @property
    def csv_file(self) -> Path:
        """The tracks."""
        return self.paths.tracks_file(self.name)

    @property
    def mot_file(self) -> Path:
        """The tracks in MOTChallenge's format."""
        return self.csv_file.with_suffix(".txt")

    @property
    def overlay_file(self) -> Path:
        """The video with the boxes drawn in."""
        return self.csv_file.with_suffix(".mp4")

    @property
    def detections_file(self) -> Path:
        """The detections."""
        return self.paths.detections_file(self.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files to write."""
        files = [self.csv_file]
        files += [self.mot_file] if self.mot else []
        files += [self.overlay_file] if self.overlay else []
        return tuple(files)

    def record(self) -> TracksRecord:
        """Return everything that the tracks depend on."""
        return tracks_record(
            self.detection.record(),
            linking=dataclasses.asdict(self.linking),
            label_margin=self.label_margin,
            classes=self.classes,
            faces=faces_key(self.faces),
            names=self.names,
        )


@dataclass(frozen=True, slots=True)
class PersonTracks:
    """Frame counts of one person in one footage."""

    name: str
    detected: int  # frames
    filled: int  # interpolated frames


@dataclass(frozen=True, slots=True)
class Tracked:
    """The result of the last task of one footage."""

    frames: int  # with detections: every nth
    cuts: int
    people: tuple[PersonTracks, ...]


def write_detections_and_tracks(job: LinkJob, context: TaskContext) -> Tracked:
    """Write the detections of all segments, and their tracks."""
    detection = job.detection
    batches = [batch for one in detection.segments for batch in detection.checkpoints(one).read()]
    found = _combined(batches, people=detection.people, video=detection.footage.kind == "video")
    found.write(job.detections_file)
    return _write_tracks(job, found, context)


def write_tracks(job: LinkJob, context: TaskContext) -> Tracked:
    """Write the tracks of the detections of an earlier run."""
    return _write_tracks(job, FootageDetections.read(job.detections_file), context)


def read_tracked(job: LinkJob, _: TaskContext) -> Tracked:
    """Summarise the tracks of an earlier run."""
    found = FootageDetections.read(job.detections_file)
    return _tracked(job, found, read_csv(job.csv_file, job.names))


def _combined(batches: Sequence[DetectedFrames], *, people: int, video: bool) -> FootageDetections:
    index = np.concatenate([batch.frame_index for batch in batches] or [np.zeros(0, np.int64)])
    time_s = np.concatenate([batch.time_s for batch in batches] or [np.zeros(0)])
    thumbnails = chain.from_iterable(batch.thumbnail for batch in batches)
    # Photographs of a folder are not consecutive: each is a shot of its own.
    cuts = find_cuts(index, thumbnails) if video else index[1:]
    found = Detections.concatenate([batch.detections for batch in batches], people=people)
    return FootageDetections(Timeline(index, time_s, cuts), found)


def _write_tracks(job: LinkJob, found: FootageDetections, context: TaskContext) -> Tracked:
    tracks = find_tracks(
        found,
        job.classes,
        job.faces,
        label_margin=job.label_margin,
        video=job.detection.footage.kind == "video",
        settings=job.linking,
    )
    write_csv(job.csv_file, tracks, job.names)
    for file in (job.mot_file, job.overlay_file):
        file.unlink(missing_ok=True)  # of earlier tracks
    if job.mot:
        write_mot(job.mot_file, tracks)
    if job.overlay:
        _write_overlay(job, tracks, found.timeline, context)
    return _tracked(job, found, tracks)


def _write_overlay(job: LinkJob, tracks: Tracks, timeline: Timeline, context: TaskContext) -> None:
    footage = job.detection.footage
    if footage.kind != "video":
        raise InputError(f"{job.name}: an overlay is drawn on a video, not on pictures")
    with context.progress(f"{job.name} overlay", len(timeline), 0) as bar:

        def frames() -> Iterator[Frame]:
            wanted = set(timeline.frame_index.tolist())
            for frame in read_frames(footage, threads=job.detection.detector.threads):
                if frame.index in wanted:
                    yield frame
                    bar.update(1)

        rate = (footage.rate or ASSUMED_RATE) / job.detection.every_nth
        write_overlay(job.overlay_file, frames(), tracks, job.names, rate=rate)


def _tracked(job: LinkJob, found: FootageDetections, tracks: Tracks) -> Tracked:
    video = job.detection.footage.kind == "video"
    cuts = len(found.timeline.cuts) if video else 0
    return Tracked(len(found.timeline), cuts, _people(tracks, job.names))


def _people(tracks: Tracks, names: Mapping[int, str]) -> tuple[PersonTracks, ...]:
    summaries = []
    for person in np.unique(tracks.person_id).tolist():
        filled = tracks.filled[tracks.person_id == person]
        detected = int((~filled).sum())
        summaries.append(PersonTracks(names[person], detected, int(filled.sum())))
    return tuple(summaries)
