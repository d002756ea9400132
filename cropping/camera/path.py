"""L1-optimal camera path of one shot: static where possible, otherwise smooth moves.

Source: Grundmann, Kwatra and Essa, "Auto-Directed Video Stabilization with Robust L1 Optimal Camera
Paths", CVPR 2011. The cost sums the absolute values of velocity, acceleration and jerk. An L1 sum,
unlike a sum of squares, makes most of them exactly 0: the camera is static, pans at constant speed,
or eases between the two. The paper constrains the path to a box around the original camera. This
module uses a dead zone around the target and hard limits instead.

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
"""Distance between the knots of the spline: the reaction time of a camera operator."""
WINDOW_S: Final = 60.0
"""Longer paths are solved in windows of this length, so time and memory grow linearly."""
OVERLAP_S: Final = 8.0
"""Lookahead of each window, longer than any pan."""
DRIFT: Final = 0.02
"""Speed in units per second below which a move counts as a drift rather than a pan.

A drift costs as much velocity as a pan over the same distance. After the first solution slow moves
therefore get a larger weight, and the shot is solved again: Candes, Wakin and Boyd, "Enhancing
Sparsity by Reweighted l1 Minimization", 2008.
"""
SAMPLE_S: Final = 0.1
"""Interval between the sampled frames. Other frames are added where the path violates a limit."""
_ATTEMPTS: Final = 4
_TOLERANCE: Final = 1e-4
_CUBIC: Final = 4  # coefficients that a point of the spline depends on
_LIMIT_COST: Final = 1e3
"""Penalty for violating a limit, so large that only infeasible frames incur it."""


@dataclass(frozen=True, slots=True)
class PathSettings:
    """Weights of the path's cost. Lengths are in the unit of the path.

    Args:
        dead_zone: distance from the target up to which deviation is cheap.
        inside: cost per second and unit of distance, within the dead zone.
        outside: additional cost outside the dead zone.
        crowded: additional cost within the margin of a limit.
        velocity: cost per second and unit/s.
        acceleration: cost per second and unit/s^2.
        jerk: cost per second and unit/s^3.
        drift: factor on the velocity cost of the slowest moves, see `DRIFT`.
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
    """Return the minimum-cost path that follows ``target`` between two limits, ``(n,)``.

    All lengths are in the same unit, chosen by the caller.

    Args:
        time_s: ``(n,)`` presentation times in seconds, increasing.
        target: ``(n,)`` desired position.
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
    solved = np.zeros(0)
    while len(solved) < knots.count:
        solved = np.append(solved, _next_window(knots, solved, shot, settings))
    path = knots.basis(time_s, 0, knots.count) @ solved
    # The limits may be infeasible for a smooth path, and the solver has a tolerance.
    return np.asarray(np.clip(path, low, high), np.float64)


def average_path(
    time_s: Values, target: Values, low: Values, high: Values, *, window_s: float
) -> Values:
    """Return the moving average of ``target`` within the limits, ``(n,)``, for comparison.

    Args:
        time_s: ``(n,)`` presentation times in seconds, increasing.
        target: ``(n,)`` desired position.
        low: ``(n,)`` lower limit.
        high: ``(n,)`` upper limit.
        window_s: length of the averaging window.
    """
    sums = np.append(0, np.cumsum(target))
    half = window_s / 2 + 1e-6
    first = np.searchsorted(time_s, time_s - half)
    last = np.searchsorted(time_s, time_s + half, side="right")
    mean = (sums[last] - sums[first]) / (last - first)
    return np.asarray(np.clip(mean, low, high), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _PathShot:
    """Target and limits of one path, see `steady_path`. All arrays are ``(n,)``."""

    time_s: Values
    target: Values
    low: Values
    high: Values
    margin: float

    def part(self, rows: slice | NDArray[np.bool_]) -> _PathShot:
        low, high = self.low[rows], self.high[rows]
        return _PathShot(self.time_s[rows], self.target[rows], low, high, self.margin)


class _Knots:
    """Knots of a uniform cubic B-spline over a time interval."""

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s = first_s
        self.count = int((last_s - first_s) / KNOT_S) + _CUBIC

    def first_of(self, time_s: Values) -> NDArray[np.int64]:
        """Return the index of the first of the four coefficients for each time, ``(n,)``."""
        knot = np.floor((time_s - self._first_s) / KNOT_S).astype(np.int64)
        return np.clip(knot, 0, self.count - _CUBIC)

    def basis(self, time_s: Values, first: int, end: int) -> Any:
        """Return the basis matrix, sparse ``(n, end - first)``: coefficients to values.

        Args:
            time_s: ``(n,)`` times that depend on no coefficients outside the range.
            first: first coefficient.
            end: end of the coefficients, exclusive.
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
    """Return a position that keeps the target in the dead zone in all frames, or None."""
    if not len(shot.time_s):
        return 0.0
    aim = np.clip(shot.target, shot.low, shot.high)
    position = float(np.clip(np.median(aim), shot.low.max(), max(shot.high.min(), shot.low.max())))
    inside = shot.low.max() <= shot.high.min()
    return position if inside and np.abs(aim - position).max() <= settings.dead_zone else None


