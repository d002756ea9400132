"""YUV 4:2:0 planes of a decoded frame: luma, and two chroma planes at half the resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.video.orientation import Orientation, orientation_of

if TYPE_CHECKING:
    from av import VideoFrame

Plane = NDArray[np.uint8]
"""``(h, w)`` uint8 samples of one plane, narrow range."""

# Code points of ITU-T H.273.
_RGB, _BT709, _UNSPECIFIED, _BT601 = 0, 1, 2, 6
HD_LINES: Final = 720
_EIGHT_BIT: Final = "yuv420p"


@dataclass(frozen=True, slots=True)
class Colours:
    """Colour description of a picture as H.273 code points; the range is always narrow."""

    space: int
    primaries: int
    transfer: int


BT709: Final = Colours(_BT709, _BT709, _BT709)
BT601: Final = Colours(_BT601, _BT601, _BT601)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Upright 8-bit planes of one picture, read-only: they may share the decoder's memory."""

    y: Plane  # (h, w)
    u: Plane  # (ceil(h / 2), ceil(w / 2)), MPEG-2 siting: left, halfway between two lines
    v: Plane  # as u
    colours: Colours

    @property
    def wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.y.shape[1], self.y.shape[0]


def planes_of(frame: VideoFrame) -> Planes:
    """Return the planes of a decoded frame of any format, without a copy if it is 8-bit 4:2:0."""
    colours = colours_of(frame)
    orientation = orientation_of(frame)
    y, u, v = (_plane(plane, orientation) for plane in _narrow_420(frame, colours).planes)
    return Planes(y, u, v, colours)


def _narrow_420(frame: VideoFrame, colours: Colours) -> VideoFrame:
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    full = frame.color_range == ColorRange.JPEG
    if frame.format.name == _EIGHT_BIT and not full:
        return frame
    spaces = {_BT709: Colorspace.ITU709, _BT601: Colorspace.ITU601}
    return frame.reformat(
        format=_EIGHT_BIT,
        dst_colorspace=spaces.get(colours.space) if frame.colorspace == _RGB else None,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
        threads=1,
    )


def colours_of(frame: VideoFrame) -> Colours:
    """Return the colours that a frame declares, or else those that players assume for its size.

    A crop must declare them: players would assume others for its smaller size.
    """
    default = _BT709 if frame.height >= HD_LINES else _BT601
    declared = frame.colorspace, frame.color_primaries, frame.color_trc
    space, primaries, transfer = (int(code) for code in declared)
    return Colours(
        default if space in (_RGB, _UNSPECIFIED) else space,
        default if primaries in (0, _UNSPECIFIED) else primaries,
        default if transfer in (0, _UNSPECIFIED) else transfer,
    )


def _plane(plane: object, orientation: Orientation) -> Plane:
    width, height, stride = (getattr(plane, n) for n in ("width", "height", "line_size"))
    rows = np.frombuffer(plane, np.uint8)[: height * stride]  # type: ignore[call-overload]
    return orientation.upright_view(rows.reshape(height, stride)[:, :width])
