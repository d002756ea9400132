"""Who is who across footages and runs: the clusters of each footage become people with numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from clustering.grouping import person_embeddings, person_weights
from clustering.joining import clear_nearest, once_a_frame
from clustering.numbering import by_first_sight, renumbered
from clustering.linkage import Distance, Groups, average_linkage, groups_of
from data.faces import Faces
from data.people import UNKNOWN, Assignments
from data.same_faces import same_faces

_ACROSS = Distance(clothes_share=0.0, poor_share=0.3)
"""People change clothes between footages, and poor faces of two strangers pass for one person."""
_LINK_ACROSS = 1.02  # eps


@dataclass(frozen=True, eq=False)
class Clustered:
    """One footage's faces, sorted into clusters, and whose they were in the run before."""

    faces: Faces
    cluster: NDArray[np.int64]  # (n,) from 0; -1 unknown
    before: Assignments
    seconds_a_face: float  # the sampling interval


def identify(
    footages: Mapping[str, Clustered],
    *,
    eps: float,
    next_person_id: int,
    whole: Collection[int] = (),
) -> dict[str, NDArray[np.int64]]:
    """Give every cluster of every footage a person's number; return each face's, -1 unknown.

    Clusters of different footages are one person where their faces are alike. A cluster that was
    a person in the run before stays that person; new people are numbered from
    ``next_person_id`` on, by how long they are seen.

    Args:
        footages: by name.
        eps: as in the clustering.
        next_person_id: number of the first new person.
        whole: people whom somebody put together by hand: every cluster of a footage that was
            mostly theirs stays theirs, and not only the largest.
    """
    nodes = _Nodes(footages, whole)
    joined = _join_across(nodes, eps)
    numbers = _numbers(nodes, joined, next_person_id)
    person = np.full(len(nodes.of_face), UNKNOWN, np.int64)
    clustered = nodes.of_face != UNKNOWN
    person[clustered] = numbers[joined[nodes.of_face[clustered]]]
    person = _adopt_left_over(nodes, person, eps)
    # Beyond the last footage's end, split gives one piece more, of nothing.
    return dict(zip(footages, np.split(person, nodes.ends), strict=False))


class _Nodes:
    """The clusters of all footages, numbered through."""

    def __init__(self, footages: Mapping[str, Clustered], whole: Collection[int]) -> None:
        entries = list(footages.values())
        sizes = [int(entry.cluster.max(initial=UNKNOWN)) + 1 for entry in entries]
        first = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        shifted = [
            np.where(entry.cluster == UNKNOWN, UNKNOWN, entry.cluster + start)
            for entry, start in zip(entries, first, strict=True)
        ]
        faces = [entry.faces for entry in entries]
        self.ends = np.cumsum([len(table) for table in faces])
        self.count = int(sum(sizes))
        self.footage = np.repeat(np.arange(len(entries)), sizes)
        self.of_face = np.concatenate([np.zeros(0, np.int64), *shifted])
        self.face_footage = np.repeat(np.arange(len(entries)), [len(table) for table in faces])
        self.frame = _numbered_frames(faces)
        self.embedding = np.concatenate([np.zeros((0, 128)), *map(person_embeddings, faces)])
        self.weight = np.concatenate([np.zeros(0), *map(person_weights, faces)])
        self.seconds = np.concatenate(
            [np.zeros(0), *(np.full(len(e.faces), e.seconds_a_face) for e in entries)]
        )
        self.known = self._known_people(entries, whole)

    def _known_people(self, entries: list[Clustered], whole: Collection[int]) -> NDArray[np.int64]:
        """Person that each node was in the run before, ``(count,)``; -1 for none."""
        known = np.full(self.count, UNKNOWN, np.int64)
        starts = np.concatenate([[0], self.ends])
        for number, entry in enumerate(entries):
            own = np.flatnonzero(self.footage == number)
            if len(own):
                cluster = self.of_face[starts[number] : starts[number + 1]]
                before = _persons_before(entry)
                known[own] = _best_votes(before, cluster - own[0], len(own), whole)
        return known

    def groups(self, label: NDArray[np.int64]) -> Groups:
        """Moments of groups of faces over all footages; clothes left out."""
        return groups_of(label, self.weight, self.embedding, np.zeros((len(label), 1)))


