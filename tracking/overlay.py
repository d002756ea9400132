"""The footage with boxes and names drawn on it, so that people can see what was seen."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.core.arrays import UNKNOWN, Image
from data.tables.tracks import Tracks
from data.video.reader import Frame
from data.video.writer import VideoWriter

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]

GREY: Colour = (150, 150, 150)
NOBODY = "?"

# The first ten people get colours that are told apart on skin and in the dark, for the colour
# blind too; whoever comes later gets a hue far from the last.
_FIRST: tuple[Colour, ...] = (
    (255, 99, 71),
    (64, 170, 255),
    (255, 214, 51),
    (60, 214, 130),
    (214, 122, 255),
    (255, 159, 28),
    (38, 222, 222),
    (255, 128, 191),
    (179, 222, 40),
    (130, 140, 255),
)
_GOLDEN = 0.618034  # of the colour circle

_LINE_SHARE = 1 / 240  # of the frame's shorter side
_TEXT_SHARE = 1 / 24
_LEAST_TEXT_PX = 12
_LONGEST_NAME = 20  # letters
# Where DejaVu lacks a letter: what Linux, Windows and macOS have for Chinese, Japanese, Korean.
_SYSTEM_FONTS = (
    "NotoSansCJK-Bold.ttc",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "msyhbd.ttc",
    "YuGothB.ttc",
    "malgunbd.ttf",
    "PingFang.ttc",
    "Arial Unicode.ttf",
)
_DASH = 4  # line widths drawn, and about as many left out


def colours(names: Mapping[int, str]) -> dict[int, Colour]:
    """A colour for everybody, by person id; nobody known (-1) is grey."""
    people = sorted(set(names) - {UNKNOWN})
    return {UNKNOWN: GREY} | {person: _colour(i) for i, person in enumerate(people)}


def _colour(number: int) -> Colour:
    if number < len(_FIRST):
        return _FIRST[number]
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN) % 1, 0.7, 1)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_tracks(image: Image, tracks: Tracks, names: Mapping[int, str]) -> Image:
    """Return a copy of a frame with its rows drawn: box and name; filled ones dashed.

    Args:
        image: ``(h, w, 3)`` RGB.
        tracks: the rows of this frame.
        names: of all people of the footage, so that everybody keeps a colour.
    """
    drawn = image.copy()
    colour = colours(names)
    line_px = max(2, round(min(image.shape[:2]) * _LINE_SHARE))
    text_px = max(_LEAST_TEXT_PX, round(min(image.shape[:2]) * _TEXT_SHARE))
    # People one knows go on top of those one does not.
    for row in np.argsort(tracks.person_id, kind="stable"):
        person = int(tracks.person_id[row])
        box = (*np.rint(tracks.xyxy[row]).astype(int).tolist(),)
        _rectangle(drawn, box, colour[person], line_px, dashed=bool(tracks.filled[row]))
        tag = _tag(names[person] if person != UNKNOWN else NOBODY, colour[person], text_px)
        _paste(drawn, tag, box, line_px)
    return drawn


def _rectangle(
    image: Image, box: tuple[int, ...], colour: Colour, line_px: int, *, dashed: bool
) -> None:
    import cv2

    left, top, right, bottom = box[0], box[1], box[2] - 1, box[3] - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if not dashed:
        # A dark line beneath makes every colour stand out from every picture.
        cv2.rectangle(image, corners[0], corners[2], (0, 0, 0), line_px + 2)
        cv2.rectangle(image, corners[0], corners[2], colour, line_px)
        return
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        for first, last in _dashes(start, end, _DASH * line_px):
            cv2.line(image, first, last, colour, line_px)


def _dashes(
    start: tuple[int, int], end: tuple[int, int], length_px: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Parts of a line, an odd number of them with gaps between, so that corners are drawn."""
    way = np.subtract(end, start)
    parts = max(int(np.abs(way).max()) // length_px, 1) // 2 * 2 + 1
    points = np.rint(start + np.linspace(0, 1, parts + 1)[:, None] * way).astype(int).tolist()
    for first, last in zip(points[::2], points[1::2], strict=True):
        yield (first[0], first[1]), (last[0], last[1])


@lru_cache(maxsize=256)
def _tag(name: str, colour: Colour, text_px: int) -> Image:
    """A name on a ground of a colour."""
    import PIL.Image
    from PIL import ImageDraw

    one_line = " ".join(name.split())
    if len(one_line) > _LONGEST_NAME:
        one_line = one_line[: _LONGEST_NAME - 1] + "…"
    font = _font(one_line, text_px)
    left, _, right, _ = font.getbbox(one_line)
    pad = text_px // 4
    size = (int(right - left) + 2 * pad, sum(font.getmetrics()) + pad)
    tag = PIL.Image.new("RGB", size, colour)
    ImageDraw.Draw(tag).text((pad - left, pad // 2), one_line, (0, 0, 0), font)
    return np.asarray(tag, np.uint8)


def _font(text: str, size_px: int) -> FreeTypeFont:
    """The first font that has every letter of a text, or the first there is."""
    from PIL import ImageFont

    fonts = []
    for name in (_matplotlib_font(), *_SYSTEM_FONTS):
        with suppress(OSError):
            fonts.append(ImageFont.truetype(name, size_px))
    return next((font for font in fonts if _draws(font, text)), fonts[0])


def _matplotlib_font() -> str:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic and Hebrew."""
    return str(files("matplotlib") / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")


def _draws(font: FreeTypeFont, text: str) -> bool:
    # A font draws the same box for all letters that it lacks, as for one that does not exist.
    lacking = bytes(font.getmask("\U0010ffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != lacking for letter in set(text))


def _paste(image: Image, tag: Image, box: tuple[int, ...], line_px: int) -> None:
    """Put a tag above a box, or below it where there is no room; within the frame as it fits."""
    frame_h, frame_w = image.shape[:2]
    height, width = tag.shape[:2]
    left = min(max(box[0] - line_px // 2, 0), max(frame_w - width, 0))
    top = box[1] - line_px - height
    if top < 0:
        top = min(max(box[3] + line_px, 0), max(frame_h - height, 0))
    top = min(top, max(frame_h - height, 0))
    room = image[top : top + height, left : left + width]
    room[:] = tag[: room.shape[0], : room.shape[1]]


def overlay(
    frames: Iterable[Frame], tracks: Tracks, names: Mapping[int, str]
) -> Iterator[tuple[float, Image]]:
    """Presentation time and picture of each frame, its rows drawn on it."""
    for frame in frames:
        rows = slice(*np.searchsorted(tracks.frame_index, [frame.index, frame.index + 1]))
        yield frame.time_s, draw_tracks(frame.image, tracks.take(rows), names)


def write_overlay(
    path: Path,
    frames: Iterable[Frame],
    tracks: Tracks,
    names: Mapping[int, str],
    *,
    rate: Fraction,
) -> None:
    """Write an .mp4 without sound of the footage with boxes and names.

    Args:
        path: where it goes; its folder exists.
        frames: of a video, in order; shown when they are in the footage.
        tracks: of this footage.
        names: of everybody in ``tracks``.
        rate: frames a second, nominally.

    Raises:
        InputError: it cannot be written.
    """
    with VideoWriter(path, rate=rate, preset="veryfast") as writer:
        for time_s, image in overlay(frames, tracks, names):
            # H.264 wants even sides.
            height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
            writer.write(image[:height, :width], time_s=time_s)
