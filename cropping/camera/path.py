"""The way of a camera: still while it can be, else one smooth move, solved for a shot at once.

A path is the one of least cost among all smooth ones, as Grundmann, Kwatra and Essa have it in
"Auto-Directed Video Stabilization with Robust L1 Optimal Camera Paths", CVPR 2011: the absolute
values of its velocity, acceleration and jerk are summed, since their least sum (other than that
of squares) makes most of them exactly 0: a camera that stands, pans evenly, or eases from one to
the other. What they let the path move in, a box around the original camera, is here a dead zone
around the place where the face should be, and limits that are never passed.

The path is a cubic spline of time, so that an hour has few unknowns and any rate will do; each
shot is a linear programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

KNOT_S: Final = 0.2
"""Between two knots of the spline: an operator's hand is no quicker."""
CHUNK_S: Final = 60.0
"""A longer path is solved in parts, so that time and memory grow with its length only."""
OVERLAP_S: Final = 8.0
"""How far each part looks ahead; longer than any pan takes."""
DRIFT: Final = 0.02
"""A second: so slow a move is no pan. The sum of velocities does not tell a drift from a pan that
gets as far, so after a first solution slow ways are made dearer than quick ones, and the shot is
solved again: Candes, Wakin and Boyd, "Enhancing Sparsity by Reweighted l1 Minimization", 2008."""
SAMPLE_S: Final = 0.1
"""What lies between is looked at only where the path would pass a limit there."""
_ATTEMPTS: Final = 4
_NEAR: Final = 1e-4
_CUBIC: Final = 4  # coefficients that a moment depends on
_LIMIT_COST: Final = 1e3
"""So dear is it to pass a limit that it happens only where there is no way between them."""


@dataclass(frozen=True, slots=True)
class Operator:
    """How a camera is led; lengths in the path's own unit.

    Args:
        dead_zone: how far off its place the face may be without any hurry.
        inside: cost of a second at a distance of 1, within the dead zone.
        outside: what that is more outside of it.
        crowded: what that is more where the face comes near the edge.
        velocity, acceleration, jerk: cost of a second at 1 a second, a second squared, cubed.
        drift: how many times as dear is the way that is gone slowest; see DRIFT.
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
    operator: Operator,
) -> Values:
    """The steadiest path past ``target`` between two limits, ``(n,)``.

    Args:
        time_s: ``(n,)`` rising; the frames.
        target: ``(n,)`` where the camera should be.
        low: ``(n,)`` least that it may be.
        high: ``(n,)`` most that it may be, not below ``low``.
        margin: so near the limits it is to be only where it pays.
        operator: what is a move worth.
    """
    shot = _PathShot(time_s, target, low, high, margin)
    place = _standing(shot, operator)
    if place is not None:
        return np.full(len(time_s), place)
    knots = _Knots(float(time_s[0]), float(time_s[-1]))
    known = np.zeros(0)
    while len(known) < knots.count:
        known = np.append(known, _next_part(knots, known, shot, operator))
    path = knots.basis(time_s, 0, knots.count) @ known
    # Where limits leave no smooth way, and for the solver's tolerance.
    return np.asarray(np.clip(path, low, high), np.float64)


def average_path(
    time_s: Values, target: Values, low: Values, high: Values, *, window_s: float
) -> Values:
    """The plain moving average of ``target``, for comparison: ``(n,)``, between the limits."""
    sums = np.append(0, np.cumsum(target))
    half = window_s / 2 + 1e-6
    first = np.searchsorted(time_s, time_s - half)
    last = np.searchsorted(time_s, time_s + half, side="right")
    mean = (sums[last] - sums[first]) / (last - first)
    return np.asarray(np.clip(mean, low, high), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _PathShot:
    """What the camera is to follow; see `steady_path`."""

    time_s: Values
    target: Values
    low: Values
    high: Values
    margin: float

    def part(self, rows: slice | NDArray[np.bool_]) -> _PathShot:
        low, high = self.low[rows], self.high[rows]
        return _PathShot(self.time_s[rows], self.target[rows], low, high, self.margin)


class _Knots:
    """A uniform cubic B-spline over a span of time."""

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


def _standing(shot: _PathShot, operator: Operator) -> float | None:
    """Where the camera can stand all the time, if nothing is gained by a move."""
    if not len(shot.time_s):
        return 0.0
    aim = np.clip(shot.target, shot.low, shot.high)
    place = float(np.clip(np.median(aim), shot.low.max(), max(shot.high.min(), shot.low.max())))
    inside = shot.low.max() <= shot.high.min()
    return place if inside and np.abs(aim - place).max() <= operator.dead_zone else None


def _next_part(knots: _Knots, known: Values, shot: _PathShot, operator: Operator) -> Values:
    """Some more coefficients, which go on smoothly from those that are ``known``."""
    first = max(len(known) - _CUBIC + 1, 0)
    wanted = len(known) + round(CHUNK_S / KNOT_S)
    end = wanted + round(OVERLAP_S / KNOT_S)
    if end >= knots.count:
        wanted = end = knots.count
    rows = np.searchsorted(knots.first_of(shot.time_s), [first, end - _CUBIC + 1]).tolist()
    part = shot.part(slice(*rows))
    solved = _solve(knots.basis(part.time_s, first, end), part, known[first:], operator)
    return solved[len(known) - first : wanted - first]


def _solve(basis: Any, shot: _PathShot, known: Values, operator: Operator) -> Values:
    """Coefficients of least cost; the first ones are ``known``."""
    moves = _Moves(basis.shape[1])
    velocity = np.full(basis.shape[1] - 1, operator.velocity)
    asked = _sampled(shot.time_s)
    found = np.zeros(basis.shape[1])
    for attempt in range(_ATTEMPTS):
        found = _solve_once(moves, velocity, basis[asked], shot.part(asked), known, operator)
        if not attempt:
            speed = np.abs(np.diff(found)) / KNOT_S
            velocity = operator.velocity * operator.drift * DRIFT / (speed + DRIFT)
        path = basis @ found
        passed = (path < shot.low - _NEAR) | (path > shot.high + _NEAR)
        if attempt and not (passed & ~asked).any():
            break
        asked |= passed
    return found


def _sampled(time_s: Values) -> NDArray[np.bool_]:
    """Frames that are enough to lead a path by, ``(n,)``."""
    sample = np.floor((time_s - time_s[0]) / SAMPLE_S + _NEAR)
    chosen = np.diff(sample, prepend=-1) > 0
    chosen[-1] = True
    return np.asarray(chosen, np.bool_)


def _solve_once(
    moves: _Moves, velocity: Values, basis: Any, shot: _PathShot, known: Values, operator: Operator
) -> Values:
    """The unknowns: coefficients, how far up and down each of their differences, and each frame.

    A frame's way from where it should be is made of steps, each dearer than the one before: the
    cheapest way takes them in order. So every difference and every frame is one equation, where it
    would be as many inequalities as there are steps, which take longer to solve.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    frames, count = basis.shape
    aim, steps = _steps(shot, operator)
    up_and_down = _side_by_side([1, -1], moves.sizes)
    off = _side_by_side([step.sign for step in steps], frames)
    of_moves = moves.costs(velocity, operator)
    found = linprog(
        np.concatenate([np.zeros(count), of_moves, of_moves, *(step.cost for step in steps)]),
        A_eq=sparse.bmat([[moves.difference, -up_and_down, None], [basis, None, -off]], "csc"),
        b_eq=np.concatenate([np.zeros(moves.sizes), aim]),
        bounds=_bounds(count, known, moves, steps),
        method="highs",
    )
    if found.x is None:
        raise ValueError(f"a path must be found, got: {found.message}")
    return np.asarray(found.x[:count], np.float64)


