"""Match clusters across footages and runs, and assign person ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustering.faces.embedding_space import all_have_sface, face_embeddings, face_weights
from clustering.grouping.arrays import Labels, Rows
from clustering.grouping.calibration import DLIB, SFACE
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.large_linkage import link
from clustering.grouping.leftovers import match_leftovers, one_per_frame
from clustering.grouping.linkage import Groups, concatenated, groups_of, merged_groups
from clustering.grouping.relabel import by_first_row, renumbered
from data.core.arrays import UNKNOWN
from data.tables.face_match import same_faces
from data.tables.faces import Faces
from data.tables.people import Assignments


@dataclass(frozen=True, eq=False)
class ClusteredFootage:
    """The faces of one footage with their clusters and the people of the previous run."""

    faces: Faces
    cluster: Labels  # (n,) from 0; -1 unknown
    previous: Assignments  # people in the previous run
    seconds_per_face: float  # sampling interval
    former: Labels | None = None  # (n,) last person of faces that the previous run missed; -1 none


def identify(
    footages: Mapping[str, ClusteredFootage],
    *,
    eps: float,
    next_person_id: int,
    reviewed_people: Collection[int] = (),
) -> dict[str, Labels]:
    """Assign a person id to every cluster of every footage.

    Clusters of different footages with similar faces become one person. A cluster that was a person
    in the previous run keeps its id; new people are numbered from ``next_person_id``, by time on
    screen.

    Args:
        footages: clustered footages by name.
        eps: scale of all distances, as in `GroupingSettings`.
        next_person_id: id of the first new person.
        reviewed_people: people that a reviewer assigned faces to or merged. They keep every cluster
            in which most faces are theirs, not only the largest.

    Returns:
        ``(n,)`` person of each face, -1 unknown, by footage.
    """
    nodes = _Nodes(footages, reviewed_people)
    joined = _join_across(nodes, eps)
    numbers = _person_ids(nodes, joined, next_person_id)
    person = np.full(len(nodes.of_face), UNKNOWN, np.int64)
    clustered = nodes.of_face != UNKNOWN
    person[clustered] = numbers[joined[nodes.of_face[clustered]]]
    person = _adopt_leftovers(nodes, person, eps)
    # np.split also returns the empty array after the last footage.
    return dict(zip(footages, np.split(person, nodes.ends), strict=False))


class _Nodes:
    """The clusters of all footages, numbered consecutively."""

    def __init__(
        self, footages: Mapping[str, ClusteredFootage], reviewed_people: Collection[int]
    ) -> None:
        entries = list(footages.values())
        sizes = [int(entry.cluster.max(initial=UNKNOWN)) + 1 for entry in entries]
        first = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        shifted = [
            np.where(entry.cluster == UNKNOWN, UNKNOWN, entry.cluster + start)
            for entry, start in zip(entries, first, strict=True)
        ]
        self._faces = faces = [entry.faces for entry in entries]
        self.ends = np.cumsum([len(table) for table in faces])
        self.count = int(sum(sizes))
        self.footages = sum(len(table) > 0 for table in faces)
        self.footage = np.repeat(np.arange(len(entries)), sizes)
        self.of_face = np.concatenate([np.zeros(0, np.int64), *shifted])
        self.frame = _numbered_frames(faces)
        self._sface = all_have_sface(faces)
        self.calibration = SFACE if self._sface else DLIB
        self.seconds = np.concatenate(
            [np.zeros(0), *(np.full(len(e.faces), e.seconds_per_face) for e in entries)]
        )
        # Person of each node in the previous run, ``(count,)``; -1 none.
        previous = [
            _match_previous(_previous_people(e), e.cluster, reviewed_people) for e in entries
        ]
        matched = np.concatenate([np.zeros(0, np.int64), *previous])
        again = [_match_former(e, best, matched) for e, best in zip(entries, previous, strict=True)]
        self.previous = np.concatenate([np.zeros(0, np.int64), *again])

    def groups(self, label: Labels, *, clothes: bool = False) -> Groups:
        """Compute the moments of the groups of ``label``, ``(n,)``, each of one face or more."""
        # By footage: one copy of all embeddings and clothes would double their memory.
        parts, numbers = [], [np.zeros(0, np.int64)]
        for faces, of_footage in zip(self._faces, np.split(label, self.ends), strict=False):
            inside = of_footage != UNKNOWN
            number, local = np.unique(of_footage[inside], return_inverse=True)
            parts.append(self._moments(faces.take(inside), local, clothes=clothes))
            numbers.append(number)
        return merged_groups(concatenated(parts), np.concatenate(numbers))

    def _moments(self, faces: Faces, label: Labels, *, clothes: bool) -> Groups:
        weight = face_weights(faces, sface=self._sface)
        embedding = face_embeddings(faces, sface=self._sface)
        return groups_of(label, weight, embedding, faces.clothes if clothes else _none(faces))


def _none(faces: Faces) -> NDArray[np.float32]:
    """Return the histograms of faces whose clothes are not visible, with a single bin."""
    return np.zeros((len(faces), 1), np.float32)


def _numbered_frames(footages: list[Faces]) -> Labels:
    """Number the frames of all footages; return the frame of each face, ``(n,)`` from 0."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for faces in footages:
        numbers.append(by_first_row(faces.frame_index) + first)
        first = int(numbers[-1].max(initial=first - 1)) + 1
    return np.concatenate(numbers)