def _next_window(knots: _Knots, solved: Values, shot: _PathShot, settings: PathSettings) -> Values:
    """Return the coefficients of the next window, a smooth continuation of ``solved``."""
    first = max(len(solved) - _CUBIC + 1, 0)
    window_end = len(solved) + round(WINDOW_S / KNOT_S)
    end = window_end + round(OVERLAP_S / KNOT_S)
    if end >= knots.count:
        window_end = end = knots.count
    rows = np.searchsorted(knots.first_of(shot.time_s), [first, end - _CUBIC + 1]).tolist()
    part = shot.part(slice(*rows))
    coefficients = _solve(knots.basis(part.time_s, first, end), part, solved[first:], settings)
    return coefficients[len(solved) - first : window_end - first]


def _solve(basis: Any, shot: _PathShot, fixed: Values, settings: PathSettings) -> Values:
    """Return the minimum-cost coefficients, which begin with ``fixed``."""
    moves = _Moves(basis.shape[1])
    velocity = np.full(basis.shape[1] - 1, settings.velocity)
    sampled = _sampled(shot.time_s)
    solution = np.zeros(basis.shape[1])
    for attempt in range(_ATTEMPTS):
        solution = _solve_once(moves, velocity, basis[sampled], shot.part(sampled), fixed, settings)
        if not attempt:
            speed = np.abs(np.diff(solution)) / KNOT_S
            velocity = settings.velocity * settings.drift * DRIFT / (speed + DRIFT)
        path = basis @ solution
        violated = (path < shot.low - _TOLERANCE) | (path > shot.high + _TOLERANCE)
        if attempt and not (violated & ~sampled).any():
            break
        sampled |= violated
    return solution


def _sampled(time_s: Values) -> NDArray[np.bool_]:
    """Return the mask of the frames that constrain the path at first, ``(n,)``."""
    sample = np.floor((time_s - time_s[0]) / SAMPLE_S + _TOLERANCE)
    mask = np.diff(sample, prepend=-1) > 0
    mask[-1] = True
    return np.asarray(mask, np.bool_)


