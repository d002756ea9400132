"""How alike people look, and how surely a face is whose it is: what a review asks about first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.grouping import person_embeddings, person_weights
from clustering.linkage import Distance, Floats, Groups, groups_of
from clustering.montage import choose_faces
from data.faces import Faces
from data.people import UNKNOWN

_ALIKE = Distance(clothes_share=0.0)
"""Clothes left out: the pairs may come from two footages."""
LIKELY = 0.8
"""Mean distance up to which two people are worth a question, in dlib's space: two people are
usually about that far apart, and the faces of one half as far."""
_DISTANCES_AT_ONCE = 1 << 22
"""Of faces to people: 32 MB."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who look alike."""

    person_id: int
    other_id: int
    distance: float  # the smaller, the more alike; see clustering.linkage


class Likeness:
    """Faces of all footages, compared whoever they are; built once and asked again and again."""

    def __init__(self, faces: list[Faces]) -> None:
        """Take the faces of every footage; rows count through all of them."""
        nothing = np.zeros((0, 128), np.float32)
        self._embedding = np.concatenate([nothing, *map(person_embeddings, faces)])
        self._weight = np.concatenate([np.zeros(0), *map(person_weights, faces)])
        self._frame = _frame_numbers(faces)
        self._moment_s = _moments(faces)
        # Of the last question: pages ask several of one state of things.
        self._latest: tuple[NDArray[np.int64], tuple[NDArray[np.int64], Groups]] | None = None

    def __len__(self) -> int:
        return len(self._weight)

    def groups(self, person_id: NDArray[np.int64]) -> tuple[NDArray[np.int64], Groups]:
        """Everybody who has a face, rising, and their moments.

        Args:
            person_id: ``(n,)``; not changed afterwards, since it is remembered.
        """
        latest = self._latest
        if latest is not None and latest[0] is person_id:
            return latest[1]
        people = np.unique(person_id[person_id != UNKNOWN])
        label = np.where(person_id == UNKNOWN, UNKNOWN, np.searchsorted(people, person_id))
        nothing = np.zeros((len(label), 1))
        found = people, groups_of(label, self._weight, self._embedding, nothing)
        self._latest = (person_id, found)
        return found

    def alike(
        self, person_id: NDArray[np.int64], *, apart: Collection[tuple[int, int]] = ()
    ) -> list[Pair]:
        """Pairs of people who may be one, the most alike first.

        Args:
            person_id: ``(n,)`` whose the faces are; -1 unknown.
            apart: pairs who are not one, the smaller number first. Nor are two who are seen in
                one frame.
        """
        people, groups = self.groups(person_id)
        if len(people) < 2:
            return []
        distance = _ALIKE(groups, groups)
        distance[self._together(person_id, people)] = np.inf
        pairs = [
            Pair(int(people[i]), int(people[j]), float(distance[i, j]))
            for i, j in zip(*np.triu_indices(len(people), 1), strict=True)
            if distance[i, j] <= LIKELY and (int(people[i]), int(people[j])) not in apart
        ]
        return sorted(pairs, key=lambda pair: pair.distance)

    def doubts(self, person_id: NDArray[np.int64]) -> Floats:
        """How doubtful it is that each face is its person's, ``(n,)``; 0 for unknown ones.

        The distance to its own person, less a half of that to the next: what looks like nobody
        else needs less likeness.
        """
        people, _ = self.groups(person_id)
        doubt = np.zeros(len(person_id))
        for rows, apart in self._distances(person_id, np.flatnonzero(person_id != UNKNOWN)):
            place = np.arange(len(rows)), np.searchsorted(people, person_id[rows])
            doubt[rows] = apart[place]
            if len(people) > 1:
                apart[place] = np.inf
                doubt[rows] -= apart.min(axis=1, initial=np.inf) / 2
        return doubt

    def likely(
        self, person_id: NDArray[np.int64], *, never: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Whom each unknown face looks like most, and how far it is; -1 and inf for the others.

        Args:
            person_id: ``(n,)``.
            never: ``(n, k)`` people who a face is not; -1 fills up.
        """
        people, _ = self.groups(person_id)
        person = np.full(len(person_id), UNKNOWN, np.int64)
        distance = np.full(len(person_id), np.inf)
        if not len(people):
            return person, distance
        for rows, apart in self._distances(person_id, np.flatnonzero(person_id == UNKNOWN)):
            for column in never[rows].T if never is not None else ():
                barred = np.flatnonzero(np.isin(column, people))
                apart[barred, np.searchsorted(people, column[barred])] = np.inf
            nearest = apart.argmin(axis=1)
            distance[rows] = apart[np.arange(len(rows)), nearest]
            person[rows] = np.where(np.isfinite(distance[rows]), people[nearest], UNKNOWN)
        return person, distance

    def portraits(self, rows: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
        """Of ``rows``, the best and most different faces; at most ``count``, rising."""
        embedding = self._embedding[rows]
        weight = self._weight[rows].astype(np.float32)
        return rows[choose_faces(embedding, weight, self._moment_s[rows], count=count)]

    def _distances(
        self, person_id: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Distance of faces to everybody's mean face, ``(rows, people)``, some rows at a time."""
        people, groups = self.groups(person_id)
        own = (groups.mean**2).sum(axis=1)[None]
        step = max(_DISTANCES_AT_ONCE // max(len(people), 1), 1)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            embedding = self._embedding[some].astype(np.float64)
            squares = (embedding**2).sum(axis=1)[:, None] + own
            yield some, np.sqrt(np.maximum(squares - 2 * embedding @ groups.mean.T, 0))

    def _together(
        self, person_id: NDArray[np.int64], people: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Who is seen in one frame with whom, ``(people, people)``."""
        known = person_id != UNKNOWN
        column = np.searchsorted(people, person_id[known])
        _, row = np.unique(self._frame[known], return_inverse=True)
        ones = np.ones(len(row), np.int32)
        seen = csr_array((ones, (row, column)), shape=(int(row.max(initial=-1)) + 1, len(people)))
        together = np.asarray((seen.T @ seen).toarray() > 0, np.bool_)
        np.fill_diagonal(together, False)
        return together


def _frame_numbers(faces: list[Faces]) -> NDArray[np.int64]:
    """A number of each face's frame, ``(n,)``, another one in every footage."""
    numbers, first = [np.zeros(0, np.int64)], 0
    for table in faces:
        numbers.append(table.frame_index + first)
        first += int(table.frame_index.max(initial=0)) + 1
    return np.concatenate(numbers)


def _moments(faces: list[Faces]) -> NDArray[np.float64]:
    """Time of each face as if the footages were shown one after another, ``(n,)``."""
    moments, first_s = [np.zeros(0)], 0.0
    for table in faces:
        moments.append(table.time_s + first_s)
        first_s += float(table.time_s.max(initial=0)) + 60
    return np.concatenate(moments)
