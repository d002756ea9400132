"""Backdrop of a picture in a video of another shape: a blurred, dark enlargement of itself."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cropping.render.resize import BLACK, Window
from data.video.yuv import Plane, Planes

_CELLS: Final = 48
"""Resolution at which the enlargement is blurred, cells along the video's shorter side."""
_BLUR_CELLS: Final = 2.2
"""Standard deviation of the blur in cells."""
_PART: Final = 0.96
"""Part of the picture that is enlarged: without its border, which is often dark or coloured."""
_BRIGHTNESS: Final = 0.45
"""Brightness of the backdrop relative to the picture's."""


def fill_with_backdrop(planes: Planes, xyxy: Window, target: Planes) -> None:
    """Fill ``target`` with the backdrop of a window of ``planes``.

    Args:
        planes: planes of the frame.
        xyxy: window in px within the frame, at least two px wide and high.
        target: output planes, of even size.
    """
    covering = _covering(xyxy, target.wh)
    sources, targets = (planes.y, planes.u, planes.v), (target.y, target.u, target.v)
    for number, (source, into, black) in enumerate(zip(sources, targets, BLACK, strict=True)):
        half = 2 if number else 1
        part = _part(source, covering, half)
        # Scaling luma and chroma alike scales red, green and blue alike: hues stay.
        dark = (_blurred(part, target.wh) - black) * _BRIGHTNESS + black
        cells = np.rint(dark).astype(np.uint8)
        cv2.resize(cells, into.shape[::-1], into, interpolation=cv2.INTER_LINEAR)


def _covering(xyxy: Window, video_wh: tuple[int, int]) -> Window:
    """Return the middle part of a window that has the shape of the video."""
    left, top, right, bottom = xyxy
    scale = _PART * min((right - left) / video_wh[0], (bottom - top) / video_wh[1])
    x, y = (left + right) / 2, (top + bottom) / 2
    width, height = scale * video_wh[0], scale * video_wh[1]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _part(plane: Plane, xyxy: Window, half: int) -> Plane:
    left, top, right, bottom = (round(side / half) for side in xyxy)
    return plane[top : max(bottom, top + 1), left : max(right, left + 1)]


def _blurred(part: Plane, video_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return a plane shrunk to cells and blurred, without a border darker than its inside."""
    shorter = min(video_wh)
    cells_wh = tuple(max(round(side * _CELLS / shorter), 1) for side in video_wh)
    small = cv2.resize(part, cells_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    blurred = cv2.GaussianBlur(small, (0, 0), _BLUR_CELLS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
