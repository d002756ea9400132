"""Everybody else's faces, made so that nobody can be told by them."""

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

GROWN: Final = 0.35
"""Of the face's size, on each side: hair, ears and chin too."""
LONGER_S: Final = 0.5
"""So much before and after they are seen: a tracker sees a face later than people do."""
_CELLS: Final = 5
"""What is left of a face: so many patches across."""


class FaceBlur:
    """Where everybody but one person is, frame by frame."""

    def __init__(
        self, tracks: Tracks, person_id: int, timeline: Timeline, frame_wh: tuple[int, int]
    ) -> None:
        """Take all tracks of a footage, and whom to leave alone."""
        self._boxes: dict[int, list[NDArray[np.float32]]] = {}
        frame_times = FrameTimes.of(timeline)
        shot = timeline.shot(np.arange(len(frame_times)))
        for other in np.unique(tracks.person_id).tolist():
            theirs = tracks.take(tracks.person_id == other)
            if other == UNKNOWN:
                self._note(theirs.frame_index, theirs.xyxy, frame_wh)
            elif other != person_id:
                for run in person_shots(theirs, timeline, frame_times):
                    frames, boxes = _lengthened(theirs.take(run.rows), frame_times, shot)
                    self._note(frames, boxes, frame_wh)

    def _note(self, frames: NDArray[np.int64], xyxy: Boxes, frame_wh: tuple[int, int]) -> None:
        grown = clamp(expand(xyxy, GROWN), frame_wh)
        for frame, box in zip(frames.tolist(), grown, strict=True):
            self._boxes.setdefault(frame, []).append(box)

    def at(self, frame_index: int) -> Sequence[NDArray[np.float32]]:
        """Their boxes in a frame, as large as what is to be blurred."""
        return self._boxes.get(frame_index, [])


def _lengthened(
    tracks: Tracks, frame_times: FrameTimes, shots: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Boxes]:
    """Every frame from somewhat before the first row to somewhat after the last, in one shot."""
    first, last = int(tracks.frame_index[0]), int(tracks.frame_index[-1])
    begin = np.searchsorted(frame_times.time_s, frame_times.time_s[first] - LONGER_S)
    end = np.searchsorted(frame_times.time_s, frame_times.time_s[last] + LONGER_S, side="right")
    frames = np.arange(begin, end)
    frames = frames[shots[frames] == shots[first]]
    sides = [np.interp(frames, tracks.frame_index, tracks.xyxy[:, side]) for side in range(4)]
    return frames.astype(np.int64), np.column_stack(sides).astype(np.float32)


def blurred(planes: Planes, boxes: Sequence[NDArray[np.float32]]) -> Planes:
    """A copy with an oval in each of ``boxes`` blurred beyond recognition; itself for none."""
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
    few = cv2.resize(patch, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((height, width), np.uint8)
    axes = ((width + 1) // 2, (height + 1) // 2)
    cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 255, thickness=-1)
    cv2.copyTo(smooth, mask, patch)
