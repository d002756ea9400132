"""What people decided about the faces of one footage, as links between them.

Faces that somebody put to a person are one (must-link); they are nobody else, a face that somebody
threw out of a person is not that person, and neither are two people who were told apart
(cannot-link: Wagstaff et al., "Constrained k-means clustering with background knowledge", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from data.decisions import UNKNOWN, Labels, Reviewed


@dataclass(frozen=True, eq=False)
class Decided:
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

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Decided:
        """Return what was decided about some of the faces."""
        return Decided(self.person_id[rows], self.pinned[rows], self.never[rows], self.apart)

    def anything(self) -> bool:
        """Whether anything was."""
        return bool((self.pinned != UNKNOWN).any() or self.never.size or self.apart)


def decided_about(labels: Labels, reviewed: Reviewed) -> Decided:
    """Return what was decided about the faces of one footage, of ``labels``."""
    named = sorted(reviewed.names)
    # Whoever gives two names means two people.
    pairs = {(a, b) for i, a in enumerate(named) for b in named[i + 1 :]}
    return Decided(labels.person_id, labels.pinned, labels.never, reviewed.apart | pairs)


def separate_nodes(node: NDArray[np.int64], decided: Decided) -> NDArray[np.int64]:
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


def forbidden(
    node: NDArray[np.int64], other: NDArray[np.int64], decided: Decided
) -> NDArray[np.bool_]:
    """Which nodes must not come together with which others, ``(nodes, others)``.

    Args:
        node: ``(n,)`` node of each face, from 0; -1 in none.
        other: ``(n,)`` the same, of another kind; or the same array.
        decided: about these faces.
    """
    people = _people(decided)
    is_node, not_node = _is_and_is_not(node, people, decided)
    is_other, not_other = _is_and_is_not(other, people, decided)
    clash = not_node @ is_other.T + is_node @ not_other.T
    return np.asarray(clash > 0, np.bool_)


def _people(decided: Decided) -> NDArray[np.int64]:
    pairs = np.array(sorted(decided.apart), np.int64).reshape(-1)
    everybody = (decided.person_id, decided.pinned, decided.never.reshape(-1), pairs)
    people = np.unique(np.concatenate(everybody))
    return np.asarray(people[people != UNKNOWN], np.int64)


def _is_and_is_not(
    node: NDArray[np.int64], people: NDArray[np.int64], decided: Decided
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Whom each node holds faces of, and who it is not, ``(nodes, people)`` of 0 and 1."""
    size = int(node.max(initial=-1)) + 1
    holds = np.zeros((size, len(people)), np.float32)
    is_not = np.zeros_like(holds)
    put = decided.pinned != UNKNOWN
    person = np.where(put, decided.pinned, decided.person_id)
    rows = (node >= 0) & (person != UNKNOWN)
    holds[node[rows], np.searchsorted(people, person[rows])] = 1
    for column in decided.never.T:
        rows = (node >= 0) & (column != UNKNOWN)
        is_not[node[rows], np.searchsorted(people, column[rows])] = 1
    sure = np.unique(node[put & (node >= 0)])
    is_not[sure] = 1 - holds[sure]
    apart = np.zeros((len(people), len(people)), np.float32)
    for a, b in decided.apart:
        i, j = np.searchsorted(people, [a, b])
        apart[i, j] = apart[j, i] = 1
    return holds, np.minimum(is_not + holds @ apart, 1)
