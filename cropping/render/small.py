"""Small renditions of the videos, which the Watch page shows in tiles and on slow networks."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Final

import cv2

from cropping.render.encoder import EncoderSettings, VideoFormat
from data.video.yuv import Plane, Planes

SMALL_PX: Final = 180 * 320
"""Largest area of a small rendition."""
SMALL_ENCODER: Final = EncoderSettings(crf=27.0, preset="superfast", b_frames=False)
"""Whatever encodes the video: hardware encoders refuse frames of this size."""


def small_wh(video_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the even size in px of the small rendition of a video; never larger than the video."""
    scale = min(sqrt(SMALL_PX / (video_wh[0] * video_wh[1])), 1.0)
    width, height = (max(round(side * scale / 2) * 2, 2) for side in video_wh)
    return width, height


def small_format(video_format: VideoFormat) -> VideoFormat:
    """Return the format of the small rendition of a video."""
    return replace(video_format, size_wh=small_wh(video_format.size_wh), threads=1)


def shrink(planes: Planes, target: Planes) -> None:
    """Fill ``target`` with a smaller copy of ``planes``."""
    for source, into in ((planes.y, target.y), (planes.u, target.u), (planes.v, target.v)):
        _shrink_plane(source, into)


def _shrink_plane(source: Plane, into: Plane) -> None:
    cv2.resize(source, into.shape[::-1], into, interpolation=cv2.INTER_AREA)
