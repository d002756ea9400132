"""Cannot-link constraints between groups of faces: shared frames and review decisions.

Every trait (a face of a certain frame, a face of a certain person) has a number, and each group
has traits and excludes traits: two groups cannot merge if one has what the other excludes. Groups
are many and have few traits each, so these are sparse matrices (cannot-link: Wagstaff et al.,
"Constrained k-means clustering with background knowledge", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from clustering.grouping.arrays import Labels, Rows

_PAIRS_AT_ONCE = 1 << 14

Counts = Any  # sparse csr_array of int64


@dataclass(frozen=True, eq=False)
class CannotLink:
    """Traits that each of n groups has and excludes."""

    holds: Counts  # (n, traits) number of its nodes with the trait
    bars: Counts  # (n, traits) number of its nodes that exclude the trait
    both: Counts  # (n, traits) holds * bars summed over its nodes: clashes inside single nodes
    apart: Counts  # (traits, traits) symmetric; nonzero for two traits that exclude each other

    @classmethod
    def of(cls, holds: Counts, bars: Counts, apart: Counts) -> Self:
        """Build constraints of single nodes.

        Args:
            holds: ``(n, traits)`` nonzero where a node has a trait.
            bars: ``(n, traits)`` nonzero where it excludes one.
            apart: ``(traits, traits)`` symmetric, nonzero for traits that exclude each other.
        """
        holds, bars = (_ones(matrix) for matrix in (holds, bars))
        return cls(holds, bars, holds.multiply(bars).tocsr(), apart)

    @classmethod
    def exclusive(cls, node: Labels, trait: Labels, nodes: int) -> Self:
        """Keep nodes apart that share a trait.

        Args:
            node: ``(n,)`` node of each face; -1 none.
            trait: ``(n,)`` trait of each face, such as its frame; -1 none.
            nodes: number of nodes.
        """
        known = (node >= 0) & (trait >= 0)
        size = int(trait.max(initial=-1)) + 1
        holds = incidence(node[known], trait[known], (nodes, size))
        return cls.of(holds, holds, csr_array((size, size), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.holds.shape[0])

    def and_also(self, other: CannotLink) -> CannotLink:
        """Return the constraints of both, of the same groups."""
        first, second = self.apart.shape[0], other.apart.shape[0]
        apart = self.apart.tocoo(), other.apart.tocoo()
        rows = np.concatenate([apart[0].row, apart[1].row + first])
        columns = np.concatenate([apart[0].col, apart[1].col + first])
        size = first + second

        def beside(name: str) -> Counts:
            return hstack([getattr(self, name), getattr(other, name)], format="csr")

        combined = incidence(rows, columns, (size, size))
        return CannotLink(beside("holds"), beside("bars"), beside("both"), combined)

    def take(self, rows: Rows) -> CannotLink:
        """Return the constraints of the groups in ``rows``, ``(m,)``."""
        return CannotLink(self.holds[rows], self.bars[rows], self.both[rows], self.apart)

    def any(self) -> bool:
        """Whether any two groups may be kept apart."""
        return bool(self.bars.nnz or self.apart.nnz)

    def against(self, other: CannotLink) -> NDArray[np.bool_]:
        """Return which of these groups cannot merge with which of ``other``, ``(n, m)``."""
        clash = self.bars @ other.holds.T + self._not_held() @ other.holds.T
        clash = clash + self.holds @ other.bars.T
        return np.asarray(clash.toarray() > 0, np.bool_)

    def of_pairs(self, i: Rows, j: Rows) -> NDArray[np.bool_]:
        """Return whether groups ``i[k]`` and ``j[k]`` cannot merge, ``(p,)``.

        Args:
            i: ``(p,)`` rows.
            j: ``(p,)`` rows.
        """
        clash = np.zeros(len(i), np.bool_)
        for start in range(0, len(i) if self.any() else 0, _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            a, b = self.take(i[some]), self.take(j[some])
            found = a.bars.multiply(b.holds).sum(axis=1) + a.holds.multiply(b.bars).sum(axis=1)
            if self.apart.nnz:
                found = found + a._not_held().multiply(b.holds).sum(axis=1)
            clash[some] = np.asarray(found).reshape(-1) > 0
        return clash

    def merged(self, label: Labels) -> CannotLink:
        """Merge the groups of equal ``label``, ``(n,)`` from 0."""
        size = int(label.max(initial=-1)) + 1
        member = incidence(label, np.arange(len(label)), (size, len(label)))
        return CannotLink(member @ self.holds, member @ self.bars, member @ self.both, self.apart)

    def clashes_inside(self) -> NDArray[np.bool_]:
        """Return whether a merged group holds two nodes that cannot merge, ``(n,)``.

        No clash is missed; a single node that clashes with itself may be reported too.
        """
        twice = self.holds.multiply(self.bars) - self.both
        clash = (twice > 0).sum(axis=1) + self._not_held().multiply(self.holds).sum(axis=1)
        return np.asarray(clash).reshape(-1) > 0

    def traits(self, row: int) -> tuple[set[int], set[int]]:
        """Return the traits that one group has, and all that it excludes."""
        one = self.take(np.array([row]))
        return set(one.holds.indices.tolist()), set((one.bars + one._not_held()).indices.tolist())

    def _not_held(self) -> Counts:
        """Return the traits excluded by ``apart``, ``(n, traits)``."""
        return self.holds @ self.apart


def incidence(rows: Rows, columns: Rows, shape: tuple[int, int]) -> Counts:
    """Count each pair of a row and a column in a sparse matrix of ``shape``.

    Args:
        rows: ``(n,)``.
        columns: ``(n,)``.
        shape: of the result.
    """
    ones = np.ones(len(rows), np.int64)
    matrix = csr_array((ones, (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _ones(matrix: Counts) -> Counts:
    matrix = matrix.copy()
    matrix.data[:] = 1
    return matrix
