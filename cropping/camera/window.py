"""What part of the picture is shown: how large it is, and where in it the face belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

ZoomName = Literal["face", "bust", "body"]
Values = NDArray[np.float64]

MARGIN: Final = 0.1
"""Of the face's own size, on each side: so much room it has at least."""
MOST_UPSCALED: Final = 4.0
"""A face far away is not blown up more than this, whatever the zoom asks for."""
_HIGHEST: Final = 1080  # default height of the video


@dataclass(frozen=True, slots=True)
class Zoom:
    """A framing that people know.

    The face is as dlib frames it, from the middle of the forehead to the chin: a head is 1.5 times
    as high, and a person 7 to 8 heads.
    """

    faces: float  # the window's height in heights of the face
    place: float  # of the face's middle in the window's height


ZOOMS: Final[Mapping[ZoomName, Zoom]] = MappingProxyType(
    {"face": Zoom(3.0, 0.47), "bust": Zoom(5.5, 0.37), "body": Zoom(11.5, 0.17)}
)


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What a window shall be like.

    Args:
        size_wh: so many pixels of the footage, as they are; else None.
        aspect: width by height, where there is no size.
        zoom: how much of the person around the face, where there is no size.
        height: of the video in pixels, where there is no size; None is the footage's.
    """

    size_wh: tuple[int, int] | None = None
    aspect: Fraction = Fraction(9, 16)
    zoom: ZoomName = "bust"
    height: int | None = None

    def video_wh(self, frame_wh: tuple[int, int]) -> tuple[int, int]:
        """Size of the videos cut from frames of ``frame_wh``: even, as H.264 wants it."""
        if self.size_wh is not None:
            return _even(self.size_wh[0]), _even(self.size_wh[1])
        height = _even(self.height or min(frame_wh[1], _HIGHEST))
        return _even(height * self.aspect), height

    def place(self) -> float:
        """Where the face's middle belongs, in shares of the window's height from its top."""
        return ZOOMS[self.zoom].place


def _even(value: float | Fraction) -> int:
    return max(round(value / 2) * 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """How high a window may and should be in each frame; its width follows from the video's."""

    low: Values  # (n,) px; the face must fit
    high: Values  # (n,) px; the frame must hold it
    wanted: Values  # (n,) px, between the two


def largest_height(frame_wh: tuple[int, int], video_wh: tuple[int, int]) -> float:
    """Height of the largest window of the video's shape that a frame holds."""
    return min(frame_wh[1], frame_wh[0] * video_wh[1] / video_wh[0])


def heights(faces: Values, frame_wh: tuple[int, int], settings: WindowSettings) -> Heights:
    """Bounds and wish for faces ``(n, 4)`` px within the frame."""
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
    """What each face needs with its margin, ``(n, 2)`` px, at most the frame."""
    size = faces[:, 2:] - faces[:, :2]
    return np.minimum(size * (1 + 2 * MARGIN), np.array(frame_wh, np.float64))
