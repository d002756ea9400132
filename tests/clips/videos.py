"""Videos that decode: all kinds of rates, orientations, containers and codecs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from data.core.arrays import Image
from tests.clips.encoding import RATE, encode, sound
from tests.clips.numbered import FRAMES, picture, pictures

# Frame times of the clip of varying rate, in seconds: three rates and a gap of 1.3 s.
VARYING_TIMES_S = [
    *(i / 30 for i in range(30)),
    *(1 + i / 10 for i in range(10)),
    *(3.3 + i / 60 for i in range(30)),
]
DELAY_S = 5.0


def constant_rate(path: Path) -> None:
    """Write B-frames, one keyframe per second, and sound, as in most files."""
    from data.video.writer import write_video

    tone = sound(FRAMES / RATE)
    write_video(path, pictures(), rate=RATE, audio=tone, keyframe_every=RATE)


def silent(path: Path) -> None:
    """Write a clip without sound, at NTSC's rate."""
    from data.video.writer import write_video

    write_video(path, pictures(40), rate=Fraction(30000, 1001))


def varying_rate(path: Path) -> None:
    """Write frames at ``VARYING_TIMES_S``."""
    from data.video.writer import write_video

    images = pictures(len(VARYING_TIMES_S))
    write_video(path, images, rate=RATE, times=VARYING_TIMES_S, keyframe_every=20)


def delayed_start(path: Path) -> None:
    """Write a clip whose first frame is at ``DELAY_S``."""
    encode(path, pictures(), times_s=[DELAY_S + i / RATE for i in range(FRAMES)])


def long_group(path: Path) -> None:
    """Write a clip with a single keyframe."""
    encode(path, pictures(), options={"g": "600", "sc_threshold": "0"})


def intra_only(path: Path) -> None:
    """Write only keyframes."""
    encode(path, pictures(), options={"g": "1"})


def open_groups(path: Path) -> None:
    """Write open groups: frames before a keyframe refer to the previous group."""
    encode(path, pictures(), options={"g": "15", "x264-params": "open-gop=1:bframes=3:b-adapt=0"})


def starts_between_keyframes(path: Path) -> None:
    """Write a recording cut without re-encoding, 10 frames before its first keyframe."""
    import av

    whole = path.with_suffix(".whole.ts")
    encode(whole, pictures(), options={"g": "30", "bf": "0", "sc_threshold": "0"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if number >= 20 and packet.size:
                packet.stream = stream
                out.mux(packet)


def rotated(matrix: Sequence[int], turn: Callable[[Image], Image]) -> Callable[[Path], None]:
    """Return a writer of turned frames, with the display matrix that makes them upright."""

    def write(path: Path) -> None:
        images = [np.ascontiguousarray(turn(image)) for image in pictures(20)]
        encode(path, images, matrix=matrix)

    return write


def display_matrix(a: int, b: int, c: int, d: int) -> list[int]:
    """Return libav's nine fixed-point numbers: 16.16, and 2.30 in the last column."""
    return [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]


def odd_size(path: Path) -> None:
    """Write 161 x 97 pixels."""
    images = pictures(20, width=161, height=97)
    encode(path, images, codec="ffv1", pix_fmt="bgr0")


def elementary(
    codec: str, options: dict[str, str], pix_fmt: str = "yuv420p"
) -> Callable[[Path], None]:
    """Return a writer of a raw stream without container, most of whose packets have no time."""
    return lambda path: encode(path, pictures(), codec=codec, options=options, pix_fmt=pix_fmt)


def hidden_references(path: Path) -> None:
    """Write VP8 with packets that are references and never shown."""
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k", "deadline": "good"}
    encode(path, pictures(), codec="libvpx", options=options)


def joined(path: Path) -> None:
    """Write two recordings in sequence, the second starting at time 0 again."""
    half = path.with_suffix(".part.ts")
    encode(half, pictures(30), options={"bf": "0"})
    first = half.read_bytes()
    encode(half, [picture(30 + i) for i in range(30)], options={"bf": "0"})
    path.write_bytes(first + half.read_bytes())
