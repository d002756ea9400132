"""Face and body of one person in each frame of a shot, within the picture's area."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Values
from data.core.boxes import Box, Boxes, areas, clamp
from data.tables.tracks import BODY, Tracks

_MIN_INSIDE: Final = 0.5
"""Smallest share of each face that is within the picture's area, or the area is wrong."""
_HEAD: Final = np.array([-0.1, -0.45, 0.1, 0.1])
"""Hair, ears and chin beyond dlib's box of the face, in box sizes: left, top, right, bottom."""
_UNCERTAIN: Final = 0.2
"""Error of an estimated head on each side, in box sizes: people bend and turn."""
_BLEND_S: Final = 0.4
"""Time in which an estimated face joins a detected one."""
_ENVELOPE_S: Final = 0.5
"""Time over which a body's sides are widened and smoothed: arms move faster than a camera."""


@dataclass(frozen=True, slots=True)
class PictureArea:
    """Area that windows stay within: the frame without the bars that are part of the footage."""

    left: int  # px of the frame, even
    top: int
    wh: tuple[int, int]  # px

    @classmethod
    def whole(cls, frame_wh: tuple[int, int]) -> PictureArea:
        """Return the area of the whole frame."""
        return cls(0, 0, frame_wh)

    @classmethod
    def of(cls, xyxy: Values) -> PictureArea:
        """Return the area of a box, ``(4,)`` px."""
        left, top, right, bottom = (int(side) for side in xyxy)
        return cls(left, top, (right - left, bottom - top))

    @property
    def xyxy(self) -> Values:
        """Sides of the area, ``(4,)`` px of the frame."""
        right, bottom = self.left + self.wh[0], self.top + self.wh[1]
        return np.array([self.left, self.top, right, bottom], np.float64)

    def holding(self, size_wh: tuple[int, int], frame_wh: tuple[int, int]) -> PictureArea:
        """Return the area, larger if a window of a fixed size needs more of the frame."""
        sides = []
        for begin, side, size, frame in zip(
            (self.left, self.top), self.wh, size_wh, frame_wh, strict=True
        ):
            needed = max(min(size, frame) - side, 0)
            grown = min(max(begin - needed // 4 * 2, 0), frame - side - needed) if needed else begin
            sides.append((grown, side + needed))
        return PictureArea(sides[0][0], sides[1][0], (sides[0][1], sides[1][1]))

    def shows(self, boxes: NDArray[np.float32]) -> bool:
        """Return whether the larger part of each box, ``(n, 4)`` px of the frame, is inside."""
        inside = areas(clamp(boxes - self._corner, self.wh))
        return bool((inside >= _MIN_INSIDE * areas(boxes)).all())

    def inside(self, boxes: NDArray[np.float32]) -> Values:
        """Return boxes ``(n, 4)`` of the frame relative to the area, cut to it."""
        return clamp(boxes - self._corner, self.wh).astype(np.float64)

    @property
    def _corner(self) -> NDArray[np.float32]:
        return np.array([self.left, self.top, self.left, self.top], np.float32)


def face_boxes(tracks: Tracks, time_s: Values, area: PictureArea) -> Values:
    """Return the face in each frame, ``(m, 4)`` px of the area, interpolated between rows.

    Args:
        tracks: rows of one shot, which include its first and last frame.
        time_s: ``(m,)`` presentation times of the shot's frames in seconds.
        area: area of the picture.
    """
    row_time_s = time_s[tracks.frame_index - tracks.frame_index[0]]
    boxes = area.inside(_blended(tracks, row_time_s))
    return np.column_stack([np.interp(time_s, row_time_s, boxes[:, side]) for side in range(4)])


def _blended(tracks: Tracks, time_s: Values) -> Boxes:
    """Return the faces, ``(n, 4)`` px, with estimated ones shifted to join the detected ones.

    Args:
        tracks: rows of one shot.
        time_s: ``(n,)`` presentation times in seconds.
    """
    estimated = tracks.source == BODY
    if not estimated.any() or estimated.all():
        return tracks.xyxy
    blended = tracks.xyxy.copy()
    bounds = [0, *(np.flatnonzero(np.diff(estimated)) + 1).tolist(), len(tracks)]
    for first, end in pairwise(bounds):
        for inner, outer in ((first, first - 1), (end - 1, end)):
            if estimated[first] and 0 <= outer < len(tracks):
                distance_s = np.abs(time_s[first:end] - time_s[inner])
                share = np.clip(1 - distance_s / _BLEND_S, 0, 1)[:, None]
                blended[first:end] += share * _difference(tracks, inner, outer)
    return blended


def _difference(tracks: Tracks, estimated: int, detected: int) -> Box:
    """Return how far a detected face is from where the place of an estimated one puts it, px.

    It is 0 if one of the rows has no body.
    """
    bodies = tracks.body_xyxy[[estimated, detected]]
    if not np.isfinite(bodies).all():
        return np.zeros(4, np.float32)
    sizes = np.tile(np.maximum(bodies[:, 2:] - bodies[:, :2], 1), 2)
    corners = np.tile(bodies[:, :2], 2)
    place = (tracks.xyxy[estimated] - corners[0]) / sizes[0]
    return np.asarray(tracks.xyxy[detected] - (corners[1] + place * sizes[1]), np.float32)


def head_boxes(tracks: Tracks, faces: Values, time_s: Values, area: PictureArea) -> Values:
    """Return the whole head of each face, ``(m, 4)`` px of the area; larger if it is estimated.

    Args:
        tracks: rows of one shot, which include its first and last frame.
        faces: ``(m, 4)`` px of the area, from `face_boxes`.
        time_s: ``(m,)`` presentation times of the shot's frames in seconds.
        area: area of the picture.
    """
    rows_s = time_s[tracks.frame_index - tracks.frame_index[0]]
    estimated = np.interp(time_s, rows_s, tracks.source == BODY)
    size = np.tile(faces[:, 2:] - faces[:, :2], 2)
    heads = faces + size * (_HEAD + estimated[:, None] * _UNCERTAIN * np.sign(_HEAD))
    limits = np.tile(np.array(area.wh, np.float64), 2)
    return np.asarray(np.clip(heads, 0, limits), np.float64)


def body_boxes(tracks: Tracks, heads: Values, time_s: Values, area: PictureArea) -> Values | None:
    """Return the body with the head in each frame, ``(m, 4)`` px of the area; None if unseen.

    Between sightings a body keeps its distance to the head. The boxes contain those of the
    neighbouring frames, so that they change slowly.

    Args:
        tracks: rows of one shot, which include its first and last frame.
        heads: ``(m, 4)`` px of the area, from `head_boxes`.
        time_s: ``(m,)`` presentation times of the shot's frames in seconds.
        area: area of the picture.
    """
    seen = tracks.take(tracks.has_body)
    if not len(seen):
        return None
    frames = seen.frame_index - tracks.frame_index[0]
    middles = np.tile((heads[:, :2] + heads[:, 2:]) / 2, 2)
    offsets = area.inside(seen.body_xyxy) - middles[frames]
    bodies = middles + np.column_stack(
        [np.interp(time_s, time_s[frames], offsets[:, side]) for side in range(4)]
    )
    bodies[:, :2] = _envelope(np.minimum(bodies, heads)[:, :2], time_s, -1)
    bodies[:, 2:] = _envelope(np.maximum(bodies, heads)[:, 2:], time_s, 1)
    limits = np.tile(np.array(area.wh, np.float64), 2)
    return np.asarray(np.clip(bodies, 0, limits), np.float64)


def _envelope(sides: Values, time_s: Values, sign: int) -> Values:
    """Return a smooth bound of ``(m, 2)`` px: upper with a ``sign`` of 1, lower with -1."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    frame_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else _ENVELOPE_S
    # Each maximum that is averaged includes the frame itself, so the mean is a bound as well.
    size = max(round(_ENVELOPE_S / frame_s), 1) // 2 * 2 + 1
    highest = maximum_filter1d(sign * sides, size, axis=0, mode="nearest")
    return np.asarray(sign * uniform_filter1d(highest, size, axis=0, mode="nearest"), np.float64)
