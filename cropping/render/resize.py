"""Crop a window from a frame and resize it to the video's size, plane by plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.video.yuv import Plane, Planes

Window = tuple[float, float, float, float]
"""Left, top, right and bottom in px of the frame."""

BLACK: Final = (16, 128, 128)
"""Y, U and V of black in limited range."""

_TOLERANCE_PX: Final = 1e-3
_MAX_STEP: Final = 2.0
"""Source pixels per output pixel above which averaging is needed to avoid aliasing."""
_MAX_LEAD_PX: Final = 12
"""Maximum distance by which the scaled region begins earlier, to match a subpixel position."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Position of a window in the video, px; even, because of the subsampled chroma planes."""

    left: int
    top: int
    width: int
    height: int


def fit(window_wh: tuple[float, float], video_wh: tuple[int, int]) -> Placement:
    """Return the largest centred placement of a window that keeps its aspect."""
    scale = min(video_wh[0] / window_wh[0], video_wh[1] / window_wh[1])
    width, height = (
        min(max(round(side * scale / 2) * 2, 2), room)
        for side, room in zip(window_wh, video_wh, strict=True)
    )
    left, top = (video_wh[0] - width) // 4 * 2, (video_wh[1] - height) // 4 * 2
    return Placement(left, top, width, height)


def fill(target: Planes) -> None:
    """Fill the planes with black."""
    for plane, value in zip(_planes(target), BLACK, strict=True):
        plane[:] = value


