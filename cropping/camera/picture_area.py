"""Area of the picture within the black bars that are part of a footage, per shot.

A bar is black and flat over its whole length in all sampled frames, and the picture begins at a
straight edge. A shot too dark to show the edge takes the bars of other shots that fit its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Values
from data.video.yuv import Plane

Sides = tuple[int, int, int, int]
"""Widths of the bars in px: left, top, right, bottom."""

NO_BARS: Final[Sides] = (0, 0, 0, 0)
_BLACK: Final = 26
"""Brightest luma of a bar: black is 16, and compression adds noise."""
_LIT: Final = 40
"""Darkest luma that is certainly picture."""
_BLACK_SHARE: Final = 0.995
"""Share of a line's pixels that are black in a bar."""
_EDGE_DEPTH: Final = 8
"""Lines within which the picture begins, px."""
_EDGE_SHARE: Final = 0.5
"""Share of the edge along which the picture is lit, if there is a bar on the other side too."""
_SINGLE_EDGE_SHARE: Final = 0.9
"""Share of the edge along which the picture is lit, for a bar on one side only."""
_SYMMETRY: Final = 0.25
"""Largest difference of the widths of two bars of a pair, relative to the wider one."""
_MIN_BAR: Final = 0.01
"""Narrowest bar, relative to the frame's side."""
_MIN_PICTURE: Final = 0.25
"""Smallest picture, relative to the frame's side: a vertical video in a horizontal one has 0.32."""


def three_levels(luma: Plane) -> Plane:
    """Return luma, ``(h, w)``, with three values that `bars_of` cannot tell from the original.

    They compress to a small share of the pixels: a film has thousands of shots.
    """
    values = np.arange(256)
    levels = np.where(values <= _BLACK, _BLACK, np.where(values < _LIT, _BLACK + 1, _LIT))
    return np.asarray(levels.astype(np.uint8)[luma], np.uint8)


@dataclass(frozen=True, slots=True)
class ShotBars:
    """Bars of one shot in its sampled frames."""

    black: Sides  # all that is black at the sides
    clear: Sides  # bars with a clear edge, 0 where there is none
    is_dark: bool = False  # no picture is visible in any sampled frame


def bars_of(samples: Sequence[Plane]) -> ShotBars:
    """Return the bars of one shot.

    Args:
        samples: luma ``(h, w)`` of sampled frames of the shot, at least one.
    """
    brightest = np.maximum.reduce(list(samples))
    is_black = brightest <= _BLACK
    if is_black.mean() > 1 - _MIN_PICTURE**2:
        return ShotBars(NO_BARS, NO_BARS, is_dark=True)
    top, bottom = _black_lines(is_black)
    left, right = _black_lines(is_black[top : is_black.shape[0] - bottom].T)
    black = _wide_enough((left, top, right, bottom), brightest.shape[::-1])
    inner = brightest[black[1] : brightest.shape[0] - black[3], :]
    inner = inner[:, black[0] : brightest.shape[1] - black[2]]
    lit = [_lit_share(lines) for lines in (inner.T, inner, inner.T[::-1], inner[::-1])]
    clear = [0, 0, 0, 0]
    for near, far in ((0, 2), (1, 3)):
        widths, paired = (black[near], black[far]), _is_pair(black[near], black[far])
        for side, width in zip((near, far), widths, strict=True):
            share = _EDGE_SHARE if paired else _SINGLE_EDGE_SHARE
            clear[side] = width if width and lit[side] >= share else 0
    return ShotBars(black, (clear[0], clear[1], clear[2], clear[3]))


def _black_lines(is_black: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the number of black lines before and after the others."""
    others = np.flatnonzero(is_black.mean(axis=1) < _BLACK_SHARE)
    if not len(others):
        return 0, 0
    return int(others[0]), is_black.shape[0] - 1 - int(others[-1])


def _wide_enough(bars: Sides, frame_wh: Sequence[int]) -> Sides:
    """Return bars without those that are too narrow, or that leave too little of the picture."""
    sides = list(bars)
    for axis, frame in enumerate(frame_wh):
        for side in (axis, axis + 2):
            sides[side] = sides[side] if sides[side] >= _MIN_BAR * frame else 0
        if frame - sides[axis] - sides[axis + 2] < _MIN_PICTURE * frame:
            sides[axis] = sides[axis + 2] = 0
    return sides[0], sides[1], sides[2], sides[3]


def _lit_share(lines: Plane) -> float:
    """Return the share of the edge at the first of ``lines`` along which the picture is lit."""
    return float((lines[:_EDGE_DEPTH].max(axis=0) >= _LIT).mean())


def _is_pair(near: int, far: int) -> bool:
    return bool(near and far) and abs(near - far) <= _SYMMETRY * max(near, far)


def picture_areas(found: Sequence[ShotBars], frame_wh: tuple[int, int]) -> Values:
    """Return the picture's area in each shot, ``(shots, 4)`` px, xyxy; its sides are even.

    Args:
        found: bars of each shot.
        frame_wh: size of the frame in px.
    """
    areas = np.zeros((len(found), 4))
    clear = sorted({bars.clear for bars in found if any(bars.clear)})
    for row, bars in enumerate(found):
        sides = max(
            (others for others in clear if _fits(others, bars.black)), key=sum, default=NO_BARS
        )
        left, top, right, bottom = ((side // 2 + 1) * 2 if side else 0 for side in sides)
        areas[row] = (left, top, frame_wh[0] - right, frame_wh[1] - bottom)
    return areas


def _fits(bars: Sides, black: Sides) -> bool:
    return all(bar <= side for bar, side in zip(bars, black, strict=True))
