"""Review decisions about people, and their replay on the clustering's result.

Decisions and the clustering's result are stored separately. The assignments are derived from both
by replaying the decisions in order, so each can be undone even after another clustering.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.counts import counted
from data.core.table import Column, Table
from data.tables.face_match import same_faces

MADE, UNDONE, DROPPED = "made", "undone", "dropped"
"""States of a decision: in force; undone, can be redone; undone, replaced by a new decision."""
DECISION_COLUMNS = "kind, person_id, other_id, name, faces"
"""Columns of the table of decisions that `decision_of` reads."""


class DecisionKind(StrEnum):
    """Kind of a decision, by what it states about its person."""

    RENAME = "rename"  # the person has another name
    MERGE = "merge"  # the person is the other person
    DIFFERENT = "different"  # the person is not the other person
    EJECT = "eject"  # these faces are not the person's
    MOVE = "move"  # these faces are the person's
    ACCEPT = "accept"  # these unknown faces are the person's
    SPLIT = "split"  # these faces are a new person's
    HIDE = "hide"  # the person is excluded from dataset and pages
    SHOW = "show"  # the person is no longer hidden
    COVER = "cover"  # this face is the person's, and their cover picture


FACE_KINDS = frozenset(
    {DecisionKind.EJECT, DecisionKind.MOVE, DecisionKind.ACCEPT, DecisionKind.SPLIT}
    | {DecisionKind.COVER}
)
PAIR_KINDS = frozenset({DecisionKind.MERGE, DecisionKind.DIFFERENT})
PIN_KINDS = frozenset({DecisionKind.RENAME, DecisionKind.HIDE, DecisionKind.DIFFERENT})
"""Kinds that state who a person is: the faces that the person has then remain the person's."""

FacesByFootage: TypeAlias = Mapping[str, "FaceKeys"]
"""Faces by the name of their footage."""


@dataclass(frozen=True, eq=False)
class FaceKeys(Table):
    """Faces of one footage, identified by time and box; see `face_match`."""

    time_s: NDArray[np.float64]  # (n,) s, presentation time
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame

    COLUMNS: ClassVar[dict[str, Column]] = {"time_s": (np.float64, ()), "xyxy": (np.float32, (4,))}

    def rows_in(self, table: FaceKeys) -> NDArray[np.int64]:
        """Return the row of each face in ``table``, ``(n,)``; -1 if it has none."""
        return same_faces(self.time_s, self.xyxy, table.time_s, table.xyxy)


@dataclass(frozen=True, eq=False)
class Decision:
    """One decision about a person.

    Raises:
        ValueError: the kind requires faces or another person but has none, or the reverse.
    """

    kind: DecisionKind
    person_id: int  # -1 for a new person who has no id yet
    other_id: int = UNKNOWN  # the other person, for kinds about two people
    name: str = ""  # the new name, for a rename
    faces: FacesByFootage = field(default_factory=dict)
    pins: Mapping[int, FacesByFootage] = field(default_factory=dict)  # faces of its people, by id

    def __post_init__(self) -> None:
        if self.pins and self.kind not in PIN_KINDS:
            raise ValueError(f"pins must be given only for {sorted(PIN_KINDS)}: {self.kind}")
        count = sum(map(len, self.faces.values()))
        if self.kind is DecisionKind.COVER and count != 1:
            raise ValueError(f"one face must be given for a cover picture, got {count}")
        if (self.kind in FACE_KINDS) != (count > 0):
            raise ValueError(f"faces must be given only for decisions about faces: {self.kind}")
        has_other = self.other_id not in (UNKNOWN, self.person_id)
        if (self.kind in PAIR_KINDS) != has_other:
            raise ValueError(f"two people must be given only for decisions about two: {self.kind}")

    def people(self) -> set[int]:
        """Return the ids of the people that the decision names."""
        return {self.person_id, self.other_id} - {UNKNOWN}

    def all_faces(self) -> dict[str, FaceKeys]:
        """Return the faces and the pins together, by footage."""
        tables: dict[str, list[FaceKeys]] = {}
        for faces in (self.faces, *self.pins.values()):
            for footage, face_keys in faces.items():
                tables.setdefault(footage, []).append(face_keys)
        return {footage: FaceKeys.concatenate(parts) for footage, parts in tables.items()}


