"""Camera shots, and tracklets: one person's faces in neighbouring sampled frames of a shot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from clustering.faces.embedding_space import face_embeddings
from data.core.boxes import centres, iou, sizes_wh
from data.tables.faces import Faces, Frames

CUT_CHANGE = 10.0
"""Mean absolute difference between two 16x9 L*a*b* thumbnails (0-255) above which there is a cut.

In the labelled clips, the difference is smaller within most shots and larger at most cuts, even at
one sample per second. A missed cut does little harm: faces are linked only if position and
embedding agree as well."""

MAX_GAP_S = 0.65
"""Maximum gap in a tracklet; consecutive samples may be linked regardless of the gap."""

# Two faces are linked if the boxes overlap and the embeddings do not clearly differ, or if the face
# moved further than its box but the embeddings clearly agree (distances in dlib's space).
_NEAR_IOU = 0.3
_NEAR_DISTANCE = 0.55
_FAR_DISTANCE = 0.38
_FAR_SIZE_RATIO = 1.65
_FAR_WIDTHS = 1.5  # maximum movement between two samples, in face widths ...
_FAR_WIDTHS_PER_S = 3.75  # ... or in face widths per second, whichever is more

_IMPOSSIBLE = 1e3


def shot_numbers(frames: Frames) -> NDArray[np.int32]:
    """Return the camera shot of each sampled frame, ``(n,)`` from 0."""
    thumbnails = frames.thumbnail.astype(np.float32)
    change = np.abs(np.diff(thumbnails, axis=0)).mean(axis=(1, 2, 3))
    cuts = np.concatenate([[0], change > CUT_CHANGE])[: len(frames)]
    return np.cumsum(cuts).astype(np.int32)


def tracklet_numbers(frames: Frames, faces: Faces) -> NDArray[np.int32]:
    """Return the tracklet of each face, ``(n,)`` from 0 in order of first face.

    Faces of neighbouring samples of one shot are linked one to one where position, size and
    embedding agree. A tracklet never spans a cut and never contains two faces of one frame.

    Args:
        frames: sampled frames, with ``shot`` filled in.
        faces: faces of these frames.
    """
    embedding = face_embeddings(faces)
    number = np.full(len(faces), -1, np.int32)
    rows_by_frame = _rows_by_frame(frames, faces)
    sample_of = {int(frame): i for i, frame in enumerate(frames.frame_index)}
    latest: dict[int, int] = {}  # tracklet -> row of its last face
    for i, rows in enumerate(rows_by_frame):
        latest = {
            tracklet: row
            for tracklet, row in latest.items()
            if _linkable(frames, sample_of[int(faces.frame_index[row])], i)
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


def _linkable(frames: Frames, earlier: int, current: int) -> bool:
    near = frames.time_s[current] - frames.time_s[earlier] <= MAX_GAP_S or current - earlier <= 1
    return bool(near and frames.shot[earlier] == frames.shot[current])


def _continue_tracklets(
    faces: Faces,
    embedding: NDArray[np.float32],
    latest: Mapping[int, int],
    rows: NDArray[np.int64],
    number: NDArray[np.int32],
) -> None:
    """Store in ``number`` the tracklets that the faces in ``rows`` continue."""
    if not latest or len(rows) == 0:
        return
    tracklets, previous = list(latest), np.array(list(latest.values()))
    cost = _link_costs(faces.take(previous), faces.take(rows), embedding[previous], embedding[rows])
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if cost[i, j] < _IMPOSSIBLE:
            number[rows[j]] = tracklets[i]


def _link_costs(
    previous: Faces,
    current: Faces,
    previous_embedding: NDArray[np.float32],
    embedding: NDArray[np.float32],
) -> NDArray[np.float64]:
    distance = np.linalg.norm(previous_embedding[:, None] - embedding[None], axis=2)
    overlap = iou(previous.xyxy, current.xyxy)
    previous_width, width = sizes_wh(previous.xyxy)[:, :1], sizes_wh(current.xyxy)[:, 0]
    movement = centres(previous.xyxy)[:, None] - centres(current.xyxy)[None]
    widths = np.linalg.norm(movement, axis=2) / np.maximum(previous_width, 1)
    gap_s = current.time_s[None] - previous.time_s[:, None]
    ratio = np.abs(np.log(np.maximum(previous_width, 1) / np.maximum(width[None], 1)))

    stayed = (overlap > _NEAR_IOU) & (distance < _NEAR_DISTANCE)
    moved = (widths < np.maximum(_FAR_WIDTHS, _FAR_WIDTHS_PER_S * gap_s)) & (
        distance < _FAR_DISTANCE
    )
    linked = stayed | (moved & (ratio < np.log(_FAR_SIZE_RATIO)))
    return np.where(linked, distance - overlap / 2 + gap_s / 4, _IMPOSSIBLE)
