"""Blur other people's faces beyond recognition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes, person_shots
from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, clamp, expand
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from data.video.yuv import Plane, Planes

MARGIN: Final = 0.35
"""Margin on each side in face sizes, for hair, ears and chin."""
MARGIN_S: Final = 0.5
"""Margin before and after a track: viewers recognise a face earlier than a tracker detects it."""
_CELLS: Final = 5
"""Resolution of a blurred face, in cells per side."""


class FaceBlur:
    """Boxes of all faces except one person's, by frame."""

    def __init__(
        self, tracks: Tracks, person_id: int, timeline: Timeline, frame_wh: tuple[int, int]
    ) -> None:
        """Collect the boxes.

        Args:
            tracks: tracks of all people in the footage.
            person_id: person whose face is not blurred.
            timeline: sampled frames and cuts.
            frame_wh: size of the footage in px.
        """
        self._boxes: dict[int, list[NDArray[np.float32]]] = {}
        frame_times = FrameTimes.of(timeline)
        shot = timeline.shot(np.arange(len(frame_times)))
        for other in np.unique(tracks.person_id).tolist():
            rows = tracks.take(tracks.person_id == other)
            if other == UNKNOWN:
                self._add(rows.frame_index, rows.xyxy, frame_wh)
            elif other != person_id:
                for person_shot in person_shots(rows, timeline, frame_times):
                    own = rows.take(person_shot.rows)
                    frames, boxes = _extended(own, frame_times, shot)
                    self._add(frames, boxes, frame_wh)

    def _add(self, frames: NDArray[np.int64], xyxy: Boxes, frame_wh: tuple[int, int]) -> None:
        grown = clamp(expand(xyxy, MARGIN), frame_wh)
        for frame, box in zip(frames.tolist(), grown, strict=True):
            self._boxes.setdefault(frame, []).append(box)

    def at(self, frame_index: int) -> Sequence[NDArray[np.float32]]:
        """Return the areas to blur in a frame, each ``(4,)`` px, xyxy."""
        return self._boxes.get(frame_index, [])


def _extended(
    tracks: Tracks, frame_times: FrameTimes, shots: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Boxes]:
    """Extend the tracks of one shot at both ends, within the footage's shot.

    Args:
        tracks: rows of one person in one shot.
        frame_times: times of the n frames of the footage.
        shots: ``(n,)`` number of each frame's shot.

    Returns:
        Frame indices ``(m,)`` and boxes ``(m, 4)`` px, xyxy.
    """
    first, last = int(tracks.frame_index[0]), int(tracks.frame_index[-1])
    begin = np.searchsorted(frame_times.time_s, frame_times.time_s[first] - MARGIN_S)
    end = np.searchsorted(frame_times.time_s, frame_times.time_s[last] + MARGIN_S, side="right")
    frames = np.arange(begin, end)
    frames = frames[shots[frames] == shots[first]]
    sides = [np.interp(frames, tracks.frame_index, tracks.xyxy[:, side]) for side in range(4)]
    return frames.astype(np.int64), np.column_stack(sides).astype(np.float32)


def blurred(planes: Planes, boxes: Sequence[NDArray[np.float32]]) -> Planes:
    """Return a copy of a frame with an ellipse in each box blurred.

    Args:
        planes: planes of the frame, not modified. They are returned if there are no boxes.
        boxes: each ``(4,)`` px, xyxy within the frame.
    """
    if not len(boxes):
        return planes
    copies = [np.array(plane) for plane in (planes.y, planes.u, planes.v)]
    for box in boxes:
        for number, plane in enumerate(copies):
            _blur(plane, box / np.float32(2 if number else 1))
    return Planes(copies[0], copies[1], copies[2], planes.colours)


def _blur(plane: Plane, box: NDArray[np.float32]) -> None:
    left, top = np.floor(box[:2]).astype(int).tolist()
    right, bottom = np.ceil(box[2:]).astype(int).tolist()
    patch = plane[top:bottom, left:right]
    height, width = patch.shape
    if not width or not height:
        return
    cells = cv2.resize(patch, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((height, width), np.uint8)
    axes = ((width + 1) // 2, (height + 1) // 2)
    cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 255, thickness=-1)
    cv2.copyTo(smooth, mask, patch)
