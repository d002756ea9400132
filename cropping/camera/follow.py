"""Crop windows of one shot: size and position follow one person within the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cropping.camera.path import PathSettings, average_path, steady_path
from cropping.camera.subject import PictureArea, body_boxes, face_boxes, head_boxes
from cropping.camera.window import (
    Heights,
    WindowSettings,
    body_heights,
    heights,
    required_wh,
)
from data.core.arrays import Values
from data.tables.tracks import Tracks

CameraName = Literal["steady", "average"]

AVERAGE_S: Final = 0.5
"""Length of the moving average, equal to the window of track-people's smoothing."""
HEAD_MARGIN: Final = 0.3
"""Margin for hair and ears on each side, in face sizes."""
_STATIC_PX: Final = 1e-3
_MOVING: Final = PathSettings()
_ZOOMING: Final = PathSettings(dead_zone=0.25, inside=0.05, velocity=0.5)
"""Large dead zone, so that small changes of the face's size do not change the zoom."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Path planning of the camera.

    Args:
        name: ``steady``, or ``average`` for comparison.
        moving: cost of the position, in units of the window's median height.
        zooming: cost of the window's height, in units of its natural logarithm.
    """

    name: CameraName = "steady"
    moving: PathSettings = _MOVING
    zooming: PathSettings = _ZOOMING


def follow(
    tracks: Tracks,
    time_s: Values,
    area: PictureArea,
    *,
    video_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Return the windows of one shot, ``(m, 4)`` px of the frame.

    Args:
        tracks: rows of the shot, which include its first and last frame.
        time_s: ``(m,)`` presentation times of the shot's frames in seconds.
        area: area of the picture, within which the windows stay.
        video_wh: size of the video in px.
        window: size and framing.
        camera: path planning.
    """
    faces = face_boxes(tracks, time_s, area)
    # Faces alone are followed as before bodies were known.
    heads = head_boxes(tracks, faces, time_s, area) if tracks.has_body.any() else faces
    whole = window.zoom == "body" and window.size_wh is None
    bodies = body_boxes(tracks, heads, time_s, area) if whole else None
    size = _sizes(faces, heads, bodies, time_s, area.wh, video_wh, window, camera)
    unit = float(np.median(size[:, 1]))
    middle = np.empty((len(time_s), 2))
    for axis, face_centre in enumerate((0.5, window.face_centre())):
        subject, centre = (faces, face_centre) if bodies is None else (bodies, 0.5)
        motion = _AxisMotion(
            subject[:, axis::2],
            heads[:, axis::2],
            size[:, axis],
            centre,
            float(area.wh[axis]),
        )
        middle[:, axis] = motion.path(time_s, camera, unit)
        if np.abs(size[:, axis] - video_wh[axis]).max() < _STATIC_PX:
            middle[:, axis] = motion.on_pixels(middle[:, axis])
    corner = np.array([area.left, area.top])
    return np.hstack([middle - size / 2 + corner, middle + size / 2 + corner])


def _sizes(
    faces: Values,
    heads: Values,
    bodies: Values | None,
    time_s: Values,
    area_wh: tuple[int, int],
    video_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Return the width and height of the window in each frame, ``(m, 2)`` px."""
    if bodies is None:
        bounds = heights(faces, area_wh, window, video_wh=video_wh, heads=heads)
    else:
        bounds = body_heights(bodies, area_wh, video_wh=video_wh)
    height = _zoom(bounds, time_s, camera)
    aspect = video_wh[0] / video_wh[1]
    size = np.column_stack([height * aspect, height])
    # A face too large for this aspect gets a window of another aspect, shown with bars.
    required = required_wh(faces, area_wh)
    too_small = (required > size + _STATIC_PX).any(axis=0)
    size = np.where(too_small, np.maximum(size, required.max(axis=0)), size)
    return np.minimum(size, np.array(area_wh, np.float64))


def _zoom(bounds: Heights, time_s: Values, camera: CameraSettings) -> Values:
    if (bounds.low == bounds.high).all():
        return bounds.high
    low, high, target = (np.log(values) for values in (bounds.low, bounds.high, bounds.target))
    if camera.name == "average":
        height = np.exp(average_path(time_s, target, low, high, window_s=AVERAGE_S))
    else:
        height = np.exp(steady_path(time_s, target, low, high, settings=camera.zooming))
    return np.clip(height, bounds.low, bounds.high)


@dataclass(frozen=True, slots=True, eq=False)
class _AxisMotion:
    """Motion of one person and their window along one axis."""

    subject: Values  # (m, 2) px, both sides of what the window follows: the face or the body
    head: Values  # (m, 2) px, both sides of what the window must contain
    size: Values  # (m,) px, size of the window
    centre: float  # of the subject, 0 to 1 of the window
    frame: float  # px, size of the picture

    @property
    def target(self) -> Values:
        """Desired middle of the window, ``(m,)`` px."""
        return np.asarray(self.subject.mean(axis=1) + (0.5 - self.centre) * self.size)

    def limits(self, *, subject: bool) -> tuple[Values, Values]:
        """Return the limits of the window's middle, each ``(m,)`` px.

        The window stays within the picture. With ``subject`` it also contains the head, and the
        subject or as much of it as fits.
        """
        if not subject:
            low, high = self.size / 2, self.frame - self.size / 2
            return low, np.maximum(low, high)
        low, high = self._around(self.subject)
        head_low, head_high = self._around(self.head)
        return np.clip(low, head_low, head_high), np.clip(high, head_low, head_high)

    def _around(self, box: Values) -> tuple[Values, Values]:
        """Return the limits within which the window contains a box ``(m, 2)``, or is inside it."""
        low, high = self.limits(subject=False)
        around = box[:, 1] - self.size / 2, box[:, 0] + self.size / 2
        first, second = (np.clip(side, low, high) for side in around)
        return np.minimum(first, second), np.maximum(first, second)

    def path(self, time_s: Values, camera: CameraSettings, unit: float) -> Values:
        """Return the path of the window's middle, ``(m,)`` px.

        Args:
            time_s: ``(m,)`` presentation times in seconds.
            camera: path planning.
            unit: length unit of the path planning in px.
        """
        if camera.name == "average":
            low, high = self.limits(subject=False)
            return average_path(time_s, self.target, low, high, window_s=AVERAGE_S)
        low, high = (side / unit for side in self.limits(subject=True))
        margin = HEAD_MARGIN * float(np.median(self.head[:, 1] - self.head[:, 0])) / unit
        return unit * steady_path(
            time_s, self.target / unit, low, high, margin=margin, settings=camera.moving
        )

    def on_pixels(self, middle: Values) -> Values:
        """Shift a static camera to even pixels, as the subsampled chroma planes require.

        Static frames then need no interpolation between pixels, and the pans absorb the shift.
        """
        corner = middle - self.size / 2
        static = np.abs(np.diff(corner, prepend=np.inf)) < _STATIC_PX
        static |= np.append(static[1:], False)
        if not static.any():
            return middle
        frames = np.arange(len(corner))
        shift = np.round(corner[static] / 2) * 2 - corner[static]
        moved = middle + np.interp(frames, frames[static], shift)
        return np.asarray(np.clip(moved, *self.limits(subject=True)))
