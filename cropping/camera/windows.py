"""What one person's video shows of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cropping.camera.path import Operator, average_path, steady_path
from cropping.camera.shots import GLIMPSE_S, FrameTimes, Shot, person_shots
from cropping.camera.window import Heights, WindowSettings, heights, largest_height, needed_wh
from data.core.boxes import clamp
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

CameraName = Literal["steady", "average"]
AbsentName = Literal["wide", "hold", "black"]
Values = NDArray[np.float64]

AVERAGE_S: Final = 0.5
"""Window of the moving average: as long as track-people smooths over."""
HEAD: Final = 0.3
"""Of the face's own size, on each side: hair and ears."""
_STILL_PX: Final = 1e-3
_MOVING: Final = Operator()
_ZOOMING: Final = Operator(dead_zone=0.25, inside=0.05, velocity=0.5)
"""Who comes a little nearer is not zoomed at."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How the camera is led.

    Args:
        name: ``average`` for comparison.
        moving: for where it looks; a unit is the window's height.
        zooming: for how near it is; a unit is a factor of e.
    """

    name: CameraName = "steady"
    moving: Operator = _MOVING
    zooming: Operator = _ZOOMING


@dataclass(frozen=True, slots=True, eq=False)
class CropWindows:
    """One person's windows, one row a frame of the footage."""

    xyxy: Values  # (n, 4) px of the frame, not rounded; without area where nothing is shown
    take: NDArray[np.int64]  # (n,) number of the camera's take, -1 where the person is not there

    def __post_init__(self) -> None:
        n = len(self.take)
        if self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy must have shape ({n}, 4), got {self.xyxy.shape}")

    def __len__(self) -> int:
        return len(self.take)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether the person is followed, ``(n,)``."""
        return np.asarray(self.take >= 0)

    def cuts(self) -> NDArray[np.int64]:
        """First frame of every take and absence but the first."""
        return np.flatnonzero(np.diff(self.take)) + 1


def crop_windows(
    tracks: Tracks,
    timeline: Timeline,
    frame_wh: tuple[int, int],
    *,
    window: WindowSettings,
    camera: CameraSettings,
    absent: AbsentName,
) -> CropWindows:
    """Lead the camera after one person.

    Args:
        tracks: of this person alone.
        timeline: what was looked at, and the cuts.
        frame_wh: size of the footage.
        window: what it cuts out.
        camera: how it moves.
        absent: what is shown while the person is not there.
    """
    clock = FrameTimes.of(timeline)
    runs = person_shots(tracks, timeline, clock)
    if absent == "wide":
        runs = _without_glimpses(runs, clock)
    xyxy, take = np.zeros((len(clock), 4)), np.full(len(clock), -1)
    for number, run in enumerate(runs):
        shown = slice(run.first, run.end)
        xyxy[shown] = _follow(tracks.take(run.rows), clock.time_s[shown], frame_wh, window, camera)
        take[shown] = number
    if absent == "wide":
        xyxy[take < 0] = (0, 0, *frame_wh)
    elif absent == "hold":
        _hold(xyxy, take, timeline, frame_wh, window)
    return CropWindows(xyxy, take)


def _without_glimpses(runs: list[Shot], clock: FrameTimes) -> list[Shot]:
    """Leave out what would be a flash between two views of everything."""
    kept = []
    for number, run in enumerate(runs):
        joined = number and runs[number - 1].end == run.first
        joined = joined or (number + 1 < len(runs) and runs[number + 1].first == run.end)
        lasts_s = clock.time_s[run.end - 1] - clock.time_s[run.first] + clock.frame_s
        if joined or lasts_s >= GLIMPSE_S:
            kept.append(run)
    return kept or runs


def _hold(
    xyxy: Values,
    take: NDArray[np.int64],
    timeline: Timeline,
    frame_wh: tuple[int, int],
    window: WindowSettings,
) -> None:
    """Let the camera stand where it was last, or will be first, in the shot; else look ahead."""
    video_wh = window.video_wh(frame_wh)
    height = largest_height(frame_wh, video_wh)
    size = np.array([height * video_wh[0] / video_wh[1], height])
    middle = np.array(frame_wh) / 2
    ahead = np.concatenate([middle - size / 2, middle + size / 2])
    person_shots = timeline.shot(np.arange(len(take)))
    for frames in np.split(np.arange(len(take)), np.flatnonzero(np.diff(person_shots)) + 1):
        there = frames[take[frames] >= 0]
        if not len(there):
            xyxy[frames] = ahead
            continue
        last = np.searchsorted(there, frames, side="right") - 1
        xyxy[frames] = xyxy[there[np.maximum(last, 0)]]


def _follow(
    tracks: Tracks,
    time_s: Values,
    frame_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Windows ``(m, 4)`` for the frames at ``time_s``, the first and last of them with rows."""
    faces = _faces(tracks, time_s, frame_wh)
    size = _sizes(faces, time_s, frame_wh, window, camera)
    unit = float(np.median(size[:, 1]))
    middle = np.empty((len(time_s), 2))
    for axis, place in enumerate((0.5, window.place())):
        way = _Way(faces[:, axis::2], size[:, axis], place, float(frame_wh[axis]))
        middle[:, axis] = way.lead(time_s, camera, unit)
        if np.abs(size[:, axis] - window.video_wh(frame_wh)[axis]).max() < _STILL_PX:
            middle[:, axis] = way.on_pixels(middle[:, axis])
    return np.hstack([middle - size / 2, middle + size / 2])


