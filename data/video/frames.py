"""Frames read from a footage, and a count of damaged frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.counts import counted
from data.core.name_list import first_names
from data.video.orientation import orientation_of
from data.video.yuv import Planes, planes_of

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame that owns its pixels."""

    index: int  # 0-based, presentation order
    time_s: float  # presentation time, 0 for the first frame
    image: Image  # (h, w, 3) uint8 RGB, upright, contiguous


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """One frame in the decoder's pixel format, for callers that rarely or never need RGB."""

    index: int  # 0-based, presentation order
    time_s: float  # presentation time, 0 for the first frame
    start_s: Fraction  # presentation time of the first frame on the file's own clock
    duration_s: Fraction  # from the packet; 0 if unknown
    picture: VideoFrame

    def planes(self) -> Planes:
        """Return the upright YUV 4:2:0 planes; see `Planes`."""
        return planes_of(self.picture)

    def frame(self) -> Frame:
        """Return an upright RGB copy."""
        return Frame(self.index, self.time_s, _rgb(self.picture))


@dataclass(slots=True)
class Damage:
    """Count of unreadable frames, updated while a footage is read."""

    frames: int = 0  # broken frames, frames smeared by a broken one, and unreadable pictures
    missing: int = 0  # frames lost by truncation of the file
    pictures: list[str] = field(default_factory=list)  # names of the unreadable pictures
    paged: list[str] = field(default_factory=list)  # pictures of which only the first page is read
    restarts: int = 0  # times that the clock of the video restarts, as in joined recordings
    strays: int = 0  # times of frames that were dropped, and replaced by the likely ones
    converted: str = ""  # conversions of intact frames, see `DisplayForm.description`

    def __bool__(self) -> bool:
        """Return whether any frame is damaged, missing, not read, mended or converted."""
        counts = self.frames, self.missing, self.restarts, self.strays
        return any(counts) or bool(self.paged or self.converted)

    def __str__(self) -> str:
        noun, names = "frame", ""
        if self.pictures:
            noun, names = "picture", f": {first_names(self.pictures)}"
        times = "once" if self.restarts == 1 else f"{self.restarts} times"
        lines = {
            f"{counted(self.frames, f'damaged {noun}')} skipped{names}": self.frames,
            f"cut off, about {counted(self.missing, 'frame')} missing": self.missing,
            f"only the first page of {first_names(self.paged)} was read": self.paged,
            f"timestamps restart {times} (corrected)": self.restarts,
            f"{counted(self.strays, 'wrong timestamp')} corrected": self.strays,
            self.converted: self.converted,
        }
        return "; ".join(line for line, counted in lines.items() if counted) or "nothing damaged"


def _rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    # One thread: for a conversion of 0.3 ms, waking more threads takes up to ten times as long.
    stored = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24", threads=1))
    return orientation_of(frame).upright(stored)
