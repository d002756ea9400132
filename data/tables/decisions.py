"""What people decided about people, and what it makes of what the clustering found.

A decision is never worked into what was found: both are kept, and who is who is found by going
through the decisions again, in order. So any of them can be undone, whatever was clustered since.
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


class DecisionKind(StrEnum):
    """What a decision says."""

    RENAME = "rename"  # the person has another name
    MERGE = "merge"  # the person is the other
    DIFFERENT = "different"  # the person is not the other
    EJECT = "eject"  # these faces are not the person's
    MOVE = "move"  # these faces are the person's
    ACCEPT = "accept"  # these unknown faces are the person's
    SPLIT = "split"  # these faces are somebody's of their own: the person's, who is new
    HIDE = "hide"  # the person does not matter
    SHOW = "show"  # the person matters after all


OF_FACES = frozenset(
    {DecisionKind.EJECT, DecisionKind.MOVE, DecisionKind.ACCEPT, DecisionKind.SPLIT}
)
OF_TWO = frozenset({DecisionKind.MERGE, DecisionKind.DIFFERENT})


@dataclass(frozen=True, eq=False)
class Places(Table):
    """Faces of one footage, told by their place."""

    time_s: NDArray[np.float64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame

    COLUMNS: ClassVar[dict[str, Column]] = {"time_s": (np.float64, ()), "xyxy": (np.float32, (4,))}


@dataclass(frozen=True, eq=False)
class Decision:
    """One decision.

    Raises:
        ValueError: it lacks faces or another person, or has some that it cannot have.
    """

    kind: DecisionKind
    person_id: int  # whom it is about; -1 for a new person who has no number yet
    other_id: int = UNKNOWN  # of two people
    name: str = ""
    faces: Mapping[str, Places] = field(default_factory=dict)  # by footage

    def __post_init__(self) -> None:
        if (self.kind in OF_FACES) != (sum(map(len, self.faces.values())) > 0):
            raise ValueError(f"faces must be given where the decision is of faces: {self.kind}")
        two = self.other_id not in (UNKNOWN, self.person_id)
        if (self.kind in OF_TWO) != two:
            raise ValueError(f"two people must be given where it is of two: {self.kind}")

    def people(self) -> set[int]:
        """Whom it names."""
        return {self.person_id, self.other_id} - {UNKNOWN}


def faces_json(faces: Mapping[str, Places]) -> str:
    """Return faces as a list of ``[time, x1, y1, x2, y2]`` by footage."""
    rows = {
        footage: np.column_stack([places.time_s, places.xyxy]).tolist()
        for footage, places in faces.items()
    }
    return json.dumps(rows, ensure_ascii=False)


def parse_faces(text: str) -> dict[str, Places]:
    """Return what `faces_json` wrote."""
    faces = {}
    for footage, rows in json.loads(text).items():
        values = np.array(rows, np.float64).reshape(-1, 5)
        faces[footage] = Places(values[:, 0].copy(), values[:, 1:].astype(np.float32))
    return faces


@dataclass(frozen=True, eq=False)
class ReviewedFaces:
    """Whose the faces of one footage are, as the decisions have it."""

    person_id: NDArray[np.int64]  # (n,) -1 unknown
    pinned: NDArray[np.int64]  # (n,) person that somebody put this very face to; -1 none
    never: NDArray[np.int64]  # (n, k) people whose this face is not; -1 fills up


@dataclass(frozen=True, eq=False)
class Reviewed:
    """What the decisions make of what was found."""

    labels: Mapping[str, ReviewedFaces]  # by footage
    names: Mapping[int, str]  # that somebody gave, by person
    hidden: frozenset[int]
    apart: frozenset[tuple[int, int]]  # people who are not one, the smaller number first
    merged_into: Mapping[int, int]  # who a person turned out to be, at last


def replay(
    places: Mapping[str, Places],
    found: Mapping[str, NDArray[np.int64]],
    decisions: Iterable[Decision],
) -> Reviewed:
    """Go through the decisions in order.

    Faces that a decision names and that are not there any more are passed over, and so are people.

    Args:
        places: the faces of each footage.
        found: whose they were found to be, ``(n,)`` each; -1 unknown.
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
        self.never: dict[int, NDArray[np.bool_]] = {}  # by person: is it not this face's
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
        """Return what has come out."""
        label, never = self.label.copy(), np.full((len(self.label), 0), UNKNOWN, np.int64)
        for person, mask in sorted(self.never.items()):
            # Whatever has put a face there since, but somebody's own hand.
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
        """Rows of the decision's faces."""
        rows = [np.zeros(0, np.int64)]
        for footage, picked in decision.faces.items():
            if footage in self.places:
                there = self.places[footage]
                found = same_faces(picked.time_s, picked.xyxy, there.time_s, there.xyxy)
                rows.append(found[found >= 0] + self.slices[footage].start)
        return np.unique(np.concatenate(rows))


def _pair(a: int, b: int) -> tuple[int, int]:
    return min(a, b), max(a, b)


def describe(decision: Decision, names: Mapping[int, str]) -> str:
    """Return the decision in words.

    Args:
        decision: that is made now.
        names: of everybody, before it.
    """
    who = names.get(decision.person_id, "somebody new")
    other = names.get(decision.other_id, "")
    count = sum(map(len, decision.faces.values()))
    faces = "1 face" if count == 1 else f"{count} faces"
    return {
        DecisionKind.RENAME: f"{who} is called {decision.name}",
        DecisionKind.MERGE: f"{who} is {other}",
        DecisionKind.DIFFERENT: f"{who} is not {other}",
        DecisionKind.EJECT: f"{faces} not {who}",
        DecisionKind.MOVE: f"{faces} moved to {who}",
        DecisionKind.ACCEPT: f"{faces} accepted as {who}",
        DecisionKind.SPLIT: f"{faces} split off as {who}",
        DecisionKind.HIDE: f"{who} hidden",
        DecisionKind.SHOW: f"{who} shown again",
    }[decision.kind]


def numbered(decision: Decision, person_id: int) -> Decision:
    """Return a decision about somebody new with their number."""
    return dataclasses.replace(decision, person_id=person_id)
