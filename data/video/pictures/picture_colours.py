"""Convert a picture of any pixel format to 8-bit sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.video.pictures.coded_colours import CodedColours, to_srgb

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsTransform

_EXIF_ORIENTATION: Final = 0x0112
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF 6.0, section 4

# Modes of more than 8 bits, of which Pillow keeps the samples.
_DEEP_GREY: Final = ("I", "F")
# Formats that Pillow reduces to 8 bits by dropping the low byte.
_DEEP_COLOUR: Final = ("RGB;16", "RGBA;16", "RGBX;16", "LA;16")
# Depths of sensors, whose samples are often stored in 16 bits without scaling.
_DEPTHS: Final = (8, 10, 12, 14, 16)

_HEADER_BYTES: Final = 512

_ICC_SPACES: Final = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
# Profiles of sRGB differ by rounding, and by the accuracy of their curve.
_SAME_COLOUR: Final = 3
_WHITE: Final = (255, 255, 255)

CODED_COLOURS: Final = "fancam_colours"
"""Key of a picture's `CodedColours` in Pillow's ``info``."""


def to_eight_bits(picture: Image) -> Image:
    """Scale a picture of more than 8 bits a sample by its range; return others unchanged.

    Integers are scaled by the smallest of 8, 10, 12, 14 and 16 bits that holds the largest sample,
    floating-point samples by 1, or as integers if they exceed it.
    """
    from PIL import Image as Pictures

    if picture.mode.startswith(_DEEP_GREY):
        samples = scaled(np.asarray(picture))
        if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            samples = 255 - samples
    elif _raw_mode(picture).startswith(_DEEP_COLOUR) or _is_deep_jpeg_2000(picture):
        content = _content(picture)
        picture.load()  # first: OpenCV writes about damage to standard error
        deep = deep_samples(content)
        if deep is None or deep.shape[1::-1] != picture.size:
            return picture
        samples = scaled(deep[..., :3] if picture.mode == "RGB" else deep)
    else:
        return picture
    reduced = Pictures.fromarray(samples)
    kept = {name: picture.info.get(name) for name in ("icc_profile", CODED_COLOURS)}
    reduced.info.update({name: value for name, value in kept.items() if value})
    if (turn := orientation(picture)) is not None:
        reduced.getexif()[_EXIF_ORIENTATION] = turn
    return reduced


def orientation(picture: Image) -> int | None:
    """Return the EXIF orientation, 1 to 8; None if there is none, or it cannot be read."""
    try:
        return picture.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # Pillow raises many types on damaged EXIF data
        return None


def upright(picture: Image) -> Image:
    """Turn a picture by its EXIF orientation; one whose EXIF data are damaged stays as stored."""
    from PIL import ImageOps

    picture.load()
    return picture if orientation(picture) in (None, 1) else ImageOps.exif_transpose(picture)


def to_rgb(picture: Image) -> Image:
    """Convert an 8-bit picture to sRGB, over white where it is transparent.

    A picture without a colour profile, or with sRGB's, keeps its samples.
    """
    from PIL import Image as Pictures

    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
    if alpha is not None or picture.mode not in _ICC_SPACES:
        picture = _plain_rgb(picture)
    rgb = _in_srgb(picture).convert("RGB")
    if alpha is None or alpha.getextrema() == (255, 255):
        return rgb
    return Pictures.composite(rgb, Pictures.new("RGB", rgb.size, _WHITE), alpha)


def scaled(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale samples of any type to 8 bits by their range; see `to_eight_bits`."""
    if samples.dtype == np.uint16:
        values = np.arange(1 << 16, dtype=np.uint32)
        limit = _limit(float(samples.max(initial=0)))
        table = np.minimum((values * 255 + limit // 2) // limit, 255).astype(np.uint8)
        return np.asarray(table[samples], np.uint8)
    numbers = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(float(numbers.min(initial=0)), 0.0), float(numbers.max(initial=0))
    span = (1 if samples.dtype.kind == "f" and high <= 1.5 else _limit(high)) if low == 0 else high
    share = (numbers - low) / max(span - low, 1e-12)
    return np.asarray(np.rint(share.clip(0, 1) * 255), np.uint8)


def deep_samples(content: bytes) -> NDArray[np.generic] | None:
    """Decode a picture file to ``(h, w)`` or ``(h, w, 3 or 4)`` samples as stored, RGB order.

    Returns:
        The samples; None if OpenCV cannot decode the file.
    """
    import cv2

    logging = cv2.utils.logging
    # Else it writes about unusual tags to standard error.
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        samples = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        logging.setLogLevel(level)
    if samples is None or samples.ndim == 2:
        return samples
    order = (2, 1, 0, 3)[: samples.shape[2]] if samples.shape[2] >= 3 else (0, 0, 0)
    return np.ascontiguousarray(samples[..., order])


def _limit(highest: float) -> int:
    """Return the largest value of the smallest depth that holds ``highest``."""
    limits = ((1 << depth) - 1 for depth in _DEPTHS)
    return next((limit for limit in limits if highest <= limit), int(highest))


def _raw_mode(picture: Image) -> str:
    tiles = getattr(picture, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _is_deep_jpeg_2000(picture: Image) -> bool:
    """Whether a coloured JPEG 2000 picture has more than 8 bits, which Pillow may wrap around."""
    if picture.format != "JPEG2000":
        return False
    content = _content(picture)[:_HEADER_BYTES]
    # ISO 15444-1: the image header box, or the SIZ marker of a bare codestream.
    box, marker = content.find(b"ihdr"), content.find(b"\xff\x51")
    place = box + 14 if box >= 0 else marker + 40
    return len(content) > place and content[place] & 0x7F >= 8


def _content(picture: Image) -> bytes:
    file = getattr(picture, "fp", None)
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    return bytes(content)


def _plain_rgb(picture: Image) -> Image:
    if picture.mode in ("PA", "La", "RGBa"):
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    return picture.convert("RGB")


def _in_srgb(picture: Image) -> Image:
    """Convert the colours by the code points or the profile of a picture, unless they are sRGB's.

    A profile is more exact than code points, but none describes HDR well.
    """
    coded: CodedColours | None = picture.info.get(CODED_COLOURS)
    profile: bytes | None = picture.info.get("icc_profile")
    if coded is not None and (coded.hdr or not profile):
        return to_srgb(picture.convert("RGB"), coded)
    transform = _srgb_transform(profile, picture.mode) if profile else None
    return picture if transform is None else transform.apply(picture)


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Return the conversion to sRGB; None if it changes nothing, or the profile is unusable."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != _ICC_SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return transform if mode == "CMYK" or _changes_colours(transform, mode) else None


def _changes_colours(transform: ImageCmsTransform, mode: str) -> bool:
    from PIL import Image as Pictures

    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    samples = Pictures.fromarray(cube if mode == "RGB" else np.arange(256, dtype=np.uint8)[None])
    before = np.asarray(samples.convert("RGB"), np.int16)
    after = np.asarray(transform.apply(samples), np.int16)
    return int(np.abs(after - before).max()) > _SAME_COLOUR
