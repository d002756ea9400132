"""Add the faces that cluster-faces recognised to the detections, as boxes and identity votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, expand, iou
from data.core.table import Column, Table
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from tracking.detection.detections import Detections

SAME_FACE_IOU: Final = 0.4
SIGHTING_SCORE: Final = 0.9
"""Score of a face that only cluster-faces detected; its detector has few false positives."""
_WEAK_SCORE: Final = 0.25
"""Score of a YOLO box below which the box of cluster-faces is more accurate."""
_SAME_TIME_S: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Sightings(Table):
    """Recognised faces of one footage, one row per face."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    xyxy: Boxes  # (n, 4) px, with the label margin of the detector's boxes
    person_id: NDArray[np.int64]  # (n,) never -1

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }


def sightings_of(assignments: Assignments, timeline: Timeline, *, label_margin: float) -> Sightings:
    """Select the faces of known people in the frames of ``timeline``.

    Args:
        assignments: the faces of this footage and their people.
        timeline: the sampled frames.
        label_margin: added to each side of a box, as a share of its size.
    """
    if not len(timeline):
        return Sightings.empty()
    position = np.searchsorted(timeline.time_s, assignments.time_s - _SAME_TIME_S)
    position = np.minimum(position, len(timeline) - 1)
    near = np.abs(timeline.time_s[position] - assignments.time_s) <= _SAME_TIME_S
    rows = np.flatnonzero(near & (assignments.person_id != UNKNOWN))
    return Sightings(
        frame_index=timeline.frame_index[position[rows]],
        xyxy=expand(assignments.xyxy[rows], label_margin),
        person_id=assignments.person_id[rows],
    )


def merge_sightings(
    detections: Detections, sightings: Sightings, people: Sequence[int]
) -> tuple[Detections, NDArray[np.int64]]:
    """Merge the sightings into the detections, as boxes and votes.

    A detection that matches a sighting gets at least SIGHTING_SCORE; if its score was low, its box
    is replaced with that of the sighting. Unmatched sightings are added as detections.

    Args:
        detections: not modified.
        sightings: recognised faces of the same footage.
        people: person id of each evidence column.

    Returns:
        The merged detections, and the evidence column of the person each row was recognised as,
        ``(n,)``; -1 for none.
    """
    column = {person: index for index, person in enumerate(people)}
    votes = np.full(len(detections), UNKNOWN, np.int64)
    xyxy, score = detections.xyxy.copy(), detections.score.copy()
    unmatched: list[int] = []
    for frame in np.unique(sightings.frame_index):
        sighted = np.flatnonzero(sightings.frame_index == frame)
        start, end = np.searchsorted(detections.frame_index, [frame, frame + 1])
        matched = _matches(sightings.xyxy[sighted], detections.xyxy[start:end])
        for i, j in enumerate(matched):
            if j < 0:
                unmatched.append(int(sighted[i]))
                continue
            row = start + j
            votes[row] = column[int(sightings.person_id[sighted[i]])]
            if score[row] < _WEAK_SCORE:
                xyxy[row] = sightings.xyxy[sighted[i]]
            score[row] = max(score[row], SIGHTING_SCORE)
    matched_boxes = Detections(detections.frame_index, xyxy, score, detections.evidence)
    return _with_added(matched_boxes, votes, sightings.take(np.array(unmatched, np.int64)), column)


def _matches(faces: Boxes, boxes: Boxes) -> NDArray[np.int64]:
    """Return the box matched with each face, ``(n,)``, for the highest total IoU; -1 for none."""
    overlap = iou(faces, boxes)
    matched = np.full(len(faces), -1, np.int64)
    for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[i, j] >= SAME_FACE_IOU:
            matched[i] = j
    return matched


def _with_added(
    detections: Detections, votes: NDArray[np.int64], sightings: Sightings, column: dict[int, int]
) -> tuple[Detections, NDArray[np.int64]]:
    n = len(sightings)
    added = Detections(
        frame_index=sightings.frame_index,
        xyxy=sightings.xyxy,
        score=np.full(n, SIGHTING_SCORE, np.float32),
        evidence=np.zeros((n, detections.people), np.float32),
    )
    index = np.concatenate([detections.frame_index, added.frame_index])
    order = np.argsort(index, kind="stable")
    voted = np.array([column[int(person)] for person in sightings.person_id], np.int64)
    merged = Detections(
        frame_index=index[order],
        xyxy=np.concatenate([detections.xyxy, added.xyxy])[order],
        score=np.concatenate([detections.score, added.score])[order],
        evidence=np.concatenate([detections.evidence, added.evidence])[order],
    )
    return merged, np.concatenate([votes, voted])[order]
