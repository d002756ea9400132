"""What people decided about the faces of one footage, as links between them.

Faces that somebody put to a person are one (must-link); they are nobody else, a face that somebody
threw out of a person is not that person, and neither are two people who were told apart
(cannot-link, see :mod:`clustering.grouping.cannot_link`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.grouping.cannot_link import CannotLink, Counts, incidence
from data.core.arrays import UNKNOWN
from data.tables.decisions import Reviewed, ReviewedFaces


@dataclass(frozen=True, eq=False)
class ReviewConstraints:
    """Decisions about the faces of one footage.

    Raises:
        ValueError: a column is not of its shape.
    """

    person_id: NDArray[np.int64]  # (n,) whose they were before this run; -1 unknown
    pinned: NDArray[np.int64]  # (n,) to whom somebody put this very face; -1 nobody
    never: NDArray[np.int64]  # (n, k) whose this face is not; -1 fills up
    apart: frozenset[tuple[int, int]]  # people who are not one

    def __post_init__(self) -> None:
        n = len(self.person_id)
        if self.pinned.shape != (n,) or self.never.shape[:1] != (n,) or self.never.ndim != 2:
            shapes = self.pinned.shape, self.never.shape
            raise ValueError(f"pinned and never must be ({n},) and ({n}, k), got {shapes}")

    @classmethod
    def nothing(cls, faces: int) -> Self:
        """Return that nobody decided anything about so many faces."""
        nobody = np.full(faces, UNKNOWN, np.int64)
        return cls(nobody, nobody, np.zeros((faces, 0), np.int64), frozenset())

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> ReviewConstraints:
        """Return what was decided about some of the faces."""
        return ReviewConstraints(
            self.person_id[rows], self.pinned[rows], self.never[rows], self.apart
        )

    def anything(self) -> bool:
        """Whether anything was."""
        return bool((self.pinned != UNKNOWN).any() or self.never.size or self.apart)


def review_constraints(labels: ReviewedFaces, reviewed: Reviewed) -> ReviewConstraints:
    """Return what was decided about the faces of one footage, of ``labels``."""
    # Only who is here: of all names of an archive there may be millions of pairs.
    named = sorted(reviewed.names.keys() & _anybody(labels))
    # Whoever gives two names means two people.
    pairs = {(a, b) for i, a in enumerate(named) for b in named[i + 1 :]}
    return ReviewConstraints(labels.person_id, labels.pinned, labels.never, reviewed.apart | pairs)


def _anybody(labels: ReviewedFaces) -> set[int]:
    everybody = (labels.person_id, labels.pinned, labels.never.reshape(-1))
    return set(np.unique(np.concatenate(everybody)).tolist())


def separate_nodes(node: NDArray[np.int64], decided: ReviewConstraints) -> NDArray[np.int64]:
    """Return nodes in which no face is tied to others against a decision, ``(n,)`` of any numbers.

    All faces that were put to one person are one node; faces that were thrown out of their
    tracklet's person are one of their own.
    """
    if not decided.anything():
        return node
    keys = np.column_stack([node, decided.never, decided.pinned])
    put = decided.pinned != UNKNOWN
    keys[put, :-1] = UNKNOWN
    _, separate = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(separate, np.int64).reshape(-1)


def decided_links(node: NDArray[np.int64], nodes: int, decided: ReviewConstraints) -> CannotLink:
    """What each node is and is not by the decisions; of one ``decided``, any two go together.

    Args:
        node: ``(n,)`` node of each face, from 0; -1 in none.
        nodes: how many there are.
        decided: about these faces.
    """
    people = _people(decided)
    shape = (nodes, len(people))
    put = decided.pinned != UNKNOWN
    person = np.where(put, decided.pinned, decided.person_id)
    holds = _incidence(node, person, people, shape)
    sure = np.unique(node[put & (node >= 0)])
    not_sure = np.where(np.isin(node, sure), UNKNOWN, node)
    bars: Counts = csr_array(shape, dtype=np.int64)
    for column in decided.never.T:
        bars = bars + _incidence(not_sure, column, people, shape)
    # Who was put to somebody is nobody else.
    others = np.ones((len(sure), len(people)), np.bool_)
    others[holds[sure].nonzero()] = False
    rows, columns = np.nonzero(others)
    bars = bars + incidence(sure[rows], columns, shape)
    return CannotLink.of(holds, bars, _told_apart(people, decided))


def _people(decided: ReviewConstraints) -> NDArray[np.int64]:
    """Everybody whom a face is or is not; rising."""
    everybody = (decided.person_id, decided.pinned, decided.never.reshape(-1))
    people = np.unique(np.concatenate(everybody))
    return np.asarray(people[people != UNKNOWN], np.int64)


def _incidence(
    node: NDArray[np.int64],
    person: NDArray[np.int64],
    people: NDArray[np.int64],
    shape: tuple[int, int],
) -> Counts:
    there = (node >= 0) & (person != UNKNOWN)
    return incidence(node[there], np.searchsorted(people, person[there]), shape)


def _told_apart(people: NDArray[np.int64], decided: ReviewConstraints) -> Counts:
    """Of which two people it was said that they are not one, ``(people, people)``."""
    pairs = np.array(sorted(decided.apart), np.int64).reshape(-1, 2)
    pairs = pairs[np.isin(pairs, people).all(axis=1)]
    one, other = np.searchsorted(people, pairs).T
    both = np.concatenate([one, other]), np.concatenate([other, one])
    return incidence(*both, (len(people), len(people)))
