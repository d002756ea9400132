"""Small clips and pictures, each with one thing the matter, drawn and written when first asked for.

Every frame shows its own number as bits and a colour in each corner, so that a test sees which
frame it got and which way up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.arrays import Image

WIDTH, HEIGHT = 160, 96
RATE = 30
FRAMES = 90
BITS = 10
CORNER_PX = 24
CORNERS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (240,) * 3}

# Seconds of each frame of the clip of varying rate: three speeds and a gap of 1.3 s.
VARYING_TIMES_S = [
    *(i / 30 for i in range(30)),
    *(1 + i / 10 for i in range(10)),
    *(3.3 + i / 60 for i in range(30)),
]
DELAY_S = 5.0
DAMAGED_FRAMES = range(35, 38)  # of DAMAGED_GOP frames a group
DAMAGED_GOP = 30


def picture(number: int, *, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """An upright frame that shows ``number``: bits across the middle, a colour in each corner."""
    image = np.full((height, width, 3), 110, np.uint8)
    near, far_x, far_y = slice(0, CORNER_PX), slice(-CORNER_PX, None), slice(-CORNER_PX, None)
    places = [(near, near), (near, far_x), (far_y, near), (far_y, far_x)]
    for (rows, columns), colour in zip(places, CORNERS.values(), strict=True):
        image[rows, columns] = colour
    for bit, (rows, columns) in enumerate(_bit_places(height, width)):
        image[rows, columns] = 235 if number >> bit & 1 else 16
    return image


def number_of(image: Image) -> int:
    """The number that a frame shows."""
    places = _bit_places(image.shape[0], image.shape[1])
    middles = [image[rows, columns][4:-4, 4:-4].mean() for rows, columns in places]
    return sum(1 << bit for bit, middle in enumerate(middles) if middle > 125)


def corners_of(image: Image) -> list[str]:
    """The colours in the corners: top left, top right, bottom left, bottom right."""
    spots = [image[8, 8], image[8, -8], image[-8, 8], image[-8, -8]]
    names, colours = list(CORNERS), np.array(list(CORNERS.values()), int)
    return [names[int(np.abs(colours - spot).sum(axis=1).argmin())] for spot in spots]


def sound(seconds: float, *, rate: int = 48_000) -> NDArray[np.float32]:
    """A quiet 440 Hz tone, ``(n,)``."""
    angle = np.arange(round(seconds * rate)) * (2 * np.pi * 440 / rate)
    return np.asarray(0.2 * np.sin(angle), np.float32)


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
    """Write a clip in any container and codec, as cameras and programs other than ours do."""
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


def pictures(count: int = FRAMES, **size: int) -> list[Image]:
    """The first ``count`` numbered frames."""
    return [picture(number, **size) for number in range(count)]


def constant_rate(path: Path) -> None:
    """B-frames, a keyframe a second, sound: what most files are like."""
    from data.video.writer import write_video

    tone = sound(FRAMES / RATE)
    write_video(path, pictures(), rate=RATE, audio=tone, keyframe_every=RATE)


def silent(path: Path) -> None:
    """No sound, NTSC's rate."""
    from data.video.writer import write_video

    write_video(path, pictures(40), rate=Fraction(30000, 1001))


def varying_rate(path: Path) -> None:
    """Times as ``VARYING_TIMES_S``."""
    from data.video.writer import write_video

    images = pictures(len(VARYING_TIMES_S))
    write_video(path, images, rate=RATE, times=VARYING_TIMES_S, keyframe_every=20)


def delayed_start(path: Path) -> None:
    """The first frame comes at ``DELAY_S``."""
    encode(path, pictures(), times_s=[DELAY_S + i / RATE for i in range(FRAMES)])


def long_group(path: Path) -> None:
    """One keyframe in all."""
    encode(path, pictures(), options={"g": "600", "sc_threshold": "0"})


def intra_only(path: Path) -> None:
    """Nothing but keyframes."""
    encode(path, pictures(), options={"g": "1"})


def open_groups(path: Path) -> None:
    """Pictures that lead a keyframe refer to the group before it."""
    encode(path, pictures(), options={"g": "15", "x264-params": "open-gop=1:bframes=3:b-adapt=0"})


def starts_between_keyframes(path: Path) -> None:
    """A recording cut before decoding: it starts 10 frames before its first keyframe."""
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
    """Stored turned, with the display matrix that sets it upright."""

    def write(path: Path) -> None:
        images = [np.ascontiguousarray(turn(image)) for image in pictures(20)]
        encode(path, images, matrix=matrix)

    return write


