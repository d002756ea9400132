"""Match clusters across footages and runs: each becomes a person with a number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustering.grouping.arrays import Labels, Rows
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.footage import person_embeddings, person_weights
from clustering.grouping.large_linkage import link
from clustering.grouping.leftovers import match_leftovers, one_per_frame
from clustering.grouping.linkage import Distance, Groups, groups_of
from clustering.grouping.relabel import by_first_row, renumbered
from data.core.arrays import UNKNOWN
from data.tables.face_match import same_faces
from data.tables.faces import Faces
from data.tables.people import Assignments

_ACROSS = Distance(clothes_share=0.0, poor_share=0.3)
"""Clothes change between footages, and poor faces of two strangers look like one person."""
_LINK_ACROSS = 1.02  # eps


@dataclass(frozen=True, eq=False)
class ClusteredFootage:
    """The faces of one footage with their clusters and the people of the previous run."""

    faces: Faces
    cluster: Labels  # (n,) from 0; -1 unknown
    before: Assignments  # of the previous run
    seconds_a_face: float  # the sampling interval


def identify(
    footages: Mapping[str, ClusteredFootage],
    *,
    eps: float,
    next_person_id: int,
    whole: Collection[int] = (),
) -> dict[str, Labels]:
    """Give every cluster of every footage a person's number.

    Clusters of different footages with similar faces are one person. A cluster that was a person in
    the previous run stays that person; new people are numbered from ``next_person_id``, by time on
    screen.

    Args:
        footages: by name.
        eps: as in the clustering.
        next_person_id: number of the first new person.
        whole: people that a reviewer composed: every cluster of a footage with a majority of their
            faces stays theirs, not only the largest.

    Returns:
        By footage, ``(n,)`` person of each face; -1 unknown.
    """
    nodes = _Nodes(footages, whole)
    joined = _join_across(nodes, eps)
    numbers = _person_ids(nodes, joined, next_person_id)
    person = np.full(len(nodes.of_face), UNKNOWN, np.int64)
    clustered = nodes.of_face != UNKNOWN
    person[clustered] = numbers[joined[nodes.of_face[clustered]]]
    person = _adopt_leftovers(nodes, person, eps)
    # The last part, beyond the end of the last footage, is empty.
    return dict(zip(footages, np.split(person, nodes.ends), strict=False))


class _Nodes:
    """The clusters of all footages, numbered consecutively."""

    def __init__(self, footages: Mapping[str, ClusteredFootage], whole: Collection[int]) -> None:
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
        self.footages = sum(len(table) > 0 for table in faces)
        self.footage = np.repeat(np.arange(len(entries)), sizes)
        self.of_face = np.concatenate([np.zeros(0, np.int64), *shifted])
        self.frame = _numbered_frames(faces)
        nothing = np.zeros((0, 128), np.float32)
        self.embedding = np.concatenate([nothing, *map(person_embeddings, faces)])
        self.weight = np.concatenate([np.zeros(0), *map(person_weights, faces)])
        self.seconds = np.concatenate(
            [np.zeros(0), *(np.full(len(e.faces), e.seconds_a_face) for e in entries)]
        )
        # Person of each node in the previous run, ``(count,)``; -1 none.
        known = [_best_votes(_persons_before(e), e.cluster, whole) for e in entries]
        self.known = np.concatenate([np.zeros(0, np.int64), *known])

    def groups(self, label: Labels) -> Groups:
        """Compute the moments of the groups of ``label``, ``(n,)``, without clothes."""
        return groups_of(label, self.weight, self.embedding, np.zeros((len(label), 1)))


def _numbered_frames(footages: list[Faces]) -> Labels:
    """Number the frames of all footages; return the frame of each face, ``(n,)`` from 0."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for faces in footages:
        numbers.append(by_first_row(faces.frame_index) + first)
        first = int(numbers[-1].max(initial=first - 1)) + 1
    return np.concatenate(numbers)


def _persons_before(entry: ClusteredFootage) -> Labels:
    """Return the person of each face in the previous run, by time and place, ``(n,)``."""
    faces, before = entry.faces, entry.before
    row = same_faces(faces.time_s, faces.xyxy, before.time_s, before.xyxy)
    person = np.append(before.person_id, UNKNOWN)
    return np.asarray(person[row], np.int64)