def _faces(tracks: Tracks, time_s: Values, frame_wh: tuple[int, int]) -> Values:
    """The face in every frame, ``(m, 4)``, in between where there is no row."""
    boxes = clamp(tracks.xyxy, frame_wh).astype(np.float64)
    known_s = time_s[tracks.frame_index - tracks.frame_index[0]]
    return np.column_stack([np.interp(time_s, known_s, boxes[:, side]) for side in range(4)])


def _sizes(
    faces: Values,
    time_s: Values,
    frame_wh: tuple[int, int],
    window: WindowSettings,
    camera: CameraSettings,
) -> Values:
    """Width and height of the window in every frame, ``(m, 2)``."""
    wish = heights(faces, frame_wh, window)
    height = _zoom(wish, time_s, camera)
    width_a_line = window.video_wh(frame_wh)[0] / window.video_wh(frame_wh)[1]
    size = np.column_stack([height * width_a_line, height])
    # A face that is too large for any window of this shape gets one of another, with bars.
    needed = needed_wh(faces, frame_wh)
    lacking = (needed > size + _STILL_PX).any(axis=0)
    size = np.where(lacking, np.maximum(size, needed.max(axis=0)), size)
    return np.minimum(size, np.array(frame_wh, np.float64))


def _zoom(wish: Heights, time_s: Values, camera: CameraSettings) -> Values:
    if (wish.low == wish.high).all():
        return wish.high
    low, high, wanted = (np.log(values) for values in (wish.low, wish.high, wish.wanted))
    if camera.name == "average":
        height = np.exp(average_path(time_s, wanted, low, high, window_s=AVERAGE_S))
    else:
        height = np.exp(steady_path(time_s, wanted, low, high, operator=camera.zooming))
    return np.clip(height, wish.low, wish.high)


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What one face does along one axis, and what the window may do."""

    face: Values  # (m, 2) px, its two sides
    size: Values  # (m,) px of the window
    place: float  # of the face's middle in the window, 0 to 1
    frame: float  # px of the frame

    @property
    def target(self) -> Values:
        """Where the middle of the window should be, ``(m,)`` px."""
        return np.asarray(self.face.mean(axis=1) + (0.5 - self.place) * self.size)

    def limits(self, *, face: bool) -> tuple[Values, Values]:
        """Least and most that the middle may be: within the frame, and around the face."""
        low, high = self.size / 2, self.frame - self.size / 2
        if not face:
            return low, np.maximum(low, high)
        around = self.face[:, 1] - self.size / 2, self.face[:, 0] + self.size / 2
        first, second = (np.clip(side, low, np.maximum(low, high)) for side in around)
        return np.minimum(first, second), np.maximum(first, second)

    def lead(self, time_s: Values, camera: CameraSettings, unit: float) -> Values:
        """Middle of the window, ``(m,)`` px; ``unit`` px are 1 to the operator."""
        if camera.name == "average":
            low, high = self.limits(face=False)
            return average_path(time_s, self.target, low, high, window_s=AVERAGE_S)
        low, high = (side / unit for side in self.limits(face=True))
        margin = HEAD * float(np.median(self.face[:, 1] - self.face[:, 0])) / unit
        return unit * steady_path(
            time_s, self.target / unit, low, high, margin=margin, operator=camera.moving
        )

    def on_pixels(self, middle: Values) -> Values:
        """Stand on whole pixels, even ones for the colours' sake, where the camera stands.

        Nothing has to be made up from between the pixels then; the pans take up the rest.
        """
        corner = middle - self.size / 2
        stands = np.abs(np.diff(corner, prepend=np.inf)) < _STILL_PX
        stands |= np.append(stands[1:], False)
        if not stands.any():
            return middle
        frames = np.arange(len(corner))
        shift = np.round(corner[stands] / 2) * 2 - corner[stands]
        moved = middle + np.interp(frames, frames[stands], shift)
        return np.asarray(np.clip(moved, *self.limits(face=True)))
