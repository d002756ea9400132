"""Link the detections of a footage to tracks of its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, expand, iou
from data.tables.people import Assignments
from data.tables.timeline import Timeline
from data.tables.tracks import FACE, Tracks
from tracking.bodies.identity import name_bodies
from tracking.bodies.tracks import tracks_with_bodies
from tracking.detection.detections import Detections, FootageDetections
from tracking.linking.association import tracklet_numbers
from tracking.linking.identity import STRANGER_SCORE, IdentitySettings, assign_people
from tracking.linking.interpolation import MAX_GAP_S, interpolate_gaps
from tracking.linking.sightings import Sightings, merge_sightings, sightings_of
from tracking.linking.smoothing import WINDOW_S, smooth

HIDDEN_IOU: Final = 0.4
"""An interpolated box whose IoU with a detected face is at least this shows that face."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Settings of linking.

    Args:
        max_gap_s: longest gap that is interpolated, s.
        smooth_s: window for smoothing positions and sizes, s; 0 for no smoothing.
        identity: thresholds for assigning people to tracklets.
    """

    max_gap_s: float = MAX_GAP_S
    smooth_s: float = WINDOW_S
    identity: IdentitySettings = field(default_factory=IdentitySettings)


def find_tracks(
    footage: FootageDetections,
    classes: Sequence[int],
    faces: Assignments,
    *,
    label_margin: float,
    video: bool,
    settings: LinkSettings,
) -> Tracks:
    """Return the tracks of the people in a footage; boxes are of faces, without the label margin.

    Args:
        footage: detections and sampled frames.
        classes: person id of each evidence column; those of merged people share one id.
        faces: the faces that cluster-faces found in this footage, and their people.
        label_margin: margin of the detector's boxes on each side, as a share of the face.
        video: False for a folder of photographs, which are not linked.
        settings: settings of linking.
    """
    timeline = footage.timeline
    detections, classes = _one_column_per_person(footage.detections, classes)
    sightings = sightings_of(faces, timeline, label_margin=label_margin)
    people = _all_people(classes, sightings)
    boxes = _with_more_people(detections, len(people))
    boxes, votes = merge_sightings(boxes, sightings, people)
    tracklet = tracklet_numbers(boxes, timeline) if video else np.arange(len(boxes), dtype=np.int32)
    bodies = footage.bodies
    if bodies is not None and video:
        named = name_bodies(boxes, tracklet, votes, bodies, timeline, settings=settings.identity)
        boxes = replace(boxes, xyxy=_without_margin(boxes.xyxy, label_margin))
        ids = np.array(people, np.int64)
        tracks = tracks_with_bodies(boxes, bodies.bodies, named, ids, timeline)
    else:
        person = assign_people(boxes, tracklet, votes, settings=settings.identity)
        person_id = _person_of_boxes(person, tracklet, people)
        tracks = _as_tracks(boxes, timeline, person_id, label_margin)
    if not video:
        return tracks
    tracks = without_hidden(interpolate_gaps(tracks, timeline, max_gap_s=settings.max_gap_s))
    return smooth(tracks, timeline, window_s=settings.smooth_s)


def without_hidden(tracks: Tracks) -> Tracks:
    """Drop interpolated rows that are on another person's detected face."""
    keep = np.ones(len(tracks), np.bool_)
    for frame in np.unique(tracks.frame_index[tracks.filled]):
        rows = np.arange(*np.searchsorted(tracks.frame_index, [frame, frame + 1]))
        interpolated, detected = rows[tracks.filled[rows]], rows[tracks.source[rows] == FACE]
        overlap = iou(tracks.xyxy[interpolated], tracks.xyxy[detected])
        keep[interpolated] = overlap.max(axis=1, initial=0) < HIDDEN_IOU
    return tracks.take(keep)


def _one_column_per_person(
    detections: Detections, classes: Sequence[int]
) -> tuple[Detections, tuple[int, ...]]:
    """Merge the evidence columns of merged people: the highest score of each box."""
    people = tuple(dict.fromkeys(classes))
    if len(people) == len(classes):
        return detections, people
    columns = [
        detections.evidence[:, [c for c, person in enumerate(classes) if person == one]].max(axis=1)
        for one in people
    ]
    evidence = np.stack(columns, axis=1)
    return replace(detections, evidence=evidence), people


def _all_people(classes: Sequence[int], sightings: Sightings) -> tuple[int, ...]:
    """Return the detector's people, then those who occur in sightings only."""
    sighted_only = set(sightings.person_id.tolist()) - set(classes)
    return (*classes, *sorted(sighted_only))


def _with_more_people(detections: Detections, people: int) -> Detections:
    """Add neutral evidence columns for people that the detector was not trained on."""
    padding = ((0, 0), (0, people - detections.people))
    evidence = np.pad(detections.evidence, padding, constant_values=STRANGER_SCORE)
    return replace(detections, evidence=evidence)


def _person_of_boxes(
    person: NDArray[np.int64], tracklet: NDArray[np.int32], people: Sequence[int]
) -> NDArray[np.int64]:
    """Return the person id of each box, ``(n,)``; -1 for none."""
    ids = np.array([*people, UNKNOWN], np.int64)
    return np.asarray(ids[np.append(person, UNKNOWN)[tracklet]], np.int64)


def _without_margin(xyxy: Boxes, label_margin: float) -> Boxes:
    return expand(xyxy, -label_margin / (1 + 2 * label_margin))


def _as_tracks(
    boxes: Detections, timeline: Timeline, person_id: NDArray[np.int64], label_margin: float
) -> Tracks:
    rows = np.flatnonzero(person_id != UNKNOWN)
    frame_index = boxes.frame_index[rows]
    return Tracks.ordered(
        frame_index=frame_index,
        time_s=timeline.time_s[timeline.rows(frame_index)],
        person_id=person_id[rows],
        xyxy=_without_margin(boxes.xyxy[rows], label_margin),
        confidence=np.minimum(boxes.score[rows], 1),
        source=np.full(len(rows), FACE, np.int8),
    )
