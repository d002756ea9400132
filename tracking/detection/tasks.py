"""Tasks of tracking: decode a segment, and detect people in batches of frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

from data.core.digest import digest
from data.core.progress import Bar
from data.execution.segments import Segment, resume_segment
from data.execution.tasks import TaskContext
from data.execution.threaded import stream
from data.inference.runtime import RuntimeName
from data.project.checkpoints import Checkpoints
from data.project.stages import DetectionsRecord
from data.video.footage import Footage
from data.video.frames import Damage, Frame
from data.video.reader import read_frames
from tracking.detection.bodies import BodyFrames
from tracking.detection.body_detector import BodyDetector, load_body_detector
from tracking.detection.body_weights import BodyModel
from tracking.detection.cuts import thumbnail
from tracking.detection.detections import DetectedFrames, Detections
from tracking.detection.detector import ImageDetections, PersonDetector
from tracking.detection.inputs import detections_record
from tracking.detection.networks import CPU_BATCH, load_yolo

CHECKPOINT_FRAMES = 512
"""Minimum number of frames per checkpoint; a resumed run repeats at most about as many."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Detector of a job, and its execution settings.

    Args:
        weights: the .pt file; None without a trained detector.
        key: digest of the weights, which the detections depend on; empty for none.
        device, runtime, threads: execution settings, without effect on the output.
        bodies: the body detector; None to detect faces alone.
    """

    weights: Path | None
    key: str
    device: str
    runtime: RuntimeName
    threads: int
    bodies: BodyModel | None = None


@dataclass(frozen=True, slots=True)
class TrackJob:
    """Detection of people in one footage.

    Args:
        footage: the footage, with an absolute path.
        folder: folder of the checkpoints.
        every_nth: detect in every n-th frame only.
        detector: the detector and its execution settings.
        people: number of classes of the detector.
        segments: segments of the footage, in order of time.
    """

    footage: Footage
    folder: Path
    every_nth: int
    detector: DetectorSettings
    people: int
    segments: tuple[Segment, ...]

    def record(self) -> DetectionsRecord:
        """Return the inputs and settings that the detections depend on."""
        return detections_record(
            size_bytes=self.footage.size_bytes,
            every_nth=self.every_nth,
            model_key=self.detector.key,
            video_stream=self.footage.streams.video,
            bodies_key=self.detector.bodies.key if self.detector.bodies else "",
        )

    def checkpoints(self, segment: Segment) -> Checkpoints[DetectedFrames]:
        """Return the checkpoints of a segment."""
        return Checkpoints(
            self.folder,
            key=self._key(segment),
            suffix=".npz",
            read=DetectedFrames.read,
            write=DetectedFrames.write,
        )

    def record_file(self, segment: Segment) -> Path:
        """Return the file that records that a segment is finished."""
        return self.folder / f"{self._key(segment)}.json"

    def _key(self, segment: Segment) -> str:
        return f"{digest(repr(sorted(self.record().to_json().items())))}-{segment.number:04d}"


@dataclass(frozen=True, slots=True)
class TrackTask:
    """One segment of a job."""

    job: TrackJob
    segment: Segment


def detect_segment(task: TrackTask, context: TaskContext) -> Damage:
    """Write a segment's detections as checkpoints, resuming after the last one."""
    job, segment = task.job, task.segment

    def batches_after(finished: list[DetectedFrames], damage: Damage) -> Iterator[DetectedFrames]:
        frames = read_frames(
            job.footage,
            from_s=segment.from_s,
            until_s=segment.until_s,
            after_index=int(finished[-1].frame_index[-1]) if finished else -1,
            threads=job.detector.threads,
            damage=damage,
        )
        detector = context.loaded(_load, job.detector)
        detected = detector.detect(_every_nth(frames, job.every_nth))
        return _merged(detected, context.bar, people=job.people)

    return resume_segment(job.record_file(segment), job.checkpoints(segment), batches_after)


def _load(settings: DetectorSettings) -> FrameDetector:
    bodies = None
    if settings.bodies is not None:
        bodies = load_body_detector(
            settings.bodies, runtime=settings.runtime, threads=settings.threads
        )
    if settings.weights is None:
        return FrameDetector(None, people=0, batch=CPU_BATCH, bodies=bodies)
    network, metadata, batch = load_yolo(
        settings.weights,
        device=settings.device,
        runtime=settings.runtime,
        threads=settings.threads,
    )
    detector = PersonDetector(network, image_px=metadata.image_px)
    return FrameDetector(detector, people=len(metadata.names), batch=batch, bodies=bodies)


def _every_nth(
    frames: Generator[Frame, None, None], every_nth: int
) -> Generator[Frame, None, None]:
    with closing(frames):
        for frame in frames:
            if frame.index % every_nth == 0:
                yield frame


_Batch: TypeAlias = tuple[list[Frame], list[ImageDetections], BodyFrames | None]


class FrameDetector:
    """Detect people in a stream of frames.

    Args:
        detector: detects people in one batch of frames; None for no faces.
        people: number of classes of the detector.
        batch: maximum number of frames per batch.
        bodies: detects bodies in one batch of frames; None for no bodies.
    """

    def __init__(
        self,
        detector: PersonDetector | None,
        *,
        people: int,
        batch: int,
        bodies: BodyDetector | None = None,
    ) -> None:
        self._detector, self._people, self._batch = detector, people, batch
        self._bodies = bodies

    def detect(self, frames: Iterator[Frame]) -> Generator[DetectedFrames, None, None]:
        """Yield the detections of ``frames`` in batches, in order; frames are read in a thread."""
        return stream(_batches(frames, self._batch), self._detect_batch, self._collected)

    def _detect_batch(self, frames: list[Frame]) -> _Batch:
        bodies = self._bodies(frames) if self._bodies else None
        if self._detector is None:
            return frames, [ImageDetections.empty(self._people) for _ in frames], bodies
        return frames, self._detector([frame.image for frame in frames]), bodies

    def _collected(self, batch: _Batch) -> DetectedFrames:
        frames, detected, bodies = batch
        index = np.array([frame.index for frame in frames], np.int64)
        counts = [len(image.xyxy) for image in detected]
        evidence = np.concatenate([image.evidence for image in detected])
        evidence = evidence.reshape(sum(counts), self._people)
        return DetectedFrames(
            frame_index=index,
            time_s=np.array([frame.time_s for frame in frames], np.float64),
            thumbnail=np.stack([thumbnail(frame.image) for frame in frames]),
            detections=Detections(
                frame_index=np.repeat(index, counts),
                xyxy=np.concatenate([image.xyxy for image in detected]),
                score=evidence.max(axis=1, initial=0),
                evidence=evidence,
            ),
            bodies=bodies,
        )


def _merged(
    detected: Iterator[DetectedFrames], bar: Bar, *, people: int
) -> Iterator[DetectedFrames]:
    """Merge batches to at least `CHECKPOINT_FRAMES` frames each, and update the bar."""
    pending: list[DetectedFrames] = []
    for batch in detected:
        pending.append(batch)
        bar.update(len(batch))
        if sum(map(len, pending)) >= CHECKPOINT_FRAMES:
            yield DetectedFrames.concatenate(pending, people=people)
            pending = []
    if pending:
        yield DetectedFrames.concatenate(pending, people=people)


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Yield consecutive frames of one shape, at most ``size`` of them."""
    for _, same_shape in groupby(frames, key=lambda frame: frame.image.shape):
        while batch := list(islice(same_shape, size)):
            yield batch
