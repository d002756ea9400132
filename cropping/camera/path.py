"""L1-optimal camera path: static where possible, else one smooth move, solved per shot.

Source: Grundmann, Kwatra and Essa, "Auto-Directed Video Stabilization with Robust L1 Optimal Camera
Paths", CVPR 2011. The cost sums the absolute values of velocity, acceleration and jerk. An L1 sum,
unlike a sum of squares, makes most of them exactly 0: the camera stands, pans at constant speed, or
eases between the two. The paper constrains the path to a box around the original camera; here there
is a dead zone around the target, and hard limits.

The path is a cubic spline of time: few unknowns for an hour of footage, at any frame rate. Each
shot is one linear programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Values

KNOT_S: Final = 0.2
"""Knot distance of the spline: the reaction time of a camera operator."""
WINDOW_S: Final = 60.0
"""A longer path is solved window by window: time and memory grow linearly with its length."""
OVERLAP_S: Final = 8.0
"""Lookahead of each window: longer than any pan."""
DRIFT: Final = 0.02
"""Units a second: a slower move is a drift, not a pan. The summed velocity of a drift is that of
a pan over the same distance, so slow moves get a larger weight after the first solution, and the
shot is solved again: Candes, Wakin and Boyd, "Enhancing Sparsity by Reweighted l1 Minimization",
2008."""
SAMPLE_S: Final = 0.1
"""Distance of the sampled frames; frames between them join where the path violates a limit."""
_ATTEMPTS: Final = 4
_TOLERANCE: Final = 1e-4
_CUBIC: Final = 4  # coefficients that a point of the spline depends on
_LIMIT_COST: Final = 1e3
"""Penalty for violating a limit: so large that it happens only where nothing is feasible."""


@dataclass(frozen=True, slots=True)
class PathSettings:
    """Weights of the path's cost; lengths are in the unit of the path.

    Args:
        dead_zone: distance from the target that costs little.
        inside: cost of a second at a distance of 1, within the dead zone.
        outside: additional cost outside the dead zone.
        crowded: additional cost within the margin of a limit.
        velocity, acceleration, jerk: cost of a second at 1 a second, a second squared, cubed.
        drift: factor on the velocity cost of the slowest moves; see `DRIFT`.
    """

    dead_zone: float = 0.03
    inside: float = 0.75
    outside: float = 9.0
    crowded: float = 8.0
    velocity: float = 1.0
    acceleration: float = 4.0
    jerk: float = 0.02
    drift: float = 5.0


def steady_path(
    time_s: Values,
    target: Values,
    low: Values,
    high: Values,
    *,
    margin: float = 0.0,
    settings: PathSettings,
) -> Values:
    """Return the path of least cost that follows ``target`` between two limits, ``(n,)``.

    All lengths are in one unit of the caller's choice.

    Args:
        time_s: ``(n,)`` seconds of the frames, rising.
        target: ``(n,)`` wanted position.
        low: ``(n,)`` lower limit.
        high: ``(n,)`` upper limit, not below ``low``.
        margin: distance from the limits within which the path costs more.
        settings: weights of the cost.
    """
    shot = _PathShot(time_s, target, low, high, margin)
    position = _static_position(shot, settings)
    if position is not None:
        return np.full(len(time_s), position)
    knots = _Knots(float(time_s[0]), float(time_s[-1]))
    known = np.zeros(0)
    while len(known) < knots.count:
        known = np.append(known, _next_window(knots, known, shot, settings))
    path = knots.basis(time_s, 0, knots.count) @ known
    # Limits may leave no smooth path, and the solver has a tolerance.
    return np.asarray(np.clip(path, low, high), np.float64)


def average_path(
    time_s: Values, target: Values, low: Values, high: Values, *, window_s: float
) -> Values:
    """Return the moving average of ``target``, for comparison: ``(n,)``, between the limits.

    Args:
        time_s: ``(n,)`` seconds of the frames, rising.
        target: ``(n,)`` wanted position.
        low: ``(n,)`` lower limit.
        high: ``(n,)`` upper limit.
        window_s: length of the average.
    """
    sums = np.append(0, np.cumsum(target))
    half = window_s / 2 + 1e-6
    first = np.searchsorted(time_s, time_s - half)
    last = np.searchsorted(time_s, time_s + half, side="right")
    mean = (sums[last] - sums[first]) / (last - first)
    return np.asarray(np.clip(mean, low, high), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _PathShot:
    """Target and limits of one path, each ``(n,)``; see `steady_path`."""

    time_s: Values
    target: Values
    low: Values
    high: Values
    margin: float

    def part(self, rows: slice | NDArray[np.bool_]) -> _PathShot:
        low, high = self.low[rows], self.high[rows]
        return _PathShot(self.time_s[rows], self.target[rows], low, high, self.margin)


class _Knots:
    """A uniform cubic B-spline over an interval of time."""

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s = first_s
        self.count = int((last_s - first_s) / KNOT_S) + _CUBIC

    def first_of(self, time_s: Values) -> NDArray[np.int64]:
        """First of the four coefficients that each time depends on, ``(n,)``."""
        knot = np.floor((time_s - self._first_s) / KNOT_S).astype(np.int64)
        return np.clip(knot, 0, self.count - _CUBIC)

    def basis(self, time_s: Values, first: int, end: int) -> Any:
        """Sparse ``(n, end - first)``: values at times from the coefficients ``first`` to ``end``.

        Each time must depend on these alone.
        """
        from scipy import sparse

        knot = self.first_of(time_s)
        f = (time_s - self._first_s) / KNOT_S - knot
        weights = np.stack(
            [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3], axis=1
        )
        columns = knot[:, None] + np.arange(_CUBIC) - first
        rows = np.repeat(np.arange(len(time_s)), _CUBIC)
        shape = (len(time_s), end - first)
        return sparse.csr_matrix((weights.ravel() / 6, (rows, columns.ravel())), shape)


def _static_position(shot: _PathShot, settings: PathSettings) -> float | None:
    """Return the position that keeps the target in the dead zone all the time, if there is one."""
    if not len(shot.time_s):
        return 0.0
    aim = np.clip(shot.target, shot.low, shot.high)
    position = float(np.clip(np.median(aim), shot.low.max(), max(shot.high.min(), shot.low.max())))
    inside = shot.low.max() <= shot.high.min()
    return position if inside and np.abs(aim - position).max() <= settings.dead_zone else None


def _next_window(knots: _Knots, known: Values, shot: _PathShot, settings: PathSettings) -> Values:
    """Solve the next coefficients; they continue the ``known`` ones smoothly."""
    first = max(len(known) - _CUBIC + 1, 0)
    wanted = len(known) + round(WINDOW_S / KNOT_S)
    end = wanted + round(OVERLAP_S / KNOT_S)
    if end >= knots.count:
        wanted = end = knots.count
    rows = np.searchsorted(knots.first_of(shot.time_s), [first, end - _CUBIC + 1]).tolist()
    part = shot.part(slice(*rows))
    solved = _solve(knots.basis(part.time_s, first, end), part, known[first:], settings)
    return solved[len(known) - first : wanted - first]


def _solve(basis: Any, shot: _PathShot, known: Values, settings: PathSettings) -> Values:
    """Return the coefficients of least cost, of which the first are ``known``."""
    moves = _Moves(basis.shape[1])
    velocity = np.full(basis.shape[1] - 1, settings.velocity)
    sampled = _sampled(shot.time_s)
    found = np.zeros(basis.shape[1])
    for attempt in range(_ATTEMPTS):
        found = _solve_once(moves, velocity, basis[sampled], shot.part(sampled), known, settings)
        if not attempt:
            speed = np.abs(np.diff(found)) / KNOT_S
            velocity = settings.velocity * settings.drift * DRIFT / (speed + DRIFT)
        path = basis @ found
        violated = (path < shot.low - _TOLERANCE) | (path > shot.high + _TOLERANCE)
        if attempt and not (violated & ~sampled).any():
            break
        sampled |= violated
    return found


def _sampled(time_s: Values) -> NDArray[np.bool_]:
    """Mark the frames that constrain the path, ``(n,)``."""
    sample = np.floor((time_s - time_s[0]) / SAMPLE_S + _TOLERANCE)
    chosen = np.diff(sample, prepend=-1) > 0
    chosen[-1] = True
    return np.asarray(chosen, np.bool_)


def _solve_once(
    moves: _Moves,
    velocity: Values,
    basis: Any,
    shot: _PathShot,
    known: Values,
    settings: PathSettings,
) -> Values:
    """Solve the linear programme once.

    The unknowns are the coefficients, the positive and negative part of each of their differences,
    and each frame's distance from the target. The distance is split into steps of rising cost, so
    that the optimum fills them in order. Each difference and each frame is then one equation
    instead of one inequality a step, which takes longer to solve.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    frames, count = basis.shape
    aim, steps = _steps(shot, settings)
    up_and_down = _side_by_side([1, -1], moves.sizes)
    off = _side_by_side([step.sign for step in steps], frames)
    of_moves = moves.costs(velocity, settings)
    found = linprog(
        np.concatenate([np.zeros(count), of_moves, of_moves, *(step.cost for step in steps)]),
        A_eq=sparse.bmat([[moves.difference, -up_and_down, None], [basis, None, -off]], "csc"),
        b_eq=np.concatenate([np.zeros(moves.sizes), aim]),
        bounds=_bounds(count, known, moves, steps),
        method="highs",
    )
    if found.x is None:
        raise ValueError(f"the linear programme must have a solution, got: {found.message}")
    return np.asarray(found.x[:count], np.float64)


