"""Frames of a footage as they are read, and a count of those that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.video.orientation import orientation_of
from data.video.yuv import Planes, planes_of

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame with pixels of its own."""

    index: int  # 0-based, presentation order
    time_s: float  # presentation time, the first frame 0
    image: Image  # (h, w, 3) uint8 RGB, upright, contiguous


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """One frame as the decoder left it, for callers that do not need RGB, or not always."""

    index: int  # 0-based, presentation order
    time_s: float  # presentation time, the first frame 0
    start_s: Fraction  # presentation time of the first frame in the file's own time
    lasts_s: Fraction  # duration of its packet; 0 unknown
    picture: VideoFrame

    def planes(self) -> Planes:
        """Upright YUV 4:2:0 planes; see `Planes`."""
        return planes_of(self.picture)

    def frame(self) -> Frame:
        """An upright RGB copy."""
        return Frame(self.index, self.time_s, _rgb(self.picture))


@dataclass(slots=True)
class Damage:
    """Count of frames that cannot be read; a reader adds to it while it reads."""

    frames: int = 0  # broken, or smeared by a broken one before it, or an unreadable picture
    missing: int = 0  # frames after the end of a truncated file

    def __bool__(self) -> bool:
        """Whether anything was damaged."""
        return bool(self.frames or self.missing)

    def __str__(self) -> str:
        parts = [f"{_frames(self.frames, 'damaged ')} skipped"] if self.frames else []
        parts += [f"cut off, about {_frames(self.missing)} missing"] if self.missing else []
        return "; ".join(parts) or "nothing damaged"


def _frames(count: int, kind: str = "") -> str:
    return f"{count} {kind}frame{'s' if count != 1 else ''}"


def _rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    # One thread: waking more for a conversion of 0.3 ms costs up to ten times that.
    stored = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24", threads=1))
    return orientation_of(frame).upright(stored)
