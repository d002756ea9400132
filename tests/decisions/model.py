"""The rules that decisions about people follow, in plain Python, to compare fancam with."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from data.core.arrays import UNKNOWN
from data.tables.decisions import DecisionKind

Face: TypeAlias = tuple[str, int]
"""Footage, and row in its table at the finest sampling."""


@dataclass
class Rules:
    """What the decisions in force demand.

    A face that is pinned is its person's in every run. A face that was ejected is never the
    person's again, unless it is pinned to them later. Names and hiding stay with their person. A
    cover picture is shown while it is the person's.
    """

    pinned: dict[Face, int] = field(default_factory=dict)
    never: dict[Face, set[int]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    merged: dict[int, int] = field(default_factory=dict)
    covers: dict[int, Face] = field(default_factory=dict)

    def after(
        self,
        kind: DecisionKind,
        person: int,
        other: int,
        name: str,
        faces: Collection[Face],
        owners: dict[Face, int],
    ) -> Rules:
        """Return the rules after one more decision.

        Args:
            kind: kind of the decision.
            person: its person.
            other: its other person; -1 none.
            name: the new name.
            faces: its faces.
            owners: person of each face before the decision.
        """
        rules = copy.deepcopy(self)
        match kind:
            case DecisionKind.RENAME:
                rules.names[person] = name
                rules._pin(owners, person)
            case DecisionKind.HIDE:
                rules.hidden.add(person)
                rules._pin(owners, person)
            case DecisionKind.SHOW:
                rules.hidden.discard(person)
            case DecisionKind.DIFFERENT:
                rules._pin(owners, person)
                rules._pin(owners, other)
            case DecisionKind.MERGE:
                rules._merge(person, other)
            case DecisionKind.EJECT:
                rules._eject(faces, person)
            case DecisionKind.COVER:
                rules._assign(faces, person)
                (rules.covers[person],) = faces
            case _:
                rules._assign(faces, person)
        return rules

    def check(
        self, names: dict[int, str], hidden: Collection[int], owners: dict[Face, int]
    ) -> None:
        """Compare a project with the rules.

        Args:
            names: name of each person.
            hidden: hidden people.
            owners: person of each face of the current sampling; -1 unknown.

        Raises:
            AssertionError: a rule is broken.
        """
        assert len(set(names.values())) == len(names), "two people have one name"
        for person, name in self.names.items():
            assert names.get(person) == name, f"person {person} lost the name {name}"
        for face, owner in owners.items():
            assert owner not in self.forbidden(face), f"ejected face {face} is back at {owner}"
            pinned = self.pinned.get(face, owner)
            assert owner == pinned, f"face {face} of {pinned} is at {owner}"
        assert not set(self.merged) & (set(owners.values()) | set(names)), "a merged person is back"
        with_faces = set(owners.values()) - {UNKNOWN}
        assert with_faces <= set(names) <= with_faces | set(self.names), "names are not the people"
        assert hidden == self.hidden & set(names), "other people are hidden"

    def shown_covers(self, owners: dict[Face, int]) -> dict[int, Face]:
        """Return the cover pictures that are their person's, by person."""
        return {person: face for person, face in self.covers.items() if owners.get(face) == person}

    def current(self, person: int) -> int:
        """Return the id of a person after all merges."""
        while person in self.merged:
            person = self.merged[person]
        return person

    def forbidden(self, face: Face) -> set[int]:
        """Return the people whose face it cannot be."""
        pinned = self.pinned.get(face)
        return {p for p in self.never.get(face, set()) if p != pinned}

    def _pin(self, owners: dict[Face, int], person: int) -> None:
        self._assign([face for face, owner in owners.items() if owner == person], person)

    def _assign(self, faces: Collection[Face], person: int) -> None:
        for face in faces:
            self.pinned[face] = person
            self.never.get(face, set()).discard(person)

    def _eject(self, faces: Collection[Face], person: int) -> None:
        for face in faces:
            self.never.setdefault(face, set()).add(person)
            if self.pinned.get(face) == person:
                del self.pinned[face]

    def _merge(self, person: int, into: int) -> None:
        for face, pinned in self.pinned.items():
            self.pinned[face] = into if pinned == person else pinned
        for face, people in self.never.items():
            if person in people:
                people.discard(person)
                if self.pinned.get(face) != into:
                    people.add(into)
        if (name := self.names.pop(person, None)) is not None:
            self.names.setdefault(into, name)
        if (cover := self.covers.pop(person, None)) is not None:
            self.covers.setdefault(into, cover)
        self.hidden.discard(person)
        self.merged[person] = into