def _previous_people(entry: ClusteredFootage) -> Labels:
    """Return the person of each face in the previous run, by time and position, ``(n,)``."""
    faces, previous = entry.faces, entry.previous
    row = same_faces(faces.time_s, faces.xyxy, previous.time_s, previous.xyxy)
    person = np.append(previous.person_id, UNKNOWN)
    return np.asarray(person[row], np.int64)


def _match_previous(person: Labels, cluster: Labels, reviewed_people: Collection[int]) -> Labels:
    """Match clusters and people one to one, maximising the number of common faces.

    Args:
        person: ``(n,)`` person of each face in the previous run; -1 unknown.
        cluster: ``(n,)`` cluster of each face; -1 unknown.
        reviewed_people: see `identify`.

    Returns:
        ``(clusters,)`` person of each cluster; -1 none.
    """
    best = np.full(int(cluster.max(initial=UNKNOWN)) + 1, UNKNOWN, np.int64)
    voting = (person != UNKNOWN) & (cluster >= 0)
    votes, count = np.unique(
        np.stack([cluster[voting], person[voting]], axis=1), axis=0, return_counts=True
    )
    for component in _components(votes):
        clusters, row = np.unique(votes[component, 0], return_inverse=True)
        people, column = np.unique(votes[component, 1], return_inverse=True)
        table = np.zeros((len(clusters), len(people)), np.int64)
        table[row, column] = count[component]
        rows, columns = linear_sum_assignment(-table)
        matched = table[rows, columns] > 0
        best[clusters[rows[matched]]] = people[columns[matched]]
        main_person = people[table.argmax(axis=1)]
        has_majority = 2 * table.max(axis=1) > table.sum(axis=1)
        is_reviewed = np.isin(main_person, list(reviewed_people))
        kept = (best[clusters] == UNKNOWN) & has_majority & is_reviewed
        best[clusters[kept]] = main_person[kept]
    return best


def _match_former(entry: ClusteredFootage, best: Labels, matched: Labels) -> Labels:
    """Match the clusters that are no person of the previous run with those of earlier runs.

    Args:
        entry: a clustered footage.
        best: ``(clusters,)`` person of each cluster in the previous run; -1 none.
        matched: people of the previous run who have a cluster in any footage.

    Returns:
        ``(clusters,)`` ``best`` with the people of earlier runs.
    """
    if entry.former is None or not len(best):
        return best
    former = np.where(np.isin(entry.former, matched), UNKNOWN, entry.former)
    is_open = (entry.cluster != UNKNOWN) & (best[entry.cluster] == UNKNOWN)
    again = np.full_like(best, UNKNOWN)
    found = _match_previous(former, np.where(is_open, entry.cluster, UNKNOWN), ())
    again[: len(found)] = found
    return np.where(best == UNKNOWN, again, best)


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
    """Link nodes across footages; return the cluster of each node, ``(count,)`` from 0."""
    # Nodes of one person of the previous run start as one cluster. Clusters are never joined if
    # they share a footage, whose own clustering separated them, or were different people before.
    was_known = nodes.previous != UNKNOWN
    own_label = np.arange(nodes.count) + nodes.previous.max(initial=0) + 1
    initial = renumbered(np.where(was_known, nodes.previous, own_label))
    if len(np.unique(nodes.footage)) < 2:
        return initial
    size = int(initial.max(initial=UNKNOWN)) + 1
    of_footage = CannotLink.exclusive(initial, nodes.footage, size)
    of_person = CannotLink.exclusive(initial, np.where(was_known, 0, UNKNOWN), size)
    label = np.where(nodes.of_face == UNKNOWN, UNKNOWN, initial[nodes.of_face])
    joined = link(
        nodes.groups(label, clothes=True),
        of_footage.combined_with(of_person),
        distance=nodes.calibration.across,
        threshold=nodes.calibration.link_across * eps,
    )
    return joined[initial]


def _person_ids(nodes: _Nodes, joined: Labels, next_id: int) -> Labels:
    """Return the person of each joined cluster: its previous id, or a new one by time on screen."""
    size = int(joined.max(initial=UNKNOWN)) + 1
    numbers = np.full(size, UNKNOWN, np.int64)
    was_known = nodes.previous != UNKNOWN
    numbers[joined[was_known]] = nodes.previous[was_known]
    inside = nodes.of_face != UNKNOWN
    seen_s = np.bincount(joined[nodes.of_face[inside]], nodes.seconds[inside], size)
    new = np.flatnonzero(numbers == UNKNOWN)
    by_time = new[np.argsort(-seen_s[new], kind="stable")]
    numbers[by_time] = next_id + np.arange(len(new))
    return numbers


def _adopt_leftovers(nodes: _Nodes, person: Labels, eps: float) -> Labels:
    """Assign leftover faces to people of other footages, where the match is clear."""
    leftovers = np.flatnonzero(person == UNKNOWN)
    people = np.unique(person[person != UNKNOWN])
    if len(leftovers) == 0 or len(people) == 0 or nodes.footages < 2:
        return person
    label = np.where(person == UNKNOWN, UNKNOWN, np.searchsorted(people, person))
    node = np.full(len(person), UNKNOWN, np.int64)
    node[leftovers] = np.arange(len(leftovers))
    column, distance = match_leftovers(
        nodes.groups(node),
        nodes.groups(label),
        CannotLink.exclusive(node, nodes.frame, len(leftovers)),
        CannotLink.exclusive(label, nodes.frame, len(people)),
        distance=nodes.calibration.faces,
        limit=nodes.calibration.match * eps,
    )
    column = one_per_frame(column, distance, node=node, frame=nodes.frame)
    adopted = person.copy()
    adopted[leftovers[column >= 0]] = people[column[column >= 0]]
    return adopted
