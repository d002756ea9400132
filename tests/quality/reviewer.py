"""A reviewer who decides by the labels of a clip: corrections, names and ejections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import People
from tests.quality.clips import SampledFaces
from tests.quality.labels import NOT_SCORED, persons_of

THROWN: Final = 3
"""Faces that are thrown out of each person: enough for a person of a short clip."""


class Reviewer:
    """Makes decisions about one footage, each from the state that the earlier ones left."""

    def __init__(self, people: People, footage: str, sample: SampledFaces) -> None:
        self._people, self._footage, self._faces = people, footage, sample.faces
        self.label = persons_of(sample.faces, sample.labels)
        self._names = sample.labels.people
        self.made: list[Decision] = []
        self.thrown = np.zeros(len(sample.faces), np.bool_)

    def correct(self, most: int) -> None:
        """Correct the people by the labels, until nothing is wrong or ``most`` decisions are made.

        Wrong faces are ejected, or are split off if their own person was not found; people who are
        one are merged; unknown faces are accepted.
        """
        while len(self.made) < most and (decision := next(self._corrections(), None)):
            self._decide(decision)

    def name(self) -> None:
        """Give each person the name of the label, and hide the last one."""
        for label, name in enumerate(self._names):
            self._decide(Decision(DecisionKind.RENAME, self._main(label), name=name))
        self._decide(Decision(DecisionKind.HIDE, self._main(len(self._names) - 1)))

    def throw_out(self) -> None:
        """Eject the least sharp faces of each person."""
        for label in range(len(self._names)):
            self._throw(label, THROWN)

    def fill(self, count: int) -> None:
        """Mark pairs of people as different, then eject single faces, up to ``count`` decisions."""
        for one, other in self._pairs():
            if len(self.made) < count:
                self._decide(Decision(DecisionKind.DIFFERENT, one, other))
        while len(self.made) < count:
            self._throw(len(self.made) % len(self._names), 1)

    @property
    def others(self) -> int:
        """The decisions to come that correct nothing."""
        return 2 * len(self._names) + 1

    def kinds(self) -> dict[str, int]:
        """Return the number of decisions, by kind."""
        kinds = [decision.kind.value for decision in self.made]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    @property
    def owner(self) -> NDArray[np.int64]:
        """The person of each face now, ``(n,)``; -1 unknown."""
        return self._people.assignments(self._footage).person_id

    def _corrections(self) -> Iterator[Decision]:
        owner = self.owner
        for person in np.unique(owner[owner != UNKNOWN]).tolist():
            own = self._main_label(person, owner)
            for label in range(len(self._names)):
                wrong = (owner == person) & (self.label == label)
                if label == own or not wrong.any():
                    continue
                if self._main(label) == UNKNOWN:
                    yield self._of_faces(DecisionKind.SPLIT, UNKNOWN, wrong)
                else:
                    yield self._of_faces(DecisionKind.EJECT, person, wrong)
            if own != NOT_SCORED and (main := self._main(own)) != person:
                yield Decision(DecisionKind.MERGE, person, main)
        for label in range(len(self._names)):
            left = (owner == UNKNOWN) & (self.label == label)
            if left.any() and (main := self._main(label)) != UNKNOWN:
                yield self._of_faces(DecisionKind.ACCEPT, main, left)

    def _main_label(self, person: int, owner: NDArray[np.int64]) -> int:
        """Return the label of most faces of a person; -1 if none is labelled."""
        labels = self.label[(owner == person) & (self.label != NOT_SCORED)]
        return int(np.bincount(labels).argmax()) if len(labels) else NOT_SCORED

    def _main(self, label: int) -> int:
        """Return the person with most faces of a label, of those with no more of another; or -1."""
        owner = self.owner
        people, count = np.unique(owner[self.label == label], return_counts=True)
        for person in people[np.argsort(-count, kind="stable")].tolist():
            if person != UNKNOWN and self._main_label(person, owner) == label:
                return int(person)
        return UNKNOWN

    def _pairs(self) -> Iterator[tuple[int, int]]:
        people = [self._main(label) for label in range(len(self._names))]
        for place, one in enumerate(people):
            yield from ((one, other) for other in people[place + 1 :])

    def _throw(self, label: int, count: int) -> None:
        """Eject the least sharp faces of a label's person."""
        person = self._main(label)
        rows = np.flatnonzero((self.owner == person) & (self.label == label))
        blurred = rows[np.argsort(self._faces.sharpness[rows], kind="stable")[:count]]
        chosen = np.isin(np.arange(len(self.label)), blurred)
        self.thrown |= chosen
        self._decide(self._of_faces(DecisionKind.EJECT, person, chosen))

    def _of_faces(self, kind: DecisionKind, person: int, rows: NDArray[np.bool_]) -> Decision:
        keys = FaceKeys(self._faces.time_s[rows], self._faces.xyxy[rows])
        return Decision(kind, person, faces={self._footage: keys})

    def _decide(self, decision: Decision) -> None:
        DecisionLog(self._people).decide(decision)
        self.made.append(decision)
