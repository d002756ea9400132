"""Lookup tables that convert HDR video (PQ and HLG) to SDR of BT.709.

Light is decoded as by BT.2100, and its brightness compressed by the curve of BT.2390 from
2000 cd/m2 to diffuse white of 203 cd/m2 (BT.2408): values up to about 60 cd/m2 stay, diffuse white
becomes 86 % of SDR's code range, and highlights share the rest.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PQ: Final = 16
HLG: Final = 18
"""Transfer characteristics of HDR, as code points of ITU-T H.273."""
_BT709, _BT2020, _DCI_P3, _DISPLAY_P3 = 1, 9, 11, 12

_POINTS: Final = 33
"""Points of the table per axis."""
_PEAK_NITS: Final = 2000.0
_WHITE_NITS: Final = 203.0
_HLG_PEAK_NITS: Final = 1000.0
_HLG_GAMMA: Final = 1.2  # system gamma at 1000 cd/m2, BT.2100 table 5
_SDR_GAMMA: Final = 2.4  # BT.1886

# Linear RGB to BT.709, ITU-R BT.2407 and SMPTE EG 432-1.
_TO_BT709: Final = {
    _BT709: np.eye(3),
    _BT2020: np.array(
        [
            [1.660491, -0.587641, -0.072850],
            [-0.124550, 1.132900, -0.008349],
            [-0.018151, -0.100579, 1.118730],
        ]
    ),
    _DISPLAY_P3: np.array(
        [
            [1.224940, -0.224940, 0.0],
            [-0.042057, 1.042057, 0.0],
            [-0.019638, -0.078636, 1.098274],
        ]
    ),
}
_LUMINANCE: Final = {
    _BT709: np.array([0.2126, 0.7152, 0.0722]),
    _BT2020: np.array([0.2627, 0.6780, 0.0593]),
    _DISPLAY_P3: np.array([0.2290, 0.6917, 0.0793]),
}


@contextmanager
def table_file(transfer: int, primaries: int) -> Iterator[str]:
    """Write the table of an HDR format as a .cube file, which is deleted at the end.

    Args:
        transfer: `PQ` or `HLG`.
        primaries: code point of ITU-T H.273; BT.2020 is assumed if it is unknown.
    """
    known = {_DCI_P3: _DISPLAY_P3}.get(primaries, primaries)
    content = _cube(transfer, known if known in _TO_BT709 else _BT2020)
    handle, path = tempfile.mkstemp(suffix=".cube")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content)
        yield path
    finally:
        Path(path).unlink()


@cache
def _cube(transfer: int, primaries: int) -> str:
    steps = np.linspace(0, 1, _POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    codes = to_sdr(np.stack([red, green, blue], axis=-1).reshape(-1, 3), transfer, primaries)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in codes.tolist())
    return f"LUT_3D_SIZE {_POINTS}\n{rows}\n"


def to_sdr(codes: Floats, transfer: int, primaries: int) -> Floats:
    """Convert HDR colours to SDR of BT.709.

    Args:
        codes: ``(n, 3)`` non-linear R'G'B' in 0 to 1.
        transfer: `PQ` or `HLG`.
        primaries: BT.709, BT.2020 or Display P3.

    Returns:
        ``(n, 3)`` non-linear R'G'B' in 0 to 1.
    """
    luminance = _LUMINANCE[primaries]
    nits = _pq_nits(codes) if transfer == PQ else _hlg_nits(codes, luminance)
    # The brightest component sets the compression, so that the hue stays.
    brightest = np.maximum(nits.max(axis=1, keepdims=True), 1e-6)
    mapped = nits * (_compressed(brightest) / brightest) / _WHITE_NITS
    linear = _inside_gamut(mapped @ _TO_BT709[primaries].T)
    return np.asarray(linear ** (1 / _SDR_GAMMA))


def sdr_to_bt709(codes: Floats, primaries: int) -> Floats:
    """Convert SDR colours of a wide gamut, with sRGB's curve, to those of BT.709.

    Args:
        codes: ``(n, 3)`` non-linear R'G'B' in 0 to 1.
        primaries: BT.709, BT.2020 or Display P3.

    Returns:
        ``(n, 3)`` non-linear R'G'B' in 0 to 1.
    """
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    mapped = _inside_gamut(linear @ _TO_BT709[primaries].T)
    return np.asarray(
        np.where(mapped <= 0.0031308, mapped * 12.92, 1.055 * mapped ** (1 / 2.4) - 0.055)
    )


def _inside_gamut(linear: Floats) -> Floats:
    """Clip negative components, and desaturate too bright ones towards the grey of equal light."""
    clipped = np.maximum(linear, 0)
    grey = np.minimum(clipped @ _LUMINANCE[_BT709], 1)[:, None]
    highest = np.maximum(clipped.max(axis=1, keepdims=True), 1)
    kept = (1 - grey) / np.maximum(highest - grey, 1e-9)
    return np.asarray(np.clip(grey + (clipped - grey) * kept, 0, 1))


def _compressed(nits: Floats) -> Floats:
    """Compress brightness by BT.2390, 5.4.1: identity below the knee, then a Hermite spline."""
    peak = _pq_code(np.array(_PEAK_NITS))
    scaled = np.minimum(_pq_code(nits) / peak, 1)
    top = float(_pq_code(np.array(_WHITE_NITS)) / peak)
    knee = 1.5 * top - 0.5
    t = (scaled - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * top
    )
    return _pq_nits(np.where(scaled < knee, scaled, spline) * peak)


_M1, _M2 = 1305 / 8192, 2523 / 32
_C1, _C2, _C3 = 107 / 128, 2413 / 128, 2392 / 128


def _pq_nits(codes: Floats) -> Floats:
    """Decode PQ, BT.2100 table 4."""
    powered = np.maximum(codes, 0) ** (1 / _M2)
    fraction = np.maximum(powered - _C1, 0) / (_C2 - _C3 * powered)
    return np.asarray(10_000 * fraction ** (1 / _M1))


def _pq_code(nits: Floats) -> Floats:
    """Encode PQ, BT.2100 table 4."""
    powered = (np.maximum(nits, 0) / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * powered) / (1 + _C3 * powered)) ** _M2)


def _hlg_nits(codes: Floats, luminance: Floats) -> Floats:
    """Decode HLG for a display of 1000 cd/m2, BT.2100 table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    brightness = np.maximum(scene @ luminance, 1e-9)[:, None]
    return np.asarray(_HLG_PEAK_NITS * scene * brightness ** (_HLG_GAMMA - 1))
