"""Encoding of clips in any container and codec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from tests.clips.scheduling import kept_scheduling

RATE = 30


def sound(seconds: float, *, rate: int = 48_000) -> NDArray[np.float32]:
    """Return a quiet 440 Hz tone, ``(n,)``."""
    angle = np.arange(round(seconds * rate)) * (2 * np.pi * 440 / rate)
    return np.asarray(0.2 * np.sin(angle), np.float32)


@kept_scheduling()
def encode(
    path: Path,
    images: Iterable[Image],
    *,
    codec: str = "libx264",
    rate: int = RATE,
    times_s: Sequence[float] | None = None,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    container: str | None = None,
    movflags: str | None = None,
    created: str | None = None,
) -> None:
    """Write a clip as a camera or another program would."""
    import av

    settings = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", format=container, options=settings) as out:
        if created:
            out.metadata["creation_time"] = created
        stream: Any = out.add_stream(codec, rate=rate, options=options or {})
        time_base = Fraction(1, rate) if times_s is None else Fraction(1, 90_000)
        stream.pix_fmt, stream.codec_context.time_base = pix_fmt, time_base
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for number, image in enumerate(images):
            if not number:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
            frame.pts = number if times_s is None else round(times_s[number] / time_base)
            frame.time_base = time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