def _solve_once(
    moves: _Moves,
    velocity: Values,
    basis: Any,
    shot: _PathShot,
    fixed: Values,
    settings: PathSettings,
) -> Values:
    """Solve the linear programme once.

    The unknowns are the coefficients, the positive and negative parts of their differences, and
    each frame's distance from the target. The distance is split into steps of increasing cost,
    which the optimum fills in order. This gives one equation per difference and frame. One
    inequality per step would take longer to solve.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    frames, count = basis.shape
    aim, steps = _steps(shot, settings)
    parts = _signed_identities([1, -1], moves.count)
    distances = _signed_identities([step.sign for step in steps], frames)
    move_costs = moves.costs(velocity, settings)
    solution = linprog(
        np.concatenate([np.zeros(count), move_costs, move_costs, *(step.cost for step in steps)]),
        A_eq=sparse.bmat([[moves.difference, -parts, None], [basis, None, -distances]], "csc"),
        b_eq=np.concatenate([np.zeros(moves.count), aim]),
        bounds=_bounds(count, fixed, moves, steps),
        method="highs",
    )
    if solution.x is None:
        raise ValueError(f"the linear programme must have a solution, got: {solution.message}")
    return np.asarray(solution.x[:count], np.float64)


def _signed_identities(signs: Sequence[int], size: int) -> Any:
    """Return signed identity matrices side by side, sparse ``(size, size * len(signs))``."""
    from scipy import sparse

    rows, column_starts = np.tile(np.arange(size), len(signs)), np.arange(size * len(signs) + 1)
    values = np.repeat(np.asarray(signs, np.float64), size)
    return sparse.csc_matrix((values, rows, column_starts), (size, size * len(signs)))


def _bounds(count: int, fixed: Values, moves: _Moves, steps: list[_DistanceStep]) -> Values:
    """Return the minimum and maximum of each unknown, ``(unknowns, 2)``."""
    coefficients = np.tile([-np.inf, np.inf], (count, 1))
    coefficients[: len(fixed)] = fixed[:, None]
    lengths = np.concatenate([np.full(2 * moves.count, np.inf), *(step.length for step in steps)])
    return np.concatenate([coefficients, np.column_stack([np.zeros(len(lengths)), lengths])])


class _Moves:
    """First, second and third differences of the coefficients."""

    def __init__(self, count: int) -> None:
        from scipy import sparse

        differences = [_difference(count, order) / KNOT_S**order for order in (1, 2, 3)]
        self.difference: Any = sparse.vstack(differences)
        self.count = self.difference.shape[0]
        self._coefficients = count

    def costs(self, velocity: Values, settings: PathSettings) -> Values:
        """Return the cost of each difference, ``(count,)``.

        Args:
            velocity: ``(coefficients - 1,)`` cost per second of each first difference.
            settings: costs of the second and third differences.
        """
        acceleration = np.full(self._coefficients - 2, settings.acceleration * KNOT_S)
        jerk = np.full(self._coefficients - 3, settings.jerk * KNOT_S)
        return np.concatenate([velocity * KNOT_S, acceleration, jerk])


def _difference(count: int, order: int) -> Any:
    """Return the matrix of the differences of one order, sparse ``(count - order, count)``."""
    from scipy import sparse

    weights = [(-1.0) ** (order - k) * comb(order, k) for k in range(order + 1)]
    return sparse.diags(weights, range(order + 1), (count - order, count), "csr")


def _seconds(time_s: Values) -> Values:
    """Return the duration of each frame in seconds, ``(n,)``."""
    if len(time_s) < 2:
        return np.ones(len(time_s))
    return np.minimum(np.gradient(time_s), KNOT_S)


@dataclass(frozen=True, slots=True, eq=False)
class _DistanceStep:
    """One step of each frame's distance from the target."""

    sign: int  # 1 above the target, -1 below
    length: Values  # (n,) maximum length, infinite for the last step of a side
    cost: Values  # (n,) per unit of length


def _steps(shot: _PathShot, settings: PathSettings) -> tuple[Values, list[_DistanceStep]]:
    """Return each frame's feasible target, ``(n,)``, and the steps above and below it in order."""
    seconds = _seconds(shot.time_s)
    aim = np.clip(shot.target, shot.low, shot.high)
    steps = []
    for sign, room in ((1, shot.high - aim), (-1, aim - shot.low)):
        dead_zone = np.minimum(settings.dead_zone, room)
        ends = [dead_zone, np.clip(room - shot.margin, dead_zone, room), room]
        lengths = [*np.diff(ends, axis=0, prepend=0.0), np.full(len(aim), np.inf)]
        costs = np.cumsum([settings.inside, settings.outside, settings.crowded])
        step_costs = [*(cost * seconds for cost in costs), costs[-1] * seconds + _LIMIT_COST]
        steps += [
            _DistanceStep(sign, length, cost)
            for length, cost in zip(lengths, step_costs, strict=True)
        ]
    return aim, steps
