"""Tracks of people from their named faces and bodies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.tables.timeline import Timeline
from data.tables.tracks import BODY, FACE, Tracks, no_bodies
from tracking.bodies.attachment import NO_BODY
from tracking.bodies.heads import with_heads
from tracking.bodies.identity import NamedBodies, in_frame
from tracking.detection.bodies import Bodies
from tracking.detection.detections import Detections


def tracks_with_bodies(
    faces: Detections,
    bodies: Bodies,
    named: NamedBodies,
    people: NDArray[np.int64],
    timeline: Timeline,
) -> Tracks:
    """Return a row for every named face, and for every named body without one.

    Args:
        faces: the boxes of faces, without the label margin.
        bodies: the bodies.
        named: their people.
        people: ``(p,)`` person id of each evidence column.
        timeline: the sampled frames.
    """
    ids = np.append(people, UNKNOWN)
    face_person, body_person = ids[named.face_person], ids[named.body_person]
    own = np.flatnonzero(face_person != UNKNOWN)
    # A face in a body that is not named after it is probably in front of that body.
    body = named.body_of_face[own]
    body = np.where(np.append(body_person, UNKNOWN)[body] == face_person[own], body, NO_BODY)
    body_xyxy = np.vstack([bodies.xyxy, no_bodies(1)])[body]
    of_faces = _rows(
        timeline,
        faces.frame_index[own],
        person_id=face_person[own],
        xyxy=faces.xyxy[own],
        confidence=np.minimum(faces.score[own], 1),
        source=np.full(len(own), FACE, np.int8),
        body_xyxy=body_xyxy,
    )
    named_bodies = np.flatnonzero(body_person != UNKNOWN)
    taken = in_frame(of_faces.frame_index, of_faces.person_id)
    pairs = in_frame(bodies.frame_index[named_bodies], body_person[named_bodies])
    rest = named_bodies[~np.isin(pairs, taken)]
    of_bodies = _rows(
        timeline,
        bodies.frame_index[rest],
        person_id=body_person[rest],
        xyxy=bodies.xyxy[rest],
        confidence=np.minimum(bodies.score[rest], 1),
        source=np.full(len(rest), BODY, np.int8),
        body_xyxy=bodies.xyxy[rest],
    )
    return with_heads(Tracks.concatenate([of_faces, of_bodies]), timeline)


def _rows(
    timeline: Timeline, frame_index: NDArray[np.int64], **columns: NDArray[np.generic]
) -> Tracks:
    time_s = timeline.time_s[timeline.rows(frame_index)]
    return Tracks.ordered(frame_index=frame_index, time_s=time_s, **columns)
