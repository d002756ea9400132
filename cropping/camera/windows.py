"""Crop windows of one person's video, one per frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cropping.camera.path import PathSettings, average_path, steady_path
from cropping.camera.shots import MIN_SHOT_S, FrameTimes, Shot, person_shots
from cropping.camera.window import Heights, WindowSettings, heights, largest_height, required_wh
from data.core.arrays import Values
from data.core.boxes import clamp
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

CameraName = Literal["steady", "average"]
AbsentName = Literal["wide", "hold", "black"]

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


@dataclass(frozen=True, slots=True, eq=False)
class CropWindows:
    """Crop windows of one person, one row per frame of the footage."""

    xyxy: Values  # (n, 4) px of the frame, not rounded, empty where the video is black
    shot: NDArray[np.int64]  # (n,) number of the person's shot, -1 while absent

    def __post_init__(self) -> None:
        n = len(self.shot)
        if self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy must have shape ({n}, 4), got {self.xyxy.shape}")

    def __len__(self) -> int:
        return len(self.shot)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Mask of the frames in which the window follows the person, ``(n,)``."""
        return np.asarray(self.shot >= 0)

    def cuts(self) -> NDArray[np.int64]:
        """Return the first frame of each shot and absence, ``(c,)``, without frame 0."""
        return np.flatnonzero(np.diff(self.shot)) + 1


def crop_windows(
    tracks: Tracks,
    timeline: Timeline,
    frame_wh: tuple[int, int],
    *,
    window: WindowSettings,
    camera: CameraSettings,
    absent: AbsentName,
) -> CropWindows:
    """Plan the camera path of one person through the footage.

    Args:
        tracks: rows of this person only.
        timeline: sampled frames and cuts.
        frame_wh: size of the footage in px.
        window: size and framing of the crop windows.
        camera: path planning.
        absent: what to show while the person is absent: the full frame, the last window of the
            shot, or black.
    """
    frame_times = FrameTimes.of(timeline)
    shots = person_shots(tracks, timeline, frame_times)
    if absent == "wide":
        shots = _without_flashes(shots, frame_times)
    xyxy, number = np.zeros((len(frame_times), 4)), np.full(len(frame_times), -1)
    for i, shot in enumerate(shots):
        frames = slice(shot.first, shot.end)
        time_s = frame_times.time_s[frames]
        xyxy[frames] = _follow(tracks.take(shot.rows), time_s, frame_wh, window, camera)
        number[frames] = i
    if absent == "wide":
        xyxy[number < 0] = (0, 0, *frame_wh)
    elif absent == "hold":
        _hold(xyxy, number, timeline, frame_wh, window)
    return CropWindows(xyxy, number)


def _without_flashes(shots: list[Shot], frame_times: FrameTimes) -> list[Shot]:
    """Drop short shots that would flash between two wide views, unless no others remain."""
    kept = []
    for i, shot in enumerate(shots):
        adjacent = i and shots[i - 1].end == shot.first
        adjacent = adjacent or (i + 1 < len(shots) and shots[i + 1].first == shot.end)
        lasts_s = frame_times.time_s[shot.end - 1] - frame_times.time_s[shot.first]
        if adjacent or lasts_s + frame_times.frame_s >= MIN_SHOT_S:
            kept.append(shot)
    return kept or shots


def _hold(
    xyxy: Values,
    number: NDArray[np.int64],
    timeline: Timeline,
    frame_wh: tuple[int, int],
    window: WindowSettings,
) -> None:
    """Fill absences with the last window in the shot, else its first one, else a centred one."""
    video_wh = window.video_wh(frame_wh)
    height = largest_height(frame_wh, video_wh)
    size = np.array([height * video_wh[0] / video_wh[1], height])
    middle = np.array(frame_wh) / 2
    centred = np.concatenate([middle - size / 2, middle + size / 2])
    footage_shot = timeline.shot(np.arange(len(number)))
    for frames in np.split(np.arange(len(number)), np.flatnonzero(np.diff(footage_shot)) + 1):
        present = frames[number[frames] >= 0]
        if not len(present):
            xyxy[frames] = centred
            continue
        last = np.searchsorted(present, frames, side="right") - 1
        xyxy[frames] = xyxy[present[np.maximum(last, 0)]]


