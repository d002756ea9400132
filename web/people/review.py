"""JSON data of the People pages: people, their faces, and requests for decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data.core.arrays import UNKNOWN
from data.core.errors import OutdatedError
from data.tables.decision_log import HistoryEntry
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from web.core.library import MAX_ID
from web.people.snapshot import FACE_ID, PeopleSnapshot

MAX_FACES: Final = 50_000
_CARD_FACES: Final = 6
_MAX_PAIRS: Final = 30
_MAX_NAME: Final = 200
_MAX_PEOPLE: Final = 1000

Id = Annotated[int, Field(ge=0, le=MAX_ID)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=_MAX_PEOPLE)]
FaceId = Annotated[str, StringConstraints(pattern=FACE_ID)]
FaceIds = Annotated[list[FaceId], Field(min_length=1, max_length=MAX_FACES)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seen: Id  # revision that the page shows


class EmptyBody(BaseModel):
    """A request without content."""

    model_config = ConfigDict(extra="forbid")


class UndoRequest(_Request):
    """Undo the latest decision."""

    decision: Id | None = None  # the only one to undo; None for whichever is the latest


class RedoRequest(_Request):
    """Redo the decision that was undone last."""


class RenameRequest(_Request):
    """Rename a person."""

    kind: Literal["rename"]
    person: Id
    name: Annotated[str, Field(min_length=1, max_length=_MAX_NAME)]


class MergeRequest(_Request):
    """Merge people into another person."""

    kind: Literal["merge"]
    people: Ids
    other: Id


class DifferentRequest(_Request):
    """Mark two people as different."""

    kind: Literal["different"]
    person: Id
    other: Id


class FacesRequest(_Request):
    """Assign faces to a person, or remove them."""

    kind: Literal["eject", "move", "accept"]
    person: Id
    faces: FaceIds


class CoverRequest(_Request):
    """Make a face the cover picture of its person."""

    kind: Literal["cover"]
    person: Id
    face: FaceId


class SplitRequest(_Request):
    """Split faces off as a new person."""

    kind: Literal["split"]
    faces: FaceIds


class HideRequest(_Request):
    """Hide people, or show them again."""

    kind: Literal["hide", "show"]
    people: Ids


_AnyRequest: TypeAlias = (
    RenameRequest
    | MergeRequest
    | DifferentRequest
    | FacesRequest
    | CoverRequest
    | SplitRequest
    | HideRequest
)
DecisionRequest = Annotated[_AnyRequest, Field(discriminator="kind")]


def decisions_of(request: _AnyRequest, snapshot: PeopleSnapshot) -> list[Decision]:
    """Return the decisions that a page requests; they are made and undone together.

    Raises:
        NotFoundError: no such face.
        OutdatedError: the faces are not clustered.
        ValueError: two of the people are the same.
    """
    kind = DecisionKind(request.kind)
    if isinstance(request, (MergeRequest, HideRequest)):
        _check_distinct(request.people)
    match request:
        case RenameRequest():
            return [Decision(kind, request.person, name=request.name)]
        case MergeRequest():
            return [Decision(kind, person, request.other) for person in request.people]
        case DifferentRequest():
            return [Decision(kind, request.person, request.other)]
        case FacesRequest():
            return [Decision(kind, request.person, faces=_face_keys(request.faces, snapshot))]
        case CoverRequest():
            keys = _face_keys([request.face], snapshot)
            return [Decision(kind, request.person, faces=keys)]
        case SplitRequest():
            return [Decision(kind, UNKNOWN, faces=_face_keys(request.faces, snapshot))]
        case HideRequest():
            return [Decision(kind, person) for person in request.people]


def _check_distinct(people: list[int]) -> None:
    if len(set(people)) < len(people):
        raise ValueError(f"the people must be different: {people}")


def _face_keys(ids: list[str], snapshot: PeopleSnapshot) -> dict[str, FaceKeys]:
    face_keys = snapshot.faces.face_keys(ids)
    for name in face_keys.keys() & snapshot.unclustered:
        # A page could show other faces of the same numbers.
        message = (
            "detected again and are not grouped yet; run cluster-faces, or wait if it is running"
        )
        raise OutdatedError(f"the faces of {name} have been {message}")
    return face_keys


# --- responses --------------------------------------------------------------------------------


def overview(snapshot: PeopleSnapshot) -> dict[str, Any]:
    """Return all people, pairs that look alike, and the next undo and redo."""
    rows = _rows_by_person(snapshot)
    return {
        "revision": snapshot.revision,
        "undo": _note(snapshot.undo),
        "undo_decision": snapshot.undo.decision_id if snapshot.undo is not None else None,
        "redo": _note(snapshot.redo),
        "written": snapshot.written,
        "footages": list(snapshot.faces.footages),
        "people": [_person_data(snapshot, person, rows.get(person)) for person in snapshot.names],
        "unknown": _faces_summary(snapshot, UNKNOWN, rows.get(UNKNOWN)),
        "pairs": list(_pairs(snapshot)),
    }


def _rows_by_person(snapshot: PeopleSnapshot) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(snapshot.person_id, kind="stable")
    people, starts = np.unique(snapshot.person_id[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {int(person): part for person, part in zip(people, parts, strict=False)}


def _note(entry: HistoryEntry | None) -> str | None:
    return entry.note if entry is not None else None


def _person_data(
    snapshot: PeopleSnapshot, person: int, rows: NDArray[np.int64] | None
) -> dict[str, Any]:
    return {
        "id": person,
        "name": snapshot.names[person],
        "named": person in snapshot.reviewed.names,
        "hidden": person in snapshot.reviewed.hidden,
        **_faces_summary(snapshot, person, rows),
    }


def _faces_summary(
    snapshot: PeopleSnapshot, person: int, rows: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Return the number of faces, a few face ids, the cover, and times of the first and last face.

    The cover picture, if one was chosen, is also the first of the faces.
    """
    if rows is None or not len(rows):
        return {"count": 0, "faces": [], "cover": None, "first": None, "last": None}
    faces = snapshot.faces
    chosen = faces.ids(faces.likeness.portraits(person, rows, count=_CARD_FACES))
    cover = snapshot.cover(person)
    if cover is not None:
        chosen = [cover, *(face for face in chosen if face != cover)][:_CARD_FACES]
    return {
        "count": len(rows),
        "faces": chosen,
        "cover": cover,
        "first": _moment(snapshot, int(rows[0])),
        "last": _moment(snapshot, int(rows[-1])),
    }