def _numbered_frames(footages: list[Faces]) -> NDArray[np.int64]:
    """Number of each face's frame, ``(n,)`` from 0 over all footages."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for faces in footages:
        numbers.append(by_first_sight(faces.frame_index) + first)
        first = int(numbers[-1].max(initial=first - 1)) + 1
    return np.concatenate(numbers)


def _persons_before(entry: Clustered) -> NDArray[np.int64]:
    """Person of each face in the run before, ``(n,)``: the same place at the same time."""
    faces, before = entry.faces, entry.before
    row = same_faces(faces.time_s, faces.xyxy, before.time_s, before.xyxy)
    person = np.append(before.person_id, UNKNOWN)
    return np.asarray(person[row], np.int64)


def _best_votes(
    person: NDArray[np.int64],
    cluster: NDArray[np.int64],
    clusters: int,
    whole: Collection[int],
) -> NDArray[np.int64]:
    """Person of each cluster, one to one, for the most faces in all; -1 where none is left."""
    voting = (person != UNKNOWN) & (cluster >= 0)
    people, column = np.unique(person[voting], return_inverse=True)
    votes = np.zeros((clusters, len(people)), np.int64)
    np.add.at(votes, (cluster[voting], column), 1)
    best = np.full(clusters, UNKNOWN, np.int64)
    rows, columns = linear_sum_assignment(-votes)
    elected = votes[rows, columns] > 0
    best[rows[elected]] = people[columns[elected]]
    if len(people):
        most = people[votes.argmax(axis=1)]
        mostly = 2 * votes.max(axis=1) > votes.sum(axis=1)
        left = (best == UNKNOWN) & mostly & np.isin(most, list(whole))
        best[left] = most[left]
    return best


def _join_across(nodes: _Nodes, eps: float) -> NDArray[np.int64]:
    """Cluster of nodes that are one person, ``(count,)``, from 0."""
    # Nodes that were one person stay one; then the rest, never two of one footage, for there
    # the footage itself has decided, and never two who were different people before.
    alone = np.arange(nodes.count) + nodes.known.max(initial=0) + 1
    start = renumbered(np.where(nodes.known == UNKNOWN, alone, nodes.known))
    if len(np.unique(nodes.footage)) < 2:
        return start
    size = int(start.max(initial=UNKNOWN)) + 1
    present = np.zeros((size, int(nodes.footage.max()) + 1), np.int64)
    present[start, nodes.footage] = 1
    was_known = np.zeros(size, np.bool_)
    was_known[start] = nodes.known != UNKNOWN
    cannot = (present @ present.T > 0) | np.outer(was_known, was_known)
    np.fill_diagonal(cannot, False)
    label = np.where(nodes.of_face == UNKNOWN, UNKNOWN, start[nodes.of_face])
    threshold = _LINK_ACROSS * eps
    joined = average_linkage(nodes.groups(label), cannot, distance=_ACROSS, threshold=threshold)
    return joined[start]


def _numbers(nodes: _Nodes, joined: NDArray[np.int64], next_id: int) -> NDArray[np.int64]:
    """Person number of each joined cluster: the known one, or a new one by time seen."""
    size = int(joined.max(initial=UNKNOWN)) + 1
    numbers = np.full(size, UNKNOWN, np.int64)
    known = nodes.known != UNKNOWN
    numbers[joined[known]] = nodes.known[known]
    inside = nodes.of_face != UNKNOWN
    seen_s = np.bincount(joined[nodes.of_face[inside]], nodes.seconds[inside], size)
    new = np.flatnonzero(numbers == UNKNOWN)
    by_time = new[np.argsort(-seen_s[new], kind="stable")]
    numbers[by_time] = next_id + np.arange(len(new))
    return numbers


def _adopt_left_over(nodes: _Nodes, person: NDArray[np.int64], eps: float) -> NDArray[np.int64]:
    """Give left-over faces of one footage to people of the others whom they clearly are."""
    left = np.flatnonzero(person == UNKNOWN)
    people = np.unique(person[person != UNKNOWN])
    if len(left) == 0 or len(people) == 0 or len(np.unique(nodes.face_footage)) < 2:
        return person
    label = np.where(person == UNKNOWN, UNKNOWN, np.searchsorted(people, person))
    one_each = np.full(len(person), UNKNOWN, np.int64)
    one_each[left] = np.arange(len(left))
    apart = _ACROSS(nodes.groups(one_each), nodes.groups(label))
    apart[_in_frame_with(nodes, left, label, len(people))] = np.inf
    column = clear_nearest(apart, limit=_LINK_ACROSS * eps)
    column = once_a_frame(column, apart, node=one_each, frame=nodes.frame)
    adopted = person.copy()
    adopted[left[column >= 0]] = people[column[column >= 0]]
    return adopted


def _in_frame_with(
    nodes: _Nodes, left: NDArray[np.int64], label: NDArray[np.int64], people: int
) -> NDArray[np.bool_]:
    """Whether a person was already found in a left-over face's frame, ``(left, people)``."""
    there = np.zeros((int(nodes.frame.max()) + 1, people), np.bool_)
    there[nodes.frame[label >= 0], label[label >= 0]] = True
    return np.asarray(there[nodes.frame[left]], np.bool_)
