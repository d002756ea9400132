"""Cannot-link constraints between groups of faces: shared frames and review decisions.

A trait of a group is, for example, a face in a certain frame, or a face of a certain person. Each
group has some traits and excludes others: two groups cannot merge if one has a trait that the other
excludes. Traits are numbered, and stored in sparse matrices, since each group has few of them
(cannot-link: Wagstaff et al., "Constrained k-means clustering with background knowledge", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from clustering.grouping.arrays import Labels, Rows

_PAIRS_PER_BATCH = 1 << 14

Counts = Any  # sparse csr_array of int64


@dataclass(frozen=True, eq=False)
class CannotLink:
    """Traits that each of n groups has and excludes."""

    present: Counts  # (n, traits) number of the group's nodes that have the trait
    excluded: Counts  # (n, traits) number of the group's nodes that exclude the trait
    self_clashes: Counts  # (n, traits) sum of present * excluded over the group's nodes
    exclusive_traits: Counts  # (traits, traits) symmetric; nonzero if two traits exclude each other

    @classmethod
    def of(cls, present: Counts, excluded: Counts, exclusive_traits: Counts) -> Self:
        """Build the constraints of single nodes.

        Args:
            present: ``(n, traits)`` nonzero if a node has a trait.
            excluded: ``(n, traits)`` nonzero if a node excludes a trait.
            exclusive_traits: ``(traits, traits)`` symmetric, nonzero if two traits exclude each
                other.
        """
        present, excluded = (_ones(matrix) for matrix in (present, excluded))
        return cls(present, excluded, present.multiply(excluded).tocsr(), exclusive_traits)

    @classmethod
    def exclusive(cls, node: Labels, trait: Labels, nodes: int) -> Self:
        """Build constraints that separate nodes with a common trait.

        Args:
            node: ``(n,)`` node of each face; -1 none.
            trait: ``(n,)`` trait of each face, such as its frame; -1 none.
            nodes: number of nodes.
        """
        known = (node >= 0) & (trait >= 0)
        size = int(trait.max(initial=-1)) + 1
        present = incidence(node[known], trait[known], (nodes, size))
        return cls.of(present, present, csr_array((size, size), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.present.shape[0])

    def combined_with(self, other: CannotLink) -> CannotLink:
        """Combine two sets of constraints on the same groups."""
        first, second = self.exclusive_traits.shape[0], other.exclusive_traits.shape[0]
        pairs = self.exclusive_traits.tocoo(), other.exclusive_traits.tocoo()
        rows = np.concatenate([pairs[0].row, pairs[1].row + first])
        columns = np.concatenate([pairs[0].col, pairs[1].col + first])
        size = first + second

        def stacked(name: str) -> Counts:
            return hstack([getattr(self, name), getattr(other, name)], format="csr")

        combined = incidence(rows, columns, (size, size))
        return CannotLink(
            stacked("present"), stacked("excluded"), stacked("self_clashes"), combined
        )

    def take(self, rows: Rows) -> CannotLink:
        """Return the constraints of the groups in ``rows``, ``(m,)``."""
        return CannotLink(
            self.present[rows], self.excluded[rows], self.self_clashes[rows], self.exclusive_traits
        )

    def any(self) -> bool:
        """Whether any pair of groups may be constrained."""
        return bool(self.excluded.nnz or self.exclusive_traits.nnz)

    def conflicts_with(self, other: CannotLink) -> NDArray[np.bool_]:
        """Return which of these groups cannot merge with which of ``other``, ``(n, m)``."""
        clash = self.excluded @ other.present.T + self._excluded_by_rule() @ other.present.T
        clash = clash + self.present @ other.excluded.T
        return np.asarray(clash.toarray() > 0, np.bool_)

    def of_pairs(self, i: Rows, j: Rows) -> NDArray[np.bool_]:
        """Return whether groups ``i[k]`` and ``j[k]`` cannot merge, ``(p,)``.

        Args:
            i: ``(p,)`` row of the first group of each pair.
            j: ``(p,)`` row of the second group.
        """
        clash = np.zeros(len(i), np.bool_)
        for start in range(0, len(i) if self.any() else 0, _PAIRS_PER_BATCH):
            batch = slice(start, start + _PAIRS_PER_BATCH)
            a, b = self.take(i[batch]), self.take(j[batch])
            counts = a.excluded.multiply(b.present).sum(axis=1)
            counts = counts + a.present.multiply(b.excluded).sum(axis=1)
            if self.exclusive_traits.nnz:
                counts = counts + a._excluded_by_rule().multiply(b.present).sum(axis=1)
            clash[batch] = np.asarray(counts).reshape(-1) > 0
        return clash

    def merged(self, label: Labels) -> CannotLink:
        """Merge the groups of equal ``label``, ``(n,)`` from 0."""
        size = int(label.max(initial=-1)) + 1
        member = incidence(label, np.arange(len(label)), (size, len(label)))
        return CannotLink(
            member @ self.present,
            member @ self.excluded,
            member @ self.self_clashes,
            self.exclusive_traits,
        )

    def clashes_inside(self) -> NDArray[np.bool_]:
        """Return whether a merged group contains two nodes that cannot merge, ``(n,)``.

        No clash is missed, but a single node that clashes with itself may be reported too.
        """
        clashes = self.present.multiply(self.excluded) - self.self_clashes
        count = (clashes > 0).sum(axis=1)
        count = count + self._excluded_by_rule().multiply(self.present).sum(axis=1)
        return np.asarray(count).reshape(-1) > 0

    def traits(self, row: int) -> tuple[set[int], set[int]]:
        """Return the traits that a group has, and those that it excludes."""
        group = self.take(np.array([row]))
        excluded = group.excluded + group._excluded_by_rule()
        return set(group.present.indices.tolist()), set(excluded.indices.tolist())

    def _excluded_by_rule(self) -> Counts:
        """Return the traits excluded by ``exclusive_traits``, ``(n, traits)``."""
        return self.present @ self.exclusive_traits


def incidence(rows: Rows, columns: Rows, shape: tuple[int, int]) -> Counts:
    """Count each pair of a row and a column in a sparse matrix.

    Args:
        rows: ``(n,)`` row of each pair.
        columns: ``(n,)`` column of each pair.
        shape: shape of the matrix.
    """
    ones = np.ones(len(rows), np.int64)
    matrix = csr_array((ones, (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _ones(matrix: Counts) -> Counts:
    matrix = matrix.copy()
    matrix.data[:] = 1
    return matrix
