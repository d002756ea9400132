"""Find the bars that are part of a footage, from a few frames of each shot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import compress, decompress

import numpy as np
from numpy.typing import NDArray

from cropping.camera.picture_area import NO_BARS, ShotBars, bars_of, picture_areas, three_levels
from cropping.camera.subject import PictureArea
from data.core.arrays import Values
from data.core.boxes import Box, clamp
from data.core.errors import InputError
from data.tables.timeline import Timeline, read_timeline
from data.video.footage import Footage
from data.video.packet_index import index_packets
from data.video.reader import decode_chosen
from data.video.yuv import Plane

_PLACES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Frames sampled in a shot that may have bars, as shares of its length."""


def find_picture_areas(
    footage: Footage, timeline: Timeline, frame_wh: tuple[int, int], *, threads: int
) -> Values:
    """Return the picture's area in each shot of a timeline, ``(shots, 4)`` px, xyxy.

    Args:
        footage: the video.
        timeline: sampled frames and cuts.
        frame_wh: size of the footage in px.
        threads: decoder threads; 0 for one per core.
    """
    samples, keyframes = _Samples(footage, timeline, threads), _keyframes(footage)
    # One frame suffices to see that a shot has no bars, and keyframes decode fastest.
    for count in (1, len(_PLACES)):
        samples.decode([_some(keyframes, bounds, count) for bounds in samples.unclear()])
    samples.decode([_within(bounds) for bounds in samples.unclear()])
    return picture_areas([samples.bars(shot) for shot in samples.bounds], frame_wh)


@dataclass(frozen=True, slots=True, eq=False)
class FrameAreas:
    """Area of the picture in each frame."""

    timeline: Timeline | None  # None for pictures, and without detections: no bars are known
    areas: Values  # (shots, 4) px

    @classmethod
    def of(cls, footage: Footage, detections: Path, *, threads: int) -> FrameAreas:
        """Find the areas of a video with a file of detections, which holds its cuts."""
        if footage.kind != "video" or not detections.exists():
            return cls(None, np.zeros((0, 4)))
        timeline, frame_wh = read_timeline(detections), (footage.width, footage.height)
        return cls(timeline, find_picture_areas(footage, timeline, frame_wh, threads=threads))

    def at(self, frame_index: int, box: Box, frame_wh: tuple[int, int]) -> PictureArea:
        """Return the area of a frame: the whole frame if a face ``box`` is not in the picture."""
        if self.timeline is not None:
            shot = int(self.timeline.shot(np.array([frame_index]))[0])
            area = PictureArea.of(self.areas[shot])
            if area.shows(clamp(box[None], frame_wh)):
                return area
        return PictureArea.whole(frame_wh)


class _Samples:
    """Brightest luma of each pixel in the sampled frames of each shot, compressed."""

    def __init__(self, footage: Footage, timeline: Timeline, threads: int) -> None:
        self._footage, self._timeline, self._threads = footage, timeline, threads
        frames = int(timeline.frame_index[-1]) + 1 if len(timeline) else 0
        ends = [*timeline.cuts.tolist(), frames]
        self.bounds = dict(enumerate(zip([0, *timeline.cuts.tolist()], ends, strict=True)))
        self._brightest: dict[int, tuple[tuple[int, ...], bytes]] = {}

    def decode(self, chosen: Sequence[list[int]]) -> None:
        """Add frames of shots; a footage that cannot be read adds none."""
        index = np.unique(np.array([frame for shot in chosen for frame in shot], np.int64))
        if not len(index):
            return
        frames = decode_chosen(self._footage, index, threads=self._threads)
        try:
            with closing(frames):
                for frame in frames:
                    shot = int(self._timeline.shot(np.array([frame.index]))[0])
                    luma, before = three_levels(frame.planes().y), self._plane(shot)
                    brightest = luma if before is None else np.maximum(luma, before)
                    self._brightest[shot] = brightest.shape, compress(brightest.tobytes(), 1)
        except InputError:
            return  # rendering reports it

    def unclear(self) -> list[tuple[int, int]]:
        """Return the bounds of the shots without frames, or that may have bars."""
        return [
            bounds
            for shot, bounds in self.bounds.items()
            if self.bars(shot).is_dark or any(self.bars(shot).black)
        ]

    def bars(self, shot: int) -> ShotBars:
        """Return the bars of a shot."""
        brightest = self._plane(shot)
        if brightest is None:
            return ShotBars(NO_BARS, NO_BARS, is_dark=True)
        return bars_of([brightest])

    def _plane(self, shot: int) -> Plane | None:
        """Return a shot's plane, ``(h, w)`` of `three_levels`; None without sampled frames."""
        if shot not in self._brightest:
            return None
        shape, content = self._brightest[shot]
        return np.frombuffer(decompress(content), np.uint8).reshape(shape)


def _keyframes(footage: Footage) -> NDArray[np.int64]:
    """Return the sorted indices of the frames that decode alone; empty if unknown."""
    index = None if footage.animated else index_packets(footage)
    if index is None:
        return np.zeros(0, np.int64)
    return np.sort(index.rank[index.keyframe & (index.rank >= 0)])


def _some(keyframes: NDArray[np.int64], bounds: tuple[int, int], count: int) -> list[int]:
    """Return at most ``count`` keyframes within a shot, evenly spread."""
    inside = keyframes[(keyframes >= bounds[0]) & (keyframes < bounds[1])]
    places = (np.arange(min(count, len(inside))) + 0.5) / max(min(count, len(inside)), 1)
    return [int(frame) for frame in inside[(places * len(inside)).astype(int)]]


def _within(bounds: tuple[int, int]) -> list[int]:
    first, end = bounds
    return [first + int(place * (end - first)) for place in _PLACES]
