"""Pictures of unusual depth, colour model and transparency, by PNG, TIFF, JPEG and HEIF."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

WIDTH, HEIGHT = 160, 96
RAMP = np.tile(np.linspace(0.0, 1.0, WIDTH), (HEIGHT, 1))
"""Grey ramp from black to white, ``(96, 160)``."""


def ramp_of(levels: int, kind: type[np.generic] = np.uint16) -> NDArray[np.generic]:
    """Return the ramp from 0 to ``levels`` as samples of a type, ``(96, 160)``."""
    return np.asarray(np.rint(RAMP * levels), kind)


def write_samples(path: Path, samples: NDArray[np.generic]) -> None:
    """Write samples of any type as stored, ``(h, w)``, or ``(h, w, 3 or 4)`` in RGB order."""
    order = samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    assert cv2.imwrite(str(path), np.ascontiguousarray(order))


# Columns of ICC v4 display profiles: XYZ of red, green and blue, adapted to D50.
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(primaries: Sequence[Sequence[float]], *, gamma: float | None = None) -> bytes:
    """Return an ICC profile of an RGB space with sRGB's curve, or a plain gamma."""
    parameters = _SRGB_CURVE if gamma is None else (gamma,)
    curve = b"para" + struct.pack(">IHH", 0, 0 if gamma else 3, 0) + _fixed(parameters)
    colours = {f"{name}XYZ": _xyz(xyz) for name, xyz in zip("rgb", primaries, strict=True)}
    tags = {"wtpt": _xyz(_D50), **colours, **{f"{name}TRC": curve for name in "rgb"}}
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        place = 128 + 4 + 12 * len(tags) + len(content)
        table += name.encode() + struct.pack(">II", place, len(value))
        content += value + bytes(-len(value) % 4)
    header = bytearray(128)
    header[:4] = struct.pack(">I", 128 + len(table) + len(content))
    header[8:24] = struct.pack(">I", 0x04300000) + b"mntrRGB XYZ "[:12]
    header[36:40] = b"acsp"
    header[68:80] = _fixed(_D50)
    return bytes(header) + table + content


def in_space(rgb: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """Return sRGB colours, ``(h, w, 3)``, as the samples of an RGB space."""
    stored = ImageCms.profileToProfile(
        Pillow.fromarray(rgb),
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(BytesIO(icc)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert stored is not None
    return np.asarray(stored, np.uint8)


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)
