"""Model heads and hair as solids, and project their textures at any yaw.

A solid is a stack of horizontal ellipses with a relief towards the front. Its texture is a
function of the angle around the vertical axis and of the height. The unit is half a head's width;
x points right, y down, z to the camera; y is 0 between the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]

COLUMNS = 320  # of the geometry; textures may have other sizes
ROWS = 240
_FRONT = 0.55  # linear share of the angle; the cubic remainder makes columns denser in front


def angle_of(t: Grid) -> Grid:
    """Return the angle in radians at texture positions ``t`` in -1..1, denser in front."""
    return np.asarray(np.pi * (_FRONT * t + (1 - _FRONT) * t**3))


_T = np.linspace(-1, 1, 2001)
_ANGLES = angle_of(_T)


def position_of(angle: Grid) -> Grid:
    """Return the texture position of an angle in radians: the inverse of `angle_of`."""
    return np.interp(angle, _ANGLES, _T)


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """Surface of a solid: one row per height, one column per texture position."""

    y: Grid  # (ROWS,) heights, evenly spaced
    x: Grid  # (ROWS, COLUMNS)
    z: Grid  # (ROWS, COLUMNS)
    half_width: Grid  # (ROWS,)

    def __post_init__(self) -> None:
        for name in ("x", "z"):
            shape = getattr(self, name).shape
            if shape != (ROWS, COLUMNS):
                raise ValueError(f"{name} must have shape {(ROWS, COLUMNS)}, got {shape}")

    def normals(self) -> tuple[Grid, Grid, Grid]:
        """Return x, y and z of the outward unit normals, each ``(ROWS, COLUMNS)``."""
        dy = self.y[1] - self.y[0]
        xu, zu = np.gradient(self.x, axis=1), np.gradient(self.z, axis=1)
        xv, zv = np.gradient(self.x, dy, axis=0), np.gradient(self.z, dy, axis=0)
        n = np.stack([-zu, zu * xv - xu * zv, xu])  # (xu, 0, zu) x (xv, 1, zv)
        n /= np.maximum(np.sqrt((n * n).sum(axis=0)), 1e-9)
        return n[0], n[1], n[2]


def stack(
    profile: list[tuple[float, float, float, float]], bumps: Grid | None = None, soften: int = 13
) -> Shell:
    """Build a solid from rows of ``(y, half width, front z, centre z)``, top to bottom.

    Args:
        profile: at least two rows; half widths are interpolated as squares, to round the ends.
        bumps: ``(ROWS, COLUMNS)`` relief added to z.
        soften: rows over which the profile is averaged.
    """
    table = np.asarray(profile, np.float64)
    y = np.linspace(table[0, 0], table[-1, 0], ROWS)
    kernel = np.hanning(soften + 2)[1:-1]
    width, front, centre = (
        _softened(np.interp(y, table[:, 0], column), kernel)
        for column in (table[:, 1] ** 2, table[:, 2], table[:, 3])
    )
    width = np.sqrt(np.maximum(width, 0))
    angle = angle_of(np.linspace(-1, 1, COLUMNS))
    depth = np.maximum(front - centre, 0)
    x = width[:, None] * np.sin(angle)[None, :]
    z = centre[:, None] + depth[:, None] * np.cos(angle)[None, :]
    if bumps is not None:
        z = z + bumps
    return Shell(y, x, z, width)


def _softened(values: Grid, kernel: Grid) -> Grid:
    half = len(kernel) // 2
    padded = np.concatenate(
        [2 * values[0] - values[half:0:-1], values, 2 * values[-1] - values[-2 : -half - 2 : -1]]
    )
    return np.convolve(padded, kernel / kernel.sum(), "valid")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Position on a rotated solid of each pixel in a window of the picture."""

    corner: tuple[int, int]  # x, y of the window's upper left pixel in the picture

    column: NDArray[np.float32]  # (h, w) in geometry columns
    row: NDArray[np.float32]  # (h, w) in geometry rows
    hit: NDArray[np.bool_]  # (h, w) False outside the solid

    def take(self, texture: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        """Project a texture, ``(h, w, c)`` of any size, into the view's ``(h, w, c)``."""
        h, w = texture.shape[:2]
        u = (self.column + 0.5) * np.float32(w / COLUMNS) - 0.5
        v = (self.row + 0.5) * np.float32(h / ROWS) - 0.5
        projected = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(projected, np.float32)


def dome(y: float, top: float, equator: float, squareness: float) -> float:
    """Return the half width at ``y`` of a dome from 0 at ``top`` to 1 at ``equator``.

    ``squareness`` is the exponent of a superellipse: 2 is round.
    """
    share = float(np.clip((equator - y) / (equator - top), 0, 1))
    return float((1 - share**squareness) ** (1 / squareness))


def look_at(shell: Shell, yaw: float, *, origin: tuple[float, float], scale: float) -> View:
    """Project a solid rotated around the vertical axis.

    Args:
        shell: the surface of the solid.
        yaw: radians, within ±pi / 2; positive to the right of the picture.
        origin: pixel of the picture where x = y = 0.
        scale: pixels per unit.
    """
    if yaw < 0:
        return _mirrored(shell, yaw, origin=origin, scale=scale)
    lines = _projected_columns(shell, yaw)
    left, right = (int(np.floor(origin[0] + scale * v)) for v in (lines.min(), lines.max()))
    above, below = (int(np.floor(origin[1] + scale * v)) for v in (shell.y[0], shell.y[-1]))
    y = (np.arange(above, below + 1) + 0.5 - origin[1]) / scale
    row = np.clip((y - shell.y[0]) / (shell.y[-1] - shell.y[0]) * (ROWS - 1), 0, ROWS - 1)
    floor = np.minimum(row.astype(int), ROWS - 2)
    fraction = (row - floor)[:, None]
    lines = lines[floor] * (1 - fraction) + lines[floor + 1] * fraction
    x = ((np.arange(left, right + 1) + 0.5 - origin[0]) / scale)[None, :]
    step = 100.0 * np.arange(len(row))[:, None]  # one interpolation serves all lines
    columns = np.tile(np.arange(COLUMNS, dtype=np.float64), len(row))
    column = np.interp((x + step).ravel(), (lines + step).ravel(), columns)
    hit = (x >= lines[:, :1]) & (x <= lines[:, -1:])
    rows = np.broadcast_to(row[:, None], hit.shape).astype(np.float32)
    return View((left, above), column.reshape(hit.shape).astype(np.float32), rows, hit)


def _projected_columns(shell: Shell, yaw: float) -> Grid:
    """Return the projected x of each column, ``(ROWS, COLUMNS)``, non-decreasing in each row.

    To the right of the left silhouette, a column that falls behind an earlier one is hidden by it:
    a nose hides the far cheek.
    """
    across = shell.x * np.cos(yaw) + shell.z * np.sin(yaw)
    start = np.argmin(across[:, : COLUMNS // 2], axis=1)
    before = np.arange(COLUMNS)[None, :] < start[:, None]
    low = across[np.arange(ROWS), start][:, None]
    return np.maximum.accumulate(np.where(before, low, across), axis=1)


def _mirrored(shell: Shell, yaw: float, *, origin: tuple[float, float], scale: float) -> View:
    mirrored = Shell(shell.y, -shell.x[:, ::-1], shell.z[:, ::-1], shell.half_width)
    view = look_at(mirrored, -yaw, origin=(-origin[0], origin[1]), scale=scale)
    flip = np.s_[:, ::-1]
    return View(
        (-view.corner[0] - view.hit.shape[1], view.corner[1]),
        np.ascontiguousarray(COLUMNS - 1 - view.column[flip]),
        np.ascontiguousarray(view.row[flip]),
        np.ascontiguousarray(view.hit[flip]),
    )
