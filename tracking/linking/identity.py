"""Whose a tracklet is: one decision from all its frames, for all tracklets together."""

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
"""Added to every score: one of 0.001 is no more against somebody than one of 0.01."""
STRANGER_SCORE: Final = 0.15
"""Score that somebody gets from a box that shows neither them nor anybody known."""
_LONGEST_S: Final = 10.0
"""For one group of tracklets; the best so far is taken then."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How much it takes to name a tracklet; evidence is in nats over a stranger's.

    Args:
        least: evidence that a named tracklet has, at least.
        least_score: mean score of the boxes that a named tracklet has, at least; boxes that name
            somebody count more, recognised faces fully.
        margin: by how much it must exceed that of everybody else who is not elsewhere.
        vote: evidence of one recognised face.
        wrong_vote: ... against everybody else.
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
    """Whose each tracklet is, ``(t,)`` as a column of the evidence; -1 nobody known, or unsure.

    Two tracklets in one frame are two people. The assignment with the most evidence is taken;
    then every tracklet whose name is not clear enough, given the others', loses it.

    Args:
        detections: the boxes.
        tracklet: number of each box's tracklet, ``(n,)`` from 0; -1 in none.
        votes: whom each box was recognised as by face, ``(n,)`` as a column; -1 as nobody.
        settings: how much it takes.
    """
    settings = settings or IdentitySettings()
    evidence = tracklet_evidence(detections, tracklet, votes, settings)
    evidence[tracklet_scores(detections, tracklet, votes) < settings.least_score] = -np.inf
    person = np.full(len(evidence), UNKNOWN, np.int64)
    for group, meetings in _groups(detections.frame_index, tracklet, len(evidence)):
        gain = evidence[group] - settings.least
        best = _most_evidence(gain, meetings)
        person[group] = _clear_ones(gain, best, meetings, settings.margin)
    return person


def tracklet_evidence(
    detections: Detections,
    tracklet: NDArray[np.int32],
    votes: NDArray[np.int64],
    settings: IdentitySettings,
) -> NDArray[np.float64]:
    """Evidence for every person of every tracklet, ``(t, p)``, in nats over a stranger's.

    Neighbouring frames say nearly the same, so n of them count as the square root of n; a box
    that names nobody counts little. The same holds for recognised faces.
    """
    count = int(tracklet.max(initial=-1)) + 1
    score = detections.evidence.astype(np.float64)
    says = np.log((score + _FLOOR) / (STRANGER_SCORE + _FLOOR))
    weight = score.max(axis=1, initial=0)
    rows = tracklet >= 0
    total, summed = np.zeros(count), np.zeros((count, detections.people))
    np.add.at(total, tracklet[rows], weight[rows])
    np.add.at(summed, tracklet[rows], (says * weight[:, None])[rows])
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
    """How sure the boxes of each tracklet are, ``(t,)`` 0..1, the surer ones counting more."""
    count = int(tracklet.max(initial=-1)) + 1
    score = detections.evidence.max(axis=1, initial=0).astype(np.float64)
    score = np.where(votes >= 0, 1.0, score)
    rows = tracklet >= 0
    total, squares = np.zeros(count), np.zeros(count)
    np.add.at(total, tracklet[rows], score[rows])
    np.add.at(squares, tracklet[rows], score[rows] ** 2)
    return np.asarray(squares / np.maximum(total, 1e-9), np.float64)


_Meetings = list[NDArray[np.int64]]
"""Sets of tracklets that share a frame, as rows of their group."""


def _groups(
    frame_index: NDArray[np.int64], tracklet: NDArray[np.int32], count: int
) -> Iterator[tuple[NDArray[np.int64], _Meetings]]:
    """Tracklets whose names depend on each other, and which of them meet."""
    meetings = _meetings(frame_index, tracklet)
    pairs = [(int(m[0]), int(other)) for m in meetings for other in m[1:]]
    links = np.array(pairs, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    groups, group_of = connected_components(graph, directed=False)
    place = np.zeros(count, np.int64)
    members = [np.flatnonzero(group_of == group) for group in range(groups)] if count else []
    of_group: list[_Meetings] = [[] for _ in members]
    for rows in members:
        place[rows] = np.arange(len(rows))
    for meeting in meetings:
        of_group[group_of[meeting[0]]].append(place[meeting])
    yield from zip(members, of_group, strict=True)


def _meetings(frame_index: NDArray[np.int64], tracklet: NDArray[np.int32]) -> _Meetings:
    """The sets of two and more tracklets that are in one frame, each set once."""
    rows = np.flatnonzero(tracklet >= 0)
    starts = np.flatnonzero(np.diff(frame_index[rows], prepend=-1))
    frames = np.split(tracklet[rows], starts[1:])
    found = {tuple(sorted(frame.tolist())) for frame in frames if len(frame) > 1}
    return [np.array(meeting, np.int64) for meeting in sorted(found)]


def _most_evidence(gain: NDArray[np.float64], meetings: _Meetings) -> NDArray[np.int64]:
    """The assignment with the highest sum of ``gain``, ``(t,)``; -1 where there is none above 0."""
    if not gain.size:
        return np.full(len(gain), UNKNOWN, np.int64)
    if not meetings:
        best = gain.argmax(axis=1)
        return np.where(gain.max(axis=1) > 0, best, UNKNOWN).astype(np.int64)
    tracklets, people = np.nonzero(gain > 0)
    if not len(tracklets):
        return np.full(len(gain), UNKNOWN, np.int64)
    limits = _limits(tracklets, people, meetings, gain.shape)
    solved = milp(
        -gain[tracklets, people],
        integrality=np.ones(len(tracklets)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(limits, ub=1),
        options={"time_limit": _LONGEST_S},
    )
    person = np.full(len(gain), UNKNOWN, np.int64)
    if solved.x is not None:
        taken = solved.x > 0.5
        person[tracklets[taken]] = people[taken]
    return person


def _limits(
    tracklets: NDArray[np.int64],
    people: NDArray[np.int64],
    meetings: _Meetings,
    shape: tuple[int, int],
) -> csr_array:
    """Rows of 0 and 1 over the choices: each row's choices exclude each other.

    One row a tracklet, since it is one person; one row a meeting and person.
    """
    choice = np.full(shape, -1, np.int64)
    choice[tracklets, people] = np.arange(len(tracklets))
    exclusive = [choice[row][choice[row] >= 0] for row in range(shape[0])]
    for meeting in meetings:
        for person in range(shape[1]):
            chosen = choice[meeting, person]
            exclusive.append(chosen[chosen >= 0])
    exclusive = [columns for columns in exclusive if len(columns)]
    rows = np.repeat(np.arange(len(exclusive)), [len(columns) for columns in exclusive])
    columns = np.concatenate(exclusive)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(exclusive), len(tracklets)))


def _clear_ones(
    gain: NDArray[np.float64],
    person: NDArray[np.int64],
    meetings: _Meetings,
    margin: float,
) -> NDArray[np.int64]:
    """``person`` without the names that might nearly as well be others.

    The least clear goes first, since without it those that it meets may be less clear.
    """
    person = person.copy()
    meets = np.zeros((len(person), len(person)), np.bool_)
    for meeting in meetings:
        meets[np.ix_(meeting, meeting)] = True
    while True:
        named = np.flatnonzero(person >= 0)
        leads = np.array([_lead(gain, person, int(t), meets[t]) for t in named])
        if not len(named) or leads.min() >= margin:
            return person
        person[named[leads.argmin()]] = UNKNOWN


def _lead(
    gain: NDArray[np.float64], person: NDArray[np.int64], tracklet: int, meets: NDArray[np.bool_]
) -> float:
    """What it would cost to give a tracklet the next best name.

    Where that is the name of others in the same frames, they change too: to this one's name, or
    to none.
    """
    own = int(person[tracklet])
    cost = gain[tracklet, own] - gain[tracklet]
    others = np.flatnonzero(meets & (person >= 0) & (person != own))
    holds = gain[others, person[others]] - np.maximum(gain[others, own], 0)
    np.add.at(cost, person[others], holds)
    cost[own] = np.inf
    return float(cost.min())