def _side_by_side(signs: Sequence[int], size: int) -> Any:
    """As many unit matrices, each with a sign: sparse ``(size, size * len(signs))``."""
    from scipy import sparse

    rows, every = np.tile(np.arange(size), len(signs)), np.arange(size * len(signs) + 1)
    values = np.repeat(np.asarray(signs, np.float64), size)
    return sparse.csc_matrix((values, rows, every), (size, size * len(signs)))


def _bounds(count: int, known: Values, moves: _Moves, steps: list[_DifferenceStep]) -> Values:
    """Least and most of each unknown."""
    coefficients = np.tile([-np.inf, np.inf], (count, 1))
    coefficients[: len(known)] = known[:, None]
    lengths = np.concatenate([np.full(2 * moves.sizes, np.inf), *(step.length for step in steps)])
    return np.concatenate([coefficients, np.column_stack([np.zeros(len(lengths)), lengths])])


class _Moves:
    """Differences of the first, second and third order."""

    def __init__(self, count: int) -> None:
        from scipy import sparse

        differences = [_difference(count, order) / KNOT_S**order for order in (1, 2, 3)]
        self.difference: Any = sparse.vstack(differences)
        self.sizes = self.difference.shape[0]
        self._count = count

    def costs(self, velocity: Values, operator: Operator) -> Values:
        """Of each, in order."""
        acceleration = np.full(self._count - 2, operator.acceleration * KNOT_S)
        jerk = np.full(self._count - 3, operator.jerk * KNOT_S)
        return np.concatenate([velocity * KNOT_S, acceleration, jerk])


def _difference(count: int, order: int) -> Any:
    """Sparse ``(count - order, count)``: differences of neighbours, so often."""
    from scipy import sparse

    weights = [(-1.0) ** (order - k) * comb(order, k) for k in range(order + 1)]
    return sparse.diags(weights, range(order + 1), (count - order, count), "csr")


def _seconds(time_s: Values) -> Values:
    """What each frame stands for."""
    if len(time_s) < 2:
        return np.ones(len(time_s))
    return np.minimum(np.gradient(time_s), KNOT_S)


@dataclass(frozen=True, slots=True, eq=False)
class _DifferenceStep:
    """A part of every frame's way off from where it should be."""

    sign: int
    length: Values  # (n,) at most; infinite for the last of a side
    cost: Values  # (n,) of each unit of it


def _steps(shot: _PathShot, operator: Operator) -> tuple[Values, list[_DifferenceStep]]:
    """Where each frame should be, and the steps off from there, to each side in order."""
    seconds = _seconds(shot.time_s)
    aim = np.clip(shot.target, shot.low, shot.high)
    steps = []
    for sign, room in ((1, shot.high - aim), (-1, aim - shot.low)):
        dead_zone = np.minimum(operator.dead_zone, room)
        ends = [dead_zone, np.clip(room - shot.margin, dead_zone, room), room]
        lengths = [*np.diff(ends, axis=0, prepend=0.0), np.full(len(aim), np.inf)]
        costs = np.cumsum([operator.inside, operator.outside, operator.crowded])
        of_each = [*(cost * seconds for cost in costs), costs[-1] * seconds + _LIMIT_COST]
        steps += [_DifferenceStep(sign, *both) for both in zip(lengths, of_each, strict=True)]
    return aim, steps
