"""Similarity of people and doubt about faces: what a review asks about first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.grouping.arrays import Floats
from clustering.grouping.footage import person_embeddings, person_weights
from clustering.grouping.linkage import Distance, Groups, groups_of
from clustering.output.montage import choose_faces
from data.core.arrays import UNKNOWN
from data.tables.faces import Faces

_ALIKE = Distance(clothes_share=0.0)
"""Without clothes: pairs may come from two footages."""
LIKELY = 0.8
"""Largest mean distance of two people that a review asks about, in dlib's space: two people are
usually about that far apart, the faces of one person half as far."""
_DISTANCES_AT_ONCE = 1 << 22
"""Distances computed together: 32 MB."""


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two people who look alike."""

    person_id: int
    other_id: int
    distance: float  # smaller is more alike; see clustering.grouping.linkage


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """Cached values of one assignment of faces to people."""

    person_id: NDArray[np.int64]  # (n,) person of each face
    people: NDArray[np.int64]  # (p,) people who have a face, rising
    groups: Groups  # p groups, their moments
    alike: tuple[AlikePair, ...]  # pairs who may be one person, the most alike first


@dataclass(frozen=True, slots=True, eq=False)
class _Portraits:
    """Cached choice among one person's faces."""

    rows: NDArray[np.int64]  # (n,) all faces of the person
    count: int
    chosen: NDArray[np.int64]  # (m,) rows, at most count


