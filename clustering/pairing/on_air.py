"""When a recording is on: from its packets' times, and from pictures that show nothing."""

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
"""A connection that is silent for so long counts as lost; WebRTC calls it disconnected by then."""
LONGEST_LOOK_S: Final = 1.0
_EVERY_FRAME_S = 1e-5  # less than any two frames are apart

# What ffmpeg's blackdetect takes for black: nearly all pixels in the darkest tenth.
_BLACK = round(0.1 * 255)
_BLACK_SHARE = 0.98
# What its freezedetect takes for the same picture: a mean difference of -60 dB.
_STILL = 0.001 * 255

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class OffSettings:
    """What counts as off.

    Args:
        shortest_s: so long without frames, or black, is a disconnect; less is none.
        frozen_s: so long with one and the same picture is one too; None is never, since nothing
            tells a camera that hangs from a slide that is explained.
    """

    shortest_s: float = SHORTEST_OFF_S
    frozen_s: float | None = None

    @property
    def look_every_s(self) -> float:
        """Seconds from one look to the next, so that nothing that counts is missed."""
        shortest_s = min(self.shortest_s, self.frozen_s or self.shortest_s)
        return min(LONGEST_LOOK_S, shortest_s / 2)


@dataclass(slots=True, eq=False)
class _StillRun:
    """Looks in a row that show the same, or are all black; its edges are found later."""

    black: bool
    picture: Grey  # of the first look
    before_s: float  # of the look before
    first_s: float
    last_s: float
    after_s: float = 0.0  # of the look after, or the end
    begin_s: float = 0.0
    end_s: float = 0.0

    def holds(self, grey: Grey) -> bool:
        """Whether a picture goes on with the run."""
        if self.black or is_black(grey):
            return self.black and is_black(grey)
        return is_still(self.picture, grey)

    def finish(self, after_s: float) -> _StillRun:
        """End the run, by the looks alone so far."""
        self.after_s = self.end_s = after_s
        self.begin_s = self.first_s
        return self

    def see(self, time_s: float, grey: Grey) -> None:
        """Take in a frame between two looks; they come in order."""
        if self.before_s < time_s < self.first_s:
            if not self.holds(grey):
                self.begin_s = self.first_s
            elif self.begin_s == self.first_s:
                self.begin_s = time_s
        if self.last_s < time_s < self.end_s and not self.holds(grey):
            self.end_s = time_s


def spans_on(
    footage: Footage,
    settings: OffSettings,
    *,
    threads: int = 0,
    advance: Callable[[], object] = lambda: None,
) -> Intervals:
    """Return when a video is on, by its own presentation time; to the frame.

    It is off where no frame comes for some time, and where it is black, as recorders fill the time
    until somebody is back.

    Args:
        footage: a video.
        settings: what counts as off.
        threads: decoder threads, 0 as many as there are cores.
        advance: called after each look.

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
        raise InputError(f"{footage.path}: black or still throughout; there is nobody to see")
    return on


def is_black(grey: Grey) -> bool:
    """Whether a picture ``(h, w)`` shows nothing."""
    return bool((grey <= _BLACK).mean() >= _BLACK_SHARE)


def is_still(before: Grey, grey: Grey) -> bool:
    """Whether two pictures ``(h, w)`` are the same but for what coding does to them."""
    return before.shape == grey.shape and float(cv2.absdiff(before, grey).mean()) <= _STILL


def _by_packets(footage: Footage) -> tuple[Intervals, Intervals]:
    """From the first frame to the end of the last, and the stretches without frames in it."""
    index = index_packets(footage)
    if index is None:  # no times to be trusted: such files have no gaps
        return as_intervals([(0.0, max(footage.duration_s, 1 / _rate(footage)))]), as_intervals([])
    times_s = index.times_s
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / _rate(footage)
    late = np.flatnonzero(np.diff(times_s) > 2 * step_s)
    silent = np.stack([times_s[late] + step_s, times_s[late + 1]], axis=1)
    return as_intervals([(0.0, times_s[-1] + step_s)]), as_intervals(silent)


def _rate(footage: Footage) -> float:
    return float(footage.rate or ASSUMED_RATE)


def _at_least(spans: Intervals, shortest_s: float) -> Intervals:
    return spans[lengths_s(spans) > shortest_s - SAME_TIME_S]


def _long_runs(
    footage: Footage,
    settings: OffSettings,
    end_s: float,
    threads: int,
    advance: Callable[[], object],
) -> list[_StillRun]:
    """Runs that may last long enough, counted from the look before to the look after."""
    every_s = settings.look_every_s
    with closing(sample_frames(footage, every_s=every_s, threads=threads)) as looks:
        return [
            run
            for run in _runs(looks, end_s, advance)
            if run.after_s - run.before_s
            >= (settings.shortest_s if run.black else settings.frozen_s or np.inf)
        ]


def _runs(
    looks: Iterable[Frame], end_s: float, advance: Callable[[], object]
) -> Iterator[_StillRun]:
    run = None
    for look in looks:
        advance()
        grey = _grey(look)
        if run is not None and run.holds(grey):
            run.last_s = look.time_s
            continue
        before_s = look.time_s if run is None else run.last_s
        if run is not None:
            yield run.finish(look.time_s)
        run = _StillRun(is_black(grey), grey, before_s, look.time_s, look.time_s)
    if run is not None:
        yield run.finish(end_s)


def _find_edges(footage: Footage, runs: Sequence[_StillRun], threads: int) -> None:
    """Find to the frame when each run begins and ends."""
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
                run.see(frame.time_s, grey)


def _grey(frame: Frame) -> Grey:
    return np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
