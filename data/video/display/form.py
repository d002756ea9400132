"""Differences between the stored frames of a video and those that a player displays."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from data.video.pictures.images import MAX_PIXELS, MAX_SIDE_PX

FieldOrder = Literal["progressive", "flagged", "top", "bottom"]
"""Interlacing: none, of the frames flagged as such, or of all frames with that field first."""

SQUARE: Final = Fraction(1)
_SAME: Final = Fraction(1, 100)
"""Pixels closer to square than this are square: containers round display sizes."""
MAX_ASPECT: Final = 4
"""Pixels wider or higher than this are a mistake in the header; 2.9 is the widest in use."""


@dataclass(frozen=True, slots=True)
class DisplayForm:
    """Conversion that the stored frames of a video need.

    Args:
        wh: upright size of all displayed frames, in px.
        stored_wh: size of the stored frames that are displayed as they are, in px; None if each
            frame is converted.
        varies: the stored frames have several sizes, so their colour descriptions may differ.
        pixel_aspect: width of a stored pixel in units of its height; None if it changes, so that
            each frame's own applies.
        fields: interlacing.
        hdr: the first frame is HDR; each HDR frame is converted to SDR.
        dolby_vision: colours are those of Dolby Vision alone, which are not converted.
    """

    wh: tuple[int, int]
    stored_wh: tuple[int, int] | None
    varies: bool = False
    pixel_aspect: Fraction | None = SQUARE
    fields: FieldOrder = "progressive"
    hdr: bool = False
    dolby_vision: bool = False

    @property
    def key(self) -> str:
        """Short text for cache keys, empty for frames that are displayed as they are."""
        is_plain = self.stored_wh is not None or self == PLAIN
        is_kept = is_plain and self.fields == "progressive" and not self.hdr
        return "" if is_kept else repr(self)

    @property
    def description(self) -> str:
        """Conversions in words, for the summary of a command; empty for none."""
        size = f"{self.wh[0]} x {self.wh[1]} px"
        parts = {
            f"scaled to square pixels, {size}": self.pixel_aspect != SQUARE and not self.varies,
            f"the frame size changes; all frames are shown at {size}": self.varies,
            "deinterlaced": self.fields != "progressive",
            "HDR converted to SDR": self.hdr,
            "Dolby Vision without HDR10 or HLG, so its colours are wrong": self.dolby_vision,
        }
        return ", ".join(part for part, applies in parts.items() if applies)


def sane_aspect(aspect: Fraction | None) -> Fraction:
    """Return the aspect of a pixel, or square if it is unknown, absurd or nearly square."""
    if not aspect or not Fraction(1, MAX_ASPECT) <= aspect <= MAX_ASPECT:
        return SQUARE
    return SQUARE if abs(aspect - 1) < _SAME else aspect


def display_wh(stored_wh: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """Return the size in px with square pixels: wider or higher, so that no detail is lost."""
    width, height = stored_wh
    if aspect > 1:
        width = round(width * aspect / 2) * 2
    elif aspect < 1:
        height = round(height / aspect / 2) * 2
    is_too_large = width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX
    return stored_wh if is_too_large else (width, height)


PLAIN: Final = DisplayForm((0, 0), None)
"""Of pictures and animated pictures, which are not converted."""
