"""Draw boxes and names on the frames of a footage, and write the frames as a video."""

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
from data.core.boxes import Box
from data.tables.tracks import FACE, Tracks
from data.video.frames import Frame
from data.video.writer import VideoWriter

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]

GREY: Colour = (150, 150, 150)
UNKNOWN_NAME = "?"

# Colours of the first ten people: distinct on skin, in the dark, and for colour-blind viewers.
# Each further person gets a hue far from the previous one.
_PALETTE: tuple[Colour, ...] = (
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
_GOLDEN = 0.618034  # golden ratio: hue step as a share of the colour circle

_LINE_SHARE = 1 / 240  # as a share of the frame's shorter side
_TEXT_SHARE = 1 / 24
_MIN_TEXT_PX = 12
_MAX_NAME_LENGTH = 20  # characters
# Fallbacks for glyphs that DejaVu lacks: Chinese, Japanese and Korean fonts of Linux, Windows
# and macOS.
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
_DASH = 4  # approximate length of dashes and gaps, in line widths


def colours(names: Mapping[int, str]) -> dict[int, Colour]:
    """Return the RGB colour of each person by id; grey for unknown people (-1)."""
    people = sorted(set(names) - {UNKNOWN})
    return {UNKNOWN: GREY} | {person: _colour(i) for i, person in enumerate(people)}


def _colour(number: int) -> Colour:
    if number < len(_PALETTE):
        return _PALETTE[number]
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN) % 1, 0.7, 1)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_tracks(image: Image, tracks: Tracks, names: Mapping[int, str]) -> Image:
    """Return a copy of a frame with the box and name of each row, and a thin outline of its body.

    Boxes of faces that were not detected in this frame are dashed.

    Args:
        image: ``(h, w, 3)`` RGB.
        tracks: the rows of this frame.
        names: names of all people of the footage by id, so that colours are the same in all frames.
    """
    drawn = image.copy()
    colour = colours(names)
    line_px = max(2, round(min(image.shape[:2]) * _LINE_SHARE))
    text_px = max(_MIN_TEXT_PX, round(min(image.shape[:2]) * _TEXT_SHARE))
    has_body = tracks.has_body
    # Known people are drawn over unknown ones.
    for row in np.argsort(tracks.person_id, kind="stable"):
        person = int(tracks.person_id[row])
        if has_body[row]:
            _outline(drawn, tracks.body_xyxy[row], colour[person], line_px)
        box = (*np.rint(tracks.xyxy[row]).astype(int).tolist(),)
        dashed = tracks.source[row] != FACE
        _rectangle(drawn, box, colour[person], line_px, dashed=bool(dashed))
        tag = _tag(names[person] if person != UNKNOWN else UNKNOWN_NAME, colour[person], text_px)
        _paste(drawn, tag, box, line_px)
    return drawn


def _outline(image: Image, body: Box, colour: Colour, line_px: int) -> None:
    """Draw a body's box ``(4,)`` px thinly, as far as it is within the frame."""
    import cv2

    height, width = image.shape[:2]
    left, top, right, bottom = np.rint(body).astype(int).tolist()
    corner, end = (max(left, 0), max(top, 0)), (min(right, width) - 1, min(bottom, height) - 1)
    cv2.rectangle(image, corner, end, colour, max(line_px // 2, 1))


def _rectangle(
    image: Image, box: tuple[int, ...], colour: Colour, line_px: int, *, dashed: bool
) -> None:
    import cv2

    left, top, right, bottom = box[0], box[1], box[2] - 1, box[3] - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if not dashed:
        # A dark outline makes every colour stand out from every image.
        cv2.rectangle(image, corners[0], corners[2], (0, 0, 0), line_px + 2)
        cv2.rectangle(image, corners[0], corners[2], colour, line_px)
        return
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        for first, last in _dashes(start, end, _DASH * line_px):
            cv2.line(image, first, last, colour, line_px)


def _dashes(
    start: tuple[int, int], end: tuple[int, int], length_px: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the dashes of a line; both ends of the line are drawn."""
    vector = np.subtract(end, start)
    count = max(int(np.abs(vector).max()) // length_px, 1) // 2 * 2 + 1
    points = np.rint(start + np.linspace(0, 1, count + 1)[:, None] * vector).astype(int).tolist()
    for first, last in zip(points[::2], points[1::2], strict=True):
        yield (first[0], first[1]), (last[0], last[1])


@lru_cache(maxsize=256)
def _tag(name: str, colour: Colour, text_px: int) -> Image:
    """Draw a name on a coloured background, ``(h, w, 3)`` RGB."""
    import PIL.Image
    from PIL import ImageDraw

    one_line = " ".join(name.split())
    if len(one_line) > _MAX_NAME_LENGTH:
        one_line = one_line[: _MAX_NAME_LENGTH - 1] + "…"
    font = _font(one_line, text_px)
    left, _, right, _ = font.getbbox(one_line)
    pad = text_px // 4
    size = (int(right - left) + 2 * pad, sum(font.getmetrics()) + pad)
    tag = PIL.Image.new("RGB", size, colour)
    ImageDraw.Draw(tag).text((pad - left, pad // 2), one_line, (0, 0, 0), font)
    return np.asarray(tag, np.uint8)


def _font(text: str, size_px: int) -> FreeTypeFont:
    """Return the first font that has every glyph of a text, or else the first font."""
    from PIL import ImageFont

    fonts = []
    for name in (_matplotlib_font(), *_SYSTEM_FONTS):
        with suppress(OSError):
            fonts.append(ImageFont.truetype(name, size_px))
    return next((font for font in fonts if _has_glyphs(font, text)), fonts[0])


def _matplotlib_font() -> str:
    """Return the path of matplotlib's DejaVu Sans: Latin, Greek, Cyrillic, Arabic and Hebrew."""
    return str(files("matplotlib") / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")


def _has_glyphs(font: FreeTypeFont, text: str) -> bool:
    # A font draws the same placeholder for every missing glyph, as for this unassigned character.
    missing = bytes(font.getmask("\U0010ffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in set(text))


def _paste(image: Image, tag: Image, box: tuple[int, ...], line_px: int) -> None:
    """Paste a tag above a box, or below it if it does not fit; clipped to the frame."""
    frame_h, frame_w = image.shape[:2]
    height, width = tag.shape[:2]
    left = min(max(box[0] - line_px // 2, 0), max(frame_w - width, 0))
    top = box[1] - line_px - height
    if top < 0:
        top = min(max(box[3] + line_px, 0), max(frame_h - height, 0))
    top = min(top, max(frame_h - height, 0))
    target = image[top : top + height, left : left + width]
    target[:] = tag[: target.shape[0], : target.shape[1]]


def overlay(
    frames: Iterable[Frame], tracks: Tracks, names: Mapping[int, str]
) -> Iterator[tuple[float, Image]]:
    """Yield each frame with its rows drawn: presentation time in seconds, ``(h, w, 3)`` RGB."""
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
    """Write a silent .mp4 of the footage with boxes and names.

    Args:
        path: the file, in an existing folder.
        frames: frames of a video, in order; they keep their presentation times.
        tracks: tracks of the same footage.
        names: names of all people in ``tracks``, by id.
        rate: nominal frame rate, frames per second.

    Raises:
        InputError: the file cannot be written.
    """
    with VideoWriter(path, rate=rate, preset="veryfast") as writer:
        for time_s, image in overlay(frames, tracks, names):
            # H.264 requires even sides.
            height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
            writer.write(image[:height, :width], time_s=time_s)
