"""Attach every face to the body that it is a part of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, areas, centres, sizes_wh
from tracking.detection.bodies import Bodies
from tracking.linking.association import NO_TRACKLET

NO_BODY: Final = -1
_MIN_INSIDE: Final = 0.6
"""Minimum share of a face that is inside its body."""
_MAX_DEPTH: Final = 0.7
"""Maximum height of a face's centre below the body's top, as a share of the body's height: in a
close-up, whose body ends at the chest, the face is in the middle."""
_MAX_COST: Final = 1.2
_KNOWN: Final = 0.4
"""Cost of a recognised face in a body with mostly other people's faces; gain in one of its own."""


def attach_faces(
    frame_index: NDArray[np.int64],
    xyxy: Boxes,
    face_tracklet: NDArray[np.int32],
    votes: NDArray[np.int64],
    bodies: Bodies,
    body_tracklet: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Return the row of each face's body, ``(n,)``; -1 for none.

    Within a frame, no two faces have the same body, and the total cost is minimal. A face that
    fits no body there is attached to the body that has most faces of its tracklet, if that one has
    no face in this frame. The second pass knows whose faces each tracklet of bodies has.

    Args:
        frame_index: ``(n,)`` frame of each face, ascending.
        xyxy: ``(n, 4)`` px of each face.
        face_tracklet: ``(n,)`` tracklet of each face; -1 for none.
        votes: ``(n,)`` person that each face was recognised as; -1 for none.
        bodies: the bodies.
        body_tracklet: ``(m,)`` tracklet of each body; bodies of none (-1) are ignored.
    """
    usual = np.full(int(body_tracklet.max(initial=-1)) + 1, UNKNOWN, np.int64)
    for _ in range(2):
        attached = _attached(frame_index, xyxy, votes, bodies, body_tracklet, usual)
        usual = _usual_people(attached, votes, body_tracklet)
    return _with_rest_of_tracklets(attached, frame_index, face_tracklet, bodies, body_tracklet)


def _attached(
    frame_index: NDArray[np.int64],
    xyxy: Boxes,
    votes: NDArray[np.int64],
    bodies: Bodies,
    body_tracklet: NDArray[np.int32],
    usual: NDArray[np.int64],
) -> NDArray[np.int64]:
    attached = np.full(len(frame_index), NO_BODY, np.int64)
    for frame in np.unique(frame_index).tolist():
        rows = np.arange(*np.searchsorted(frame_index, [frame, frame + 1]))
        candidates = bodies.rows_of(frame)
        candidates = candidates[body_tracklet[candidates] != NO_TRACKLET]
        cost = attachment_cost(xyxy[rows], bodies.xyxy[candidates])
        cost += _known_cost(votes[rows], usual[body_tracklet[candidates]])
        for i, j in zip(*linear_sum_assignment(np.minimum(cost, 9)), strict=True):
            if cost[i, j] <= _MAX_COST:
                attached[rows[i]] = candidates[j]
    return attached


def _known_cost(votes: NDArray[np.int64], usual: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cost of each face in each body by the people of both, ``(n, m)``."""
    known = (votes[:, None] != UNKNOWN) & (usual[None] != UNKNOWN)
    return np.where(known, np.where(votes[:, None] == usual[None], -_KNOWN, _KNOWN), 0.0)


def _usual_people(
    attached: NDArray[np.int64], votes: NDArray[np.int64], body_tracklet: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the person of most recognised faces of each tracklet of bodies; -1 for none."""
    rows = (attached != NO_BODY) & (votes != UNKNOWN)
    counts = np.zeros((int(body_tracklet.max(initial=-1)) + 1, int(votes.max(initial=0)) + 1))
    np.add.at(counts, (body_tracklet[attached[rows]], votes[rows]), 1)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), UNKNOWN).astype(np.int64)


def attachment_cost(faces: Boxes, bodies: Boxes) -> NDArray[np.float64]:
    """Return how badly each face fits each body as its head, ``(n, m)``; infinite if not at all."""
    size, centre = sizes_wh(bodies)[None], centres(faces)[:, None]
    middle, top = centres(bodies)[None, :, 0], bodies[None, :, 1]
    corner = np.maximum(faces[:, None, :2], bodies[None, :, :2])
    inside = np.maximum(np.minimum(faces[:, None, 2:], bodies[None, :, 2:]) - corner, 0)
    share = inside.prod(axis=2) / np.maximum(areas(faces), 1e-6)[:, None]
    depth = (centre[..., 1] - top) / np.maximum(size[..., 1], 1e-6)
    aside = np.abs(centre[..., 0] - middle) / np.maximum(size[..., 0], 1e-6)
    # In a body much too large, the face is rather that of a person in front or behind.
    small = np.maximum(np.log(0.25 * size[..., 0] / np.maximum(sizes_wh(faces)[:, None, 0], 1)), 0)
    cost = np.asarray(aside + np.maximum(depth, 0) + 0.5 * small, np.float64)
    cost[(share < _MIN_INSIDE) | (depth > _MAX_DEPTH)] = np.inf
    return cost


def _with_rest_of_tracklets(
    attached: NDArray[np.int64],
    frame_index: NDArray[np.int64],
    face_tracklet: NDArray[np.int32],
    bodies: Bodies,
    body_tracklet: NDArray[np.int32],
) -> NDArray[np.int64]:
    taken = set(attached[attached != NO_BODY].tolist())
    result = attached.copy()
    for one in np.unique(face_tracklet[face_tracklet != NO_TRACKLET]).tolist():
        rows = np.flatnonzero(face_tracklet == one)
        fixed = rows[attached[rows] != NO_BODY]
        if not len(fixed):
            continue
        most = int(np.bincount(body_tracklet[attached[fixed]]).argmax())
        for row in rows[attached[rows] == NO_BODY].tolist():
            inside = bodies.rows_of(int(frame_index[row]))
            for body in inside[body_tracklet[inside] == most].tolist():
                if body not in taken:
                    taken.add(body)
                    result[row] = body
    return result
