"""Similarity of people and doubtfulness of faces, to order the questions of a review."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.faces.embedding_space import (
    all_have_sface,
    face_clarity,
    face_embeddings,
    face_weights,
)
from clustering.grouping.arrays import Floats
from clustering.grouping.linkage import Distance, Groups, groups_of
from clustering.output.montage import choose_faces
from data.core.arrays import UNKNOWN
from data.tables.faces import Faces

_ALIKE = Distance(clothes_share=0.0)
"""Clothes are ignored, because the people may be from different footages."""
LIKELY = 0.8
"""Maximum mean distance, in dlib's space, of two people whom a review suggests to merge: different
people are usually about that far apart, faces of one person half as far."""
_BLOCK_DISTANCES = 1 << 22
"""Distances computed per block: 32 MB."""


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two people who look alike."""

    person_id: int
    other_id: int
    distance: float  # smaller is more alike; see clustering.grouping.linkage


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """Values cached for one assignment of faces to people."""

    person_id: NDArray[np.int64]  # (n,) person of each face
    people: NDArray[np.int64]  # (p,) people with a face, ascending
    groups: Groups  # moments of the p people
    alike: tuple[AlikePair, ...]  # pairs that may be one person, the most similar first


@dataclass(frozen=True, slots=True, eq=False)
class _Portraits:
    """Cached choice of a person's portraits."""

    rows: NDArray[np.int64]  # (n,) all faces of the person
    count: int
    chosen: NDArray[np.int64]  # (m,) chosen rows, at most ``count``