class Likeness:
    """Compare the faces of all footages; built once and queried often."""

    def __init__(self, faces: list[Faces]) -> None:
        """Take the faces of every footage; rows number them consecutively."""
        nothing = np.zeros((0, 128), np.float32)
        self._embedding = np.concatenate([nothing, *map(person_embeddings, faces)])
        self._square = np.einsum("ij,ij->i", self._embedding, self._embedding, dtype=np.float64)
        self._weight = np.concatenate([np.zeros(0), *map(person_weights, faces)])
        self._frame = _frame_numbers(faces)
        self._time_s = _timeline_s(faces)
        # Cache of the last query: pages send several about one assignment.
        self._latest: _People | None = None
        self._portraits: dict[int, _Portraits] = {}  # by person

    def __len__(self) -> int:
        return len(self._weight)

    def alike(
        self, person_id: NDArray[np.int64], *, apart: Collection[tuple[int, int]] = ()
    ) -> list[AlikePair]:
        """Return pairs of people who may be one, the most alike first.

        Two people in one frame are never such a pair.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown. Do not change the array
                afterwards: it is the key of the cache, here and in the other methods.
            apart: pairs who are known to differ, the smaller number first.
        """
        alike = self._people(person_id).alike
        return [pair for pair in alike if (pair.person_id, pair.other_id) not in apart]

    def doubts(self, person_id: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
        """Return how doubtful the person of some known faces is, ``(m,)``; larger is more doubtful.

        The distance to the face's own person, less half of that to the nearest other: a face unlike
        all others needs less similarity.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown.
            rows: ``(m,)`` known faces.
        """
        cached = self._people(person_id)
        own, doubt = np.searchsorted(cached.people, person_id[rows]), np.zeros(len(rows))
        for part, apart in self._distances(cached, rows):
            place = np.arange(len(apart)), own[part]
            doubt[part] = apart[place]
            if len(cached.people) > 1:
                apart[place] = np.inf
                doubt[part] -= apart.min(axis=1, initial=np.inf) / 2
        return doubt

    def likely(
        self, person_id: NDArray[np.int64], *, never: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the most similar person of each unknown face.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown.
            never: ``(n, k)`` people that a face is not of; -1 fills up.

        Returns:
            ``(n,)`` person, -1 for known faces and where none is possible; ``(n,)`` distance, inf
            likewise.
        """
        cached = self._people(person_id)
        people, rows = cached.people, np.flatnonzero(person_id == UNKNOWN)
        person = np.full(len(person_id), UNKNOWN, np.int64)
        distance = np.full(len(person_id), np.inf)
        if not len(people) or not len(rows):
            return person, distance
        for part, apart in self._distances(cached, rows):
            some = rows[part]
            for column in never[some].T if never is not None else ():
                barred = np.flatnonzero(np.isin(column, people))
                apart[barred, np.searchsorted(people, column[barred])] = np.inf
            nearest = apart.argmin(axis=1)
            distance[some] = apart[np.arange(len(some)), nearest]
            person[some] = np.where(np.isfinite(distance[some]), people[nearest], UNKNOWN)
        return person, distance

    def portraits(self, person: int, rows: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
        """Choose the best and most varied faces of a person; return their rows, ``(m,)`` rising.

        Args:
            person: key of the cache, which holds while the person's faces are the same.
            rows: ``(n,)`` all faces of the person; do not change the array afterwards.
            count: most faces to choose.
        """
        latest = self._portraits.get(person)
        if latest is not None and latest.count == count and np.array_equal(latest.rows, rows):
            return latest.chosen
        embedding = self._embedding[rows]
        weight = self._weight[rows].astype(np.float32)
        chosen = rows[choose_faces(embedding, weight, self._time_s[rows], count=count)]
        self._portraits[person] = _Portraits(rows, count, chosen)
        return chosen

    def _people(self, person_id: NDArray[np.int64]) -> _People:
        latest = self._latest
        if latest is not None and latest.person_id is person_id:
            return latest
        people = np.unique(person_id[person_id != UNKNOWN])
        if latest is None:
            groups = self._groups(person_id, people)
        else:
            moved = latest.person_id != person_id
            others = np.union1d(latest.person_id[moved], person_id[moved])
            same, new = np.setdiff1d(people, others), np.intersect1d(people, others)
            kept = _taken(latest.groups, np.searchsorted(latest.people, same))
            groups = _joined(kept, self._groups(person_id, new), np.argsort(np.r_[same, new]))
        alike = _alike(people, groups, self._together(person_id, people))
        self._latest = _People(person_id, people, groups, alike)
        return self._latest

    def _groups(self, person_id: NDArray[np.int64], people: NDArray[np.int64]) -> Groups:
        """Compute the moments of some people, ``(p,)``."""
        rows = np.flatnonzero(np.isin(person_id, people))
        label, nothing = np.searchsorted(people, person_id[rows]), np.zeros((len(rows), 1))
        return groups_of(label, self._weight[rows], self._embedding[rows], nothing)

    def _distances(
        self, cached: _People, rows: NDArray[np.int64]
    ) -> Iterator[tuple[slice, Floats]]:
        """Yield slices of ``rows`` and their distances to each mean face, ``(part, p)``."""
        mean = cached.groups.mean
        own = (mean**2).sum(axis=1)[None]
        step = max(_DISTANCES_AT_ONCE // max(len(mean), 1), 1)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            squares = self._square[rows[part], None] + own
            products = self._embedding[rows[part]].astype(np.float64) @ mean.T
            yield part, np.sqrt(np.maximum(squares - 2 * products, 0))

    def _together(
        self, person_id: NDArray[np.int64], people: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which people are in one frame together, ``(p, p)``."""
        known = person_id != UNKNOWN
        column = np.searchsorted(people, person_id[known])
        _, row = np.unique(self._frame[known], return_inverse=True)
        ones = np.ones(len(row), np.int32)
        seen = csr_array((ones, (row, column)), shape=(int(row.max(initial=-1)) + 1, len(people)))
        together = np.asarray((seen.T @ seen).toarray() > 0, np.bool_)
        np.fill_diagonal(together, False)
        return together


def _taken(groups: Groups, rows: NDArray[np.int64]) -> Groups:
    return Groups(*(getattr(groups, each.name)[rows] for each in fields(Groups)))


def _joined(some: Groups, others: Groups, order: NDArray[np.int64]) -> Groups:
    columns = ((getattr(some, each.name), getattr(others, each.name)) for each in fields(Groups))
    return Groups(*(np.concatenate(both)[order] for both in columns))


def _alike(
    people: NDArray[np.int64], groups: Groups, together: NDArray[np.bool_]
) -> tuple[AlikePair, ...]:
    if len(people) < 2:
        return ()
    distance = _ALIKE(groups, groups)
    distance[together] = np.inf
    pairs = [
        AlikePair(int(people[i]), int(people[j]), float(distance[i, j]))
        for i, j in zip(*np.nonzero(np.triu(distance <= LIKELY, 1)), strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.distance))


def _frame_numbers(faces: list[Faces]) -> NDArray[np.int64]:
    """Return a number of each face's frame, ``(n,)``, unique over all footages."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for table in faces:
        numbers.append(table.frame_index + first)
        first += int(table.frame_index.max(initial=0)) + 1
    return np.concatenate(numbers)


def _timeline_s(faces: list[Faces]) -> NDArray[np.float64]:
    """Return the time of each face in seconds, ``(n,)``, with the footages one after another."""
    times_s, first_s = [np.zeros(0)], 0.0
    for table in faces:
        times_s.append(table.time_s + first_s)
        first_s += float(table.time_s.max(initial=0)) + 60
    return np.concatenate(times_s)
