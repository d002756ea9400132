"""From the boxes of a footage to the tracks of its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import expand, iou
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from tracking.detection.detections import Detections, FootageDetections
from tracking.linking.association import tracklet_numbers
from tracking.linking.identity import STRANGER_SCORE, IdentitySettings, assign_people
from tracking.linking.interpolation import MAX_GAP_S, fill_gaps
from tracking.linking.sightings import Sightings, join_sightings, sightings_of
from tracking.linking.smoothing import WINDOW_S, smooth

HIDDEN_IOU: Final = 0.4
"""A filled box that overlaps another's face by so much shows that face."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How boxes become tracks.

    Args:
        max_gap_s: longest time from one sighting to the next that is filled.
        smooth_s: window that positions and sizes are smoothed over; 0 leaves them.
        identity: how much it takes to name a tracklet.
    """

    max_gap_s: float = MAX_GAP_S
    smooth_s: float = WINDOW_S
    identity: IdentitySettings = field(default_factory=IdentitySettings)


def find_tracks(
    found: FootageDetections,
    classes: Sequence[int],
    faces: Assignments,
    *,
    label_margin: float,
    video: bool,
    settings: LinkSettings,
) -> Tracks:
    """The tracks of the people in a footage, as faces: without the labels' margin.

    Args:
        found: what the detector found.
        classes: person of each column of its evidence.
        faces: whose the faces of this footage are, as far as that is known otherwise.
        label_margin: share of a face that the detector's boxes are larger by, on each side.
        video: false: the frames are photographs, which do not follow each other.
        settings: how.
    """
    timeline = found.timeline
    sightings = sightings_of(faces, timeline, label_margin=label_margin)
    people = _everybody(classes, sightings)
    boxes, votes = join_sightings(_widened(found.detections, len(people)), sightings, people)
    tracklet = tracklet_numbers(boxes, timeline) if video else np.arange(len(boxes), dtype=np.int32)
    person = assign_people(boxes, tracklet, votes, settings=settings.identity)
    tracks = _as_tracks(boxes, timeline, _of_rows(person, tracklet, people), label_margin)
    if not video:
        return tracks
    tracks = without_hidden(fill_gaps(tracks, timeline, max_gap_s=settings.max_gap_s))
    return smooth(tracks, timeline, window_s=settings.smooth_s)


def without_hidden(tracks: Tracks) -> Tracks:
    """Leave out filled rows that lie on somebody else's face: they would show that person."""
    keep = np.ones(len(tracks), np.bool_)
    for frame in np.unique(tracks.frame_index[tracks.filled]):
        rows = np.arange(*np.searchsorted(tracks.frame_index, [frame, frame + 1]))
        filled, seen = rows[tracks.filled[rows]], rows[~tracks.filled[rows]]
        overlap = iou(tracks.xyxy[filled], tracks.xyxy[seen])
        keep[filled] = overlap.max(axis=1, initial=0) < HIDDEN_IOU
    return tracks.take(keep)


def _everybody(classes: Sequence[int], sightings: Sightings) -> tuple[int, ...]:
    """The detector's people, then those whom only their faces tell."""
    others = set(sightings.person_id.tolist()) - set(classes)
    return (*classes, *sorted(others))


def _widened(detections: Detections, people: int) -> Detections:
    """The same with evidence neither for nor against more people, whom it does not know."""
    more = ((0, 0), (0, people - detections.people))
    evidence = np.pad(detections.evidence, more, constant_values=STRANGER_SCORE)
    return replace(detections, evidence=evidence)


def _of_rows(
    person: NDArray[np.int64], tracklet: NDArray[np.int32], people: Sequence[int]
) -> NDArray[np.int64]:
    """Person id of each box."""
    ids = np.array([*people, UNKNOWN], np.int64)
    return np.asarray(ids[np.append(person, UNKNOWN)[tracklet]], np.int64)


def _as_tracks(
    boxes: Detections, timeline: Timeline, person_id: NDArray[np.int64], label_margin: float
) -> Tracks:
    rows = np.flatnonzero(person_id != UNKNOWN)
    frame_index = boxes.frame_index[rows]
    return Tracks.ordered(
        frame_index=frame_index,
        time_s=timeline.time_s[timeline.place(frame_index)],
        person_id=person_id[rows],
        xyxy=expand(boxes.xyxy[rows], -label_margin / (1 + 2 * label_margin)),
        confidence=np.minimum(boxes.score[rows], 1),
        filled=np.zeros(len(rows), np.bool_),
    )
