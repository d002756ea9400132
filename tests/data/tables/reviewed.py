"""Eight faces of three people, and decisions about them."""

from __future__ import annotations

import numpy as np

from data.core.arrays import UNKNOWN
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.faces import Faces
from data.tables.people import People
from data.tables.projection import store_clustering
from tests.clustering.labelled_footage import table

FOUND = (1, 1, 1, 2, 2, 3, UNKNOWN, UNKNOWN)
"""Person of each face found by the clustering, one face per second."""


def faces(rows: int) -> Faces:
    left = np.arange(rows, dtype=np.float32) * 10
    xyxy = np.stack([left, left + 1, left + 5.5, left + 6.25], axis=1)
    return table(Faces, rows, frame_index=np.arange(rows), time_s=np.arange(rows), xyxy=xyxy)


def places(*rows: int) -> dict[str, FaceKeys]:
    """Return the places of some faces of film a."""
    whole = faces(max(rows) + 1)
    chosen = np.array(rows)
    return {"a": FaceKeys(whole.time_s[chosen], whole.xyxy[chosen])}


def found(people: People, *person_id: int) -> None:
    store_clustering(people, {"a": faces(len(person_id))}, {"a": np.array(person_id, np.int64)})


def now(people: People) -> list[int]:
    return [int(person) for person in people.assignments("a").person_id]


X = UNKNOWN
MADE: dict[str, tuple[Decision, list[int], dict[int, str]]] = {
    "rename": (
        Decision(DecisionKind.RENAME, 2, name=" Zoë "),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Zoë", 3: "Person 3"},
    ),
    "merge": (
        Decision(DecisionKind.MERGE, 2, 1),
        [1, 1, 1, 1, 1, 3, X, X],
        {1: "Person 1", 3: "Person 3"},
    ),
    "different": (
        Decision(DecisionKind.DIFFERENT, 2, 1),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "eject": (
        Decision(DecisionKind.EJECT, 1, faces=places(0, 2)),
        [X, 1, X, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "eject the last": (
        Decision(DecisionKind.EJECT, 3, faces=places(5)),
        [1, 1, 1, 2, 2, X, X, X],
        {1: "Person 1", 2: "Person 2"},
    ),
    "move": (
        Decision(DecisionKind.MOVE, 2, faces=places(0, 5)),
        [2, 1, 1, 2, 2, 2, X, X],
        {1: "Person 1", 2: "Person 2"},
    ),
    "accept": (
        Decision(DecisionKind.ACCEPT, 3, faces=places(6, 7)),
        [1, 1, 1, 2, 2, 3, 3, 3],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "split": (
        Decision(DecisionKind.SPLIT, UNKNOWN, faces=places(1, 2)),
        [1, 4, 4, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3", 4: "Person 4"},
    ),
    "cover": (
        Decision(DecisionKind.COVER, 2, faces=places(4)),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
    "hide": (
        Decision(DecisionKind.HIDE, 2),
        [1, 1, 1, 2, 2, 3, X, X],
        {1: "Person 1", 2: "Person 2", 3: "Person 3"},
    ),
}