def crop(
    planes: Planes, xyxy: Window, target: Planes, *, fill_bars: Callable[[Planes], None] = fill
) -> None:
    """Fill ``target`` with a window of ``planes``, and with bars if the aspect differs.

    Args:
        planes: planes of the frame.
        xyxy: window in px within the frame; a window without area gives a black picture.
        target: output planes, of even size.
        fill_bars: fills all of ``target`` before the window is drawn; black by default.
    """
    left, top, right, bottom = xyxy
    if right - left < 1 or bottom - top < 1:
        fill(target)
        return
    placement = fit((right - left, bottom - top), target.wh)
    if (placement.width, placement.height) != target.wh:
        fill_bars(target)
    for number, (source, into) in enumerate(zip(_planes(planes), _planes(target), strict=True)):
        half = 2 if number else 1
        rows = slice(placement.top // half, (placement.top + placement.height) // half)
        columns = slice(placement.left // half, (placement.left + placement.width) // half)
        _cut_plane(source, xyxy, into[rows, columns], half=half)


def _planes(planes: Planes) -> tuple[Plane, Plane, Plane]:
    return planes.y, planes.u, planes.v


def _cut_plane(source: Plane, xyxy: Window, into: Plane, *, half: int) -> None:
    left, top, right, bottom = (side / half for side in xyxy)
    height, width = into.shape
    step_x, step_y = (right - left) / width, (bottom - top) / height
    if max(step_x, step_y) > _MAX_STEP:
        _shrink(source, (left, top, right, bottom), into)
        return
    # Chroma samples are left-aligned with luma horizontally, and centred vertically.
    shift = (step_x - 1) / 2 if half == 1 else (step_x - 1) / 4
    first_x, first_y = left + shift, top + (step_y - 1) / 2
    if abs(step_x - 1) * width < _TOLERANCE_PX and abs(step_y - 1) * height < _TOLERANCE_PX:
        _shift(source, first_x, first_y, into)
    else:
        # Linear interpolation suffices for chroma, which has little detail.
        interpolation = cv2.INTER_CUBIC if half == 1 else cv2.INTER_LINEAR
        _scale(source, (first_x, step_x), (first_y, step_y), into, interpolation)


def _shrink(source: Plane, xyxy: Window, into: Plane) -> None:
    """Shrink by repeatedly averaging 2 x 2 pixels, much faster than in one step."""
    left, top, right, bottom = (round(side) for side in xyxy)
    window = source[top : max(bottom, top + 1), left : max(right, left + 1)]
    while window.shape[0] >= 2 * into.shape[0] and window.shape[1] >= 2 * into.shape[1]:
        height, width = window.shape[0] // 2, window.shape[1] // 2
        even = window[: 2 * height, : 2 * width]
        window = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    cv2.resize(window, into.shape[::-1], into, interpolation=cv2.INTER_LINEAR)


def _shift(source: Plane, first_x: float, first_y: float, into: Plane) -> None:
    """Copy a window of the size of ``into`` from a subpixel position."""
    height, width = into.shape
    x, y = _floor(first_x), _floor(first_y)
    inside = x + width <= source.shape[1] and y + height <= source.shape[0]
    if max(abs(first_x - x), abs(first_y - y)) < _TOLERANCE_PX and inside:
        np.copyto(into, source[y : y + height, x : x + width])
        return
    # The kernel's four taps extend from one pixel before to two pixels after.
    top, left = max(y - 1, 0), max(x - 1, 0)
    window = source[top : y + height + 2, left : x + width + 2]
    moved = _moved(window, first_x - x, first_y - y)
    moved = moved[y - top : y - top + height, x - left : x - left + width]
    into[: moved.shape[0], : moved.shape[1]] = moved
    into[moved.shape[0] :] = into[moved.shape[0] - 1]
    into[:, moved.shape[1] :] = into[:, moved.shape[1] - 1, None]


def _moved(window: Plane, x: float, y: float) -> Plane:
    """Shift by 0 to 1 px. A shift along a single axis is much faster."""
    edge = cv2.BORDER_REPLICATE
    if abs(y) < _TOLERANCE_PX:
        return np.asarray(cv2.filter2D(window, -1, _cubic(x)[None], borderType=edge))
    if abs(x) < _TOLERANCE_PX:
        return np.asarray(cv2.filter2D(window, -1, _cubic(y)[:, None], borderType=edge))
    return np.asarray(cv2.sepFilter2D(window, -1, _cubic(x), _cubic(y), borderType=edge))


def _floor(value: float) -> int:
    return floor(value + _TOLERANCE_PX)


def _cubic(f: float) -> NDArray[np.float32]:
    """Return the Catmull-Rom weights of pixels -2 to 2 for a position from 0 to 1, ``(5,)``.

    The first weight is 0 and centres the kernel on pixel 0.
    """
    taps = (
        (-f + 2 * f**2 - f**3) / 2,
        (2 - 5 * f**2 + 3 * f**3) / 2,
        (f + 4 * f**2 - 3 * f**3) / 2,
        (-(f**2) + f**3) / 2,
    )
    return np.array([0, *taps], np.float32)


def _scale(
    source: Plane,
    along_x: tuple[float, float],
    along_y: tuple[float, float],
    into: Plane,
    method: int,
) -> None:
    """Resample at the positions ``first + k * step``; each axis is a pair (first, step)."""
    height, width = into.shape
    columns, skip_x = _start(*along_x, width, source.shape[1])
    rows, skip_y = _start(*along_y, height, source.shape[0])
    scaled = cv2.resize(
        source[rows, columns],
        None,
        fx=1 / along_x[1],
        fy=1 / along_y[1],
        interpolation=method,
    )
    scaled = scaled[skip_y : skip_y + height, skip_x : skip_x + width]
    into[: scaled.shape[0], : scaled.shape[1]] = scaled
    into[scaled.shape[0] :] = into[scaled.shape[0] - 1]
    into[:, scaled.shape[1] :] = into[:, scaled.shape[1] - 1, None]


@lru_cache(maxsize=64)  # the arguments of a static camera repeat
def _start(first: float, step: float, count: int, size: int) -> tuple[slice, int]:
    """Return the region of an axis to scale, and the number of scaled pixels to skip.

    OpenCV scales only regions that begin at whole pixels. If the region begins a few pixels
    earlier, a whole number of steps may end closer to the desired position.
    """
    # Scaled pixel k of a region that begins at b is at b + (k + 0.5) * step - 0.5.
    begins = np.arange(max(floor(first) - _MAX_LEAD_PX, 0), max(floor(first) - 1, 0) + 1)
    skips = (first - begins - (step - 1) / 2) / step
    best = int(np.argmin(np.abs(skips - np.round(skips))))
    begin, skip = int(begins[best]), max(round(float(skips[best])), 0)
    end = begin + ceil((skip + count + 1) * step) + 2
    return slice(begin, min(end, size)), skip
