"""Estimate the face box of people whose body alone was detected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes, centres, sizes_wh
from data.tables.timeline import Timeline
from data.tables.tracks import BODY, FACE, Tracks

_USUAL: np.ndarray = np.array([0.0, 0.75, 0.18], np.float64)
"""Place of a face in a body if none of this person is known: see `_places`."""


def with_heads(tracks: Tracks, timeline: Timeline) -> Tracks:
    """Return tracks whose BODY rows have a face box, from the person's nearest sightings.

    The place of the face in the body is interpolated between the sightings before and after in the
    same shot, or else that of the nearest one in time.

    Args:
        tracks: rows of faces with bodies, and rows of source BODY, whose face box is ignored.
        timeline: the sampled frames.
    """
    xyxy = tracks.xyxy.copy()
    shot = timeline.shot(tracks.frame_index)
    both = (tracks.source == FACE) & tracks.has_body
    for person in np.unique(tracks.person_id[tracks.source == BODY]).tolist():
        mine = tracks.person_id == person
        known, rows = np.flatnonzero(mine & both), np.flatnonzero(mine & (tracks.source == BODY))
        places = _places(tracks.xyxy[known], tracks.body_xyxy[known])
        places = _nearest(tracks.time_s, shot, known, rows, places)
        xyxy[rows] = _boxes(places, tracks.body_xyxy[rows])
    return tracks.replace(xyxy=xyxy)


def _places(faces: Boxes, bodies: Boxes) -> NDArray[np.float64]:
    """Return the place of faces in their bodies, ``(n, 3)``.

    Columns: centre to the right of the body's middle and below its top, in face heights; height
    as a share of the body's.
    """
    height = np.maximum(sizes_wh(faces)[:, 1], 1)
    centre = centres(faces)
    right = (centre[:, 0] - centres(bodies)[:, 0]) / height
    below = (centre[:, 1] - bodies[:, 1]) / height
    share = height / np.maximum(sizes_wh(bodies)[:, 1], 1)
    return np.stack([right, below, share], axis=1).astype(np.float64)


def _boxes(places: NDArray[np.float64], bodies: Boxes) -> Boxes:
    """Return square face boxes, ``(n, 4)``, at `_places` in bodies."""
    height = places[:, 2] * sizes_wh(bodies)[:, 1]
    x = centres(bodies)[:, 0] + places[:, 0] * height
    y = bodies[:, 1] + places[:, 1] * height
    return np.stack([x, y, x, y], 1).astype(np.float32) + np.outer(
        height / 2, [-1, -1, 1, 1]
    ).astype(np.float32)


def _nearest(
    time_s: NDArray[np.float64],
    shot: NDArray[np.int64],
    known: NDArray[np.int64],
    rows: NDArray[np.int64],
    places: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the place of the face in each of ``rows``, ``(r, 3)``, from the ``known`` rows."""
    found = np.tile(_USUAL, (len(rows), 1))
    if not len(known):
        return found
    for number, row in enumerate(rows.tolist()):
        same = np.flatnonzero(shot[known] == shot[row])
        same = same if len(same) else np.arange(len(known))
        times = time_s[known[same]]
        if shot[known[same[0]]] == shot[row]:
            found[number] = [np.interp(time_s[row], times, places[same, c]) for c in range(3)]
        else:
            found[number] = places[same[np.abs(times - time_s[row]).argmin()]]
    return found
