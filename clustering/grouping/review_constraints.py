"""Review decisions about the faces of one footage, as constraints for the clustering.

Faces that a reviewer assigned to one person form one node (must-link), with the faces between them
in their tracklets. They cannot belong to any other person, and two people who were marked as
different cannot be one (cannot-link, see :mod:`clustering.grouping.cannot_link`). A face that was
removed from a person says nothing about other faces: it stays in its tracklet while these are
linked, since without it the means of the groups, and so their people, would change. Then it belongs
to no person, unless it clearly belongs to another one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.arrays import Labels, Rows
from clustering.grouping.cannot_link import CannotLink, Counts, incidence
from data.core.arrays import UNKNOWN
from data.tables.decisions import Reviewed, ReviewedFaces


@dataclass(frozen=True, eq=False)
class ReviewConstraints:
    """Review decisions about the faces of one footage.

    Raises:
        ValueError: a column has the wrong shape.
    """

    person_id: NDArray[np.int64]  # (n,) person of each face before this run; -1 unknown
    pinned: NDArray[np.int64]  # (n,) person that a reviewer assigned the face to; -1 none
    never: NDArray[np.int64]  # (n, k) people that the face is not, padded with -1
    apart: frozenset[tuple[int, int]]  # pairs of people who are different

    def __post_init__(self) -> None:
        n = len(self.person_id)
        if self.pinned.shape != (n,) or self.never.shape[:1] != (n,) or self.never.ndim != 2:
            shapes = self.pinned.shape, self.never.shape
            raise ValueError(f"pinned and never must be ({n},) and ({n}, k), got {shapes}")

    @classmethod
    def empty(cls, faces: int) -> Self:
        """Return empty constraints for a number of faces."""
        unknown = np.full(faces, UNKNOWN, np.int64)
        return cls(unknown, unknown, np.zeros((faces, 0), np.int64), frozenset())

    def take(self, rows: Rows | NDArray[np.bool_]) -> ReviewConstraints:
        """Return the constraints of the faces in ``rows``, ``(m,)`` rows or an ``(n,)`` mask."""
        return ReviewConstraints(
            self.person_id[rows], self.pinned[rows], self.never[rows], self.apart
        )

    def equals(self, other: ReviewConstraints) -> bool:
        """Whether both have the same constraints on the same faces."""
        same = self.apart == other.apart and np.array_equal(self.person_id, other.person_id)
        return (
            same
            and np.array_equal(self.pinned, other.pinned)
            and np.array_equal(self.never, other.never)
        )

    def any(self) -> bool:
        """Whether there is any constraint."""
        return bool((self.pinned != UNKNOWN).any() or self.never.size or self.apart)

    def removed(self) -> NDArray[np.bool_]:
        """Return the faces that were removed from a person and assigned to no other, ``(n,)``."""
        is_removed = (self.never != UNKNOWN).any(axis=1) & (self.pinned == UNKNOWN)
        return np.asarray(is_removed, np.bool_)

    def without_removals(self) -> ReviewConstraints:
        """Return the constraints of the faces that no reviewer removed from a person."""
        return dataclasses.replace(self, never=self.never[:, :0])

    def with_tracklets(self, tracklet: NDArray[np.int32]) -> ReviewConstraints:
        """Assign the faces of tracklets to the person whom a reviewer assigned their neighbours to.

        The faces of another sampling are in no decision. Those between two assigned faces of one
        tracklet are the same person's; those between two people are nobody's, and a face that was
        another person's before remains so.

        Args:
            tracklet: ``(n,)`` tracklet of each face, in order of time; negative without one.
        """
        if not (self.pinned != UNKNOWN).any():
            return self
        person = np.where(self.pinned != UNKNOWN, self.pinned, self.person_id)
        linked = np.flatnonzero((tracklet >= 0) & ~self.removed())
        linked = linked[np.argsort(tracklet[linked], kind="stable")]
        person, group = person[linked], tracklet[linked]
        before, after = _last_known(person, group), _last_known(person[::-1], group[::-1])[::-1]
        before = np.where(before == UNKNOWN, after, before)
        after = np.where(after == UNKNOWN, before, after)
        person = np.where(before == after, before, UNKNOWN)
        keys = np.column_stack([group, person])
        run = np.cumsum(np.any(keys != np.roll(keys, 1, axis=0), axis=1))
        is_assigned = np.isin(run, run[self.pinned[linked] != UNKNOWN]) & (person != UNKNOWN)
        pinned = self.pinned.copy()
        pinned[linked[is_assigned]] = person[is_assigned]
        return dataclasses.replace(self, pinned=pinned)

    def removed_from_continued(self, cluster: Labels) -> NDArray[np.bool_]:
        """Return the faces in the main cluster of a person that they were removed from, ``(n,)``.

        Args:
            cluster: ``(n,)`` cluster of each face, from 0.
        """
        people = _people_of(self)
        if not len(people):
            return np.zeros(len(cluster), np.bool_)
        known = self.person_id != UNKNOWN
        column = np.searchsorted(people, self.person_id[known])
        votes = incidence(column, cluster[known], (len(people), int(cluster.max()) + 1))
        largest = np.asarray(votes.argmax(axis=1)).reshape(-1)
        continued = np.where(np.asarray(votes.sum(axis=1)).reshape(-1) > 0, largest, UNKNOWN)
        left = np.zeros(len(cluster), np.bool_)
        for person in self.never.T:
            concerned = person != UNKNOWN
            place = np.searchsorted(people, person[concerned])
            left[concerned] |= continued[place] == cluster[concerned]
        return left & self.removed()

    def rejects(self, label: Labels, joins: Labels) -> NDArray[np.bool_]:
        """Return the faces that were removed from the person whom they would join, ``(n,)``.

        Args:
            label: ``(n,)`` cluster of each face; -1 none.
            joins: ``(n,)`` cluster that a face without cluster would join; -1 none.
        """
        people = _people_of(self)
        clustered = (label != UNKNOWN) & (self.person_id != UNKNOWN)

        def pairs(cluster: Labels, person: Labels) -> Labels:
            return cluster * len(people) + np.searchsorted(people, person)

        present = np.unique(pairs(label[clustered], self.person_id[clustered]))
        rejected = np.zeros(len(label), np.bool_)
        for person in self.never.T:
            concerned = (joins != UNKNOWN) & (person != UNKNOWN)
            rejected[concerned] |= np.isin(pairs(joins[concerned], person[concerned]), present)
        return rejected


def review_constraints(labels: ReviewedFaces, reviewed: Reviewed) -> ReviewConstraints:
    """Collect the constraints on the faces of one footage, whose decisions are ``labels``."""
    # Only people of this footage: the names of a large archive would form millions of pairs.
    named = sorted(reviewed.names.keys() & set(_people_of(labels).tolist()))
    # People with different names are different.
    pairs = {(a, b) for i, a in enumerate(named) for b in named[i + 1 :]}
    return ReviewConstraints(
        labels.person_id, labels.pinned, labels.never, reviewed.different | pairs
    )


def separate_nodes(node: Labels, constraints: ReviewConstraints) -> Labels:
    """Split and merge nodes so that none contradicts a decision.

    All faces that were assigned to one person become one node. Faces that were removed from their
    tracklet's person become separate nodes.

    Args:
        node: ``(n,)`` node of each face, any numbers.
        constraints: constraints on these faces.

    Returns:
        ``(n,)`` node of each face, any numbers.
    """
    if not constraints.any():
        return node
    keys = np.column_stack([node, constraints.never, constraints.pinned])
    pinned = constraints.pinned != UNKNOWN
    keys[pinned, :-1] = UNKNOWN
    _, separate = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(separate, np.int64).reshape(-1)


def review_links(node: Labels, nodes: int, constraints: ReviewConstraints) -> CannotLink:
    """Build the cannot-link constraints that follow from the decisions, except removed faces.

    The traits are people in ascending order, so links of the same ``constraints`` are comparable.

    Args:
        node: ``(n,)`` node of each face, from 0; -1 none.
        nodes: number of nodes.
        constraints: constraints on these faces.
    """
    people = _people_of(constraints)
    shape = (nodes, len(people))
    pinned = constraints.pinned != UNKNOWN
    person = np.where(pinned, constraints.pinned, constraints.person_id)
    present = _incidence(node, person, people, shape)
    pinned_nodes = np.unique(node[pinned & (node >= 0)])
    # A node assigned to a person excludes all other people.
    is_excluded = np.ones((len(pinned_nodes), len(people)), np.bool_)
    is_excluded[present[pinned_nodes].nonzero()] = False
    rows, columns = np.nonzero(is_excluded)
    excluded = incidence(pinned_nodes[rows], columns, shape)
    return CannotLink.of(present, excluded, _apart(people, constraints))


def _last_known(person: Labels, group: NDArray[np.int32]) -> Labels:
    """Return the last known person up to each face of its group, ``(n,)``; -1 none.

    Args:
        person: ``(n,)`` person of each face; -1 unknown.
        group: ``(n,)`` group of each face, together.
    """
    rows = np.arange(len(person))
    last = np.maximum.accumulate(np.where(person != UNKNOWN, rows, -1))
    known = (last >= 0) & (group[last] == group)
    return np.where(known, person[last], UNKNOWN)


def _people_of(labels: ReviewConstraints | ReviewedFaces) -> NDArray[np.int64]:
    """Return all people that the labels refer to, ``(p,)`` ascending."""
    person_ids = (labels.person_id, labels.pinned, labels.never.reshape(-1))
    people = np.unique(np.concatenate(person_ids))
    return np.asarray(people[people != UNKNOWN], np.int64)


def _incidence(
    node: Labels,
    person: Labels,
    people: NDArray[np.int64],
    shape: tuple[int, int],
) -> Counts:
    known = (node >= 0) & (person != UNKNOWN)
    return incidence(node[known], np.searchsorted(people, person[known]), shape)


def _apart(people: NDArray[np.int64], constraints: ReviewConstraints) -> Counts:
    """Return which pairs of people were marked as different, ``(p, p)`` symmetric."""
    pairs = np.array(sorted(constraints.apart), np.int64).reshape(-1, 2)
    pairs = pairs[np.isin(pairs, people).all(axis=1)]
    first, second = np.searchsorted(people, pairs).T
    symmetric = np.concatenate([first, second]), np.concatenate([second, first])
    return incidence(*symmetric, (len(people), len(people)))
