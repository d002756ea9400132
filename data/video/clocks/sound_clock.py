"""Place the sound of a footage on the clock of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.video.clocks.clock import JUMP_S, ClockRules, Join, Runs

_JUMP_S: Final = Fraction(JUMP_S)
_NEAR_S: Final = 3.0  # how far apart a container may store sound and picture of one time


@dataclass(frozen=True, slots=True, eq=False)
class PlacedRuns:
    """Runs of a sound's packets on the clock of the picture.

    Args:
        runs: split also where only the picture's clock restarts.
        offsets_s: seconds to add to the times of each run.
        begins_s: when the picture of each run begins; None if its clock does not restart there.
    """

    runs: Runs
    offsets_s: tuple[Fraction, ...]
    begins_s: tuple[Fraction | None, ...]


def place_runs(
    runs: Runs,
    joins: Sequence[Join],
    position: NDArray[np.int64],
    rules: ClockRules,
    *,
    start_s: Fraction,
    end_s: Fraction,
) -> PlacedRuns:
    """Place the sound of a footage on the clock of its picture.

    Where only the clock of the sound jumps, its times are true if they are within the footage: the
    sound overlaps, or is missing. Else it continues.

    Args:
        runs: runs of the sound's packets.
        joins: restarts of the picture's clock.
        position: ``(n,)`` byte at which each packet is stored, -1 if unknown.
        rules: of the sound's clock.
        start_s: time of the first frame in the file.
        end_s: time at which the picture ends.
    """
    begins = {int(runs.members(number)[0]) for number in range(1, runs.count)}
    joined = {_join_at(runs, begins, join, position, rules): join for join in joins}
    run, offsets = runs.run.copy(), list[Fraction]()
    begins_s = list[Fraction | None]()
    offset, last_s = Fraction(0), None
    for begin, end in _ranges(runs, begins | joined.keys()):
        ticks = runs.ticks[begin:end][runs.run[begin:end] >= 0]
        if not len(ticks):
            continue
        first_s = int(ticks[0]) * rules.tick
        if begin in joined or last_s is None:
            start = Join(-1, start_s, start_s)
            offset = _offset(int(ticks[0]), joined.get(begin, start), rules)
        elif not -_JUMP_S < first_s + offset - last_s < end_s - last_s + _JUMP_S:
            offset = last_s + runs.step * rules.tick - first_s
        run[begin:end] = np.where(runs.run[begin:end] >= 0, len(offsets), -1)
        offsets.append(offset)
        begins_s.append(joined[begin].time_s if begin in joined else None)
        last_s = int(ticks[-1]) * rules.tick + offset
    return PlacedRuns(Runs(runs.ticks, run, runs.step), tuple(offsets), tuple(begins_s))


def _ranges(runs: Runs, begins: set[int]) -> list[tuple[int, int]]:
    edges = sorted({0, *begins, len(runs.run)})
    return list(pairwise(edges))


def _offset(first: int, join: Join, rules: ClockRules) -> Fraction:
    """Return the seconds from the clock in the file to that of the first frame."""
    from_join = first - round(join.clock_s / rules.tick)
    wraps = int(rules.nearest(np.array([from_join]))[0]) - from_join
    return join.time_s - join.clock_s + wraps * rules.tick


def _join_at(
    runs: Runs,
    begins: set[int],
    join: Join,
    position: NDArray[np.int64],
    rules: ClockRules,
) -> int:
    """Return the packet at which the sound follows a restart of the picture's clock."""
    stored = np.maximum.accumulate(position)
    at = int(np.searchsorted(stored, join.position))
    near = max(rules.ticks(_NEAR_S) // runs.step, 2)
    own = [begin for begin in begins if abs(begin - at) <= near]
    if own:
        return min(own, key=lambda begin: abs(begin - at))
    low, high = max(at - near, 1), min(at + near, len(runs.ticks))
    steps = np.diff(runs.ticks[low - 1 : high])
    if len(steps) and steps.max() > 2 * runs.step:
        return low + int(steps.argmax())
    return at
