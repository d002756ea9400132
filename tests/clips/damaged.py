"""Files that are damaged, truncated, or not video."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.core.arrays import Image
from tests.clips.encoding import RATE, encode, sound
from tests.clips.numbered import CORNER_PX, FRAMES, HEIGHT, WIDTH, picture, pictures

DAMAGED_FRAMES = range(35, 38)  # in groups of DAMAGED_GOP frames
DAMAGED_GOP = 30


def damaged(path: Path) -> None:
    """Write a clip with bytes flipped inside the packets of ``DAMAGED_FRAMES``."""
    options = {"g": str(DAMAGED_GOP), "bf": "0", "sc_threshold": "0", "slices": "1"}
    encode(path, _noisy(FRAMES), options=options)
    packets = _packet_extents(path)
    content = bytearray(path.read_bytes())
    for number in DAMAGED_FRAMES:
        start, size = packets[number]
        for place in range(start + 8, start + size, 3):
            content[place] ^= 0x5A
    path.write_bytes(content)


def nothing_decodes(path: Path) -> None:
    """Write an intact container whose packets are noise."""
    encode(path, pictures(30), options={"g": "10"})
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(1)
    for start, size in _packet_extents(path):
        content[start + 4 : start + size] = random.bytes(size - 4)
    path.write_bytes(content)


def truncated(whole: str, **how: str) -> Callable[[Path], None]:
    """Return a writer of the first 60 % of the bytes of a clip in the container ``whole``."""

    def write(path: Path) -> None:
        uncut = path.with_suffix(f".uncut.{whole}")
        options = {"g": "15", "bf": "0"}
        encode(uncut, _noisy(FRAMES), options=options, movflags=how.get("movflags"))
        content = uncut.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 10])

    return write


def sound_only(path: Path) -> None:
    """Write AAC sound without pictures."""
    from data.video.writer import VideoWriter

    with VideoWriter(path, rate=RATE) as writer:
        writer.write_audio(sound(1.0), 48_000)


def song_with_cover(path: Path) -> None:
    """Write sound with an attached cover picture, which is not footage."""
    import av
    from av.stream import Disposition

    with av.open(str(path), "w", format="mp4") as out:
        tone: Any = out.add_stream("aac", rate=48_000, layout="mono")
        cover: Any = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        image = av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuvj420p")
        image.pts = 0
        frame = av.AudioFrame.from_ndarray(sound(1.0)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        for packets in (cover.encode(image), tone.encode(frame)):
            out.mux(packets)
        for stream in (cover, tone):
            out.mux(stream.encode(None))


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("this is not a video\n" * 50)


def absurd_size(path: Path) -> None:
    """Write a header that declares 30000 x 20000 pixels, and little data."""
    path.write_bytes(b"YUV4MPEG2 W30000 H20000 F25:1 C420jpeg\nFRAME\n" + bytes(1000))


def absurd_size_in_avi(path: Path) -> None:
    """Write a clip of 160 x 96 pixels whose stream header declares 12000 x 9000."""
    encode(path, pictures(3), codec="ffv1", pix_fmt="bgr0")
    content = bytearray(path.read_bytes())
    # BITMAPINFOHEADER, after the chunk's name and size: its own size, then width and height.
    place = content.index(b"strf") + 12
    content[place : place + 8] = struct.pack("<II", 12_000, 9_000)
    path.write_bytes(content)


def _noisy(count: int) -> list[Image]:
    """Return numbered frames with noise around, so that packets are large enough to damage."""
    random = np.random.default_rng(0)
    images = pictures(count)
    for image in images:
        image[CORNER_PX : HEIGHT // 2 - 12] = random.integers(60, 190, (12, WIDTH, 3), np.uint8)
    return images


def _packet_extents(path: Path) -> list[tuple[int, int]]:
    """Return offset and size in bytes of each video packet, in decode order."""
    import av

    with av.open(str(path)) as source:
        return [(p.pos or 0, p.size) for p in source.demux(video=0) if p.size]
