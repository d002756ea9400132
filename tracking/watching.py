"""Watch a footage: decode, detect and look for cuts, some frames at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import groupby, islice

import numpy as np

from data.footage import Footage
from data.pipeline import stream
from data.video import EVERY_FRAME_S, Damage, Frame, read_frames, sample_frames
from tracking.cuts import thumbnail
from tracking.detections import Detections, Watched
from tracking.detector import Found, PersonDetector

PART_FRAMES = 512
"""Frames a part: what a killed run does again at most."""


class Watcher:
    """Turns frames into detections."""

    def __init__(self, detector: PersonDetector, *, people: int, batch: int) -> None:
        """Take the detector, how many people it knows, and how many frames it takes at once."""
        self._detector, self._people, self._batch = detector, people, batch

    def watch(self, frames: Iterator[Frame]) -> Generator[Watched, None, None]:
        """Yield what is in ``frames``, some at a time, in order; they are read in a thread."""
        return stream(_batches(frames, self._batch), self._detect, self._watched)

    def _detect(self, frames: list[Frame]) -> tuple[list[Frame], list[Found]]:
        return frames, self._detector([frame.image for frame in frames])

    def _watched(self, batch: tuple[list[Frame], list[Found]]) -> Watched:
        frames, found = batch
        index = np.array([frame.index for frame in frames], np.int64)
        counts = [len(one.xyxy) for one in found]
        evidence = np.concatenate([one.evidence for one in found]).reshape(-1, self._people)
        return Watched(
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


def frames_after(
    footage: Footage, after_index: int, *, every_nth: int, threads: int, damage: Damage
) -> Generator[Frame, None, None]:
    """Every n-th frame of a footage that comes after one that was seen; -1 from the start."""
    if after_index < 0:
        frames = read_frames(footage, threads=threads, damage=damage)
    else:
        frames = sample_frames(
            footage,
            every_s=EVERY_FRAME_S,
            after_index=after_index,
            threads=threads,
            damage=damage,
        )
    try:
        for frame in frames:
            if frame.index % every_nth == 0:
                yield frame
    finally:
        frames.close()


def in_parts(watched: Iterator[Watched], *, people: int) -> Iterator[Watched]:
    """Gather batches into parts of PART_FRAMES frames."""
    waiting: list[Watched] = []
    for batch in watched:
        waiting.append(batch)
        if sum(len(part) for part in waiting) >= PART_FRAMES:
            yield Watched.concatenate(waiting, people=people)
            waiting = []
    if waiting:
        yield Watched.concatenate(waiting, people=people)


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Frames of one size in a row, at most ``size`` of them."""
    for _, alike in groupby(frames, key=lambda frame: frame.image.shape):
        while batch := list(islice(alike, size)):
            yield batch
