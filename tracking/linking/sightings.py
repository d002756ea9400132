"""Faces that cluster-faces found and knows, as witnesses in the frames it looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import expand, iou
from data.core.table import Column, Table
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from tracking.detection.detections import Detections

SAME_FACE_IOU: Final = 0.4
SIGHTING_SCORE: Final = 0.9
"""Score of a box that cluster-faces alone found; its detector rarely takes a thing for a face."""
_UNSURE_SCORE: Final = 0.25
"""Of a YOLO box, below which the face's own box is the better one."""
_SAME_TIME_S: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Sightings(Table):
    """Faces of known people in the frames of one footage."""

    frame_index: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px, as large as the detector's boxes
    person_id: NDArray[np.int64]  # (n,)

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }


def sightings_of(assignments: Assignments, timeline: Timeline, *, label_margin: float) -> Sightings:
    """The known faces among ``assignments`` that lie in frames of ``timeline``.

    Args:
        assignments: whose the faces of this footage are.
        timeline: the frames that were read.
        label_margin: share of a face that its label is larger by, on each side.
    """
    if not len(timeline):
        return Sightings.empty()
    place = np.searchsorted(timeline.time_s, assignments.time_s - _SAME_TIME_S)
    place = np.minimum(place, len(timeline) - 1)
    near = np.abs(timeline.time_s[place] - assignments.time_s) <= _SAME_TIME_S
    rows = np.flatnonzero(near & (assignments.person_id != UNKNOWN))
    return Sightings(
        frame_index=timeline.frame_index[place[rows]],
        xyxy=expand(assignments.xyxy[rows], label_margin),
        person_id=assignments.person_id[rows],
    )


def join_sightings(
    detections: Detections, sightings: Sightings, people: Sequence[int]
) -> tuple[Detections, NDArray[np.int64]]:
    """Let the sightings stand among the detections, and vote for whom they show.

    A box on a sighted face is sure to be a face; it keeps its place unless it was unsure. A
    sighting without a box becomes one.

    Returns:
        The detections with those added, and the place in ``people`` of the person whom each row
        was recognised as, ``(n,)``; -1 for the others.
    """
    column = {person: index for index, person in enumerate(people)}
    votes = np.full(len(detections), UNKNOWN, np.int64)
    xyxy, score = detections.xyxy.copy(), detections.score.copy()
    alone: list[int] = []
    for frame in np.unique(sightings.frame_index):
        seen = np.flatnonzero(sightings.frame_index == frame)
        start, end = np.searchsorted(detections.frame_index, [frame, frame + 1])
        matched = _matches(sightings.xyxy[seen], detections.xyxy[start:end])
        for i, j in enumerate(matched):
            if j < 0:
                alone.append(int(seen[i]))
                continue
            row = start + j
            votes[row] = column[int(sightings.person_id[seen[i]])]
            if score[row] < _UNSURE_SCORE:
                xyxy[row] = sightings.xyxy[seen[i]]
            score[row] = max(score[row], SIGHTING_SCORE)
    known = Detections(detections.frame_index, xyxy, score, detections.evidence)
    added = sightings.take(np.array(alone, np.int64))
    return _added(known, votes, added, column)


def _matches(faces: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.int64]:
    """The box on each face, ``(n,)``; -1 where there is none."""
    overlap = iou(faces, boxes)
    matched = np.full(len(faces), -1, np.int64)
    for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[i, j] >= SAME_FACE_IOU:
            matched[i] = j
    return matched


def _added(
    detections: Detections, votes: NDArray[np.int64], sightings: Sightings, column: dict[int, int]
) -> tuple[Detections, NDArray[np.int64]]:
    n = len(sightings)
    both = Detections(
        frame_index=sightings.frame_index,
        xyxy=sightings.xyxy,
        score=np.full(n, SIGHTING_SCORE, np.float32),
        evidence=np.zeros((n, detections.people), np.float32),
    )
    index = np.concatenate([detections.frame_index, both.frame_index])
    order = np.argsort(index, kind="stable")
    voted = np.array([column[int(person)] for person in sightings.person_id], np.int64)
    joined = Detections(
        frame_index=index[order],
        xyxy=np.concatenate([detections.xyxy, both.xyxy])[order],
        score=np.concatenate([detections.score, both.score])[order],
        evidence=np.concatenate([detections.evidence, both.evidence])[order],
    )
    return joined, np.concatenate([votes, voted])[order]
