"""Crop window of one frame: its size, and the position of the face in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from data.core.arrays import Values

ZoomName = Literal["face", "bust", "body"]

MARGIN: Final = 0.1
"""Least margin around the face on each side, in sizes of the face."""
MOST_UPSCALED: Final = 4.0
"""Largest magnification of a distant face, at any zoom."""
_MAX_DEFAULT_HEIGHT: Final = 1080  # px of the video


@dataclass(frozen=True, slots=True)
class Zoom:
    """A conventional framing.

    dlib's box reaches from the middle of the forehead to the chin: a head is 1.5 times as high, and
    a person 7 to 8 heads.
    """

    faces: float  # height of the window in heights of the face
    place: float  # centre of the face, 0 to 1 of the window's height from its top


ZOOMS: Final[Mapping[ZoomName, Zoom]] = MappingProxyType(
    {"face": Zoom(3.0, 0.47), "bust": Zoom(5.5, 0.37), "body": Zoom(11.5, 0.17)}
)


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Size and framing of the crop window.

    Args:
        size_wh: fixed size in pixels of the footage, without scaling; None derives it.
        aspect: width by height, without a fixed size.
        zoom: framing of the person, without a fixed size.
        height: of the video in pixels, without a fixed size; None is the footage's.
    """

    size_wh: tuple[int, int] | None = None
    aspect: Fraction = Fraction(9, 16)
    zoom: ZoomName = "bust"
    height: int | None = None

    def video_wh(self, frame_wh: tuple[int, int]) -> tuple[int, int]:
        """Return the size in pixels of the videos of frames of ``frame_wh``; even, for H.264."""
        if self.size_wh is not None:
            return _even(self.size_wh[0]), _even(self.size_wh[1])
        height = _even(self.height or min(frame_wh[1], _MAX_DEFAULT_HEIGHT))
        return _even(height * self.aspect), height

    def place(self) -> float:
        """Return the position of the face's centre, 0 to 1 of the window's height from its top."""
        return ZOOMS[self.zoom].place


def _even(value: float | Fraction) -> int:
    return max(round(value / 2) * 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """Bounds and target of the window's height in each frame; the width follows the aspect."""

    low: Values  # (n,) px; the face must fit
    high: Values  # (n,) px; the frame must hold it
    wanted: Values  # (n,) px, between the two


def largest_height(frame_wh: tuple[int, int], video_wh: tuple[int, int]) -> float:
    """Return the height in pixels of the largest window of the video's aspect in a frame."""
    return min(frame_wh[1], frame_wh[0] * video_wh[1] / video_wh[0])


def heights(faces: Values, frame_wh: tuple[int, int], settings: WindowSettings) -> Heights:
    """Return the bounds and target of the window's height.

    Args:
        faces: ``(n, 4)`` px, xyxy within the frame.
        frame_wh: size of the frame in px.
        settings: size and framing of the window.
    """
    video_wh = settings.video_wh(frame_wh)
    most = np.full(len(faces), largest_height(frame_wh, video_wh))
    needed = needed_wh(faces, frame_wh)
    least = np.maximum(needed[:, 1], needed[:, 0] * video_wh[1] / video_wh[0])
    if settings.size_wh is not None:
        # Larger only where the face would not fit.
        fixed = np.minimum(np.maximum(video_wh[1], least.max(initial=0)), most)
        return Heights(fixed, fixed, fixed)
    low = np.minimum(np.maximum(least, video_wh[1] / MOST_UPSCALED), most)
    wanted = (faces[:, 3] - faces[:, 1]) * ZOOMS[settings.zoom].faces
    return Heights(low, most, np.clip(wanted, low, most))


def needed_wh(faces: Values, frame_wh: tuple[int, int]) -> Values:
    """Return the size of each face with its margin, ``(n, 2)`` px, at most the frame's.

    Args:
        faces: ``(n, 4)`` px, xyxy.
        frame_wh: size of the frame in px.
    """
    size = faces[:, 2:] - faces[:, :2]
    return np.minimum(size * (1 + 2 * MARGIN), np.array(frame_wh, np.float64))
