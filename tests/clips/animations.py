"""Animated pictures of numbered frames: GIF, APNG, WebP, AVIF, and HEIF with an HEVC track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from data.core.arrays import Image
from tests.clips.encoding import encode
from tests.clips.numbered import picture

FRAMES = 12
DURATIONS_MS = (40, 40, 80, 40, 120, 40, 40, 200, 40, 40, 80, 240)
TIMES_S = tuple(sum(DURATIONS_MS[:number]) / 1000 for number in range(FRAMES))
DURATION_S = sum(DURATIONS_MS) / 1000
KINDS = ("moving.gif", "moving.png", "moving.apng", "moving.webp", "moving.avif", "moving.avifs")
_QUALITY: dict[str, dict[str, Any]] = {
    ".webp": {"lossless": True},
    ".avif": {"quality": 95},
    ".avifs": {"quality": 95},
}


def write_animation(
    path: Path,
    images: Sequence[Image | Pillow.Image] | None = None,
    *,
    durations_ms: Sequence[int] = DURATIONS_MS,
    **options: Any,
) -> None:
    """Write frames by the format of the suffix; the numbered ones by default."""
    shown = images or [picture(number) for number in range(len(durations_ms))]
    first, *rest = (x if isinstance(x, Pillow.Image) else Pillow.fromarray(x) for x in shown)
    quality: dict[str, dict[str, Any]] = {
        ".webp": {"lossless": True},
        ".avif": {"quality": 95},
        ".avifs": {"quality": 95},
    }
    options = {**quality.get(path.suffix, {}), **options}
    first.save(path, save_all=True, append_images=rest, duration=list(durations_ms), **options)


def write_heif_sequence(path: Path) -> None:
    """Write an HEIF file without a still picture, whose HEVC track has the frames' times."""
    images = [picture(number) for number in range(FRAMES)]
    film = path.with_suffix(".film.mp4")
    quiet = {"x265-params": "log-level=none", "crf": "8"}
    encode(film, images, codec="libx265", times_s=TIMES_S, options=quiet)
    content = film.read_bytes()
    size = int.from_bytes(content[:4], "big")
    film.unlink()
    brands = b"msf1" + bytes(4) + b"msf1hevc".ljust(size - 16, b"\0")
    path.write_bytes(content[:4] + b"ftyp" + brands + content[size:])