def _follow(
    tracks: Tracks,
    time_s: Values,
    frame_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Return the windows of one shot, ``(m, 4)`` px.

    Args:
        tracks: rows of the shot, which include its first and last frame.
        time_s: ``(m,)`` presentation times of the shot's frames in seconds.
        frame_wh: size of the footage in px.
        window: size and framing.
        camera: path planning.
    """
    faces = _faces(tracks, time_s, frame_wh)
    size = _sizes(faces, time_s, frame_wh, window, camera)
    unit = float(np.median(size[:, 1]))
    middle = np.empty((len(time_s), 2))
    for axis, face_centre in enumerate((0.5, window.face_centre())):
        motion = _AxisMotion(faces[:, axis::2], size[:, axis], face_centre, float(frame_wh[axis]))
        middle[:, axis] = motion.path(time_s, camera, unit)
        if np.abs(size[:, axis] - window.video_wh(frame_wh)[axis]).max() < _STATIC_PX:
            middle[:, axis] = motion.on_pixels(middle[:, axis])
    return np.hstack([middle - size / 2, middle + size / 2])


def _faces(tracks: Tracks, time_s: Values, frame_wh: tuple[int, int]) -> Values:
    """Return the face in each frame, ``(m, 4)`` px, interpolated in frames without a row."""
    boxes = clamp(tracks.xyxy, frame_wh).astype(np.float64)
    row_time_s = time_s[tracks.frame_index - tracks.frame_index[0]]
    return np.column_stack([np.interp(time_s, row_time_s, boxes[:, side]) for side in range(4)])


def _sizes(
    faces: Values,
    time_s: Values,
    frame_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Return the width and height of the window in each frame, ``(m, 2)`` px."""
    bounds = heights(faces, frame_wh, window)
    height = _zoom(bounds, time_s, camera)
    aspect = window.video_wh(frame_wh)[0] / window.video_wh(frame_wh)[1]
    size = np.column_stack([height * aspect, height])
    # A face too large for this aspect gets a window of another aspect, shown with bars.
    required = required_wh(faces, frame_wh)
    too_small = (required > size + _STATIC_PX).any(axis=0)
    size = np.where(too_small, np.maximum(size, required.max(axis=0)), size)
    return np.minimum(size, np.array(frame_wh, np.float64))


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
    """Motion of one face and its window along one axis."""

    face: Values  # (m, 2) px, both sides of the face
    size: Values  # (m,) px, size of the window
    face_centre: float  # 0 to 1 of the window
    frame: float  # px, size of the frame

    @property
    def target(self) -> Values:
        """Desired middle of the window, ``(m,)`` px."""
        return np.asarray(self.face.mean(axis=1) + (0.5 - self.face_centre) * self.size)

    def limits(self, *, face: bool) -> tuple[Values, Values]:
        """Return the limits of the window's middle, each ``(m,)`` px.

        The window stays within the frame, and with ``face`` it also contains the face.
        """
        low, high = self.size / 2, self.frame - self.size / 2
        if not face:
            return low, np.maximum(low, high)
        around = self.face[:, 1] - self.size / 2, self.face[:, 0] + self.size / 2
        first, second = (np.clip(side, low, np.maximum(low, high)) for side in around)
        return np.minimum(first, second), np.maximum(first, second)

    def path(self, time_s: Values, camera: CameraSettings, unit: float) -> Values:
        """Return the path of the window's middle, ``(m,)`` px.

        Args:
            time_s: ``(m,)`` presentation times in seconds.
            camera: path planning.
            unit: length unit of the path planning in px.
        """
        if camera.name == "average":
            low, high = self.limits(face=False)
            return average_path(time_s, self.target, low, high, window_s=AVERAGE_S)
        low, high = (side / unit for side in self.limits(face=True))
        margin = HEAD_MARGIN * float(np.median(self.face[:, 1] - self.face[:, 0])) / unit
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
        return np.asarray(np.clip(moved, *self.limits(face=True)))