def display_matrix(a: int, b: int, c: int, d: int) -> list[int]:
    """libav's nine numbers: 16.16, the last column 2.30."""
    return [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]


def odd_size(path: Path) -> None:
    """161 by 97 pixels."""
    images = pictures(20, width=161, height=97)
    encode(path, images, codec="ffv1", pix_fmt="bgr0")


def elementary(
    codec: str, options: dict[str, str], pix_fmt: str = "yuv420p"
) -> Callable[[Path], None]:
    """A bare stream without container: most packets have no time."""
    return lambda path: encode(path, pictures(), codec=codec, options=options, pix_fmt=pix_fmt)


def hidden_references(path: Path) -> None:
    """VP8 with packets that are kept as references and never shown."""
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k", "deadline": "good"}
    encode(path, pictures(), codec="libvpx", options=options)


def joined(path: Path) -> None:
    """Two recordings one after the other, the second starting at 0 again."""
    part = path.with_suffix(".part.ts")
    encode(part, pictures(30), options={"bf": "0"})
    first = part.read_bytes()
    encode(part, [picture(30 + i) for i in range(30)], options={"bf": "0"})
    path.write_bytes(first + part.read_bytes())


def damaged(path: Path) -> None:
    """Bytes flipped inside the packets of ``DAMAGED_FRAMES``."""
    options = {"g": str(DAMAGED_GOP), "bf": "0", "sc_threshold": "0", "slices": "1"}
    encode(path, _noisy(FRAMES), options=options)
    packets = _packet_places(path)
    content = bytearray(path.read_bytes())
    for number in DAMAGED_FRAMES:
        start, size = packets[number]
        for place in range(start + 8, start + size, 3):
            content[place] ^= 0x5A
    path.write_bytes(content)


def nothing_decodes(path: Path) -> None:
    """A good container around nothing but noise."""
    encode(path, pictures(30), options={"g": "10"})
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(1)
    for start, size in _packet_places(path):
        content[start + 4 : start + size] = random.bytes(size - 4)
    path.write_bytes(content)


def truncated(whole: str, **how: str) -> Callable[[Path], None]:
    """The first 60 % of a clip that is ``whole`` a container."""

    def write(path: Path) -> None:
        uncut = path.with_suffix(f".uncut.{whole}")
        options = {"g": "15", "bf": "0"}
        encode(uncut, _noisy(FRAMES), options=options, movflags=how.get("movflags"))
        content = uncut.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 10])

    return write


def sound_only(path: Path) -> None:
    """AAC, no pictures."""
    from data.video.writer import VideoWriter

    with VideoWriter(path, rate=RATE) as writer:
        writer.write_audio(sound(1.0), 48_000)


def song_with_cover(path: Path) -> None:
    """Sound with a still picture attached, which is no footage."""
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
    """A header that promises 30000 x 20000 pixels, and a little of them."""
    path.write_bytes(b"YUV4MPEG2 W30000 H20000 F25:1 C420jpeg\nFRAME\n" + bytes(1000))


def absurd_size_in_avi(path: Path) -> None:
    """A stream header that says 12000 x 9000 pixels around a clip of 160 x 96."""
    encode(path, pictures(3), codec="ffv1", pix_fmt="bgr0")
    content = bytearray(path.read_bytes())
    # BITMAPINFOHEADER, after the chunk's name and size: its own size, then width and height.
    place = content.index(b"strf") + 12
    content[place : place + 8] = struct.pack("<II", 12_000, 9_000)
    path.write_bytes(content)


def still(number: int = 3, **size: int) -> Callable[[Path], None]:
    return lambda path: _save(path, picture(number, **size))


def still_cut_off(path: Path) -> None:
    _save(path, picture(4, width=640, height=480))
    path.write_bytes(path.read_bytes()[:3000])


def grey(path: Path) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(picture(7)).convert("L").save(path)


def see_through(path: Path) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(picture(9)).convert("RGBA").save(path)


def exif_turned(path: Path) -> None:
    """Stored a quarter turn off; orientation 6: turn clockwise to see it upright."""
    from PIL import Image as Pillow

    tags = Pillow.Exif()
    tags[0x0112] = 6
    Pillow.fromarray(np.rot90(picture(5))).save(path, quality=95, exif=tags)