def _best_votes(person: Labels, cluster: Labels, whole: Collection[int]) -> Labels:
    """Match clusters to people one to one for the most faces; ``(clusters,)``, -1 none."""
    best = np.full(int(cluster.max(initial=UNKNOWN)) + 1, UNKNOWN, np.int64)
    voting = (person != UNKNOWN) & (cluster >= 0)
    votes, count = np.unique(
        np.stack([cluster[voting], person[voting]], axis=1), axis=0, return_counts=True
    )
    for some in _components(votes):
        clusters, row = np.unique(votes[some, 0], return_inverse=True)
        people, column = np.unique(votes[some, 1], return_inverse=True)
        table = np.zeros((len(clusters), len(people)), np.int64)
        table[row, column] = count[some]
        rows, columns = linear_sum_assignment(-table)
        elected = table[rows, columns] > 0
        best[clusters[rows[elected]]] = people[columns[elected]]
        most = people[table.argmax(axis=1)]
        mostly = 2 * table.max(axis=1) > table.sum(axis=1)
        left = (best[clusters] == UNKNOWN) & mostly & np.isin(most, list(whole))
        best[clusters[left]] = most[left]
    return best


def _components(votes: NDArray[np.int64]) -> list[Rows]:
    """Split the ``(v, 2)`` pairs of cluster and person into connected components of rows."""
    if not len(votes):
        return []
    clusters, row = np.unique(votes[:, 0], return_inverse=True)
    people, column = np.unique(votes[:, 1], return_inverse=True)
    size = len(clusters) + len(people)
    ones = np.ones(len(votes), np.int8)
    graph = coo_array((ones, (row, column + len(clusters))), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    of_vote = component[row]
    order = np.argsort(of_vote, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_vote[order])) + 1)


def _join_across(nodes: _Nodes, eps: float) -> Labels:
    """Link nodes across footages; return the cluster of each, ``(count,)`` from 0."""
    # Nodes that were one person stay one. Of the rest, two of one footage are never joined, since
    # the clustering of the footage kept them apart, nor two that were different people before.
    known = nodes.known != UNKNOWN
    alone = np.arange(nodes.count) + nodes.known.max(initial=0) + 1
    start = renumbered(np.where(known, nodes.known, alone))
    if len(np.unique(nodes.footage)) < 2:
        return start
    size = int(start.max(initial=UNKNOWN)) + 1
    of_footage = CannotLink.exclusive(start, nodes.footage, size)
    one_each = CannotLink.exclusive(start, np.where(known, 0, UNKNOWN), size)
    label = np.where(nodes.of_face == UNKNOWN, UNKNOWN, start[nodes.of_face])
    joined = link(
        nodes.groups(label),
        of_footage.and_also(one_each),
        distance=_ACROSS,
        threshold=_LINK_ACROSS * eps,
    )
    return joined[start]


def _person_ids(nodes: _Nodes, joined: Labels, next_id: int) -> Labels:
    """Return the person of each joined cluster: the known one, or a new one by time on screen."""
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


def _adopt_leftovers(nodes: _Nodes, person: Labels, eps: float) -> Labels:
    """Assign leftover faces of one footage to people of the others, where it is clear."""
    left = np.flatnonzero(person == UNKNOWN)
    people = np.unique(person[person != UNKNOWN])
    if len(left) == 0 or len(people) == 0 or nodes.footages < 2:
        return person
    label = np.where(person == UNKNOWN, UNKNOWN, np.searchsorted(people, person))
    one_each = np.full(len(person), UNKNOWN, np.int64)
    one_each[left] = np.arange(len(left))
    column, apart = match_leftovers(
        nodes.groups(one_each),
        nodes.groups(label),
        CannotLink.exclusive(one_each, nodes.frame, len(left)),
        CannotLink.exclusive(label, nodes.frame, len(people)),
        distance=_ACROSS,
        limit=_LINK_ACROSS * eps,
    )
    column = one_per_frame(column, apart, node=one_each, frame=nodes.frame)
    adopted = person.copy()
    adopted[left[column >= 0]] = people[column[column >= 0]]
    return adopted
