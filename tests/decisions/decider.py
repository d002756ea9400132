"""Random decisions about people through the decision log, with the rules that must hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.tables.decision_log import DecisionLog
from data.tables.decisions import FACE_KINDS, PAIR_KINDS, Decision, DecisionKind, FaceKeys
from data.tables.people import People
from tests.decisions.model import Face, Rules


@dataclass(frozen=True)
class Step:
    """One random action; its numbers choose people and faces among those there then."""

    act: str
    numbers: tuple[float, ...]  # (6,) 0 to 1


def random_steps(seed: int, count: int, acts: tuple[str, ...]) -> list[Step]:
    """Return random steps."""
    random = np.random.default_rng(seed)
    chosen = random.choice(np.array(acts, object), count)
    return [Step(str(act), tuple(random.random(6).tolist())) for act in chosen]


class Decider(ABC):
    """Decisions on an open people file, and the rules that they demand."""

    def __init__(self, people: People) -> None:
        self.people, self.log = people, DecisionLog(people)
        self.history = [Rules()]
        self.undone: list[Rules] = []
        self.renames = 0

    @property
    def rules(self) -> Rules:
        return self.history[-1]

    @abstractmethod
    def owners(self) -> dict[Face, int]:
        """Return the person of each face of the current sampling."""

    @abstractmethod
    def keys_of(self, faces: list[Face]) -> dict[str, FaceKeys]:
        """Return times and boxes of faces, by footage."""

    def undo(self) -> None:
        """Undo the last decision, if there is one."""
        if self.log.undo() is not None:
            self.undone.append(self.history.pop())

    def redo(self) -> None:
        """Redo the decision that was undone last, if there is one."""
        if self.log.redo() is not None:
            self.history.append(self.undone.pop())

    def rename(self, person: int, name: str) -> None:
        """Give a person a name that nobody has."""
        self._make(Decision(DecisionKind.RENAME, person, name=name), [])

    def decide(self, kind: DecisionKind, numbers: tuple[float, ...]) -> None:
        """Make a decision; the numbers choose its people and faces."""
        owners, there = self.owners(), list(self.people.names())
        if not there:
            return
        person, other = (there[int(number * len(there))] for number in numbers[:2])
        faces = self._pick(kind, person, numbers, owners)
        if (kind in PAIR_KINDS and person == other) or (kind in FACE_KINDS and not faces):
            return
        self.renames += 1
        name = f"Name {self.renames}" if kind is DecisionKind.RENAME else ""
        made = Decision(
            kind,
            UNKNOWN if kind is DecisionKind.SPLIT else person,
            other if kind in PAIR_KINDS else UNKNOWN,
            name,
            self.keys_of(faces) if kind in FACE_KINDS else {},
        )
        self._make(made, faces)

    def _make(self, decision: Decision, faces: list[Face]) -> None:
        owners, kind = self.owners(), decision.kind
        try:
            self.log.decide(decision)
        except InputError as error:  # pragma: no cover
            raise AssertionError(f"refused: {error}") from error
        person = decision.person_id
        if kind is DecisionKind.SPLIT:
            person = self.people.decisions()[-1].person_id
        rules = self.rules.after(kind, person, decision.other_id, decision.name, faces, owners)
        self.history.append(rules)
        self.undone.clear()

    def _pick(
        self, kind: DecisionKind, person: int, numbers: tuple[float, ...], owners: dict[Face, int]
    ) -> list[Face]:
        """Choose one to twelve faces: the person's, unknown ones, or any."""
        of_person = dict.fromkeys((DecisionKind.EJECT, DecisionKind.COVER), person)
        source = {**of_person, DecisionKind.ACCEPT: UNKNOWN}.get(kind)
        faces = [face for face, owner in owners.items() if source in (None, owner)]
        start, count = int(numbers[2] * len(faces)), 1 + int(numbers[3] * 12)
        if kind is DecisionKind.COVER:
            return faces[start : start + 1]
        return faces[start : start + count] if numbers[4] < 0.5 else faces[:: 14 - count][:count]
