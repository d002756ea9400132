"""Name tracklets of bodies by the faces in them, all tracklets of a footage jointly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.timeline import Timeline
from tracking.bodies.association import body_tracklets
from tracking.bodies.attachment import NO_BODY, attach_faces
from tracking.bodies.swaps import cut_swaps
from tracking.detection.bodies import Bodies, FootageBodies
from tracking.detection.detections import Detections
from tracking.linking.association import NO_TRACKLET
from tracking.linking.identity import IdentitySettings, assign_people

_CERTAIN: Final = 0.5
"""Score of a person from which the identity detector's face counts as recognised."""


@dataclass(frozen=True, eq=False)
class NamedBodies:
    """People of faces and bodies.

    Args:
        face_person: ``(n,)`` evidence column of each face; -1 for none.
        body_person: ``(m,)`` evidence column of each body; -1 for none.
        body_of_face: ``(n,)`` row of each face's body; -1 for none.
    """

    face_person: NDArray[np.int64]
    body_person: NDArray[np.int64]
    body_of_face: NDArray[np.int64]


def name_bodies(
    faces: Detections,
    face_tracklet: NDArray[np.int32],
    votes: NDArray[np.int64],
    footage: FootageBodies,
    timeline: Timeline,
    *,
    settings: IdentitySettings,
) -> NamedBodies:
    """Assign a person to each tracklet of bodies, and to each tracklet of faces outside of them.

    The faces in a tracklet of bodies are its evidence. Tracklets that share a frame are different
    people, also where the face of one is hidden.

    Args:
        faces: the boxes of faces.
        face_tracklet: ``(n,)`` tracklet of each face; -1 for none.
        votes: ``(n,)`` evidence column of the person each face was recognised as; -1 for none.
        footage: the bodies.
        timeline: the sampled frames.
        settings: thresholds of the assignment.
    """
    bodies = footage.bodies
    tracklet = body_tracklets(footage, timeline)
    counted = np.flatnonzero(face_tracklet != NO_TRACKLET)
    attached = np.full(len(faces), NO_BODY, np.int64)
    attached[counted] = attach_faces(
        faces.frame_index[counted],
        faces.xyxy[counted],
        face_tracklet[counted],
        votes[counted],
        bodies,
        tracklet,
    )
    tracklet = cut_swaps(tracklet, bodies, _recognised(faces, votes, attached, len(bodies)))
    unit = _units(attached, face_tracklet, tracklet)
    rows, votes_of_rows, unit_of_rows = _combined(faces, votes, unit, bodies, tracklet)
    person = np.append(assign_people(rows, unit_of_rows, votes_of_rows, settings=settings), UNKNOWN)
    face_person, body_person = person[unit], person[tracklet]
    free = ~np.isin(in_frame(faces.frame_index, votes), in_frame(bodies.frame_index, body_person))
    face_person = _with_votes(faces, face_person, np.where(free, votes, UNKNOWN))
    return NamedBodies(face_person, body_person, attached)


def in_frame(frame_index: NDArray[np.int64], person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for each pair of a frame and a person, ``(n,)``."""
    return frame_index * (1 << 32) + person


def _with_votes(
    faces: Detections, person: NDArray[np.int64], votes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return each face's person, ``(n,)``: for unknown ones, the one it was recognised as.

    A person who is already in the frame, or twice recognised in it, is not named again.
    """
    pairs = np.stack([faces.frame_index, np.where(person == UNKNOWN, votes, person)], axis=1)
    _, which, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return np.where(count[which.ravel()] == 1, pairs[:, 1], person).astype(np.int64)


def _recognised(
    faces: Detections, votes: NDArray[np.int64], attached: NDArray[np.int64], bodies: int
) -> NDArray[np.int64]:
    """Return the person of the recognised face in each body, ``(m,)``; -1 for none."""
    person = votes.copy()
    if faces.people and not (votes >= 0).any():  # --no-faces
        certain = faces.evidence.max(axis=1) >= _CERTAIN
        person[certain] = faces.evidence[certain].argmax(axis=1)
    result = np.full(bodies, UNKNOWN, np.int64)
    inside = attached != NO_BODY
    result[attached[inside]] = person[inside]
    return result


def _units(
    attached: NDArray[np.int64],
    face_tracklet: NDArray[np.int32],
    tracklet: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Return the tracklet that each face is evidence of, ``(n,)``: its body's, or its own."""
    first = int(tracklet.max(initial=-1)) + 1
    own = np.where(face_tracklet == NO_TRACKLET, NO_TRACKLET, first + face_tracklet)
    of_body = np.append(tracklet, NO_TRACKLET)[attached]
    return np.asarray(np.where(attached == NO_BODY, own, of_body), np.int32)


def _combined(
    faces: Detections,
    votes: NDArray[np.int64],
    unit: NDArray[np.int32],
    bodies: Bodies,
    tracklet: NDArray[np.int32],
) -> tuple[Detections, NDArray[np.int64], NDArray[np.int32]]:
    """Return faces and bodies as one table in frame order; bodies have no evidence of their own."""
    index = np.concatenate([faces.frame_index, bodies.frame_index])
    order = np.argsort(index, kind="stable")
    nothing = np.zeros((len(bodies), faces.people), np.float32)
    rows = Detections(
        frame_index=index[order],
        xyxy=np.concatenate([faces.xyxy, bodies.xyxy])[order],
        score=np.concatenate([faces.score, bodies.score])[order],
        evidence=np.concatenate([faces.evidence, nothing])[order],
    )
    no_votes = np.full(len(bodies), UNKNOWN, np.int64)
    all_votes = np.concatenate([votes, no_votes])[order]
    return rows, all_votes, np.concatenate([unit, tracklet])[order].astype(np.int32)
