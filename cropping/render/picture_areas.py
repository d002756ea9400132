"""Find the bars that are part of a footage, from a few frames of each shot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.picture_area import NO_BARS, ShotBars, bars_of, picture_areas
from cropping.render.cache_keys import VERSION
from cropping.render.job import CropPlan
from data.core.arrays import Values
from data.core.atomic import atomic_write
from data.core.digest import digest
from data.core.errors import InputError
from data.tables.timeline import Timeline
from data.video.footage import Footage
from data.video.packet_index import index_packets
from data.video.reader import decode_chosen
from data.video.yuv import Plane

_PLACES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Frames sampled in a shot that may have bars, as shares of its length."""


def stored_picture_areas(plan: CropPlan) -> Values:
    """Return the areas stored in the work directory, finding them if missing.

    Concurrent tasks may find the same areas.
    """
    job, timeline = plan.job, plan.timeline
    key = digest(f"{VERSION} {job.footage.size_bytes}", timeline.cuts.tobytes())
    file = job.work / f"areas-{key}.npy"
    if file.exists():
        return np.asarray(np.load(file), np.float64)
    threads = plan.settings.threads
    areas = find_picture_areas(plan.footage, timeline, job.frame_wh, threads=threads)
    with atomic_write(file) as partial, partial.open("wb") as content:
        np.save(content, areas)
    return areas


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


class _Samples:
    """Luma of the sampled frames of each shot."""

    def __init__(self, footage: Footage, timeline: Timeline, threads: int) -> None:
        self._footage, self._timeline, self._threads = footage, timeline, threads
        frames = int(timeline.frame_index[-1]) + 1 if len(timeline) else 0
        ends = [*timeline.cuts.tolist(), frames]
        self.bounds = dict(enumerate(zip([0, *timeline.cuts.tolist()], ends, strict=True)))
        self._brightest: dict[int, Plane] = {}

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
                    luma, before = frame.planes().y, self._brightest.get(shot)
                    self._brightest[shot] = np.maximum(luma, luma if before is None else before)
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
        if shot not in self._brightest:
            return ShotBars(NO_BARS, NO_BARS, is_dark=True)
        return bars_of([self._brightest[shot]])


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
