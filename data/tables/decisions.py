"""Decisions of a review about people, and their replay over what the clustering found.

Decisions and the clustering's result are stored apart. The assignments are derived from both by
replaying the decisions in order, so that any of them can be undone after a later clustering.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.table import Column, Table
from data.tables.face_match import same_faces

MADE, UNDONE, DROPPED = "made", "undone", "dropped"
"""States of a decision: in force; can be redone; cannot, since another was made instead."""
DECISION_COLUMNS = "kind, person_id, other_id, name, faces"
"""Columns of the table of decisions that `decision_of` reads."""


class DecisionKind(StrEnum):
    """Statement of a decision about its person."""

    RENAME = "rename"  # the person has another name
    MERGE = "merge"  # the person is the other person
    DIFFERENT = "different"  # the person is not the other person
    EJECT = "eject"  # these faces are not the person's
    MOVE = "move"  # these faces are the person's
    ACCEPT = "accept"  # these unknown faces are the person's
    SPLIT = "split"  # these faces are those of a new person
    HIDE = "hide"  # the person is left out of dataset and pages
    SHOW = "show"  # the person is no longer hidden


OF_FACES = frozenset(
    {DecisionKind.EJECT, DecisionKind.MOVE, DecisionKind.ACCEPT, DecisionKind.SPLIT}
)
OF_TWO = frozenset({DecisionKind.MERGE, DecisionKind.DIFFERENT})


@dataclass(frozen=True, eq=False)
class Places(Table):
    """Faces of one footage, identified by time and box; see `face_match`."""

    time_s: NDArray[np.float64]  # (n,) s, presentation time
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame

    COLUMNS: ClassVar[dict[str, Column]] = {"time_s": (np.float64, ()), "xyxy": (np.float32, (4,))}

    def rows_in(self, others: Places) -> NDArray[np.int64]:
        """Row of each of these faces among ``others``, ``(n,)``; -1 where it is not there."""
        return same_faces(self.time_s, self.xyxy, others.time_s, others.xyxy)


@dataclass(frozen=True, eq=False)
class Decision:
    """One decision.

    Raises:
        ValueError: faces or the other person are missing, or given for a kind that has none.
    """

    kind: DecisionKind
    person_id: int  # -1 for a new person who has no id yet
    other_id: int = UNKNOWN  # the other person, where the kind is of two
    name: str = ""
    faces: Mapping[str, Places] = field(default_factory=dict)  # by footage

    def __post_init__(self) -> None:
        if (self.kind in OF_FACES) != (sum(map(len, self.faces.values())) > 0):
            raise ValueError(f"faces must be given where the decision is of faces: {self.kind}")
        two = self.other_id not in (UNKNOWN, self.person_id)
        if (self.kind in OF_TWO) != two:
            raise ValueError(f"two people must be given where it is of two: {self.kind}")

    def people(self) -> set[int]:
        """Ids of the people that it names."""
        return {self.person_id, self.other_id} - {UNKNOWN}


def default_name(person_id: int) -> str:
    """Name of a person whom no user has named."""
    return f"Person {person_id}"


def decision_of(row: tuple[str, int, int, str, str]) -> Decision:
    """Return the decision in a row of `DECISION_COLUMNS`."""
    kind, person, other, name, faces = row
    return Decision(DecisionKind(kind), person, other, name, parse_faces(faces))


def faces_json(faces: Mapping[str, Places]) -> str:
    """Return faces as JSON: by footage, a list of ``[time, x1, y1, x2, y2]``."""
    rows = {
        footage: np.column_stack([places.time_s, places.xyxy]).tolist()
        for footage, places in faces.items()
    }
    return json.dumps(rows, ensure_ascii=False)


def parse_faces(text: str) -> dict[str, Places]:
    """Return the faces in the JSON of `faces_json`."""
    faces = {}
    for footage, rows in json.loads(text).items():
        values = np.array(rows, np.float64).reshape(-1, 5)
        faces[footage] = Places(values[:, 0].copy(), values[:, 1:].astype(np.float32))
    return faces


@dataclass(frozen=True, eq=False)
class ReviewedFaces:
    """Assignments of the faces of one footage after the decisions."""

    person_id: NDArray[np.int64]  # (n,) -1 unknown
    pinned: NDArray[np.int64]  # (n,) person to whom a decision moved this face; -1 none
    never: NDArray[np.int64]  # (n, k) people from whom this face was ejected, padded with -1


@dataclass(frozen=True, eq=False)
class Reviewed:
    """Result of replaying the decisions."""

    labels: Mapping[str, ReviewedFaces]  # by footage
    names: Mapping[int, str]  # names given by a user, by person
    hidden: frozenset[int]
    apart: frozenset[tuple[int, int]]  # pairs decided to be different, the smaller id first
    merged_into: Mapping[int, int]  # id after all merges, by merged person


def replay(
    places: Mapping[str, Places],
    found: Mapping[str, NDArray[np.int64]],
    decisions: Iterable[Decision],
) -> Reviewed:
    """Apply the decisions in order to what the clustering found.

    Faces and people of a decision that no longer exist are skipped.

    Args:
        places: the faces of each footage.
        found: person that each face was found to be, ``(n,)`` each; -1 unknown.
        decisions: in order.
    """
    state = _Replay(places, found)
    for decision in decisions:
        state.decide(decision)
    return state.result()


class _Replay:
    def __init__(
        self, places: Mapping[str, Places], found: Mapping[str, NDArray[np.int64]]
    ) -> None:
        self.places = places
        sizes = [len(table) for table in places.values()]
        ends = np.cumsum([0, *sizes])
        self.slices = {
            footage: slice(int(ends[i]), int(ends[i + 1])) for i, footage in enumerate(places)
        }
        self.label = np.concatenate([np.zeros(0, np.int64), *(found[name] for name in places)])
        self.pinned = np.full(len(self.label), UNKNOWN, np.int64)
        self.never: dict[int, NDArray[np.bool_]] = {}  # by person: faces ejected from them
        self.names: dict[int, str] = {}
        self.hidden: set[int] = set()
        self.apart: set[tuple[int, int]] = set()
        self.merged: dict[int, int] = {}

    def decide(self, decision: Decision) -> None:
        act: dict[DecisionKind, Callable[[Decision], None]] = {
            DecisionKind.RENAME: self._rename,
            DecisionKind.MERGE: self._merge,
            DecisionKind.DIFFERENT: self._tell_apart,
            DecisionKind.EJECT: self._eject,
            DecisionKind.MOVE: self._move,
            DecisionKind.ACCEPT: self._move,
            DecisionKind.SPLIT: self._split,
            DecisionKind.HIDE: lambda d: self.hidden.add(self._now(d.person_id)),
            DecisionKind.SHOW: lambda d: self.hidden.discard(self._now(d.person_id)),
        }
        act[decision.kind](decision)

    def result(self) -> Reviewed:
        """Return the state after all decisions."""
        label, never = self.label.copy(), np.full((len(self.label), 0), UNKNOWN, np.int64)
        for person, mask in sorted(self.never.items()):
            # An ejected face stays out, however it came back, unless a decision moved it there.
            label[mask & (label == person) & (self.pinned != person)] = UNKNOWN
            never = np.column_stack([never, np.where(mask, person, UNKNOWN)])
        labels = {
            footage: ReviewedFaces(label[rows], self.pinned[rows].copy(), never[rows])
            for footage, rows in self.slices.items()
        }
        hidden = frozenset(self.hidden - self.merged.keys())
        merged = {person: self._now(person) for person in self.merged}
        return Reviewed(labels, dict(self.names), hidden, frozenset(self.apart), merged)

    def _now(self, person: int) -> int:
        while person in self.merged:
            person = self.merged[person]
        return person

    def _rename(self, decision: Decision) -> None:
        self.names[self._now(decision.person_id)] = decision.name

    def _merge(self, decision: Decision) -> None:
        gone, into = decision.person_id, self._now(decision.other_id)
        if gone == into or gone in self.merged:
            return
        self.label[self.label == gone] = into
        self.pinned[self.pinned == gone] = into
        if gone in self.never:
            mask = self.never.pop(gone) & (self.pinned != into)
            self.never[into] = self.never.get(into, np.zeros_like(mask)) | mask
        pairs = {_pair(*(into if p == gone else p for p in pair)) for pair in self.apart}
        self.apart = {pair for pair in pairs if pair[0] != pair[1]}
        name = self.names.pop(gone, None)
        if name is not None:
            self.names.setdefault(into, name)
        self.merged[gone] = into

    def _tell_apart(self, decision: Decision) -> None:
        pair = _pair(self._now(decision.person_id), self._now(decision.other_id))
        if pair[0] != pair[1]:
            self.apart.add(pair)

    def _eject(self, decision: Decision) -> None:
        person, rows = self._now(decision.person_id), self._rows(decision)
        mask = self.never.setdefault(person, np.zeros(len(self.label), np.bool_))
        mask[rows] = True
        theirs = rows[self.label[rows] == person]
        self.label[theirs] = self.pinned[theirs] = UNKNOWN

    def _move(self, decision: Decision) -> None:
        self._put(self._rows(decision), self._now(decision.person_id))

    def _split(self, decision: Decision) -> None:
        rows, person = self._rows(decision), decision.person_id
        before = np.unique(self.label[rows]).tolist()
        self.apart |= {_pair(person, p) for p in before if p not in (UNKNOWN, person)}
        self._put(rows, self._now(person))

    def _put(self, rows: NDArray[np.int64], person: int) -> None:
        self.label[rows] = self.pinned[rows] = person
        if person in self.never:
            self.never[person][rows] = False

    def _rows(self, decision: Decision) -> NDArray[np.int64]:
        """Rows of the decision's faces over all footages, ``(m,)``."""
        rows = [np.zeros(0, np.int64)]
        for footage, picked in decision.faces.items():
            if footage in self.places:
                found = picked.rows_in(self.places[footage])
                rows.append(found[found >= 0] + self.slices[footage].start)
        return np.unique(np.concatenate(rows))


