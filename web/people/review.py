"""What the People room shows and takes: everybody, their faces, and decisions by face id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data.core.arrays import UNKNOWN
from data.tables.decision_log import HistoryEntry
from data.tables.decisions import Decision, DecisionKind
from web.core.library import MAX_ID
from web.people.snapshot import FACE_ID, PeopleSnapshot

MAX_FACES: Final = 50_000
_MONTAGE: Final = 6  # faces of a card
_MAX_PAIRS: Final = 30
_SHOWN_NAME: Final = 200

Id = Annotated[int, Field(ge=0, le=MAX_ID)]
FaceId = Annotated[str, StringConstraints(pattern=FACE_ID)]
FaceIds = Annotated[list[FaceId], Field(min_length=1, max_length=MAX_FACES)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seen: Id  # revision that the page shows


class EmptyBody(BaseModel):
    """Nothing more to say."""

    model_config = ConfigDict(extra="forbid")


class UndoRequest(_Request):
    """Undo or redo."""


class RenameRequest(_Request):
    """A person has another name."""

    kind: Literal["rename"]
    person: Id
    name: Annotated[str, Field(min_length=1, max_length=_SHOWN_NAME)]


class TwoPeopleRequest(_Request):
    """A person is the other, or is not."""

    kind: Literal["merge", "different"]
    person: Id
    other: Id


class FacesRequest(_Request):
    """Some faces are the person's, or are not."""

    kind: Literal["eject", "move", "accept"]
    person: Id
    faces: FaceIds


class SplitRequest(_Request):
    """Some faces are somebody's of their own."""

    kind: Literal["split"]
    faces: FaceIds


class OnePersonRequest(_Request):
    """A person does not matter, or does after all."""

    kind: Literal["hide", "show"]
    person: Id


Asked = Annotated[
    RenameRequest | TwoPeopleRequest | FacesRequest | SplitRequest | OnePersonRequest,
    Field(discriminator="kind"),
]


def decision_of(
    asked: RenameRequest | TwoPeopleRequest | FacesRequest | SplitRequest | OnePersonRequest,
    who: PeopleSnapshot,
) -> Decision:
    """Return the decision that a page asks for.

    Raises:
        NotFoundError: there is no such face.
        ValueError: a person and the same person.
    """
    kind = DecisionKind(asked.kind)
    match asked:
        case RenameRequest():
            return Decision(kind, asked.person, name=asked.name)
        case TwoPeopleRequest():
            return Decision(kind, asked.person, asked.other)
        case FacesRequest():
            return Decision(kind, asked.person, faces=who.faces.places(asked.faces))
        case SplitRequest():
            return Decision(kind, UNKNOWN, faces=who.faces.places(asked.faces))
        case OnePersonRequest():
            return Decision(kind, asked.person)


# --- what is shown ----------------------------------------------------------------------------


def overview(who: PeopleSnapshot) -> dict[str, Any]:
    """Return everybody, who looks like whom, and what can be taken back."""
    rows = _rows_by_person(who)
    return {
        "revision": who.revision,
        "undo": _note(who.undo),
        "redo": _note(who.redo),
        "written": who.written,
        "people": [_person(who, person, rows.get(person)) for person in who.names],
        "unknown": _pile(who, UNKNOWN, rows.get(UNKNOWN)),
        "pairs": list(_pairs(who)),
    }


def _rows_by_person(who: PeopleSnapshot) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(who.person_id, kind="stable")
    people, starts = np.unique(who.person_id[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {int(person): part for person, part in zip(people, parts, strict=False)}


def _note(past: HistoryEntry | None) -> str | None:
    return past.note if past is not None else None


def _person(who: PeopleSnapshot, person: int, rows: NDArray[np.int64] | None) -> dict[str, Any]:
    return {
        "id": person,
        "name": who.names[person],
        "named": person in who.reviewed.names,
        "hidden": person in who.reviewed.hidden,
        **_pile(who, person, rows),
    }


def _pile(who: PeopleSnapshot, person: int, rows: NDArray[np.int64] | None) -> dict[str, Any]:
    """How many faces, some of them, and when the first and the last was seen."""
    if rows is None or not len(rows):
        return {"count": 0, "faces": [], "first": None, "last": None}
    faces = who.faces
    montage = faces.likeness.portraits(person, rows, count=_MONTAGE)
    return {
        "count": len(rows),
        "faces": faces.ids(montage),
        "first": _moment(who, int(rows[0])),
        "last": _moment(who, int(rows[-1])),
    }


def _moment(who: PeopleSnapshot, row: int) -> dict[str, Any]:
    return {
        "footage": int(who.faces.footage[row]),
        "time_s": round(float(who.faces.time_s[row]), 2),
    }


def _pairs(who: PeopleSnapshot) -> Iterator[dict[str, Any]]:
    """Who may be one, but whom somebody has hidden, told apart, or given two names."""
    reviewed = who.reviewed
    shown = 0
    for pair in who.faces.likeness.alike(who.person_id, apart=reviewed.apart):
        both = {pair.person_id, pair.other_id}
        if both & reviewed.hidden or both <= reviewed.names.keys():
            continue
        yield {"a": pair.person_id, "b": pair.other_id, "distance": round(pair.distance, 3)}
        shown += 1
        if shown == _MAX_PAIRS:
            return


def faces_of_person(who: PeopleSnapshot, person: int) -> dict[str, Any]:
    """Return a person's faces, the most doubtful first."""
    rows = np.flatnonzero(who.person_id == person)
    doubt = who.faces.likeness.doubts(who.person_id, rows)
    order = np.argsort(-doubt, kind="stable")
    return {**_faces(who, rows[order]), "doubt": np.round(doubt[order], 3).tolist()}


def unknown_faces(who: PeopleSnapshot) -> dict[str, Any]:
    """Return the unknown faces by whom they look like, the likeliest first."""
    person, distance = who.faces.likeness.likely(who.person_id, never=who.never)
    rows = np.flatnonzero(who.person_id == UNKNOWN)
    # People in the order of how many faces may be theirs; the faces of nobody come last.
    people, counts = np.unique(person[rows], return_counts=True)
    rank = {int(p): (int(p) == UNKNOWN, -int(c)) for p, c in zip(people, counts, strict=True)}
    key = [(*rank[int(person[row])], int(person[row]), float(distance[row])) for row in rows]
    order = np.array(sorted(range(len(rows)), key=key.__getitem__), np.int64)
    rows = rows[order]
    return {**_faces(who, rows), "likely": person[rows].tolist()}


def _faces(who: PeopleSnapshot, rows: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "revision": who.revision,
        "faces": who.faces.ids(rows),
        "time_s": np.round(who.faces.time_s[rows], 2).tolist(),
    }
