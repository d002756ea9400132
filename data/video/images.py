"""Read single pictures as upright RGB, within a size limit."""

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


# Larger pictures are mistakes or attacks: 8192 x 8192, twice an 8K frame, is 200 MB of RGB.
MAX_PIXELS = 8192 * 8192
MAX_SIDE_PX = 16384

_EXIF_ORIENTATION = 0x0112
# EXIF orientations that swap width and height.
_TRANSPOSED = frozenset({5, 6, 7, 8})


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures directly inside ``folder``, in natural order: 2 before 10."""
    found = (p for p in folder.iterdir() if is_picture(p) and not p.name.startswith("."))
    return sorted((p for p in found if p.is_file()), key=_natural)


def picture_wh(path: Path) -> tuple[int, int]:
    """Read the upright width and height in pixels from the header.

    Raises:
        InputError: the file is not a picture, or exceeds ``MAX_PIXELS`` or ``MAX_SIDE_PX``.
    """
    with _opened(path) as picture:
        width, height = picture.size
        transposed = picture.getexif().get(_EXIF_ORIENTATION) in _TRANSPOSED
    return (height, width) if transposed else (width, height)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture of any pixel format as upright ``(h, w, 3)`` uint8 RGB.

    Raises:
        InputError: the file is not a picture, truncated, or too large.
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
    """Check a size against the limits.

    Raises:
        InputError: there are more than ``MAX_PIXELS``, or a side exceeds ``MAX_SIDE_PX``.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise InputError(
            f"{path}: {width} x {height} pixels are too many; scale it down to at most"
            f" {MAX_SIDE_PX} a side and {MAX_PIXELS // 1_000_000} million in all"
        )


def _opened(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns at a limit of its own; `check_size` applies ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: this picture has too many pixels; scale it down") from error
    # ImportError: ultralytics, where loaded, makes Pillow try a plugin that is not installed.
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
    """Return the sort key: digits as numbers, other text without case, then the name itself."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(p), "") if p.isdecimal() else (-1, p.casefold()) for p in parts], path.name