def absurd_picture(path: Path) -> None:
    """A PNG of 25000 x 25000 pixels in 60 bytes."""
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 25_000, 25_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def folder_of_pictures(path: Path) -> None:
    """Numbers that sort badly as text, two sizes, a note, a hidden file and a broken picture."""
    path.mkdir()
    for number in (0, 1, 2, 10, 11):
        _save(path / f"shot {number}.png", picture(number))
    _save(path / "shot 12.jpg", picture(12, width=200, height=120))
    (path / "shot 3.jpg").write_bytes(b"broken")
    (path / ".shot 4.jpg").write_bytes(b"what another system left")
    (path / "notes.txt").write_text("no picture")


def folder_of_broken_pictures(path: Path) -> None:
    path.mkdir()
    for number in range(3):
        still_cut_off(path / f"{number}.jpg")


def folder_of_text_pictures(path: Path) -> None:
    path.mkdir()
    for number in range(2):
        text(path / f"{number}.jpg")


def folder_without_pictures(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("no picture")


CLIPS: dict[str, Callable[[Path], None]] = {
    "constant_rate.mp4": constant_rate,
    "Konzert Köln – 第1夜 (Kopie).mp4": constant_rate,
    "colon: 100%d.mp4": silent,
    "silent.mp4": silent,
    "varying_rate.mp4": varying_rate,
    "delayed_start.mkv": delayed_start,
    "delayed_start.mp4": delayed_start,
    "delayed_start.ts": delayed_start,
    "long_group.mp4": long_group,
    "intra_only.mp4": intra_only,
    "open_groups.mkv": open_groups,
    "starts_between_keyframes.ts": starts_between_keyframes,
    "turned_90.mp4": rotated(display_matrix(0, 1, -1, 0), lambda image: np.rot90(image, 1)),
    "turned_180.mp4": rotated(display_matrix(-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "turned_270.mp4": rotated(display_matrix(0, -1, 1, 0), lambda image: np.rot90(image, 3)),
    "mirrored.mp4": rotated(display_matrix(-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "odd_size.mkv": odd_size,
    "elementary.h264": elementary("libx264", {"g": "15"}),
    "elementary.m4v": elementary("mpeg4", {"g": "15", "bf": "2", "qscale": "2"}),
    "elementary.mjpeg": elementary("mjpeg", {}, "yuvj420p"),
    "b_frames.avi": elementary("mpeg4", {"g": "15", "bf": "2"}),
    "hidden_references.webm": hidden_references,
    "joined.ts": joined,
    "damaged.mp4": damaged,
    "nothing_decodes.mp4": nothing_decodes,
    "truncated.mkv": truncated("mkv"),
    "truncated.ts": truncated("ts"),
    "truncated.mp4": truncated("mp4"),
    "truncated_index_first.mp4": truncated("mp4", movflags="+faststart"),
    "sound_only.m4a": sound_only,
    "song_with_cover.m4a": song_with_cover,
    "zero_bytes.mp4": zero_bytes,
    "text.mp4": text,
    "absurd_size.y4m": absurd_size,
    "absurd_size.avi": absurd_size_in_avi,
    "still.png": still(),
    "still odd.bmp": still(width=161, height=97),
    "cut_off.jpg": still_cut_off,
    "text.jpg": text,
    "zero_bytes.png": zero_bytes,
    "grey.png": grey,
    "see_through.png": see_through,
    "exif_turned.jpg": exif_turned,
    "absurd.png": absurd_picture,
    "pictures": folder_of_pictures,
    "broken_pictures": folder_of_broken_pictures,
    "only_text_pictures": folder_of_text_pictures,
    "no_pictures": folder_without_pictures,
}


class Clips:
    """Makes each clip of ``CLIPS`` once a session, when a test first asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            CLIPS[name](path)
        return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """``clips("truncated.mkv")`` is the path of that clip."""
    return Clips(tmp_path_factory.mktemp("clips"))


def _bit_places(height: int, width: int) -> list[tuple[slice, slice]]:
    wide, top = width // BITS, height // 2 - 12
    return [(slice(top, top + 24), slice(i * wide, (i + 1) * wide)) for i in range(BITS)]


def _noisy(count: int) -> list[Image]:
    """Numbered frames with noise around, so that packets are large enough to be damaged."""
    random = np.random.default_rng(0)
    images = pictures(count)
    for image in images:
        image[CORNER_PX : HEIGHT // 2 - 12] = random.integers(60, 190, (12, WIDTH, 3), np.uint8)
    return images


def _packet_places(path: Path) -> list[tuple[int, int]]:
    """Where in the file each video packet lies: first byte and size, in decode order."""
    import av

    with av.open(str(path)) as source:
        return [(p.pos or 0, p.size) for p in source.demux(video=0) if p.size]


def _save(path: Path, image: Image) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(image).save(path)
