"""Clock of a recording: restarts are joined to what precedes, and stray times are dropped.

As in the ffmpeg program (ts_discontinuity_process in ffmpeg_demux.c), a jump is mended by an offset
that applies to all streams from there on. Here it is found in the packets of the whole file, so
that neither the order in which streams are interleaved nor one stray time misplaces the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import InputContainer

NO_TIME: Final = np.iinfo(np.int64).min
"""Time of a packet that has none."""

JUMP_S: Final = 10.0
"""Minimum jump forwards of a clock that restarts; a shorter one is a gap. As in ffmpeg."""
_BACK_S: Final = 0.1  # longest step back that is jitter, as in ffmpeg
_JUMP_STEPS: Final = 32  # for videos of few frames per second
_STRAY_S: Final = 1.0  # longest run of packets whose times are strays, such as of one PES packet
_STRAY_END_S: Final = 0.5  # the same at the start and the end of a file
LONG_GAP_S: Final = 3600.0
"""Longest plausible gap before a last frame."""
_MANY: Final = 50  # give up if one in this many packets starts a run of its own

_TS_DISCONT: Final = 0x200  # AVFMT_TS_DISCONT: times of the format may restart
_WRAPPING: Final = {"mpegts": 1 << 33, "mpeg": 1 << 33}  # ticks after which a format's clock is 0

Ticks = NDArray[np.int64]
"""``(n,)`` ticks of a stream's time base."""


@dataclass(frozen=True, slots=True)
class Join:
    """A restart of the clock, as between recordings that are joined to one file."""

    position: int  # byte at which its first frame is stored; -1 if unknown
    clock_s: Fraction  # time of its first frame in the file
    time_s: Fraction  # the same without the restart: on the clock of the first frame


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How the clock of one stream behaves."""

    tick: Fraction  # seconds
    restarts: bool  # whether a jump forwards is a restart, not a gap
    wrap: int = 0  # ticks after which the clock starts from 0; 0 for never
    overlap_s: float | None = None  # longest overlap of two packets that is jitter; None for any

    def least(self, step: int) -> int:
        """Return the shortest difference of times, in ticks, that is no jump back."""
        if self.overlap_s is None:
            return -self.ticks(_BACK_S)
        return step - self.ticks(self.overlap_s)

    def ticks(self, seconds: float) -> int:
        """Return a duration in ticks."""
        return round(Fraction(seconds) / self.tick)

    def nearest(self, ticks: Ticks) -> Ticks:
        """Return differences of times, ``(n,)``, without wraps of the clock."""
        if not self.wrap:
            return ticks
        return (ticks + self.wrap // 2) % self.wrap - self.wrap // 2


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Packets between jumps of a clock.

    Args:
        ticks: ``(n,)`` times without wraps.
        run: ``(n,)`` number of each packet's run, -1 for a stray time.
        step: usual difference of two times in ticks.
    """

    ticks: Ticks
    run: NDArray[np.int64]
    step: int

    @property
    def strays(self) -> NDArray[np.bool_]:
        """Whether each time is a stray, ``(n,)``."""
        return self.run < 0

    @property
    def count(self) -> int:
        """Number of runs."""
        return int(self.run.max(initial=-1)) + 1

    def members(self, run: int) -> NDArray[np.int64]:
        """Return the positions of a run's packets, ``(m,)``."""
        return np.flatnonzero(self.run == run)


def rules_of(container: InputContainer, tick: Fraction) -> ClockRules:
    """Return the rules of a stream's clock, by the container's format."""
    restarts = bool(int(container.format.flags) & _TS_DISCONT)
    return ClockRules(tick, restarts, _WRAPPING.get(container.format.name, 0))


def find_runs(ticks: Ticks, rules: ClockRules) -> Runs | None:
    """Split the times of a stream, ``(n,)`` in the order of the file, where they jump.

    Returns:
        The runs; None if the times jump too often to be a clock.
    """
    steps = rules.nearest(np.diff(ticks))
    times = ticks[:1] + np.concatenate([[0], np.cumsum(steps)]) if rules.wrap else ticks
    forwards = steps[steps > 0]
    step = max(int(np.median(forwards)), 1) if len(forwards) else 1
    run = np.zeros(len(ticks), np.int64)
    if not _jumps(steps, step, rules).any():
        return Runs(times, run, step)
    for _ in range(2):  # a run may turn out to be whole once the strays inside it are known
        kept = np.flatnonzero(run >= 0)
        own = np.cumsum(_jumps(np.diff(times[kept]), step, rules))
        run[kept] = np.concatenate([[0], own])
        if own[-1:].sum() > max(len(ticks) // _MANY, 10):
            return None
        run = _without_strays(Runs(times, run, step), rules)
    if not rules.restarts:  # what is left of the jumps forwards are gaps
        kept = np.flatnonzero(run >= 0)
        back = np.diff(times[kept]) < rules.least(step)
        run[kept] = np.concatenate([[0], np.cumsum(back)])
    return Runs(times, run, step)


def _jumps(steps: Ticks, step: int, rules: ClockRules) -> NDArray[np.bool_]:
    far = max(rules.ticks(JUMP_S), _JUMP_STEPS * step)
    return np.asarray((steps < rules.least(step)) | (steps - step > far))


def _without_strays(runs: Runs, rules: ClockRules) -> NDArray[np.int64]:
    """Number the runs again, with -1 for short ones after which the clock goes on as before."""
    kept: list[NDArray[np.int64]] = []
    members = [runs.members(number) for number in range(runs.count)]
    for number, own in enumerate(members):
        following = members[number + 1] if number + 1 < len(members) else None
        if not _is_stray(runs, kept[-1] if kept else None, own, following, rules):
            kept.append(own)
    run = np.full(len(runs.run), -1, np.int64)
    for number, own in enumerate(kept):
        run[own] = number
    return run


def _is_stray(
    runs: Runs,
    before: NDArray[np.int64] | None,
    own: NDArray[np.int64],
    after: NDArray[np.int64] | None,
    rules: ClockRules,
) -> bool:
    lasts = int(runs.ticks[own[-1]] - runs.ticks[own[0]]) + runs.step
    longest_s = _STRAY_S if before is not None and after is not None else _STRAY_END_S
    if len(own) > 1 and lasts > rules.ticks(longest_s):
        return False
    far = rules.ticks(JUMP_S if rules.restarts else LONG_GAP_S)  # in most formats, gaps may be long
    if before is None:  # a single run is the footage itself
        return after is not None and abs(_jump(runs, own, after)) > far
    if after is None:
        return abs(_jump(runs, before, own)) > far
    if abs(_jump(runs, before, own) - runs.step) < rules.ticks(_STRAY_S):
        return False
    gap = _jump(runs, before, after) - lasts
    return not _jumps(np.array([gap + runs.step]), runs.step, rules)[0]


def _jump(runs: Runs, before: NDArray[np.int64], after: NDArray[np.int64]) -> int:
    """Return the ticks from the last packet of a run to the first of a later one."""
    return int(runs.ticks[after[0]] - runs.ticks[before[-1]])
