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

from dataclasses import dataclass
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
    shot = _Shot(time_s, target, low, high, margin)
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
class _Shot:
    """What the camera is to follow; see `steady_path`."""

    time_s: Values
    target: Values
    low: Values
    high: Values
    margin: float

    def part(self, rows: slice | NDArray[np.bool_]) -> _Shot:
        low, high = self.low[rows], self.high[rows]
        return _Shot(self.time_s[rows], self.target[rows], low, high, self.margin)


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


def _standing(shot: _Shot, operator: Operator) -> float | None:
    """Where the camera can stand all the time, if nothing is gained by a move."""
    if not len(shot.time_s):
        return 0.0
    aim = np.clip(shot.target, shot.low, shot.high)
    place = float(np.clip(np.median(aim), shot.low.max(), max(shot.high.min(), shot.low.max())))
    inside = shot.low.max() <= shot.high.min()
    return place if inside and np.abs(aim - place).max() <= operator.dead_zone else None


def _next_part(knots: _Knots, known: Values, shot: _Shot, operator: Operator) -> Values:
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


def _solve(basis: Any, shot: _Shot, known: Values, operator: Operator) -> Values:
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
    moves: _Moves, velocity: Values, basis: Any, shot: _Shot, known: Values, operator: Operator
) -> Values:
    """The unknowns: coefficients, the size of each of their differences, each frame's cost."""
    from scipy import sparse
    from scipy.optimize import linprog

    frames, count = basis.shape
    slopes, limit = _place_costs(basis, shot, operator)
    beside = sparse.csr_matrix((len(limit), moves.sizes))
    cost = sparse.csr_matrix(
        (np.full(len(limit), -1.0), np.arange(len(limit)) % frames, np.arange(len(limit) + 1)),
        (len(limit), frames),
    )
    none = sparse.csr_matrix((moves.rows.shape[0], frames))
    costs = [np.zeros(count), *moves.costs(velocity, operator), np.ones(frames)]
    bounds = np.zeros((count + moves.sizes + frames, 2))
    bounds[:, 1] = np.inf
    bounds[:count, 0] = -np.inf
    bounds[: len(known)] = known[:, None]
    found = linprog(
        np.concatenate(costs),
        A_ub=sparse.bmat([[moves.rows, none], [sparse.hstack([slopes, beside]), cost]], "csr"),
        b_ub=np.concatenate([np.zeros(moves.rows.shape[0]), limit]),
        bounds=bounds,
        method="highs",
    )
    if found.x is None:
        raise ValueError(f"a path must be found, got: {found.message}")
    return np.asarray(found.x[:count], np.float64)


class _Moves:
    """Differences of the first, second and third order, and an unknown for the size of each."""

    def __init__(self, count: int) -> None:
        from scipy import sparse

        differences = [_difference(count, order) / KNOT_S**order for order in (1, 2, 3)]
        self.sizes = sum(one.shape[0] for one in differences)
        difference, size = sparse.vstack(differences), -sparse.eye(self.sizes)
        self.rows: Any = sparse.vstack(
            [sparse.hstack([difference, size]), sparse.hstack([-difference, size])]
        )
        self._count = count

    def costs(self, velocity: Values, operator: Operator) -> list[Values]:
        """Of the sizes, in order."""
        return [
            velocity * KNOT_S,
            np.full(self._count - 2, operator.acceleration * KNOT_S),
            np.full(self._count - 3, operator.jerk * KNOT_S),
        ]


def _difference(count: int, order: int) -> Any:
    from scipy import sparse

    matrix = sparse.eye(count, format="csr")
    for _ in range(order):
        matrix = matrix[1:] - matrix[:-1]
    return matrix


def _seconds(time_s: Values) -> Values:
    """What each frame stands for."""
    if len(time_s) < 2:
        return np.ones(len(time_s))
    return np.minimum(np.gradient(time_s), KNOT_S)


def _place_costs(basis: Any, shot: _Shot, operator: Operator) -> tuple[Any, Values]:
    """The lines whose highest is a frame's cost: ``slope @ coefficients - cost <= limit``.

    To each side of the target, each is steeper than the one before, and begins farther off; the
    frames' first lines come first, then their second, and so on.
    """
    from scipy import sparse

    seconds = _seconds(shot.time_s)
    aim = np.clip(shot.target, shot.low, shot.high)
    slopes, limits = [], []
    for sign, room in ((1, shot.high - aim), (-1, aim - shot.low)):
        dead_zone = np.minimum(operator.dead_zone, room)
        slope, offset = np.zeros(len(aim)), np.zeros(len(aim))
        for more, from_on in (
            (operator.inside * seconds, np.zeros(len(aim))),
            (operator.outside * seconds, dead_zone),
            (operator.crowded * seconds, np.clip(room - shot.margin, dead_zone, room)),
            (np.full(len(aim), _LIMIT_COST), room),
        ):
            slope = slope + more
            offset = offset + more * from_on
            slopes.append(sign * slope)
            limits.append(sign * slope * aim + offset)
    every = sparse.vstack([basis] * len(slopes), "csr")
    return sparse.diags(np.concatenate(slopes)) @ every, np.concatenate(limits)
