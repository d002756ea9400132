"""Final task of tracking a footage: write its detections, tracks and overlay."""

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
from data.tables.mot import write_mot
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from data.tables.tracks import SOURCES, Tracks, read_csv, write_csv
from data.video.container import ASSUMED_RATE
from data.video.frames import Frame
from data.video.reader import read_frames
from tracking.detection.bodies import BodyFrames
from tracking.detection.cuts import find_cuts
from tracking.detection.detections import DetectedFrames, Detections, FootageDetections
from tracking.detection.inputs import faces_key, tracks_record
from tracking.detection.tasks import TrackJob
from tracking.overlay import write_overlay
from tracking.tracks import LinkSettings, find_tracks


@dataclass(frozen=True, slots=True)
class LinkJob:
    """Linking of the detections in one footage into tracks.

    Args:
        paths: file paths of the project.
        name: name of the footage in the project.
        detection: the job that produces the detections.
        classes: person id of each class of the detector.
        names: names of all people, by id.
        label_margin: margin of the detector's boxes on each side, as a share of the face.
        faces: recognised faces of the footage; empty to ignore them.
        linking: settings of linking.
        overlay: whether to also write a video with boxes and names.
        mot: whether to also write MOTChallenge's format.
        training: whether the user chose to use the trained detector; None if not chosen.
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
    training: bool | None

    @property
    def csv_file(self) -> Path:
        """CSV file of the tracks."""
        return self.paths.tracks_file(self.name)

    @property
    def mot_file(self) -> Path:
        """File of the tracks in MOTChallenge's format."""
        return self.csv_file.with_suffix(".txt")

    @property
    def overlay_file(self) -> Path:
        """Video with boxes and names."""
        return self.csv_file.with_suffix(".mp4")

    @property
    def detections_file(self) -> Path:
        """File of the detections."""
        return self.paths.detections_file(self.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """Track and overlay files that this job writes."""
        files = [self.csv_file]
        files += [self.mot_file] if self.mot else []
        files += [self.overlay_file] if self.overlay else []
        return tuple(files)

    @property
    def new_files(self) -> dict[Path, Path]:
        """Each file that a run may write: where it is until all are whole, by its final path."""
        finals = (self.detections_file, self.csv_file, self.mot_file, self.overlay_file)
        return {final: self.detection.folder / f"new{final.suffix}" for final in finals}

    def record(self) -> TracksRecord:
        """Return everything that the tracks depend on."""
        return tracks_record(
            self.detection.record(),
            linking=dataclasses.asdict(self.linking),
            label_margin=self.label_margin,
            classes=self.classes,
            faces=faces_key(self.faces),
            names=self.names,
            training=self.training,
        )


@dataclass(frozen=True, slots=True)
class PersonTracks:
    """Frame counts of one person in one footage."""

    name: str
    detected: int  # frames with the face or the body
    filled: int  # interpolated frames
    bodies: int = 0  # frames with the body alone


@dataclass(frozen=True, slots=True)
class Tracked:
    """Result of the final task of one footage."""

    frames: int  # sampled frames
    cuts: int
    people: tuple[PersonTracks, ...]
    removed: tuple[str, ...] = ()  # files of earlier tracks


def write_detections_and_tracks(job: LinkJob, context: TaskContext) -> Tracked:
    """Write the detections of all segments, and their tracks, to `LinkJob.new_files`."""
    detection = job.detection
    batches = [
        batch for segment in detection.segments for batch in detection.checkpoints(segment).read()
    ]
    is_video = detection.footage.kind == "video"
    combined = _combined(batches, people=detection.people, video=is_video)
    return _write_tracks(job, combined, context, store=True)


def write_tracks(job: LinkJob, context: TaskContext) -> Tracked:
    """Write the tracks from the detections of an earlier run to `LinkJob.new_files`."""
    return _write_tracks(job, FootageDetections.read(job.detections_file), context)


def read_tracked(job: LinkJob, _: TaskContext) -> Tracked:
    """Summarise the tracks of an earlier run."""
    footage = FootageDetections.read(job.detections_file)
    return _tracked(job, footage, read_csv(job.csv_file, job.names))


def _combined(batches: Sequence[DetectedFrames], *, people: int, video: bool) -> FootageDetections:
    index = np.concatenate([batch.frame_index for batch in batches] or [np.zeros(0, np.int64)])
    time_s = np.concatenate([batch.time_s for batch in batches] or [np.zeros(0)])
    thumbnails = chain.from_iterable(batch.thumbnail for batch in batches)
    # Photographs in a folder are not consecutive: each one is its own shot.
    cuts = find_cuts(index, thumbnails) if video else index[1:]
    detections = Detections.concatenate([batch.detections for batch in batches], people=people)
    found = [batch.bodies for batch in batches if batch.bodies is not None]
    bodies = BodyFrames.concatenate(found).of_footage() if found else None
    return FootageDetections(Timeline(index, time_s, cuts), detections, bodies)


def _write_tracks(
    job: LinkJob, footage: FootageDetections, context: TaskContext, *, store: bool = False
) -> Tracked:
    """Write the tracks; ``store``: write the detections as well, once the tracks are found."""
    tracks = find_tracks(
        footage,
        job.classes,
        job.faces,
        label_margin=job.label_margin,
        video=job.detection.footage.kind == "video",
        settings=job.linking,
    )
    new = job.new_files
    job.detection.folder.mkdir(parents=True, exist_ok=True)
    for file in new.values():  # of a stopped run
        file.unlink(missing_ok=True)
    if store:
        footage.write(new[job.detections_file])
    if job.mot:
        write_mot(new[job.mot_file], tracks)
    if job.overlay:
        _write_overlay(job, tracks, footage.timeline, context)
    write_csv(new[job.csv_file], tracks, job.names)
    removed = tuple(file.name for file in _left_from_earlier(job))
    return dataclasses.replace(_tracked(job, footage, tracks), removed=removed)


def put_in_place(job: LinkJob) -> None:
    """Replace the files of earlier tracks by the new ones, and remove those that are not renewed.

    The caller has removed the records of the earlier ones.
    """
    for file in _left_from_earlier(job):
        file.unlink()
    for final, file in job.new_files.items():
        if file.exists():
            file.replace(final)


def _left_from_earlier(job: LinkJob) -> list[Path]:
    """Return the files of earlier tracks that the job does not write."""
    optional = (job.mot_file, job.overlay_file)
    return [file for file in optional if file.exists() and file not in job.files]


def _write_overlay(job: LinkJob, tracks: Tracks, timeline: Timeline, context: TaskContext) -> None:
    footage = job.detection.footage
    if footage.kind != "video":
        raise InputError(f"{job.name}: --overlay needs a video, not pictures")
    with context.progress(f"{job.name} overlay", len(timeline), 0) as bar:

        def frames() -> Iterator[Frame]:
            sampled = set(timeline.frame_index.tolist())
            for frame in read_frames(footage, threads=job.detection.detector.threads):
                if frame.index in sampled:
                    yield frame
                    bar.update(1)

        rate = (footage.rate or ASSUMED_RATE) / job.detection.every_nth
        file = job.new_files[job.overlay_file]
        write_overlay(file, frames(), tracks, job.names, rate=rate)


def _tracked(job: LinkJob, footage: FootageDetections, tracks: Tracks) -> Tracked:
    video = job.detection.footage.kind == "video"
    cuts = len(footage.timeline.cuts) if video else 0
    return Tracked(len(footage.timeline), cuts, _people(tracks, job.names))


def _people(tracks: Tracks, names: Mapping[int, str]) -> tuple[PersonTracks, ...]:
    summaries = []
    for person in np.unique(tracks.person_id).tolist():
        count = np.bincount(tracks.source[tracks.person_id == person], minlength=len(SOURCES))
        face, body, filled = count.tolist()
        summaries.append(PersonTracks(names[person], face + body, filled, body))
    return tuple(summaries)
