"""Mend the clock of a video: its frames get the times of one recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.video.clocks.clock import JUMP_S, NO_TIME, ClockRules, Join, Runs, Ticks, find_runs

_FAR_STEPS: Final = 32  # frames by which encoders delay a frame at most
_DELAY: Final = 8  # frames that encoders usually delay a frame at most
_NEIGHBOURS: Final = 40  # packets, more than encoders reorder


@dataclass(frozen=True, slots=True, eq=False)
class FramePackets:
    """Packets of a video in decode order, ``(n,)`` each."""

    pts: Ticks
    dts: Ticks  # `NO_TIME` if unknown
    position: NDArray[np.int64]  # byte in the file, -1 if unknown
    keyframe: NDArray[np.bool_]
    shown: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MendedTimes:
    """Times of a video's frames without restarts of the clock and without strays."""

    pts: Ticks  # (n,) decode order
    shown: NDArray[np.bool_]  # (n,) False also for frames that refer to one before a restart
    joins: tuple[Join, ...]
    strays: int  # times that were replaced


class UnreliableTimesError(Exception):
    """The times of a video jump too often, or are in no order."""


def mend_times(packets: FramePackets, rules: ClockRules, *, codec: str) -> MendedTimes | None:
    """Mend the times of a video; return None if there is nothing to mend.

    Raises:
        UnreliableTimesError: the times are not those of recordings.
    """
    decoding = _decoding_times(packets)
    runs = find_runs(decoding, rules)
    if runs is None:
        raise UnreliableTimesError
    pts = runs.ticks + rules.nearest(packets.pts - decoding)
    strays = runs.strays | _are_far(pts - runs.ticks, runs.step, rules)
    in_order = _in_order(runs)
    if runs.count < 2 and not strays.any():
        if not in_order:
            raise UnreliableTimesError
        return None
    if not in_order or strays.all():
        raise UnreliableTimesError
    return _mended(packets, runs, pts, strays, rules, codec)


def _decoding_times(packets: FramePackets) -> Ticks:
    """Return the times of decoding; a missing one is that of the packet before."""
    known = packets.dts != NO_TIME
    if not known.any():
        return packets.pts
    latest = np.maximum.accumulate(np.where(known, np.arange(len(known)), int(np.argmax(known))))
    return np.asarray(packets.dts[latest])


def _are_far(delay: Ticks, step: int, rules: ClockRules) -> NDArray[np.bool_]:
    """Return whether each frame is shown implausibly long before or after it is decoded."""
    far = max(rules.ticks(JUMP_S), _FAR_STEPS * step)
    return np.asarray(np.abs(delay - np.median(delay)) > far)


def _in_order(runs: Runs) -> bool:
    kept = ~runs.strays
    steps, same = np.diff(runs.ticks[kept]), np.diff(runs.run[kept]) == 0
    return bool((steps[same] >= 0).all())


def _mended(
    packets: FramePackets,
    runs: Runs,
    pts: Ticks,
    strays: NDArray[np.bool_],
    rules: ClockRules,
    codec: str,
) -> MendedTimes:
    run = _filled(runs.run)
    result, shown, joins = pts.copy(), packets.shown.copy(), []
    offset, end = 0, 0
    far = max(rules.ticks(JUMP_S), _FAR_STEPS * runs.step)
    for number in range(runs.count):
        own = np.flatnonzero(run == number)
        times, visible = result[own], shown[own]
        strays[own] |= _repeated(times, strays[own])
        replace_strays(times, runs.ticks[own], strays[own], visible, runs.step)
        if not number or int(times[0]) + offset < end:  # not where the clock jumps forwards
            hide_undecodable_start(times, packets.keyframe[own], visible, codec)
        shown[own] = visible
        if not visible.any():
            continue
        first, last = int(times[visible].min()), int(times[visible].max())
        jump = first + offset - end if number else 0
        if jump < 0 or (rules.restarts and jump > far):
            offset -= jump
            clock_s, time_s = first * rules.tick, (first + offset) * rules.tick
            joins.append(Join(int(packets.position[own[0]]), clock_s, time_s))
        result[own] = times + offset
        end = last + offset + runs.step
    return MendedTimes(result, shown, tuple(joins), int(strays.sum()))


