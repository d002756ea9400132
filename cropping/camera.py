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
        velocity, acceleration, jerk: cost of a second at 1 a second, a second squared, cubed.
    """

    dead_zone: float = 0.03
    inside: float = 1.0
    outside: float = 6.0
    velocity: float = 1.0
    acceleration: float = 3.0
    jerk: float = 0.02


def steady_path(
    time_s: Values,
    target: Values,
    low: Values,
    high: Values,
    *,
    operator: Operator,
) -> Values:
    """The steadiest path past ``target`` between two limits, ``(n,)``.

    Args:
        time_s: ``(n,)`` rising; the frames.
        target: ``(n,)`` where the camera should be.
        low: ``(n,)`` least that it may be.
        high: ``(n,)`` most that it may be, not below ``low``.
        operator: what is a move worth.
    """
    if not len(time_s):
        return np.zeros(0)
    knots = _Knots(float(time_s[0]), float(time_s[-1]))
    known = np.zeros(0)
    while len(known) < knots.count:
        known = np.append(known, _next_part(knots, known, time_s, target, low, high, operator))
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


class _Knots:
    """A uniform cubic B-spline over a span of time."""

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s = first_s
        self.count = int((last_s - first_s) / KNOT_S) + _CUBIC

    def moment(self, knot: int) -> float:
        """From when on a coefficient has a say."""
        return self._first_s + (knot - _CUBIC + 1) * KNOT_S

    def basis(self, time_s: Values, first: int, end: int) -> Any:
        """Sparse ``(n, end - first)``: values at times from the coefficients ``first`` to ``end``.

        Each time must depend on these alone.
        """
        from scipy import sparse

        place = (time_s - self._first_s) / KNOT_S
        knot = np.clip(np.floor(place).astype(np.int64), 0, self.count - _CUBIC)
        f = place - knot
        weights = np.stack(
            [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3], axis=1
        )
        columns = knot[:, None] + np.arange(_CUBIC) - first
        rows = np.repeat(np.arange(len(time_s)), _CUBIC)
        shape = (len(time_s), end - first)
        return sparse.csr_matrix((weights.ravel() / 6, (rows, columns.ravel())), shape)


def _next_part(
    knots: _Knots,
    known: Values,
    time_s: Values,
    target: Values,
    low: Values,
    high: Values,
    operator: Operator,
) -> Values:
    """Some more coefficients, which go on smoothly from those that are ``known``."""
    first = max(len(known) - _CUBIC + 1, 0)
    wanted = len(known) + round(CHUNK_S / KNOT_S)
    end = min(wanted + round(OVERLAP_S / KNOT_S), knots.count)
    rows = slice(*np.searchsorted(time_s, [_from_s(knots, known), knots.moment(end)]))
    if end == knots.count:
        rows = slice(rows.start, len(time_s))
        wanted = end
    basis = knots.basis(time_s[rows], first, end)
    solved = _solve(
        basis, time_s[rows], target[rows], low[rows], high[rows], known[first:], operator
    )
    return solved[len(known) - first : wanted - first]


def _from_s(knots: _Knots, known: Values) -> float:
    return knots.moment(len(known)) if len(known) else -np.inf


def _solve(
    basis: Any,
    time_s: Values,
    target: Values,
    low: Values,
    high: Values,
    known: Values,
    operator: Operator,
) -> Values:
    """Coefficients of least cost; the first ones are ``known``."""
    from scipy import sparse
    from scipy.optimize import linprog

    count, frames = basis.shape[1], len(time_s)
    costs, above, bounds = _moves(count, operator)
    pieces = _place_costs(basis, _seconds(time_s), target, low, high, operator)
    moves, places = above.shape[1] - count, frames
    matrix = sparse.vstack(
        [
            sparse.hstack([above, sparse.csr_matrix((above.shape[0], places))]),
            *(
                sparse.hstack([slope, sparse.csr_matrix((frames, moves)), -sparse.eye(frames)])
                for slope, _ in pieces
            ),
        ]
    ).tocsr()
    limits = np.concatenate([bounds, *(limit for _, limit in pieces)])
    free: list[tuple[float | None, float | None]] = [(value, value) for value in known.tolist()]
    free += [(None, None)] * (count - len(known)) + [(0, None)] * (moves + places)
    found = linprog(
        np.concatenate([costs, np.ones(places)]), A_ub=matrix, b_ub=limits, bounds=free,
        method="highs",
    )  # fmt: skip
    if found.x is None:
        raise ValueError(f"a path must be found, got: {found.message}")
    return np.asarray(found.x[:count], np.float64)


def _moves(count: int, operator: Operator) -> tuple[Values, Any, Values]:
    """Costs, and the rows that make each further unknown the size of one difference."""
    from scipy import sparse

    weights = (operator.velocity, operator.acceleration, operator.jerk)
    costs, blocks = [np.zeros(count)], []
    for order, weight in enumerate(weights, start=1):
        rows = max(count - order, 0)
        difference = _difference(count, order) / KNOT_S**order
        costs.append(np.full(rows, weight * KNOT_S))
        blocks.append((difference, rows))
    sizes = [rows for _, rows in blocks]
    above = []
    for number, (difference, rows) in enumerate(blocks):
        bound = sparse.hstack(
            [-sparse.eye(rows) if n == number else sparse.csr_matrix((rows, size))
             for n, size in enumerate(sizes)]
        )  # fmt: skip
        above += [sparse.hstack([difference, bound]), sparse.hstack([-difference, bound])]
    matrix = sparse.vstack(above)
    return np.concatenate(costs), matrix, np.zeros(matrix.shape[0])


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


def _place_costs(
    basis: Any, seconds: Values, target: Values, low: Values, high: Values, operator: Operator
) -> list[tuple[Any, Values]]:
    """The lines whose highest is a frame's cost: steeper outside the dead zone and the limits.

    Each is ``slope @ coefficients - cost <= limit``.
    """
    from scipy import sparse

    pieces = []
    aim = np.clip(target, low, high)
    for sign, room in ((1, high - aim), (-1, aim - low)):
        slope, offset = np.zeros(len(aim)), np.zeros(len(aim))
        for more, from_on in (
            (operator.inside * seconds, np.zeros(len(aim))),
            (operator.outside * seconds, np.minimum(operator.dead_zone, room)),
            (np.full(len(aim), _LIMIT_COST), room),
        ):
            slope = slope + more
            offset = offset + more * from_on
            pieces.append((sparse.diags(sign * slope) @ basis, sign * slope * aim + offset))
    return pieces
