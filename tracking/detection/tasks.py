"""Watch a footage: decode, detect and look for cuts, some frames at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from data.core.digest import digest
from data.core.progress import Bar
from data.execution.segments import Segment, note_damage, noted_damage
from data.execution.tasks import TaskContext
from data.execution.threaded import stream
from data.inference.runtime import RuntimeName
from data.project.checkpoints import Checkpoints
from data.project.stages import DetectionsRecord
from data.video.footage import Footage
from data.video.frames import Damage, Frame
from data.video.reader import read_frames
from tracking.detection.cuts import thumbnail
from tracking.detection.detections import DetectedFrames, Detections
from tracking.detection.detector import ImageDetections, PersonDetector
from tracking.detection.inputs import detections_record
from tracking.detection.networks import DeviceName, load_yolo

CHECKPOINT_FRAMES = 512
"""Frames a part: what a killed run does again at most."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Which detector watches.

    Args:
        weights: of it.
        key: of the weights: others give other detections.
        device, runtime, threads: where it runs; all the same to what counts as done.
    """

    weights: Path
    key: str
    device: DeviceName
    runtime: RuntimeName
    threads: int


@dataclass(frozen=True, slots=True)
class TrackJob:
    """A footage that is watched.

    Args:
        footage: what is watched.
        folder: of the finished parts.
        every_nth: one frame in so many is looked at.
        detector: what looks.
        people: that the detector knows.
        segments: of the footage.
    """

    footage: Footage
    folder: Path
    every_nth: int
    detector: DetectorSettings
    people: int
    segments: tuple[Segment, ...]

    def record(self) -> DetectionsRecord:
        """Everything that the detections depend on."""
        return detections_record(
            size_bytes=self.footage.size_bytes,
            every_nth=self.every_nth,
            model_key=self.detector.key,
        )

    def parts(self, segment: Segment) -> Checkpoints[DetectedFrames]:
        """The finished parts of a segment."""
        return Checkpoints(
            self.folder,
            key=self._key(segment),
            suffix=".npz",
            read=DetectedFrames.read,
            write=DetectedFrames.write,
        )

    def note(self, segment: Segment) -> Path:
        """Where it is noted that a segment has all its parts."""
        return self.folder / f"{self._key(segment)}.json"

    def _key(self, segment: Segment) -> str:
        return f"{digest(repr(sorted(self.record().to_json().items())))}-{segment.number:04d}"


@dataclass(frozen=True, slots=True)
class TrackTask:
    """One segment of it."""

    watch: TrackJob
    segment: Segment


def detect_segment(given: TrackTask, place: TaskContext) -> Damage:
    """Write what is in a segment's frames, in parts, from where an earlier run was."""
    watch, segment = given.watch, given.segment
    noted = noted_damage(watch.note(segment))
    if noted is not None:
        return noted
    watcher = place.loaded(_load, watch.detector)
    parts, damage = watch.parts(segment), Damage()
    before = parts.read()
    frames = read_frames(
        watch.footage,
        from_s=segment.from_s,
        until_s=segment.until_s,
        after_index=int(before[-1].frame_index[-1]) if before else -1,
        threads=watch.detector.threads,
        damage=damage,
    )
    watched = watcher.watch(_every_nth(frames, watch.every_nth))
    for part in _in_parts(watched, place.bar, people=watch.people):
        parts.append(part)
    note_damage(watch.note(segment), damage)
    return damage


def _load(settings: DetectorSettings) -> FrameDetector:
    network, facts, batch = load_yolo(
        settings.weights,
        device=settings.device,
        runtime=settings.runtime,
        threads=settings.threads,
    )
    detector = PersonDetector(network, image_px=facts.image_px)
    return FrameDetector(detector, people=len(facts.names), batch=batch)


def _every_nth(
    frames: Generator[Frame, None, None], every_nth: int
) -> Generator[Frame, None, None]:
    with closing(frames):
        for frame in frames:
            if frame.index % every_nth == 0:
                yield frame


class FrameDetector:
    """Turns frames into detections."""

    def __init__(self, detector: PersonDetector, *, people: int, batch: int) -> None:
        """Take the detector, how many people it knows, and how many frames it takes at once."""
        self._detector, self._people, self._batch = detector, people, batch

    def watch(self, frames: Iterator[Frame]) -> Generator[DetectedFrames, None, None]:
        """Yield what is in ``frames``, some at a time, in order; they are read in a thread."""
        return stream(_batches(frames, self._batch), self._detect, self._watched)

    def _detect(self, frames: list[Frame]) -> tuple[list[Frame], list[ImageDetections]]:
        return frames, self._detector([frame.image for frame in frames])

    def _watched(self, batch: tuple[list[Frame], list[ImageDetections]]) -> DetectedFrames:
        frames, found = batch
        index = np.array([frame.index for frame in frames], np.int64)
        counts = [len(one.xyxy) for one in found]
        evidence = np.concatenate([one.evidence for one in found]).reshape(-1, self._people)
        return DetectedFrames(
            frame_index=index,
            time_s=np.array([frame.time_s for frame in frames], np.float64),
            thumbnail=np.stack([thumbnail(frame.image) for frame in frames]),
            detections=Detections(
                frame_index=np.repeat(index, counts),
                xyxy=np.concatenate([one.xyxy for one in found]),
                score=evidence.max(axis=1, initial=0),
                evidence=evidence,
            ),
        )


def _in_parts(
    watched: Iterator[DetectedFrames], bar: Bar, *, people: int
) -> Iterator[DetectedFrames]:
    """Gather batches into parts of PART_FRAMES frames, showing how it goes on."""
    waiting: list[DetectedFrames] = []
    for batch in watched:
        waiting.append(batch)
        bar.update(len(batch))
        if sum(len(part) for part in waiting) >= CHECKPOINT_FRAMES:
            yield DetectedFrames.concatenate(waiting, people=people)
            waiting = []
    if waiting:
        yield DetectedFrames.concatenate(waiting, people=people)


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Frames of one size in a row, at most ``size`` of them."""
    for _, alike in groupby(frames, key=lambda frame: frame.image.shape):
        while batch := list(islice(alike, size)):
            yield batch