def _side_by_side(signs: Sequence[int], size: int) -> Any:
    """Return signed unit matrices side by side: sparse ``(size, size * len(signs))``."""
    from scipy import sparse

    rows, every = np.tile(np.arange(size), len(signs)), np.arange(size * len(signs) + 1)
    values = np.repeat(np.asarray(signs, np.float64), size)
    return sparse.csc_matrix((values, rows, every), (size, size * len(signs)))


def _bounds(count: int, known: Values, moves: _Moves, steps: list[_DifferenceStep]) -> Values:
    """Return the least and largest value of each unknown, ``(unknowns, 2)``."""
    coefficients = np.tile([-np.inf, np.inf], (count, 1))
    coefficients[: len(known)] = known[:, None]
    lengths = np.concatenate([np.full(2 * moves.sizes, np.inf), *(step.length for step in steps)])
    return np.concatenate([coefficients, np.column_stack([np.zeros(len(lengths)), lengths])])


class _Moves:
    """First, second and third differences of the coefficients."""

    def __init__(self, count: int) -> None:
        from scipy import sparse

        differences = [_difference(count, order) / KNOT_S**order for order in (1, 2, 3)]
        self.difference: Any = sparse.vstack(differences)
        self.sizes = self.difference.shape[0]
        self._count = count

    def costs(self, velocity: Values, settings: PathSettings) -> Values:
        """Return the cost of each difference, in order."""
        acceleration = np.full(self._count - 2, settings.acceleration * KNOT_S)
        jerk = np.full(self._count - 3, settings.jerk * KNOT_S)
        return np.concatenate([velocity * KNOT_S, acceleration, jerk])