def _moment(snapshot: PeopleSnapshot, row: int) -> dict[str, Any]:
    return {
        "footage": snapshot.faces.footage_name(row),
        "time_s": round(float(snapshot.faces.time_s[row]), 2),
    }


def _pairs(snapshot: PeopleSnapshot) -> Iterator[dict[str, Any]]:
    """Yield pairs of people who look alike, except hidden, separated or differently named ones."""
    reviewed = snapshot.reviewed
    shown = 0
    for pair in snapshot.faces.likeness.alike(snapshot.person_id, apart=reviewed.different):
        both = {pair.person_id, pair.other_id}
        if both & reviewed.hidden or both <= reviewed.names.keys():
            continue
        yield {"a": pair.person_id, "b": pair.other_id, "distance": round(pair.distance, 3)}
        shown += 1
        if shown == _MAX_PAIRS:
            return


def faces_of_person(snapshot: PeopleSnapshot, person: int) -> dict[str, Any]:
    """Return a person's faces, least certain first."""
    rows = np.flatnonzero(snapshot.person_id == person)
    doubt = snapshot.faces.likeness.doubts(snapshot.person_id, rows)
    order = np.argsort(-doubt, kind="stable")
    return {**_faces(snapshot, rows[order]), "doubt": np.round(doubt[order], 3).tolist()}


def unknown_faces(snapshot: PeopleSnapshot) -> dict[str, Any]:
    """Return the unknown faces grouped by the most similar person, most similar first."""
    person, distance = snapshot.faces.likeness.likely(snapshot.person_id, never=snapshot.never)
    rows = np.flatnonzero(snapshot.person_id == UNKNOWN)
    # People by descending number of similar faces; faces without a similar person come last.
    people, counts = np.unique(person[rows], return_counts=True)
    rank = {int(p): (int(p) == UNKNOWN, -int(c)) for p, c in zip(people, counts, strict=True)}
    key = [(*rank[int(person[row])], int(person[row]), float(distance[row])) for row in rows]
    order = np.array(sorted(range(len(rows)), key=key.__getitem__), np.int64)
    rows = rows[order]
    return {**_faces(snapshot, rows), "likely": person[rows].tolist()}


def _faces(snapshot: PeopleSnapshot, rows: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "revision": snapshot.revision,
        "faces": snapshot.faces.ids(rows),
        "time_s": np.round(snapshot.faces.time_s[rows], 2).tolist(),
    }
