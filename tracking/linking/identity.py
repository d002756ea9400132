"""Assign a person to each tracklet, using all its frames and all tracklets jointly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from data.core.arrays import UNKNOWN
from tracking.detection.detections import Detections

_FLOOR: Final = 0.05
"""Added to every score, so that 0.001 is no stronger evidence against a person than 0.01."""
STRANGER_SCORE: Final = 0.15
"""Typical score of each person on the face of a stranger."""
_SOLVER_LIMIT_S: Final = 10.0
"""Time limit for one group of tracklets, after which the best solution so far is used."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Thresholds for assigning a person to a tracklet; evidence is in nats relative to a stranger.

    The field names are keys in project.json.

    Args:
        least: minimum evidence.
        least_score: minimum of `tracklet_scores`, 0 to 1.
        margin: minimum lead over the best alternative, see `assign_people`.
        vote: evidence that one recognised face adds for its person.
        wrong_vote: evidence that one recognised face subtracts for every other person.
    """

    least: float = 1.0
    least_score: float = 0.2
    margin: float = 3.0
    vote: float = 2.0
    wrong_vote: float = 2.0


def assign_people(
    detections: Detections,
    tracklet: NDArray[np.int32],
    votes: NDArray[np.int64],
    *,
    settings: IdentitySettings | None = None,
) -> NDArray[np.int64]:
    """Assign a person to each tracklet.

    Tracklets that share a frame are different people. The assignment with the most evidence wins.
    Tracklets without a clear lead over their alternatives then become unknown.

    Args:
        detections: the boxes.
        tracklet: number of each box's tracklet, ``(n,)`` from 0; -1 for none.
        votes: evidence column of the person each box's face was recognised as, ``(n,)``; -1 for
            none.
        settings: thresholds; None for the defaults.

    Returns:
        The evidence column of each tracklet's person, ``(t,)``; -1 if unknown.
    """
    settings = settings or IdentitySettings()
    evidence = tracklet_evidence(detections, tracklet, votes, settings)
    evidence[tracklet_scores(detections, tracklet, votes) < settings.least_score] = -np.inf
    person = np.full(len(evidence), UNKNOWN, np.int64)
    for group, shared_frames in _groups(detections.frame_index, tracklet, len(evidence)):
        gain = evidence[group] - settings.least
        best = _best_assignment(gain, shared_frames)
        person[group] = _with_clear_lead(gain, best, shared_frames, settings.margin)
    return person


def tracklet_evidence(
    detections: Detections,
    tracklet: NDArray[np.int32],
    votes: NDArray[np.int64],
    settings: IdentitySettings,
) -> NDArray[np.float64]:
    """Return the evidence of each tracklet for each person, ``(t, p)`` nats relative to a stranger.

    Neighbouring frames are correlated, so n of them count as the square root of n. The same
    applies to recognised faces. A box is weighted by the score of its best person.

    Args:
        detections: the boxes.
        tracklet: number of each box's tracklet, ``(n,)`` from 0; -1 for none.
        votes: evidence column of the person each box's face was recognised as, ``(n,)``; -1 for
            none.
        settings: weights of the votes.
    """
    count = int(tracklet.max(initial=-1)) + 1
    score = detections.evidence.astype(np.float64)
    log_odds = np.log((score + _FLOOR) / (STRANGER_SCORE + _FLOOR))
    weight = score.max(axis=1, initial=0)
    rows = tracklet >= 0
    total, summed = np.zeros(count), np.zeros((count, detections.people))
    np.add.at(total, tracklet[rows], weight[rows])
    np.add.at(summed, tracklet[rows], (log_odds * weight[:, None])[rows])
    faces = np.zeros((count, detections.people))
    voted = rows & (votes >= 0)
    np.add.at(faces, (tracklet[voted], votes[voted]), 1)
    root = np.sqrt(faces)
    against = root.sum(axis=1, keepdims=True) - root
    by_face = settings.vote * root - settings.wrong_vote * against
    return np.asarray(summed / np.sqrt(np.maximum(total, 1e-9))[:, None] + by_face, np.float64)


def tracklet_scores(
    detections: Detections, tracklet: NDArray[np.int32], votes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean box score of each tracklet, ``(t,)`` 0..1, weighted by the score itself.

    The boxes of recognised faces score 1.

    Args:
        detections: the boxes.
        tracklet: number of each box's tracklet, ``(n,)`` from 0; -1 for none.
        votes: evidence column of the person each box's face was recognised as, ``(n,)``; -1 for
            none.
    """
    count = int(tracklet.max(initial=-1)) + 1
    score = detections.evidence.max(axis=1, initial=0).astype(np.float64)
    score = np.where(votes >= 0, 1.0, score)
    rows = tracklet >= 0
    total, squares = np.zeros(count), np.zeros(count)
    np.add.at(total, tracklet[rows], score[rows])
    np.add.at(squares, tracklet[rows], score[rows] ** 2)
    return np.asarray(squares / np.maximum(total, 1e-9), np.float64)


_SharedFrames = list[NDArray[np.int64]]
"""Sets of tracklets that share a frame, each ``(k,)`` tracklet numbers or rows of a group."""


