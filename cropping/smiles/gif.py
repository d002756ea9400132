"""Encode looping animations as GIF, WebP or MP4 within a size limit."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

import cv2
import numpy as np

from data.core.arrays import Image
from data.core.errors import InputError
from data.project.filenames import CropKind

if TYPE_CHECKING:
    from av import VideoFrame

FormatName = Literal["gif", "webp", "mp4"]
CROP_KINDS: Final[dict[FormatName, CropKind]] = {
    "gif": CropKind.GIF,
    "webp": CropKind.WEBP,
    "mp4": CropKind.LOOP,
}

Frames = Sequence[Image]
"""Square RGB frames, ``(s, s, 3)``, of equal size."""

_MAX_FACTOR: Final = 0.95  # on the side per attempt to reduce it
MIN_SIDE_PX: Final = 96
"""Size at which a face is still recognisable."""
# Colours of GIF, quality of WebP, x264's crf of MP4, from the default down to the lowest quality.
_QUALITIES: Final[dict[FormatName, tuple[int, ...]]] = {
    "gif": (256, 128, 64, 32),
    "webp": (82, 65, 45, 25),
    "mp4": (20, 25, 30, 36),
}
_MP4_HZ: Final = 20  # each frame of the animation is repeated
_GIF_HZ: Final = 100


@dataclass(frozen=True, slots=True)
class Loop:
    """Encoded animation."""

    content: bytes
    side_px: int


def encode_loop(
    frames: Frames, seconds: Sequence[float], *, kind: FormatName, max_bytes: int
) -> Loop:
    """Encode frames as an animation of limited file size, reducing its side before its quality.

    Args:
        frames: square RGB frames of equal size.
        seconds: duration of each frame.
        kind: GIF, WebP or MP4.
        max_bytes: maximum file size.

    Raises:
        InputError: the animation does not fit.
    """
    best, *lower = _QUALITIES[kind]
    side_px = _even(len(frames[0]))
    min_px = min(MIN_SIDE_PX, side_px)
    content = _encoded(frames, seconds, kind, side_px, best)
    while len(content) > max_bytes and side_px > min_px:
        # The file size is roughly proportional to the area.
        estimate = side_px * sqrt(max_bytes / len(content))
        side_px = max(_even(min(estimate, side_px * _MAX_FACTOR)), min_px)
        content = _encoded(frames, seconds, kind, side_px, best)
    for quality in lower:
        if len(content) > max_bytes:
            content = _encoded(frames, seconds, kind, side_px, quality)
    if len(content) > max_bytes:
        advice = f"give smile-gifs --max-bytes {len(content)} or more"
        raise InputError(f"--max-bytes {max_bytes} is too small; {advice}")
    return Loop(content, side_px)


def _encoded(
    frames: Frames, seconds: Sequence[float], kind: FormatName, side_px: int, quality: int
) -> bytes:
    return _ENCODERS[kind]([_resized(frame, side_px) for frame in frames], seconds, quality)


def _even(side: float) -> int:
    return int(side) // 2 * 2


def _resized(frame: Image, side_px: int) -> Image:
    if len(frame) == side_px:
        return frame
    small = cv2.resize(frame, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


# --- GIF ----------------------------------------------------------------------------------------


def _gif(frames: Frames, seconds: Sequence[float], colours: int) -> bytes:
    """Encode with a common dithered palette, which avoids flicker."""
    import av

    side = len(frames[0])
    content = io.BytesIO()
    options = {"loop": "0", "final_delay": str(_ticks(seconds[-1])), "fflags": "+bitexact"}
    with av.open(content, "w", format="gif", options=options) as file:
        stream = file.add_stream("gif", rate=_GIF_HZ)
        stream.width, stream.height, stream.pix_fmt = side, side, "pal8"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _GIF_HZ)
        for paletted in _with_common_palette(frames, seconds, colours):
            file.mux(stream.encode(paletted))
        file.mux(stream.encode(None))
    return content.getvalue()


def _with_common_palette(
    frames: Frames, seconds: Sequence[float], colours: int
) -> Iterator[VideoFrame]:
    """Yield the frames in their common palette.

    Uses FFmpeg, since Pillow was measured to be over ten times slower.
    """
    import av

    graph = av.filter.Graph()
    side, tick = len(frames[0]), Fraction(1, _GIF_HZ)
    pixels = av.VideoFormat("rgb24", side, side)
    source = graph.add_buffer(width=side, height=side, format=pixels, time_base=tick)
    palette = graph.add("palettegen", f"max_colors={colours}:reserve_transparent=0")
    painter = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle")
    split, sink = graph.add("split"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(painter, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(painter, 0, 1)
    painter.link_to(sink)
    graph.configure()
    pts = 0
    for frame, shown_s in zip(frames, seconds, strict=True):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = pts, tick
        pts += _ticks(shown_s)
        source.push(picture)
    source.push(None)
    with suppress(av.error.EOFError):
        while True:
            yield cast("VideoFrame", sink.pull())


def _ticks(seconds: float) -> int:
    """Return a duration in GIF ticks, at least two since browsers slow down shorter frames."""
    return max(round(seconds * _GIF_HZ), 2)


# --- WebP and MP4 ---------------------------------------------------------------------------------


def _webp(frames: Frames, seconds: Sequence[float], quality: int) -> bytes:
    from PIL.Image import fromarray

    first, *rest = [fromarray(frame) for frame in frames]
    content = io.BytesIO()
    first.save(
        content,
        format="WEBP",
        save_all=True,
        append_images=rest,
        duration=[max(round(shown_s * 1000), 1) for shown_s in seconds],
        loop=0,
        quality=quality,
        method=5,
    )
    return content.getvalue()


def _mp4(frames: Frames, seconds: Sequence[float], crf: int) -> bytes:
    from data.video.writer import write_video

    repeated = [
        frame
        for frame, shown_s in zip(frames, seconds, strict=True)
        for _ in range(max(round(shown_s * _MP4_HZ), 1))
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.mp4"
        write_video(file, repeated, rate=_MP4_HZ, crf=crf, keyframe_every=_MP4_HZ)
        return file.read_bytes()


_ENCODERS: Final[dict[FormatName, Callable[[Frames, Sequence[float], int], bytes]]] = {
    "gif": _gif,
    "webp": _webp,
    "mp4": _mp4,
}
