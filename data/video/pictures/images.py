"""Read single pictures as upright RGB, within a size limit."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.file_types import HEIF_BRANDS, brands
from data.video.pictures.coded_colours import coded_colours
from data.video.pictures.picture_colours import (
    CODED_COLOURS,
    deep_samples,
    orientation,
    scaled,
    to_eight_bits,
    to_rgb,
    upright,
)

if TYPE_CHECKING:
    from PIL.Image import Image


# Larger pictures are mistakes or attacks: 8192 x 8192, twice an 8K frame, is 200 MB of RGB.
MAX_PIXELS = 8192 * 8192
MAX_SIDE_PX = 16384
_SCALE_DOWN = (
    f"scale it down to at most {MAX_SIDE_PX} a side and {MAX_PIXELS // 1_000_000} million in all"
)

_NO_LOG = logging.NullHandler()  # else Python writes the messages to standard error
_HEAD_BYTES = 1 << 14  # includes the properties of a HEIF picture
_WITH_CODED_COLOURS = ("HEIF", "AVIF", "PNG")
_TIFF = (b"II*\0", b"MM\0*")
# EXIF orientations that swap width and height.
_TRANSPOSED = frozenset({5, 6, 7, 8})


def picture_wh(path: Path) -> tuple[int, int]:
    """Read the upright width and height in pixels from the header.

    Raises:
        InputError: the file is not a picture, or exceeds ``MAX_PIXELS`` or ``MAX_SIDE_PX``.
    """
    with open_picture(path) as picture:
        width, height = picture.size
        with quietly():
            transposed = orientation(picture) in _TRANSPOSED
    return (height, width) if transposed else (width, height)


def read_face(content: bytes, *, max_side_px: int) -> NDArray[np.uint8]:
    """Read the content of a picture of one face as upright grey, ``(h, w)`` uint8.

    Raises:
        InputError: it is not a picture, damaged, or larger than ``max_side_px``. The message names
            no file.
    """
    try:
        with quietly():
            picture = _identified(BytesIO(content))
            if max(picture.size) > max_side_px:
                raise InputError(f"a side is longer than {max_side_px} px; crop it to the face")
            return np.array(upright(to_eight_bits(picture)).convert("L"), np.uint8)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged files
        raise InputError("not a picture, or a damaged one") from error


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture of any pixel format as upright ``(h, w, 3)`` uint8 sRGB.

    The first frame or page is read; see `data.video.pictures.picture_colours` for depth, colour
    profile and transparency.

    Raises:
        InputError: the file is not a picture, truncated, or too large.
    """
    with open_picture(path) as picture:
        try:
            return rgb_of(picture)
        except Exception as error:  # Pillow's decoders raise many types on damaged files
            reason = _on_one_line(error)
            raise InputError(
                f"{path}: this picture is damaged ({reason}); save it again"
            ) from error


def rgb_of(picture: Image) -> NDArray[np.uint8]:
    """Decode the current frame of a picture as upright ``(h, w, 3)`` uint8 sRGB.

    Raises:
        Exception: of any type, if the picture is damaged.
    """
    with quietly():
        return np.array(to_rgb(upright(to_eight_bits(picture))), dtype=np.uint8, order="C")


@contextmanager
def quietly() -> Iterator[None]:
    """Silence Pillow's warnings about sizes and tags; let it raise on truncated files."""
    from PIL import ImageFile

    logging.getLogger("PIL").addHandler(_NO_LOG)

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition switches it on for the process
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def has_more_pages(path: Path) -> bool:
    """Whether a picture that can be read has pages of which it is the first: TIFF and HEIF."""
    try:
        head = _head(path)
        if not head.startswith(_TIFF) and HEIF_BRANDS.isdisjoint(brands(head)):
            return False
        with open_picture(path) as picture, quietly():
            return int(getattr(picture, "n_frames", 1)) > 1
    except Exception:  # Pillow's plugins raise many types on damaged pages
        return False


def check_size(path: Path, width: int, height: int) -> None:
    """Check a size against the limits.

    Raises:
        InputError: there are more than ``MAX_PIXELS``, or a side exceeds ``MAX_SIDE_PX``.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise InputError(f"{path}: {width} x {height} pixels are too many; {_SCALE_DOWN}")


def open_picture(path: Path) -> Image:
    """Open a picture within the size limits, whatever its suffix; its pixels are not decoded yet.

    Raises:
        InputError: the file is not a picture, or is too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns at a limit of its own; `check_size` applies ours.
        with quietly():
            picture = _identified(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: this picture has too many pixels; {_SCALE_DOWN}") from error
    # ImportError: ultralytics, where loaded, makes Pillow try a plugin that is not installed.
    except (UnidentifiedImageError, ImportError) as error:
        raise InputError(f"{path}: not a picture that can be read; save it as .jpg") from error
    except InputError:
        raise
    except Exception as error:  # Pillow's plugins raise many types on damaged files
        reason = getattr(error, "strerror", None) or _on_one_line(error)
        raise InputError(f"{path}: cannot be read ({reason}); give another picture") from error
    try:
        check_size(path, *picture.size)
    except InputError:
        picture.close()
        raise
    return picture


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _identified(source: Path | BytesIO) -> Image:
    """Open a picture by its content, whatever its suffix."""
    from PIL import Image, UnidentifiedImageError

    # First: ultralytics, where loaded, lets Pillow install a package of its own for these files.
    head = _head(source)
    if not HEIF_BRANDS.isdisjoint(brands(head)):
        register_heif()
    try:
        picture = Image.open(source)
        if picture.format in _WITH_CODED_COLOURS:
            picture.info[CODED_COLOURS] = coded_colours(head)
        return picture
    except (UnidentifiedImageError, ImportError):
        reduced = _opened_by_opencv(source)
        if reduced is None:
            raise
        return reduced


def _opened_by_opencv(source: Path | BytesIO) -> Image | None:
    """Return a TIFF picture whose pixel format Pillow does not know, in 8 bits; else None."""
    from PIL import Image

    if not _head(source).startswith(_TIFF) or (wh := _tiff_wh(source)) is None:
        return None
    check_size(source if isinstance(source, Path) else Path("picture"), *wh)
    samples = deep_samples(source.read_bytes() if isinstance(source, Path) else source.getvalue())
    return None if samples is None else Image.fromarray(scaled(samples))


def _head(source: Path | BytesIO) -> bytes:
    if isinstance(source, BytesIO):
        return source.getbuffer()[:_HEAD_BYTES].tobytes()
    with source.open("rb") as file:
        return file.read(_HEAD_BYTES)


@cache
def register_heif() -> None:
    """Let Pillow open HEIC and HEIF pictures."""
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def _tiff_wh(source: Path | BytesIO) -> tuple[int, int] | None:
    """Return the stored size of a TIFF picture."""
    from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, ImageFileDirectory_v2

    with source.open("rb") if isinstance(source, Path) else BytesIO(source.getvalue()) as file:
        tags = ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
    width, height = tags.get(IMAGEWIDTH), tags.get(IMAGELENGTH)
    return (int(width), int(height)) if width and height else None
