"""Read animated pictures (GIF, APNG, WebP, AVIF) as videos."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.core.arrays import Image
from data.core.errors import InputError, unreadable
from data.core.file_types import HEVC_SEQUENCE_BRANDS, brands, may_be_animated
from data.video.frames import Damage
from data.video.pictures.images import open_picture, rgb_of

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL.Image import Image as Picture

TICKS_PER_S: Final = 1_000_000
"""Resolution of the frame times of an animated picture."""

_FORMATS: Final = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_HEAD_BYTES: Final = 512
# Browsers show a frame of at most 10 ms for 100 ms: old encoders wrote no delay.
_SHORTEST_MS, _DEFAULT_MS = 10, 100
_MAX_DENOMINATOR: Final = 1001


@dataclass(frozen=True, slots=True, eq=False)
class AnimatedFrame:
    """One frame of an animated picture."""

    number: int  # from 0
    ticks: int  # presentation time, 0 for the first frame; see `TICKS_PER_S`
    duration: int  # ticks
    image: Image  # (h, w, 3) uint8 RGB, upright


@dataclass(frozen=True, slots=True)
class Animation:
    """Size and timing of an animated picture."""

    width: int  # upright px
    height: int
    frames: int  # that can be decoded
    ticks: int  # duration; see `TICKS_PER_S`

    @property
    def rate(self) -> Fraction:
        """Average frames per second."""
        rate = Fraction(self.frames * TICKS_PER_S, self.ticks)
        return rate.limit_denominator(_MAX_DENOMINATOR)


def is_sequence(path: Path) -> bool:
    """Whether a file is an HEIF picture with a track of HEVC frames (ISO 23008-12), not read here.

    libav reads the track as a video.
    """
    with path.open("rb") as file:
        return not HEVC_SEQUENCE_BRANDS.isdisjoint(brands(file.read(_HEAD_BYTES)))


def is_animated(path: Path) -> bool:
    """Whether a file is a picture of several frames in time; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    if not may_be_animated(head):
        return False
    try:
        with open_picture(path) as picture:
            return picture.format in _FORMATS and _has_second_frame(picture)
    except Exception:  # Pillow's plugins raise many types on damaged files
        return False


def measure_animation(path: Path) -> Animation:
    """Decode all frames of an animated picture for its size and timing, once per version.

    Raises:
        InputError: the file cannot be read, or no frame decodes.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    return _measured(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _measured(path: Path, size_bytes: int, modified_ns: int) -> Animation:
    del size_bytes, modified_ns  # the version of the file
    last = next(iter(deque(animated_frames(path), maxlen=1)), None)
    if last is None:
        raise InputError(f"{path}: none of its frames can be decoded; save or convert it again")
    height, width = last.image.shape[:2]
    return Animation(width, height, last.number + 1, last.ticks + last.duration)


def decode_animation(
    path: Path, damage: Damage
) -> Generator[tuple[int, float, VideoFrame], None, None]:
    """Yield index, presentation time in seconds, and picture of all frames of an animated picture.

    Args:
        path: the animated picture.
        damage: incremented by the number of missing frames at the end.

    Raises:
        InputError: the file cannot be read.
    """
    from av import VideoFrame

    for frame in animated_frames(path, damage):
        picture = VideoFrame.from_ndarray(frame.image, format="rgb24")
        picture.pts, picture.time_base = frame.ticks, Fraction(1, TICKS_PER_S)
        picture.duration = frame.duration
        yield frame.number, frame.ticks / TICKS_PER_S, picture


def animated_frames(path: Path, damage: Damage | None = None) -> Iterator[AnimatedFrame]:
    """Yield the frames of an animated picture in order, up to the first damaged one.

    Args:
        path: the animated picture.
        damage: incremented by the number of frames from the first damaged one on.

    Raises:
        InputError: the file cannot be read.
    """
    ticks = 0
    with open_picture(path) as picture:
        first, declared = _still_first(picture), _declared_frames(picture)
        for number in count() if declared is None else range(declared):
            try:
                picture.seek(first + number)
                image = rgb_of(picture)
            except Exception as error:  # Pillow's decoders raise many types on damaged files
                is_end = declared is None and isinstance(error, EOFError) and _has_trailer(path)
                if damage is not None and not is_end:
                    damage.missing += 1 if declared is None else declared - number
                return
            duration = _duration(picture)
            yield AnimatedFrame(number, ticks, duration, image)
            ticks += duration


def _has_second_frame(picture: Picture) -> bool:
    declared = _declared_frames(picture)
    return bool(getattr(picture, "is_animated", False)) if declared is None else declared > 1


def _declared_frames(picture: Picture) -> int | None:
    """Return the number of frames in the file's header; None for GIF, which has none."""
    if picture.format == "GIF":
        return None
    return int(getattr(picture, "n_frames", 1)) - _still_first(picture)


def _has_trailer(path: Path) -> bool:
    """Whether a GIF ends as it should, and not in the middle."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _HEAD_BYTES), os.SEEK_END)
        return file.read().rstrip(b"\0").endswith(b";")


def _duration(picture: Picture) -> int:
    """Return the duration of the current frame in ticks."""
    shown_ms = float(picture.info.get("duration") or 0)
    if shown_ms <= _SHORTEST_MS:
        shown_ms = _DEFAULT_MS
    return round(shown_ms * TICKS_PER_S / 1000)


def _still_first(picture: Picture) -> bool:
    """Whether the first image is for viewers without animation, and not one of the frames."""
    return bool(picture.info.get("default_image", False))
