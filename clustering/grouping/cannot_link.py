"""What keeps groups of faces apart: frames that show both, and what people decided about them.

Everything that a group is (a face of a frame, somebody's) and is not is a number; two groups
cannot come together where one is what the other is not. Groups are many and what each is is
little, so these are sparse matrices (cannot-link: Wagstaff et al., "Constrained k-means clustering
with background knowledge", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

_PAIRS_AT_ONCE = 1 << 14

Counts = Any  # csr_array of int64, (n, traits)


@dataclass(frozen=True, eq=False)
class CannotLink:
    """What each of n groups is and is not."""

    holds: Counts  # (n, traits) how many of its faces are this
    bars: Counts  # (n, traits) how many of its faces are not this
    both: Counts  # (n, traits) holds times bars, summed over what was merged: no clash of two
    apart: Counts  # (traits, traits) of two that are not one

    @classmethod
    def of(cls, holds: Counts, bars: Counts, apart: Counts) -> Self:
        """Take what single nodes are and are not; every number counts once."""
        holds, bars = (_ones(matrix) for matrix in (holds, bars))
        return cls(holds, bars, holds.multiply(bars).tocsr(), apart)

    @classmethod
    def exclusive(cls, node: NDArray[np.int64], trait: NDArray[np.int64], nodes: int) -> Self:
        """Of two nodes with one trait; ``node`` and ``trait`` are ``(n,)`` where -1 is none."""
        there = (node >= 0) & (trait >= 0)
        size = int(trait.max(initial=-1)) + 1
        holds = incidence(node[there], trait[there], (nodes, size))
        return cls.of(holds, holds, csr_array((size, size), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.holds.shape[0])

    def and_also(self, other: CannotLink) -> CannotLink:
        """Both reasons together, of the same groups."""
        first, second = self.apart.shape[0], other.apart.shape[0]
        apart = self.apart.tocoo(), other.apart.tocoo()
        rows = np.concatenate([apart[0].row, apart[1].row + first])
        columns = np.concatenate([apart[0].col, apart[1].col + first])
        size = first + second

        def beside(name: str) -> Counts:
            return hstack([getattr(self, name), getattr(other, name)], format="csr")

        told = incidence(rows, columns, (size, size))
        return CannotLink(beside("holds"), beside("bars"), beside("both"), told)

    def take(self, rows: NDArray[np.int64]) -> CannotLink:
        """Return some of the groups."""
        return CannotLink(self.holds[rows], self.bars[rows], self.both[rows], self.apart)

    def anything(self) -> bool:
        """Whether anything keeps any two apart."""
        return bool(self.bars.nnz or self.apart.nnz)

    def against(self, other: CannotLink) -> NDArray[np.bool_]:
        """Which of these cannot come together with which of the others, ``(n, m)``."""
        clash = self.bars @ other.holds.T + self._not_held() @ other.holds.T
        clash = clash + self.holds @ other.bars.T
        return np.asarray(clash.toarray() > 0, np.bool_)

    def of_pairs(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether groups ``i`` cannot come together with the same row of ``j``, ``(n,)``."""
        clash = np.zeros(len(i), np.bool_)
        for start in range(0, len(i) if self.anything() else 0, _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            a, b = self.take(i[some]), self.take(j[some])
            found = a.bars.multiply(b.holds).sum(axis=1) + a.holds.multiply(b.bars).sum(axis=1)
            if self.apart.nnz:
                found = found + a._not_held().multiply(b.holds).sum(axis=1)
            clash[some] = np.asarray(found).reshape(-1) > 0
        return clash

    def merged(self, label: NDArray[np.int64]) -> CannotLink:
        """Groups of groups: those with one number of ``label``, ``(n,)`` from 0, are one."""
        size = int(label.max(initial=-1)) + 1
        member = incidence(label, np.arange(len(label)), (size, len(label)))
        return CannotLink(member @ self.holds, member @ self.bars, member @ self.both, self.apart)

    def clashes_inside(self) -> NDArray[np.bool_]:
        """Whether a merged group holds two that cannot come together, ``(n,)``.

        It may be said of one whose single node has a clash in itself, but is never missed.
        """
        twice = self.holds.multiply(self.bars) - self.both
        clash = (twice > 0).sum(axis=1) + self._not_held().multiply(self.holds).sum(axis=1)
        return np.asarray(clash).reshape(-1) > 0

    def traits(self, row: int) -> tuple[set[int], set[int]]:
        """What one group is, and all that it is not."""
        one = self.take(np.array([row]))
        return set(one.holds.indices.tolist()), set((one.bars + one._not_held()).indices.tolist())

    def _not_held(self) -> Counts:
        """What is told apart from what a group holds."""
        return self.holds @ self.apart


def incidence(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]
) -> Counts:
    """How often each pair of a row and a column comes, of ``shape``."""
    ones = np.ones(len(rows), np.int64)
    matrix = csr_array((ones, (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _ones(matrix: Counts) -> Counts:
    matrix = matrix.copy()
    matrix.data[:] = 1
    return matrix
