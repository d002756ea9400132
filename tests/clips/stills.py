"""Pictures and folders of pictures, intact and broken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data.core.arrays import Image
from tests.clips.damaged import (
    text,
)
from tests.clips.numbered import picture


def still(number: int = 3, **size: int) -> Callable[[Path], None]:
    return lambda path: _save(path, picture(number, **size))


def still_cut_off(path: Path) -> None:
    _save(path, picture(4, width=640, height=480))
    path.write_bytes(path.read_bytes()[:3000])


def grey(path: Path) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(picture(7)).convert("L").save(path)


def see_through(path: Path) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(picture(9)).convert("RGBA").save(path)


def exif_turned(path: Path) -> None:
    """Write a picture stored rotated by 90 degrees, with EXIF orientation 6 (rotate clockwise)."""
    from PIL import Image as Pillow

    tags = Pillow.Exif()
    tags[0x0112] = 6
    Pillow.fromarray(np.rot90(picture(5))).save(path, quality=95, exif=tags)


def absurd_picture(path: Path) -> None:
    """Write a PNG that declares 25000 x 25000 pixels, in 60 bytes."""
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 25_000, 25_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def folder_of_pictures(path: Path) -> None:
    """Write numbers that sort wrongly as text, two sizes, a note, a hidden and a broken picture."""
    path.mkdir()
    for number in (0, 1, 2, 10, 11):
        _save(path / f"shot {number}.png", picture(number))
    _save(path / "shot 12.jpg", picture(12, width=200, height=120))
    (path / "shot 3.jpg").write_bytes(b"broken")
    (path / ".shot 4.jpg").write_bytes(b"hidden")
    (path / "notes.txt").write_text("no picture")


def folder_of_broken_pictures(path: Path) -> None:
    path.mkdir()
    for number in range(3):
        still_cut_off(path / f"{number}.jpg")


def folder_of_text_pictures(path: Path) -> None:
    path.mkdir()
    for number in range(2):
        text(path / f"{number}.jpg")


def folder_without_pictures(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("no picture")


def _save(path: Path, image: Image) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(image).save(path)
