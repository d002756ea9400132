"""Colours that a picture file declares by code points of ITU-T H.273: HDR and wide gamuts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from data.video.display.tone_mapping import HLG, PQ, sdr_to_bt709, to_sdr

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFilter import Color3DLUT

_BT2020, _DISPLAY_P3 = 9, 12
_POINTS: Final = 33
"""Points of a lookup table per axis."""


@dataclass(frozen=True, slots=True)
class CodedColours:
    """Primaries and transfer characteristics as code points of ITU-T H.273."""

    primaries: int
    transfer: int

    @property
    def hdr(self) -> bool:
        """Whether they are HDR's: PQ or HLG."""
        return self.transfer in (PQ, HLG)


def coded_colours(head: bytes) -> CodedColours | None:
    """Return the colours declared in the first bytes of a HEIF, AVIF or PNG file, if not sRGB's.

    They are in the box colr of type nclx (ISO 23008-12), or in the chunk cICP (PNG, 3rd edition).
    """
    if head.startswith(b"\x89PNG"):
        place = head.find(b"cICP") + 4
        codes = head[place : place + 2] if place > 4 else b""
    else:
        place = head.find(b"colrnclx") + 8
        codes = head[place + 1 : place + 4 : 2] if place > 8 else b""
    if len(codes) < 2:
        return None
    found = CodedColours(*codes)
    return found if found.hdr or found.primaries in (_BT2020, _DISPLAY_P3) else None


def to_srgb(picture: Image, colours: CodedColours) -> Image:
    """Convert an RGB picture of these colours to sRGB; HDR is tone-mapped like video's."""
    return picture.filter(_table(colours))


@cache
def _table(colours: CodedColours) -> Color3DLUT:
    from PIL.ImageFilter import Color3DLUT

    steps = np.linspace(0, 1, _POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    codes = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    known = colours.primaries if colours.primaries in (1, _BT2020, _DISPLAY_P3) else _BT2020
    if colours.hdr:
        converted = to_sdr(codes, colours.transfer, known)
    else:
        converted = sdr_to_bt709(codes, known)
    return Color3DLUT(_POINTS, converted.ravel().tolist())
