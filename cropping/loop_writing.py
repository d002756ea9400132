"""Short pictures that play in a loop: GIF, WebP or MP4, as large as a number of bytes allows."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from data.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

FormatName = Literal["gif", "webp", "mp4"]
SUFFIXES: Final[dict[FormatName, str]] = {"gif": ".gif", "webp": ".webp", "mp4": ".loop.mp4"}

Frames = Sequence[NDArray[np.uint8]]

_STEP: Final = 0.84  # from one side to the next smaller one
LEAST_SIDE_PX: Final = 96
"""A face is still known in it."""
# Of GIF its colours, of WebP its quality, of MP4 x264's crf: the first, unless it gets too large.
_QUALITIES: Final[dict[FormatName, tuple[int, ...]]] = {
    "gif": (256, 128, 64, 32),
    "webp": (82, 65, 45, 25),
    "mp4": (20, 25, 30, 36),
}
_MP4_HZ: Final = 20  # each picture takes several of its frames
_PALETTE_PIXELS: Final = 400_000  # that the palette is chosen by


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop as it goes into a file."""

    content: bytes
    side_px: int


def encode_loop(
    frames: Frames, seconds: Sequence[float], *, kind: FormatName, max_bytes: int
) -> Loop:
    """Return frames as one loop of at most ``max_bytes``; lower size first, then fewer colours.

    Args:
        frames: ``(s, s, 3)`` RGB, all of one size.
        seconds: that each is shown.
        kind: GIF, WebP or MP4.
        max_bytes: that the file may have.

    Raises:
        InputError: it cannot be made so small.
    """
    smallest = 0
    for side_px, quality in _attempts(len(frames[0]), kind):
        content = _ENCODERS[kind]([_resized(f, side_px) for f in frames], seconds, quality)
        if len(content) <= max_bytes:
            return Loop(content, side_px)
        smallest = len(content)
    raise InputError(f"--max-bytes {max_bytes} is too little; it takes at least {smallest}")


def _attempts(side_px: int, kind: FormatName) -> Iterator[tuple[int, int]]:
    """Sides, falling, each with the quality; then ever worse qualities at the least side."""
    best, *worse = _QUALITIES[kind]
    side = side_px - side_px % 2
    while side > LEAST_SIDE_PX:
        yield side, best
        side = round(side * _STEP / 2) * 2
    side = min(LEAST_SIDE_PX, side_px - side_px % 2)
    yield side, best
    for quality in worse:
        yield side, quality


def _resized(frame: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    if len(frame) == side_px:
        return frame
    small = cv2.resize(frame, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


# --- GIF ----------------------------------------------------------------------------------------


def _gif(frames: Frames, seconds: Sequence[float], colours: int) -> bytes:
    """One palette for all frames, so that nothing flickers; Floyd and Steinberg's dithering."""
    from PIL import Image

    palette = _palette(frames, colours)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for frame in frames
    ]
    return _saved(pictures, seconds, format="GIF", optimize=False, disposal=1)


def _palette(frames: Frames, colours: int) -> Image.Image:
    """The colours that all frames together are shown in best."""
    from PIL import Image

    every = np.concatenate([frame.reshape(-1, 3) for frame in frames])
    some = every[:: -(-len(every) // _PALETTE_PIXELS)]
    sheet = Image.fromarray(np.ascontiguousarray(some[None]))
    return sheet.quantize(colours, method=Image.Quantize.MEDIANCUT, kmeans=3)


def _saved(pictures: Sequence[Image.Image], seconds: Sequence[float], **options: object) -> bytes:
    content = io.BytesIO()
    first, *rest = pictures
    first.save(
        content,
        save_all=True,
        append_images=rest,
        duration=[max(round(one * 100), 2) * 10 for one in seconds],  # GIF counts hundredths
        loop=0,
        **options,  # type: ignore[arg-type]
    )
    return content.getvalue()


# --- WebP and MP4 ---------------------------------------------------------------------------------


def _webp(frames: Frames, seconds: Sequence[float], quality: int) -> bytes:
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    return _saved(pictures, seconds, format="WEBP", quality=quality, method=5)


def _mp4(frames: Frames, seconds: Sequence[float], crf: int) -> bytes:
    from data.video_writing import write_video

    repeated = [
        frame
        for frame, one in zip(frames, seconds, strict=True)
        for _ in range(max(round(one * _MP4_HZ), 1))
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
