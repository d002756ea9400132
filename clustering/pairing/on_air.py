"""Find when a recording is on air, by gaps between its packets and by black frames."""

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
from data.video.footage import ASSUMED_RATE, Footage
from data.video.frames import Frame
from data.video.packet_index import index_packets
from data.video.reader import sample_frames
from data.video.selection import SAME_TIME_S

SHORTEST_OFF_S: Final = 5.0
"""A longer gap counts as a disconnect, as in WebRTC."""
LONGEST_INTERVAL_S: Final = 1.0
"""Between two sampled frames."""
_EVERY_FRAME_S = 1e-5  # shorter than the interval of any two frames

# As in ffmpeg's blackdetect: nearly all pixels in the darkest tenth.
_BLACK = round(0.1 * 255)
_BLACK_SHARE = 0.98
# As in ffmpeg's freezedetect: a mean difference of -60 dB.
_STILL = 0.001 * 255

GreyImage = NDArray[np.uint8]
"""``(h, w)`` brightness."""


@dataclass(frozen=True, slots=True)
class OffSettings:
    """What counts as off the air.

    Args:
        shortest_s: shortest time without frames, or black, that counts as a disconnect.
        frozen_s: shortest time of a still picture that counts as one; None is never, since a
            frozen camera cannot be distinguished from a displayed slide.
    """

    shortest_s: float = SHORTEST_OFF_S
    frozen_s: float | None = None

    @property
    def every_s(self) -> float:
        """Interval of the sampled frames in seconds, short enough to miss no disconnect."""
        shortest_s = min(self.shortest_s, self.frozen_s or self.shortest_s)
        return min(LONGEST_INTERVAL_S, shortest_s / 2)


@dataclass(slots=True, eq=False)
class _StillRun:
    """Successive sampled frames that are black or equal; the exact edges are found later."""

    black: bool
    picture: GreyImage  # (h, w) first sampled frame
    before_s: float  # time of the sampled frame before the run
    first_s: float
    last_s: float
    after_s: float = 0.0  # time of the sampled frame after the run, or the end
    begin_s: float = 0.0
    end_s: float = 0.0

    def continues(self, grey: GreyImage) -> bool:
        """Whether a picture ``(h, w)`` continues the run."""
        if self.black or is_black(grey):
            return self.black and is_black(grey)
        return is_still(self.picture, grey)

    def finish(self, after_s: float) -> _StillRun:
        """End the run, by the sampled frames alone."""
        self.after_s = self.end_s = after_s
        self.begin_s = self.first_s
        return self

    def refine(self, time_s: float, grey: GreyImage) -> None:
        """Move the edges by a frame ``(h, w)`` between two sampled ones; call in order of time."""
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

    It is off where frames are missing for some time, and where it is black: recorders fill the time
    of a disconnect with black.

    Args:
        footage: a video.
        settings: what counts as off.
        threads: decoder threads; 0 is one per core.
        advance: called after each sampled frame.

    Raises:
        InputError: the footage cannot be read, or it is never on.
    """
    whole, silent = _by_packets(footage)
    runs = _long_runs(footage, settings, float(whole[-1, 1]), threads, advance)
    _find_edges(footage, runs, threads)
    dark = [(run.begin_s, run.end_s) for run in runs if run.black]
    still = [(run.begin_s, run.end_s) for run in runs if not run.black]
    off = _at_least(as_intervals([*silent, *dark]), settings.shortest_s)
    frozen = _at_least(as_intervals(still), settings.frozen_s or np.inf)
    on = difference(whole, as_intervals([*off, *frozen]))
    if not len(on):
        raise InputError(f"{footage.path}: black or still throughout; choose another recording")
    return on


def is_black(grey: GreyImage) -> bool:
    """Whether a picture ``(h, w)`` is black."""
    return bool((grey <= _BLACK).mean() >= _BLACK_SHARE)


def is_still(before: GreyImage, grey: GreyImage) -> bool:
    """Whether pictures ``(h, w)`` and ``(h2, w2)`` are equal up to coding noise."""
    return before.shape == grey.shape and float(cv2.absdiff(before, grey).mean()) <= _STILL


def _by_packets(footage: Footage) -> tuple[Intervals, Intervals]:
    """Return the interval from first to last frame, and the gaps without frames in it."""
    index = index_packets(footage)
    if index is None:  # without reliable times, such a file has no gaps
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
    """Return the runs that may be long enough, from the frame before to the frame after."""
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
