"""Find when a recording is on air, from gaps between packets and from black frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.intervals import Intervals, as_intervals, difference, lengths_s
from data.video.container import ASSUMED_RATE
from data.video.footage import Footage
from data.video.frames import Frame
from data.video.packet_index import index_packets
from data.video.reader import sample_frames
from data.video.selection import SAME_TIME_S

SHORTEST_OFF_S: Final = 5.0
"""Default minimum duration of a disconnect, as in WebRTC."""
LONGEST_INTERVAL_S: Final = 1.0
"""Maximum interval between two sampled frames."""
_EVERY_FRAME_S = 1e-5  # shorter than the interval between any two frames

# As in ffmpeg's blackdetect: nearly all pixels in the darkest tenth.
_BLACK = round(0.1 * 255)
_BLACK_SHARE = 0.98
# As in ffmpeg's freezedetect: a mean difference of -60 dB.
_STILL = 0.001 * 255

GreyImage = NDArray[np.uint8]
"""``(h, w)`` brightness."""


@dataclass(frozen=True, slots=True)
class OffSettings:
    """Settings of the off-air detection.

    Args:
        shortest_s: minimum duration, without frames or black, of a disconnect.
        frozen_s: minimum duration of a still image that counts as a disconnect; None means never,
            since a frozen camera cannot be distinguished from a displayed slide.
    """

    shortest_s: float = SHORTEST_OFF_S
    frozen_s: float | None = None

    @property
    def every_s(self) -> float:
        """Interval between sampled frames in seconds, short enough to miss no disconnect."""
        shortest_s = min(self.shortest_s, self.frozen_s or self.shortest_s)
        return min(LONGEST_INTERVAL_S, shortest_s / 2)


@dataclass(slots=True, eq=False)
class _StillRun:
    """Consecutive sampled frames that are black or equal; the exact edges are found later."""

    black: bool
    image: GreyImage  # (h, w) first sampled frame
    before_s: float  # time of the sampled frame before the run
    first_s: float
    last_s: float
    after_s: float = 0.0  # time of the sampled frame after the run, or the end
    begin_s: float = 0.0
    end_s: float = 0.0

    def continues(self, grey: GreyImage) -> bool:
        """Whether an ``(h, w)`` image continues the run."""
        if self.black or is_black(grey):
            return self.black and is_black(grey)
        return is_still(self.image, grey)

    def finish(self, after_s: float) -> _StillRun:
        """End the run, with edges from the sampled frames alone."""
        self.after_s = self.end_s = after_s
        self.begin_s = self.first_s
        return self

    def refine(self, time_s: float, grey: GreyImage) -> None:
        """Move the edges to an ``(h, w)`` frame between two sampled ones; call in order of time."""
        if self.before_s < time_s < self.first_s:
            if not self.continues(grey):
                self.begin_s = self.first_s
            elif self.begin_s == self.first_s:
                self.begin_s = time_s
        if self.last_s < time_s < self.end_s and not self.continues(grey):
            self.end_s = time_s


def on_air_intervals(
    footage: Footage,
    settings: OffSettings,
    *,
    threads: int = 0,
    advance: Callable[[], object] = lambda: None,
) -> Intervals:
    """Return when a video is on air, ``(n, 2)`` seconds of its presentation time, frame-accurate.

    A video is off air where frames are missing for some time, and where it is black: recorders fill
    disconnects with black.

    Args:
        footage: video to analyse.
        settings: what counts as off air.
        threads: decoder threads; 0 means one per core.
        advance: called after each sampled frame.

    Raises:
        InputError: the footage cannot be read, or is never on air.
    """
    total, silent = _by_packets(footage)
    runs = _long_runs(footage, settings, float(total[-1, 1]), threads, advance)
    _find_edges(footage, runs, threads)
    dark = [(run.begin_s, run.end_s) for run in runs if run.black]
    still = [(run.begin_s, run.end_s) for run in runs if not run.black]
    off = _at_least(as_intervals([*silent, *dark]), settings.shortest_s)
    frozen = _at_least(as_intervals(still), settings.frozen_s or np.inf)
    on = difference(total, as_intervals([*off, *frozen]))
    if not len(on):
        raise InputError(f"{footage.path}: black or still throughout; choose another recording")
    return on


def is_black(grey: GreyImage) -> bool:
    """Whether an ``(h, w)`` image is black."""
    return bool((grey <= _BLACK).mean() >= _BLACK_SHARE)


def is_still(before: GreyImage, grey: GreyImage) -> bool:
    """Whether images ``(h, w)`` and ``(h2, w2)`` are equal up to coding noise."""
    return before.shape == grey.shape and float(cv2.absdiff(before, grey).mean()) <= _STILL


def _by_packets(footage: Footage) -> tuple[Intervals, Intervals]:
    """Return the interval from the first to the last frame, and its gaps without frames."""
    index = index_packets(footage)
    if index is None:  # times are unreliable: assume that there are no gaps
        return as_intervals([(0.0, max(footage.duration_s, 1 / _rate(footage)))]), as_intervals([])
    times_s = index.times_s
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / _rate(footage)
    late = np.flatnonzero(np.diff(times_s) > 2 * step_s)
    silent = np.stack([times_s[late] + step_s, times_s[late + 1]], axis=1)
    return as_intervals([(0.0, times_s[-1] + step_s)]), as_intervals(silent)


def _rate(footage: Footage) -> float:
    return float(footage.rate or ASSUMED_RATE)


def _at_least(intervals: Intervals, shortest_s: float) -> Intervals:
    return intervals[lengths_s(intervals) > shortest_s - SAME_TIME_S]


def _long_runs(
    footage: Footage,
    settings: OffSettings,
    end_s: float,
    threads: int,
    advance: Callable[[], object],
) -> list[_StillRun]:
    """Return the runs that may be long enough, including the frames before and after."""
    every_s = settings.every_s
    with closing(sample_frames(footage, every_s=every_s, threads=threads)) as frames:
        return [
            run
            for run in _runs(frames, end_s, advance)
            if run.after_s - run.before_s
            >= (settings.shortest_s if run.black else settings.frozen_s or np.inf)
        ]


def _runs(
    frames: Iterable[Frame], end_s: float, advance: Callable[[], object]
) -> Iterator[_StillRun]:
    run = None
    for frame in frames:
        advance()
        grey = _grey(frame)
        if run is not None and run.continues(grey):
            run.last_s = frame.time_s
            continue
        before_s = frame.time_s if run is None else run.last_s
        if run is not None:
            yield run.finish(frame.time_s)
        run = _StillRun(is_black(grey), grey, before_s, frame.time_s, frame.time_s)
    if run is not None:
        yield run.finish(end_s)


def _find_edges(footage: Footage, runs: Sequence[_StillRun], threads: int) -> None:
    """Find the first and last frame of each run."""
    edges = [(run.before_s, run.first_s) for run in runs]
    edges += [(run.last_s, run.after_s) for run in runs]
    if not edges:
        return
    frames = sample_frames(
        footage, every_s=_EVERY_FRAME_S, intervals=as_intervals(edges), threads=threads
    )
    with closing(frames):
        for frame in frames:
            grey = _grey(frame)
            for run in runs:
                run.refine(frame.time_s, grey)


def _grey(frame: Frame) -> GreyImage:
    return np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