class Likeness:
    """Comparison of the faces of all footages, built once and queried often."""

    def __init__(self, faces: list[Faces]) -> None:
        """Index the faces of all footages; rows number them consecutively."""
        sface = all_have_sface(faces)
        empty = np.zeros((0, 128), np.float32)
        embeddings = (face_embeddings(table, sface=sface) for table in faces)
        self._embedding = np.concatenate([empty, *embeddings])
        self._square = np.einsum("ij,ij->i", self._embedding, self._embedding, dtype=np.float64)
        weights = (face_weights(table, sface=sface) for table in faces)
        self._weight = np.concatenate([np.zeros(0), *weights])
        clarities = (face_clarity(table, sface=sface) for table in faces)
        self._clarity = np.concatenate([np.zeros(0), *clarities])
        self._frame = _frame_numbers(faces)
        self._time_s = _timeline_s(faces)
        # Cache of the last query: pages send several queries about one assignment.
        self._latest: _People | None = None
        self._portraits: dict[int, _Portraits] = {}  # by person

    def __len__(self) -> int:
        return len(self._weight)

    def alike(
        self, person_id: NDArray[np.int64], *, apart: Collection[tuple[int, int]] = ()
    ) -> list[AlikePair]:
        """Return pairs of people who may be one person, the most similar first.

        Two people in one frame are never such a pair.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown. Do not change the array
                afterwards: it is the cache key of all methods.
            apart: pairs of people who are known to be different, the smaller id first.
        """
        alike = self._people(person_id).alike
        return [pair for pair in alike if (pair.person_id, pair.other_id) not in apart]

    def doubts(self, person_id: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
        """Return how doubtful the assignment of known faces is, ``(m,)``; larger is more doubtful.

        The value is the distance to the face's own person minus half the distance to the nearest
        other person: a face that resembles no other person needs less similarity.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown.
            rows: ``(m,)`` rows of known faces.
        """
        cached = self._people(person_id)
        own, doubt = np.searchsorted(cached.people, person_id[rows]), np.zeros(len(rows))
        for part, distances in self._distances(cached, rows):
            own_index = np.arange(len(distances)), own[part]
            doubt[part] = distances[own_index]
            if len(cached.people) > 1:
                distances[own_index] = np.inf
                doubt[part] -= distances.min(axis=1, initial=np.inf) / 2
        return doubt

    def likely(
        self, person_id: NDArray[np.int64], *, never: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the most similar person of each unknown face.

        Args:
            person_id: ``(n,)`` person of each face; -1 unknown.
            never: ``(n, k)`` people that a face is not, padded with -1.

        Returns:
            ``(n,)`` person, -1 for known faces and if none is possible; ``(n,)`` distance, inf in
            the same cases.
        """
        cached = self._people(person_id)
        people, rows = cached.people, np.flatnonzero(person_id == UNKNOWN)
        person = np.full(len(person_id), UNKNOWN, np.int64)
        distance = np.full(len(person_id), np.inf)
        if not len(people) or not len(rows):
            return person, distance
        for part, distances in self._distances(cached, rows):
            batch = rows[part]
            for column in never[batch].T if never is not None else ():
                excluded = np.flatnonzero(np.isin(column, people))
                distances[excluded, np.searchsorted(people, column[excluded])] = np.inf
            nearest = distances.argmin(axis=1)
            distance[batch] = distances[np.arange(len(batch)), nearest]
            person[batch] = np.where(np.isfinite(distance[batch]), people[nearest], UNKNOWN)
        return person, distance

    def portraits(self, person: int, rows: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
        """Choose a person's best and most different faces; return their rows, ``(m,)`` ascending.

        Args:
            person: cache key; the cached choice is valid while the person's faces stay the same.
            rows: ``(n,)`` all faces of the person; do not change the array afterwards.
            count: maximum number of faces.
        """
        latest = self._portraits.get(person)
        if latest is not None and latest.count == count and np.array_equal(latest.rows, rows):
            return latest.chosen
        chosen = choose_faces(
            self._embedding[rows], self._clarity[rows], self._time_s[rows], count=count
        )
        chosen = rows[np.sort(chosen)]
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
            changed = np.union1d(latest.person_id[moved], person_id[moved])
            unchanged, new = np.setdiff1d(people, changed), np.intersect1d(people, changed)
            kept = _take_groups(latest.groups, np.searchsorted(latest.people, unchanged))
            groups = _concatenate_groups(
                kept, self._groups(person_id, new), np.argsort(np.r_[unchanged, new])
            )
        alike = _alike(people, groups, self._share_frame(person_id, people))
        self._latest = _People(person_id, people, groups, alike)
        return self._latest

    def _groups(self, person_id: NDArray[np.int64], people: NDArray[np.int64]) -> Groups:
        """Compute the moments of p people."""
        rows = np.flatnonzero(np.isin(person_id, people))
        label, no_clothes = np.searchsorted(people, person_id[rows]), np.zeros((len(rows), 1))
        return groups_of(label, self._weight[rows], self._embedding[rows], no_clothes)

    def _distances(
        self, cached: _People, rows: NDArray[np.int64]
    ) -> Iterator[tuple[slice, Floats]]:
        """Yield slices of ``rows``, and the distances of each slice to the p mean faces."""
        mean = cached.groups.mean
        own = (mean**2).sum(axis=1)[None]
        step = max(_BLOCK_DISTANCES // max(len(mean), 1), 1)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            squares = self._square[rows[part], None] + own
            products = self._embedding[rows[part]].astype(np.float64) @ mean.T
            yield part, np.sqrt(np.maximum(squares - 2 * products, 0))

    def _share_frame(
        self, person_id: NDArray[np.int64], people: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which pairs of people appear in one frame, ``(p, p)``."""
        known = person_id != UNKNOWN
        column = np.searchsorted(people, person_id[known])
        _, row = np.unique(self._frame[known], return_inverse=True)
        ones = np.ones(len(row), np.int32)
        present = csr_array(
            (ones, (row, column)), shape=(int(row.max(initial=-1)) + 1, len(people))
        )
        share_frame = np.asarray((present.T @ present).toarray() > 0, np.bool_)
        np.fill_diagonal(share_frame, False)
        return share_frame


def _take_groups(groups: Groups, rows: NDArray[np.int64]) -> Groups:
    return Groups(*(getattr(groups, field.name)[rows] for field in fields(Groups)))


def _concatenate_groups(first: Groups, second: Groups, order: NDArray[np.int64]) -> Groups:
    columns = (
        (getattr(first, field.name), getattr(second, field.name)) for field in fields(Groups)
    )
    return Groups(*(np.concatenate(pair)[order] for pair in columns))


def _alike(
    people: NDArray[np.int64], groups: Groups, share_frame: NDArray[np.bool_]
) -> tuple[AlikePair, ...]:
    if len(people) < 2:
        return ()
    distance = _ALIKE(groups, groups)
    distance[share_frame] = np.inf
    pairs = [
        AlikePair(int(people[i]), int(people[j]), float(distance[i, j]))
        for i, j in zip(*np.nonzero(np.triu(distance <= LIKELY, 1)), strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.distance))


def _frame_numbers(faces: list[Faces]) -> NDArray[np.int64]:
    """Number the frames of all footages uniquely; return the number of each face's frame."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for table in faces:
        numbers.append(table.frame_index + first)
        first += int(table.frame_index.max(initial=0)) + 1
    return np.concatenate(numbers)


def _timeline_s(faces: list[Faces]) -> NDArray[np.float64]:
    """Return the time of each face, ``(n,)`` seconds, with the footages laid end to end."""
    times_s, first_s = [np.zeros(0)], 0.0
    for table in faces:
        times_s.append(table.time_s + first_s)
        first_s += float(table.time_s.max(initial=0)) + 60
    return np.concatenate(times_s)
