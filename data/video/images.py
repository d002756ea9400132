"""Read single pictures: upright by their EXIF tag, RGB, bounded in size."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.file_types import is_picture

if TYPE_CHECKING:
    from PIL.Image import Image


# Larger is a mistake or an attack: 8192 x 8192, twice an 8K frame, is 200 MB of RGB.
MAX_PIXELS = 8192 * 8192
MAX_SIDE_PX = 16384

# EXIF orientations that lay the picture on its side.
_EXIF_ORIENTATION = 0x0112
_ON_ITS_SIDE = frozenset({5, 6, 7, 8})


def pictures_in(folder: Path) -> list[Path]:
    """The pictures right inside ``folder``, in natural order: 2 before 10."""
    found = (p for p in folder.iterdir() if is_picture(p) and not p.name.startswith("."))
    return sorted((p for p in found if p.is_file()), key=_natural)


def picture_wh(path: Path) -> tuple[int, int]:
    """Upright width and height, from the header alone.

    Raises:
        InputError: no picture, or larger than ``MAX_PIXELS`` or ``MAX_SIDE_PX``.
    """
    with _opened(path) as picture:
        width, height = picture.size
        sideways = picture.getexif().get(_EXIF_ORIENTATION) in _ON_ITS_SIDE
    return (height, width) if sideways else (width, height)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture as ``(h, w, 3)`` uint8 RGB, upright, whatever it was stored as.

    Raises:
        InputError: no picture, cut off, or too large.
    """
    from PIL import ImageFile, ImageOps

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition switches it on for the process

    with _opened(path) as picture:
        try:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{path}: this picture is damaged ({error}); save it anew") from error
    return np.array(upright, dtype=np.uint8, order="C")


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse dimensions that no footage has.

    Raises:
        InputError: more than ``MAX_PIXELS`` or a side longer than ``MAX_SIDE_PX``.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise InputError(
            f"{path}: {width} x {height} pixels are too many; scale it down to at most"
            f" {MAX_SIDE_PX} a side and {MAX_PIXELS // 1_000_000} million in all"
        )


def _opened(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns of what it thinks too large; the bound here is ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: this picture has too many pixels; scale it down") from error
    # Where ultralytics is loaded, it looks for a plugin then, which is not there.
    except (UnidentifiedImageError, ImportError) as error:
        raise InputError(f"{path}: not a picture that can be read; save it as .jpg") from error
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); give another picture") from error
    try:
        check_size(path, *picture.size)
    except InputError:
        picture.close()
        raise
    return picture


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Digits compare as numbers, the rest without case; the name itself breaks ties."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(p), "") if p.isdecimal() else (-1, p.casefold()) for p in parts], path.name