def _repeated(pts: Ticks, strays: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether an earlier packet of a run has the same time, ``(n,)``."""
    kept = np.flatnonzero(~strays)
    _, first = np.unique(pts[kept], return_index=True)
    repeated = ~strays
    repeated[kept[first]] = False
    return repeated


def _filled(run: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the run of each packet; a stray is in that of the packet before it."""
    return np.maximum(np.maximum.accumulate(run), 0)


def replace_strays(
    pts: Ticks,
    decoding: Ticks,
    strays: NDArray[np.bool_],
    shown: NDArray[np.bool_],
    step: int,
) -> None:
    """Replace stray times, in place, by that of the frame which is missing next to them.

    Args:
        pts: ``(n,)`` times of one run in decode order.
        decoding: ``(n,)`` times of decoding; a stray's own may be one too.
        strays: ``(n,)`` whether a time is to be replaced.
        shown: ``(n,)`` whether each frame is shown.
        step: usual time from one frame to the next, in ticks.
    """
    known, decoding = ~strays & shown, decoding.copy()
    for at in np.flatnonzero(strays).tolist():
        near = slice(max(at - _NEIGHBOURS, 0), at + _NEIGHBOURS + 1)
        times = np.sort(pts[near][known[near]])
        decoding[at] = _expected(decoding, known, at, step)
        place = _missing_time(times, int(decoding[at]), step) if shown[at] else 0
        if place is None and len(times):
            place = _beside(pts, known, at, step)
        pts[at] = place or 0
        known[at] = shown[at]


def _beside(pts: Ticks, known: NDArray[np.bool_], at: int, step: int) -> int:
    """Return the time of a frame before all others, after them, or next to the one before it."""
    before, after = np.flatnonzero(known[:at]), np.flatnonzero(known[at + 1 :])
    if not len(before):
        return int(pts[at + 1 :][after].min()) - step
    if not len(after):
        return int(pts[before].max()) + step
    return int(pts[before[-1]]) + max(step // 2, 1)


def _expected(decoding: Ticks, known: NDArray[np.bool_], at: int, step: int) -> int:
    """Return about when a frame is decoded, by the frames before and after."""
    before, after = np.flatnonzero(known[:at]), np.flatnonzero(known[at + 1 :])
    if len(before):
        return int(decoding[before[-1]]) + step * int(at - before[-1])
    return int(decoding[at + 1 + after[0]]) - step * int(after[0] + 1) if len(after) else 0


def _missing_time(times: Ticks, expected: int, step: int) -> int | None:
    """Return the time of the gap in sorted ``times`` that is next to an expected time."""
    gaps = np.diff(times)
    holes = np.flatnonzero(gaps * 2 > step * 3)
    if not len(holes):
        return None
    nearest = holes[np.argmin(np.abs(times[holes] + step - expected))]
    if abs(int(times[nearest]) + step - expected) > _DELAY * step:
        return None
    return int(times[nearest] + min(step, int(gaps[nearest]) // 2))


def hide_undecodable_start(
    pts: Ticks, keyframe: NDArray[np.bool_], shown: NDArray[np.bool_], codec: str
) -> None:
    """Hide, in ``shown``, the frames before the first keyframe: what they refer to is missing."""
    if not keyframe.any():
        return
    first = int(np.argmax(keyframe))
    shown[:first] = False
    if codec in _NO_LEADING:
        shown[pts < pts[first]] = False


# Decoders that drop the leading pictures of an open GOP at the start of a stream.
_NO_LEADING: Final = frozenset({"h264", "hevc"})
