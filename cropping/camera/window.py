"""Size of the crop window, and position of the face in it."""

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
"""Minimum margin around the face on each side, in face sizes."""
BODY_MARGIN: Final = 0.03
"""Minimum margin around the body on each side, in body sizes."""
BODY_ROOM: Final = 1.08
"""Height of a window around a body, relative to the lowest one."""
MAX_UPSCALING: Final = 4.0
"""Maximum magnification of a distant face, at any zoom."""
_MAX_DEFAULT_HEIGHT: Final = 1080  # px of the video


@dataclass(frozen=True, slots=True)
class Zoom:
    """A conventional framing.

    dlib's box extends from the middle of the forehead to the chin. A head is 1.5 times as tall, and
    a person is 7 to 8 heads tall.
    """

    face_heights: float  # height of the window in face heights
    face_centre: float  # from the top, 0 to 1 of the window's height


ZOOMS: Final[Mapping[ZoomName, Zoom]] = MappingProxyType(
    {"face": Zoom(3.0, 0.47), "bust": Zoom(5.5, 0.37), "body": Zoom(11.5, 0.17)}
)


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Size and framing of the crop window.

    Args:
        size_wh: fixed size in pixels of the footage, not scaled. None for a variable size.
        aspect: width over height, ignored for a fixed size.
        zoom: framing of the person, ignored for a fixed size.
        height: height of the video in pixels, ignored for a fixed size. None for the footage's.
    """

    size_wh: tuple[int, int] | None = None
    aspect: Fraction = Fraction(9, 16)
    zoom: ZoomName = "bust"
    height: int | None = None

    def video_wh(self, frame_wh: tuple[int, int]) -> tuple[int, int]:
        """Return the size of the videos in px, even for H.264, from the size of the footage."""
        if self.size_wh is not None:
            return _even(self.size_wh[0]), _even(self.size_wh[1])
        height = _even(self.height or min(frame_wh[1], _MAX_DEFAULT_HEIGHT))
        return _even(height * self.aspect), height

    def face_centre(self) -> float:
        """Return the position of the face's centre from the top, 0 to 1 of the window's height."""
        return ZOOMS[self.zoom].face_centre


def _even(value: float | Fraction) -> int:
    return max(round(value / 2) * 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """Bounds and target of the window's height in each frame. The aspect gives the width."""

    low: Values  # (n,) px, so that the window contains the face
    high: Values  # (n,) px, so that the frame contains the window
    target: Values  # (n,) px, between the bounds


def largest_height(frame_wh: tuple[int, int], video_wh: tuple[int, int]) -> float:
    """Return the height in px of the largest window in a frame that has the video's aspect."""
    return min(frame_wh[1], frame_wh[0] * video_wh[1] / video_wh[0])


def heights(
    faces: Values,
    frame_wh: tuple[int, int],
    settings: WindowSettings,
    *,
    video_wh: tuple[int, int] | None = None,
    heads: Values | None = None,
) -> Heights:
    """Return the bounds and target of the window's height.

    Args:
        faces: ``(n, 4)`` px, xyxy within the frame.
        frame_wh: size in px of the frame, or of its part that windows stay within.
        settings: size and framing of the window.
        video_wh: size of the video in px; None if it follows from ``frame_wh``.
        heads: ``(n, 4)`` px, what the window must contain; None for the faces.
    """
    video_wh = video_wh or settings.video_wh(frame_wh)
    high = np.full(len(faces), largest_height(frame_wh, video_wh))
    required = required_wh(faces if heads is None else heads, frame_wh)
    face_height = np.maximum(required[:, 1], required[:, 0] * video_wh[1] / video_wh[0])
    if settings.size_wh is not None:
        # Enlarge a fixed window only if the face does not fit.
        fixed = np.minimum(np.maximum(video_wh[1], face_height.max(initial=0)), high)
        return Heights(fixed, fixed, fixed)
    low = np.minimum(np.maximum(face_height, video_wh[1] / MAX_UPSCALING), high)
    target = (faces[:, 3] - faces[:, 1]) * ZOOMS[settings.zoom].face_heights
    return Heights(low, high, np.clip(target, low, high))


def body_heights(bodies: Values, area_wh: tuple[int, int], *, video_wh: tuple[int, int]) -> Heights:
    """Return the bounds and target of the height of a window around a whole body.

    Args:
        bodies: ``(n, 4)`` px, xyxy within the area.
        area_wh: size in px of the area that windows stay within.
        video_wh: size of the video in px.
    """
    size = bodies[:, 2:] - bodies[:, :2]
    high = np.full(len(bodies), largest_height(area_wh, video_wh))
    body_height = np.maximum(size[:, 1], size[:, 0] * video_wh[1] / video_wh[0])
    low = np.maximum(body_height * (1 + 2 * BODY_MARGIN), video_wh[1] / MAX_UPSCALING)
    low = np.minimum(low, high)
    return Heights(low, high, np.clip(low * BODY_ROOM, low, high))


def required_wh(faces: Values, frame_wh: tuple[int, int]) -> Values:
    """Return the size of each face including its margin, ``(n, 2)`` px, at most the frame's.

    Args:
        faces: ``(n, 4)`` px, xyxy.
        frame_wh: size of the frame in px.
    """
    size = faces[:, 2:] - faces[:, :2]
    return np.minimum(size * (1 + 2 * MARGIN), np.array(frame_wh, np.float64))
