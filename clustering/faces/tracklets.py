"""Camera shots, and tracklets: one person's faces in neighbouring sampled frames of a shot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.boxes import centres, iou, sizes_wh
from data.tables.faces import Faces, Frames

CUT_CHANGE = 10.0
"""Mean change of the 16x9 L*a*b* thumbnails (0-255) between two samples that counts as a cut.

In the labelled clips, most shots change less and most cuts more, even at one sample a second. A
missed cut does little harm: place and embedding must agree as well before a face is linked."""

MAX_GAP_S = 0.65
"""Longest gap in a tracklet; neighbouring samples may be linked however far apart."""

# A pair is linked if the boxes overlap and the faces are not clearly two people's, or if the face
# moved further than its box but is clearly the same person's (distances in dlib's space).
_NEAR_IOU = 0.3
_NEAR_DISTANCE = 0.55
_FAR_DISTANCE = 0.38
_FAR_SIZE_RATIO = 1.65
_FAR_WIDTHS = 1.5  # face widths that a person may move between two samples ...
_FAR_WIDTHS_A_S = 3.75  # ... or per second, whichever is more

_IMPOSSIBLE = 1e3


def shot_numbers(frames: Frames) -> NDArray[np.int32]:
    """Return the camera shot of each sampled frame, ``(n,)`` from 0."""
    pictures = frames.thumbnail.astype(np.float32)
    change = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3))
    cuts = np.concatenate([[0], change > CUT_CHANGE])[: len(frames)]
    return np.cumsum(cuts).astype(np.int32)


def tracklet_numbers(frames: Frames, faces: Faces) -> NDArray[np.int32]:
    """Return the tracklet of each face, ``(n,)`` from 0 in order of first face.

    Faces of neighbouring samples of one shot are linked, one to one, where place, size and
    embedding agree. A tracklet never spans a cut and never holds two faces of one frame.

    Args:
        frames: sampled frames, with ``shot`` filled in.
        faces: their faces.
    """
    both = (faces.embedding + faces.embedding_mirrored) / 2
    embedding = np.asarray(both, np.float32)
    number = np.full(len(faces), -1, np.int32)
    rows_of = _rows_by_frame(frames, faces)
    place = {int(frame): i for i, frame in enumerate(frames.frame_index)}
    latest: dict[int, int] = {}  # tracklet -> row of its last face
    for i, rows in enumerate(rows_of):
        latest = {
            tracklet: row
            for tracklet, row in latest.items()
            if _in_reach(frames, place[int(faces.frame_index[row])], i)
        }
        _continue_tracklets(faces, embedding, latest, rows, number)
        for row in rows:
            if number[row] < 0:
                number[row] = number.max(initial=-1) + 1
            latest[int(number[row])] = int(row)
    return number


def _rows_by_frame(frames: Frames, faces: Faces) -> list[NDArray[np.int64]]:
    starts = np.searchsorted(faces.frame_index, frames.frame_index, side="left")
    ends = np.searchsorted(faces.frame_index, frames.frame_index, side="right")
    return [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]


def _in_reach(frames: Frames, earlier: int, now: int) -> bool:
    near = frames.time_s[now] - frames.time_s[earlier] <= MAX_GAP_S or now - earlier <= 1
    return bool(near and frames.shot[earlier] == frames.shot[now])


def _continue_tracklets(
    faces: Faces,
    embedding: NDArray[np.float32],
    latest: Mapping[int, int],
    rows: NDArray[np.int64],
    number: NDArray[np.int32],
) -> None:
    """Enter in ``number`` the tracklets that the faces ``rows`` continue."""
    if not latest or len(rows) == 0:
        return
    tracklets, before = list(latest), np.array(list(latest.values()))
    cost = _link_costs(faces.take(before), faces.take(rows), embedding[before], embedding[rows])
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if cost[i, j] < _IMPOSSIBLE:
            number[rows[j]] = tracklets[i]


def _link_costs(
    before: Faces, now: Faces, before_embedding: NDArray[np.float32], embedding: NDArray[np.float32]
) -> NDArray[np.float64]:
    apart = np.linalg.norm(before_embedding[:, None] - embedding[None], axis=2)
    overlap = iou(before.xyxy, now.xyxy)
    width_before, width = sizes_wh(before.xyxy)[:, :1], sizes_wh(now.xyxy)[:, 0]
    way = centres(before.xyxy)[:, None] - centres(now.xyxy)[None]
    widths = np.linalg.norm(way, axis=2) / np.maximum(width_before, 1)
    gap_s = now.time_s[None] - before.time_s[:, None]
    ratio = np.abs(np.log(np.maximum(width_before, 1) / np.maximum(width[None], 1)))

    stayed = (overlap > _NEAR_IOU) & (apart < _NEAR_DISTANCE)
    moved = (widths < np.maximum(_FAR_WIDTHS, _FAR_WIDTHS_A_S * gap_s)) & (apart < _FAR_DISTANCE)
    linked = stayed | (moved & (ratio < np.log(_FAR_SIZE_RATIO)))
    return np.where(linked, apart - overlap / 2 + gap_s / 4, _IMPOSSIBLE)