def _pair(a: int, b: int) -> tuple[int, int]:
    return min(a, b), max(a, b)


def describe(decision: Decision, names: Mapping[int, str]) -> str:
    """Return the note of a decision for the history.

    Args:
        decision: to describe.
        names: of all people before it, by id.
    """
    name = names.get(decision.person_id, default_name(decision.person_id))
    other = names.get(decision.other_id, "")
    count = sum(map(len, decision.faces.values()))
    faces = "1 face" if count == 1 else f"{count} faces"
    return {
        DecisionKind.RENAME: f"{name} is called {decision.name}",
        DecisionKind.MERGE: f"{name} is {other}",
        DecisionKind.DIFFERENT: f"{name} is not {other}",
        DecisionKind.EJECT: f"{faces} not {name}",
        DecisionKind.MOVE: f"{faces} moved to {name}",
        DecisionKind.ACCEPT: f"{faces} accepted as {name}",
        DecisionKind.SPLIT: f"{faces} split off as {name}",
        DecisionKind.HIDE: f"{name} hidden",
        DecisionKind.SHOW: f"{name} shown again",
    }[decision.kind]


def numbered(decision: Decision, person_id: int) -> Decision:
    """Return the decision about a new person with the id that they got."""
    return dataclasses.replace(decision, person_id=person_id)