def default_name(person_id: int) -> str:
    """Return the name of a person whom no user has named."""
    return f"Person {person_id}"


def decision_of(row: tuple[str, int, int, str, str]) -> Decision:
    """Return the decision in a row of `DECISION_COLUMNS`."""
    kind, person, other, name, text = row
    faces, pins = parse_faces(DecisionKind(kind), text)
    return Decision(DecisionKind(kind), person, other, name, faces, pins)


def faces_json(faces: FacesByFootage, pins: Mapping[int, FacesByFootage] | None = None) -> str:
    """Encode the faces, or else the pins, of a decision as JSON.

    Faces are lists of ``[time, x1, y1, x2, y2]``, by footage; pins are such faces by person.
    """
    by_person = {str(person): _rows_of(pinned) for person, pinned in (pins or {}).items()}
    return json.dumps(by_person or _rows_of(faces), ensure_ascii=False)


def parse_faces(
    kind: DecisionKind, text: str
) -> tuple[dict[str, FaceKeys], dict[int, FacesByFootage]]:
    """Decode the JSON of `faces_json`; return the faces and the pins of a decision."""
    content = json.loads(text)
    if kind not in PIN_KINDS:
        return _faces_of(content), {}
    return {}, {int(person): _faces_of(rows) for person, rows in content.items()}


def _rows_of(faces: FacesByFootage) -> dict[str, list[list[float]]]:
    return {
        footage: np.column_stack([face_keys.time_s, face_keys.xyxy]).tolist()
        for footage, face_keys in faces.items()
    }


def _faces_of(content: Mapping[str, list[list[float]]]) -> dict[str, FaceKeys]:
    faces = {}
    for footage, rows in content.items():
        values = np.array(rows, np.float64).reshape(-1, 5)
        faces[footage] = FaceKeys(values[:, 0].copy(), values[:, 1:].astype(np.float32))
    return faces


@dataclass(frozen=True, eq=False)
class ReviewedFaces:
    """Assignments of the faces of one footage after the decisions."""

    person_id: NDArray[np.int64]  # (n,) -1 unknown
    pinned: NDArray[np.int64]  # (n,) person to whom a decision moved the face; -1 for none
    never: NDArray[np.int64]  # (n, k) people from whom the face was ejected, padded with -1


@dataclass(frozen=True, eq=False)
class Reviewed:
    """Result of replaying the decisions."""

    labels: Mapping[str, ReviewedFaces]  # by footage
    names: Mapping[int, str]  # names given by users, by person id
    hidden: frozenset[int]  # person ids
    different: frozenset[tuple[int, int]]  # pairs of different people, the smaller id first
    merged_into: Mapping[int, int]  # id after all merges, by id of a merged person
    covers: Mapping[int, tuple[str, int]]  # footage and row of the cover picture, by person id


def replay(
    face_keys: Mapping[str, FaceKeys],
    clustered: Mapping[str, NDArray[np.int64]],
    decisions: Iterable[Decision],
    joined: Mapping[str, NDArray[np.int64]] | None = None,
) -> Reviewed:
    """Apply the decisions in order to the clustering's result.

    Faces and people of a decision that no longer exist are skipped.

    Args:
        face_keys: faces of each footage, ``(n,)`` rows, by the footage's name.
        clustered: person of each face by the clustering, ``(n,)`` per footage; -1 unknown.
        decisions: decisions in force, in order.
        joined: person whom each face joins while it is ejected from the person that the clustering
            found, like ``clustered``; None if no face joins any.
    """
    state = _Replay(face_keys, clustered)
    for decision in decisions:
        state.decide(decision)
    return state.result(joined)