def _groups(
    frame_index: NDArray[np.int64], tracklet: NDArray[np.int32], count: int
) -> Iterator[tuple[NDArray[np.int64], _SharedFrames]]:
    """Yield groups of tracklets with interdependent assignments, and their shared frames."""
    shared_frames = _shared_frames(frame_index, tracklet)
    pairs = [(int(s[0]), int(other)) for s in shared_frames for other in s[1:]]
    links = np.array(pairs, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    groups, group_of = connected_components(graph, directed=False)
    row_in_group = np.zeros(count, np.int64)
    members = [np.flatnonzero(group_of == group) for group in range(groups)] if count else []
    frames_of_group: list[_SharedFrames] = [[] for _ in members]
    for rows in members:
        row_in_group[rows] = np.arange(len(rows))
    for tracklets in shared_frames:
        frames_of_group[group_of[tracklets[0]]].append(row_in_group[tracklets])
    yield from zip(members, frames_of_group, strict=True)


def _shared_frames(frame_index: NDArray[np.int64], tracklet: NDArray[np.int32]) -> _SharedFrames:
    """Return the distinct sets of two or more tracklets in one frame."""
    rows = np.flatnonzero(tracklet >= 0)
    starts = np.flatnonzero(np.diff(frame_index[rows], prepend=-1))
    frames = np.split(tracklet[rows], starts[1:])
    # A face and its body are two rows of one tracklet.
    sets = {tuple(sorted(set(frame.tolist()))) for frame in frames if len(frame) > 1}
    return [np.array(tracklets, np.int64) for tracklets in sorted(sets) if len(tracklets) > 1]


def _best_assignment(gain: NDArray[np.float64], shared_frames: _SharedFrames) -> NDArray[np.int64]:
    """Return the assignment with the highest sum of positive gains, ``(t,)``; -1 for none."""
    if not gain.size:
        return np.full(len(gain), UNKNOWN, np.int64)
    if not shared_frames:
        best = gain.argmax(axis=1)
        return np.where(gain.max(axis=1) > 0, best, UNKNOWN).astype(np.int64)
    tracklets, people = np.nonzero(gain > 0)
    if not len(tracklets):
        return np.full(len(gain), UNKNOWN, np.int64)
    exclusions = _exclusions(tracklets, people, shared_frames, gain.shape)
    solved = milp(
        -gain[tracklets, people],
        integrality=np.ones(len(tracklets)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(exclusions, ub=1),
        options={"time_limit": _SOLVER_LIMIT_S},
    )
    person = np.full(len(gain), UNKNOWN, np.int64)
    if solved.x is not None:
        chosen = solved.x > 0.5
        person[tracklets[chosen]] = people[chosen]
    return person


def _exclusions(
    tracklets: NDArray[np.int64],
    people: NDArray[np.int64],
    shared_frames: _SharedFrames,
    shape: tuple[int, int],
) -> csr_array:
    """Return the constraint matrix over the choices, ``(constraints, choices)`` of 0 and 1.

    A choice is a tracklet and a person. The choices of a row exclude each other: those of one
    tracklet, and those of one person for tracklets that share a frame.
    """
    choice = np.full(shape, -1, np.int64)
    choice[tracklets, people] = np.arange(len(tracklets))
    exclusive = [choice[row][choice[row] >= 0] for row in range(shape[0])]
    for sharing in shared_frames:
        for person in range(shape[1]):
            columns = choice[sharing, person]
            exclusive.append(columns[columns >= 0])
    exclusive = [columns for columns in exclusive if len(columns)]
    rows = np.repeat(np.arange(len(exclusive)), [len(columns) for columns in exclusive])
    columns = np.concatenate(exclusive)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(exclusive), len(tracklets)))


def _with_clear_lead(
    gain: NDArray[np.float64],
    person: NDArray[np.int64],
    shared_frames: _SharedFrames,
    margin: float,
) -> NDArray[np.int64]:
    """Return ``person`` with -1 for tracklets whose lead is below ``margin``.

    The tracklet with the smallest lead becomes unknown first, because that changes other leads.
    """
    person = person.copy()
    together = np.zeros((len(person), len(person)), np.bool_)  # whether two share a frame
    for rows in shared_frames:
        together[np.ix_(rows, rows)] = True
    while True:
        assigned = np.flatnonzero(person >= 0)
        leads = np.array([_lead(gain, person, int(t), together[t]) for t in assigned])
        if not len(assigned) or leads.min() >= margin:
            return person
        person[assigned[leads.argmin()]] = UNKNOWN


def _lead(
    gain: NDArray[np.float64], person: NDArray[np.int64], tracklet: int, together: NDArray[np.bool_]
) -> float:
    """Return the gain lost by assigning a tracklet its next best person.

    Tracklets of that person that share a frame with it are reassigned too: to this tracklet's
    person, or to none.
    """
    own = int(person[tracklet])
    cost = gain[tracklet, own] - gain[tracklet]
    affected = np.flatnonzero(together & (person >= 0) & (person != own))
    lost = gain[affected, person[affected]] - np.maximum(gain[affected, own], 0)
    np.add.at(cost, person[affected], lost)
    cost[own] = np.inf
    return float(cost.min())
