"""Crop windows of one person's video, one per frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cropping.camera.follow import CameraSettings, follow
from cropping.camera.shots import MIN_SHOT_S, FrameTimes, Shot, person_shots
from cropping.camera.subject import PictureArea
from cropping.camera.window import WindowSettings
from data.core.arrays import Values
from data.core.boxes import clamp
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

AbsentName = Literal["wide", "bars", "hold", "black"]

WHOLE_PICTURE: Final = ("wide", "bars")
"""Choices that show the whole picture during an absence."""


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
    areas: Values | None = None,
) -> CropWindows:
    """Plan the camera path of one person through the footage.

    Args:
        tracks: rows of this person only.
        timeline: sampled frames and cuts.
        frame_wh: size of the footage in px.
        window: size and framing of the crop windows.
        camera: path planning.
        absent: what to show while the person is absent: the whole picture (wide, bars), the last
            window of the shot, or black.
        areas: ``(s, 4)`` px, area of the picture in each shot of the timeline; None if the footage
            has no bars, see `picture_areas`.
    """
    frame_times = FrameTimes.of(timeline)
    shots = person_shots(tracks, timeline, frame_times)
    if absent in WHOLE_PICTURE:
        shots = _without_flashes(shots, frame_times)
    xyxy, number = np.zeros((len(frame_times), 4)), np.full(len(frame_times), -1)
    footage_shot = timeline.shot(np.arange(len(frame_times)))
    pictures = _pictures(areas, len(timeline.cuts) + 1, frame_wh)
    video_wh = window.video_wh(frame_wh)
    for i, shot in enumerate(shots):
        frames = slice(shot.first, shot.end)
        rows = tracks.take(shot.rows)
        area = _area(pictures[footage_shot[shot.first]], rows, window, frame_wh)
        time_s = frame_times.time_s[frames]
        xyxy[frames] = follow(rows, time_s, area, video_wh=video_wh, window=window, camera=camera)
        number[frames] = i
    if absent in WHOLE_PICTURE:
        xyxy[number < 0] = pictures[footage_shot[number < 0]]
    elif absent == "hold":
        _hold(xyxy, number, footage_shot, pictures, video_wh)
    return CropWindows(xyxy, number)


def _pictures(areas: Values | None, shots: int, frame_wh: tuple[int, int]) -> Values:
    """Return the area of the picture in each shot, ``(shots, 4)`` px."""
    if areas is not None:
        return areas
    return np.tile(PictureArea.whole(frame_wh).xyxy, (shots, 1))


def _area(
    picture: Values, rows: Tracks, window: WindowSettings, frame_wh: tuple[int, int]
) -> PictureArea:
    """Return the area for the windows of a shot: the picture, unless they need more.

    Args:
        picture: ``(4,)`` px, area of the picture in the shot.
        rows: tracks of the person in the shot.
        window: size and framing.
        frame_wh: size of the footage in px.
    """
    area = PictureArea.of(picture)
    if not area.shows(clamp(rows.xyxy, frame_wh)):
        return PictureArea.whole(frame_wh)
    return area if window.size_wh is None else area.holding(window.size_wh, frame_wh)


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
    footage_shot: NDArray[np.int64],
    pictures: Values,
    video_wh: tuple[int, int],
) -> None:
    """Fill absences with the last window in the shot, else its first one, else a centred one."""
    for frames in np.split(np.arange(len(number)), np.flatnonzero(np.diff(footage_shot)) + 1):
        present = frames[number[frames] >= 0]
        if not len(present):
            xyxy[frames] = _centred(pictures[footage_shot[frames[:1]]], video_wh)
            continue
        last = np.searchsorted(present, frames, side="right") - 1
        xyxy[frames] = xyxy[present[np.maximum(last, 0)]]


def _centred(picture: Values, video_wh: tuple[int, int]) -> Values:
    """Return the largest window in the middle of each picture, ``(n, 4)`` px both."""
    corner, wh = picture[:, :2], picture[:, 2:] - picture[:, :2]
    height = np.minimum(wh[:, 1], wh[:, 0] * video_wh[1] / video_wh[0])
    size = np.column_stack([height * video_wh[0] / video_wh[1], height])
    middle = corner + wh / 2
    return np.hstack([middle - size / 2, middle + size / 2])