class _Replay:
    def __init__(
        self, face_keys: Mapping[str, FaceKeys], clustered: Mapping[str, NDArray[np.int64]]
    ) -> None:
        self.face_keys = face_keys
        sizes = [len(table) for table in face_keys.values()]
        ends = np.cumsum([0, *sizes])
        self.slices = {
            footage: slice(int(ends[i]), int(ends[i + 1])) for i, footage in enumerate(face_keys)
        }
        self.label = np.concatenate(
            [np.zeros(0, np.int64), *(clustered[name] for name in face_keys)]
        )
        self.pinned = np.full(len(self.label), UNKNOWN, np.int64)
        self.never: dict[int, NDArray[np.bool_]] = {}  # by person: faces ejected from them
        self.names: dict[int, str] = {}
        self.hidden: set[int] = set()
        self.different: set[tuple[int, int]] = set()
        self.merged: dict[int, int] = {}
        self.covers: dict[int, int] = {}  # by person: row of the cover picture, -1 if it is gone

    def decide(self, decision: Decision) -> None:
        actions: dict[DecisionKind, Callable[[Decision], None]] = {
            DecisionKind.RENAME: self._rename,
            DecisionKind.MERGE: self._merge,
            DecisionKind.DIFFERENT: self._separate,
            DecisionKind.EJECT: self._eject,
            DecisionKind.MOVE: self._move,
            DecisionKind.ACCEPT: self._move,
            DecisionKind.SPLIT: self._split,
            DecisionKind.HIDE: self._hide,
            DecisionKind.SHOW: lambda d: self.hidden.discard(self._current_id(d.person_id)),
            DecisionKind.COVER: self._cover,
        }
        actions[decision.kind](decision)

    def result(self, joined: Mapping[str, NDArray[np.int64]] | None) -> Reviewed:
        """Return the state after all decisions; see `replay`."""
        label, never = self.label.copy(), np.full((len(self.label), 0), UNKNOWN, np.int64)
        for person, mask in sorted(self.never.items()):
            # An ejected face is removed again unless a later decision moved it to the person.
            label[mask & (label == person) & (self.pinned != person)] = UNKNOWN
            never = np.column_stack([never, np.where(mask, person, UNKNOWN)])
        if joined is not None and never.size:
            label = self._joined(label, never, joined)
        labels = {
            footage: ReviewedFaces(label[rows], self.pinned[rows].copy(), never[rows])
            for footage, rows in self.slices.items()
        }
        hidden = frozenset(self.hidden - self.merged.keys())
        merged = {person: self._current_id(person) for person in self.merged}
        different = frozenset(self.different)
        covers = dict(self._covers(label))
        return Reviewed(labels, dict(self.names), hidden, different, merged, covers)

    def _covers(self, label: NDArray[np.int64]) -> Iterator[tuple[int, tuple[str, int]]]:
        """Yield each person, and footage and row of the cover picture that is still theirs."""
        for person, row in self.covers.items():
            if row != UNKNOWN and label[row] == person:
                name, rows = next(each for each in self.slices.items() if row < each[1].stop)
                yield person, (name, row - rows.start)

    def _joined(
        self,
        label: NDArray[np.int64],
        never: NDArray[np.int64],
        joined: Mapping[str, NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """Return the labels, ``(n,)``, with each ejected face at the person whom it joins."""
        person = np.concatenate([np.zeros(0, np.int64), *(joined[name] for name in self.slices)])
        for merged in np.intersect1d(person, list(self.merged)).tolist():
            person = np.where(person == merged, self._current_id(merged), person)
        is_ejected = (never != UNKNOWN).any(axis=1) & (label == UNKNOWN)
        return np.where(is_ejected & (never != person[:, None]).all(axis=1), person, label)

    def _current_id(self, person: int) -> int:
        while person in self.merged:
            person = self.merged[person]
        return person

    def _pin(self, decision: Decision) -> None:
        for person, faces in decision.pins.items():
            self._assign(self._rows(faces), self._current_id(person))

    def _hide(self, decision: Decision) -> None:
        self._pin(decision)
        self.hidden.add(self._current_id(decision.person_id))

    def _rename(self, decision: Decision) -> None:
        self._pin(decision)
        self.names[self._current_id(decision.person_id)] = decision.name

    def _merge(self, decision: Decision) -> None:
        merged, into = decision.person_id, self._current_id(decision.other_id)
        if merged == into or merged in self.merged:
            return
        self.label[self.label == merged] = into
        self.pinned[self.pinned == merged] = into
        if merged in self.never:
            mask = self.never.pop(merged) & (self.pinned != into)
            self.never[into] = self.never.get(into, np.zeros_like(mask)) | mask
        pairs = {_pair(*(into if p == merged else p for p in pair)) for pair in self.different}
        self.different = {pair for pair in pairs if pair[0] != pair[1]}
        name = self.names.pop(merged, None)
        if name is not None:
            self.names.setdefault(into, name)
        cover = self.covers.pop(merged, None)
        if cover is not None:
            self.covers.setdefault(into, cover)
        self.merged[merged] = into

    def _separate(self, decision: Decision) -> None:
        self._pin(decision)
        pair = _pair(self._current_id(decision.person_id), self._current_id(decision.other_id))
        if pair[0] != pair[1]:
            self.different.add(pair)

    def _eject(self, decision: Decision) -> None:
        person, rows = self._current_id(decision.person_id), self._rows(decision.faces)
        mask = self.never.setdefault(person, np.zeros(len(self.label), np.bool_))
        mask[rows] = True
        assigned = rows[self.label[rows] == person]
        self.label[assigned] = self.pinned[assigned] = UNKNOWN

    def _move(self, decision: Decision) -> None:
        self._assign(self._rows(decision.faces), self._current_id(decision.person_id))

    def _cover(self, decision: Decision) -> None:
        rows, person = self._rows(decision.faces), self._current_id(decision.person_id)
        self._assign(rows, person)
        self.covers[person] = int(rows[0]) if len(rows) else UNKNOWN

    def _split(self, decision: Decision) -> None:
        rows, person = self._rows(decision.faces), decision.person_id
        before = np.unique(self.label[rows]).tolist()
        self.different |= {_pair(person, p) for p in before if p not in (UNKNOWN, person)}
        self._assign(rows, self._current_id(person))

    def _assign(self, rows: NDArray[np.int64], person: int) -> None:
        self.label[rows] = self.pinned[rows] = person
        if person in self.never:
            self.never[person][rows] = False

    def _rows(self, faces: FacesByFootage) -> NDArray[np.int64]:
        """Return the rows of some faces in the arrays of all footages, ``(m,)``."""
        rows = [np.zeros(0, np.int64)]
        for footage, selected in faces.items():
            if footage in self.face_keys:
                matches = selected.rows_in(self.face_keys[footage])
                rows.append(matches[matches >= 0] + self.slices[footage].start)
        return np.unique(np.concatenate(rows))


def _pair(a: int, b: int) -> tuple[int, int]:
    return min(a, b), max(a, b)


def describe(decision: Decision, names: Mapping[int, str]) -> str:
    """Return the text of a decision for the history.

    Args:
        decision: a decision of any kind.
        names: names of all people before the decision, by id.
    """
    name = names.get(decision.person_id, default_name(decision.person_id))
    other = names.get(decision.other_id, "")
    count = sum(map(len, decision.faces.values()))
    faces = counted(count, "face")
    return {
        DecisionKind.RENAME: f"Renamed {name} to {decision.name}",
        DecisionKind.MERGE: f"Merged {name} into {other}",
        DecisionKind.DIFFERENT: f"Marked {name} and {other} as different people",
        DecisionKind.EJECT: f"Removed {faces} from {name}",
        DecisionKind.MOVE: f"Moved {faces} to {name}",
        DecisionKind.ACCEPT: f"Accepted {faces} as {name}",
        DecisionKind.SPLIT: f"Split off {faces} as {name}",
        DecisionKind.HIDE: f"Hid {name}",
        DecisionKind.SHOW: f"Showed {name} again",
        DecisionKind.COVER: f"Chose a cover picture for {name}",
    }[decision.kind]


NOTE_WORDS: Final = re.compile(
    r"^(?:Renamed|Merged|Marked|Removed|Moved|Accepted|Split off|Hid|Showed|Chose)\b"
    r"|\b(?:\d+ faces?|a cover picture for|into|to|and|as different people|from|as|again"
    # Of earlier versions.
    r"|a cover picture of|is called|is not|is|hidden|shown again|not|moved to|accepted as"
    r"|split off as)\b"
)
"""What is no name in the texts of `describe`."""


def with_person_id(decision: Decision, person_id: int) -> Decision:
    """Return a decision about a new person with the person's id."""
    return dataclasses.replace(decision, person_id=person_id)