def _difference(count: int, order: int) -> Any:
    """Return the matrix of the differences of an order: sparse ``(count - order, count)``."""
    from scipy import sparse

    weights = [(-1.0) ** (order - k) * comb(order, k) for k in range(order + 1)]
    return sparse.diags(weights, range(order + 1), (count - order, count), "csr")


def _seconds(time_s: Values) -> Values:
    """Return the duration of each frame, ``(n,)``."""
    if len(time_s) < 2:
        return np.ones(len(time_s))
    return np.minimum(np.gradient(time_s), KNOT_S)


@dataclass(frozen=True, slots=True, eq=False)
class _DifferenceStep:
    """One step of every frame's distance from the target."""

    sign: int
    length: Values  # (n,) largest length; infinite for the last step of a side
    cost: Values  # (n,) per unit of length


def _steps(shot: _PathShot, settings: PathSettings) -> tuple[Values, list[_DifferenceStep]]:
    """Return each frame's feasible target, ``(n,)``, and the steps to each side in order."""
    seconds = _seconds(shot.time_s)
    aim = np.clip(shot.target, shot.low, shot.high)
    steps = []
    for sign, room in ((1, shot.high - aim), (-1, aim - shot.low)):
        dead_zone = np.minimum(settings.dead_zone, room)
        ends = [dead_zone, np.clip(room - shot.margin, dead_zone, room), room]
        lengths = [*np.diff(ends, axis=0, prepend=0.0), np.full(len(aim), np.inf)]
        costs = np.cumsum([settings.inside, settings.outside, settings.crowded])
        of_each = [*(cost * seconds for cost in costs), costs[-1] * seconds + _LIMIT_COST]
        steps += [_DifferenceStep(sign, *both) for both in zip(lengths, of_each, strict=True)]
    return aim, steps
