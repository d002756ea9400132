"""Kind: footage that is truncated, has flipped bytes, or declares huge sizes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.project.project import Project
from data.video.frames import Damage
from data.video.pictures.images import read_picture
from data.video.pictures.jpeg import encode_jpeg
from data.video.reader import read_frames
from tests.clips.catalogue import Clips
from tests.clips.numbered import HEIGHT, WIDTH, number_of, picture
from tests.clustering.command import Ran
from tests.clustering.fakes import PEOPLE
from tests.cropping.small_project import small_project
from tests.footage_kinds.fuzz.seeds import RATE, Codecs, picture_writer, write_clip
from tests.footage_kinds.stubs import Command, add_tracker

FRAMES = 75
FLIPPED = 13
"""Frame whose bytes are flipped; the frames after it refer to it up to the next keyframe."""
GOP = 10
SAMPLE = 5
"""Frames from one sampled frame to the next."""
EVERY_S = SAMPLE / RATE


def clip(video: str, audio: str, options: dict[str, str] | None = None, **more: Any) -> Codecs:
    settings = {"g": str(GOP), **(options or {})}
    return Codecs(video, audio, wh=(WIDTH, HEIGHT), frames=FRAMES, options=settings, **more)


def h264(movflags: str = "") -> Codecs:
    options = {"bf": "0", "preset": "ultrafast", "sc_threshold": "0"}
    return clip("libx264", "aac", options, muxing={"movflags": movflags} if movflags else {})


H264, FASTSTART = h264(), h264("+faststart")
FRAGMENTED = h264("frag_keyframe+empty_moov+default_base_moof")
VP9 = clip("libvpx-vp9", "libopus", {"deadline": "realtime", "lag-in-frames": "0"})
MJPEG = clip("mjpeg", "pcm_s16le", pix_fmt="yuvj420p", muxing={"movflags": "+faststart"})
MPEG4 = clip("mpeg4", "libmp3lame")
MPEG2 = clip("mpeg2video", "mp2", container="vob")


def through_all_commands(command: Command, path: Path, sampled: int, read: int) -> list[str]:
    """Run all commands on a footage; return the line of each on the footage.

    Args:
        command: runs a command.
        path: the footage.
        sampled: number of frames that cluster-faces must find.
        read: number of frames that the other commands and each person's video must have.
    """
    lines = [line_of(command("cluster-faces", path.name, "--every", str(EVERY_S)), path)]
    project = Project(path.with_suffix(".fancam"))
    add_tracker(project)
    lines.append(line_of(command("track-people", project.folder), path))
    lines.append(line_of(command("crop-people", project.folder, "--preset", "ultrafast"), path))
    assert [
        f": {count} frames" in line
        for line, count in zip(lines, (sampled, read, read), strict=True)
    ]
    videos = list(project.crops_folder(path.stem).glob("*.mp4"))
    assert [len(list(read_frames(video))) for video in videos] == [read] * PEOPLE
    return lines


def line_of(ran: Ran, path: Path) -> str:
    assert (ran.code, ran.err) == (0, [])
    (line,) = [line for line in ran.out if line.startswith(f"{path.stem}: ")]
    return line


def assert_refused_by_all(command: Command, path: Path, message: str, intact: bytes) -> None:
    """Assert that the footage is refused in one line, also once it has been cropped intact."""
    damaged = path.read_bytes()
    ran = command("cluster-faces", path.name)
    assert (ran.code, ran.out, len(ran.err)) == (2, [], 1)
    assert path.name in ran.err[0]
    assert message in ran.err[0]
    path.write_bytes(intact)
    project = small_project(path.with_name("tracked.fancam"), path)
    path.write_bytes(damaged)
    ran = command("crop-people", project.folder)
    assert (ran.code, ran.out, len(ran.err)) == (2, [], 1)
    assert path.name in ran.err[0]
    assert message in ran.err[0]


def numbers(path: Path) -> tuple[list[int], Damage]:
    """Return the numbers that the frames show, and what is damaged."""
    damage = Damage()
    with closing(read_frames(path, damage=damage)) as frames:
        return [number_of(frame.image) for frame in frames], damage


# --- truncated --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codecs", "is_noticed"),
    [
        ("clip.mkv", H264, True),
        ("clip.webm", VP9, True),
        ("clip.mp4", FASTSTART, True),
        ("clip.mov", MJPEG, True),
        ("clip.avi", MPEG4, True),
        # Without an index or a length, the header does not show that frames are missing.
        ("fragmented.mp4", FRAGMENTED, False),
        ("clip.ts", H264, False),
        ("clip.flv", H264, False),
        ("clip.mpg", MPEG2, False),
    ],
)
def test_truncated(
    command: Command, tmp_path: Path, name: str, codecs: Codecs, is_noticed: bool
) -> None:
    path = tmp_path / name
    write_clip(path, codecs)
    path.write_bytes(truncated(path.read_bytes()))
    read, damage = numbers(path)
    assert read == list(range(len(read)))
    assert 38 <= len(read) <= 62
    assert (damage.missing > 0) == is_noticed
    if is_noticed:
        assert len(read) + damage.missing == pytest.approx(FRAMES, abs=5)
    lines = through_all_commands(command, path, ceil(len(read) / SAMPLE), len(read))
    assert [str(damage) in line for line in lines] == [bool(damage)] * len(lines)


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 6 // 10]


@pytest.mark.parametrize(
    ("name", "codecs", "size", "message"),
    [
        ("clip.mp4", H264, 0.6, "cut off: its index is missing"),
        ("clip.mov", H264, 0.99, "cut off: its index is missing"),
        ("clip.3gp", H264, 0.3, "cut off: its index is missing"),
        ("empty.mkv", H264, 0, "the file is empty"),
        ("start.mkv", H264, 0.01, "not a video that can be read"),
        ("start.ts", H264, 0.001, "not a video that can be read"),
    ],
)
def test_truncated_without_a_frame(
    command: Command, tmp_path: Path, name: str, codecs: Codecs, size: float, message: str
) -> None:
    path = tmp_path / name
    write_clip(path, codecs)
    intact = path.read_bytes()
    path.write_bytes(intact[: int(len(intact) * size)])
    assert_refused_by_all(command, path, message, intact)


# --- flipped ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codecs", "damaged"),
    [
        ("clip.mp4", FASTSTART, range(FLIPPED, 2 * GOP)),
        ("fragmented.mp4", FRAGMENTED, range(FLIPPED, 2 * GOP)),
        ("clip.mkv", H264, range(FLIPPED, 2 * GOP)),
        ("clip.webm", VP9, range(FLIPPED, 2 * GOP)),
        ("clip.avi", MPEG4, range(FLIPPED, 2 * GOP)),
        ("clip.mov", MJPEG, range(FLIPPED, FLIPPED + 1)),
    ],
)
def test_flipped(
    command: Command, tmp_path: Path, name: str, codecs: Codecs, damaged: range
) -> None:
    path = tmp_path / name
    write_clip(path, codecs)
    path.write_bytes(with_packets(path, range(FLIPPED, FLIPPED + 1), flipped))
    read, damage = numbers(path)
    assert read == [number for number in range(FRAMES) if number not in damaged]
    assert (damage.frames, damage.missing) == (len(damaged), 0)
    sampled = {next(n for n in read if n >= due) for due in range(0, FRAMES, SAMPLE)}
    lines = through_all_commands(command, path, len(sampled), len(read))
    is_sampled = any(number % SAMPLE == 0 for number in damaged)
    assert ("damaged frame" in lines[0]) == is_sampled
    assert [str(damage) in line for line in lines[1:]] == [True, True]


def flipped(packet: bytes) -> bytes:
    """Flip bits in every third byte after the first eight."""
    changed = bytearray(packet)
    for place in range(min(8, len(changed) // 2), len(changed), 3):
        changed[place] ^= 0x5A
    return bytes(changed)


@pytest.mark.parametrize(
    ("name", "codecs", "message"),
    [
        ("clip.mp4", FASTSTART, "none of its frames can be decoded"),
        ("clip.mkv", H264, "none of its frames can be decoded"),
        ("clip.avi", MPEG4, "none of its frames can be decoded"),
    ],
)
def test_noise_in_all_packets(
    command: Command, tmp_path: Path, name: str, codecs: Codecs, message: str
) -> None:
    path = tmp_path / name
    write_clip(path, codecs)
    intact = path.read_bytes()
    path.write_bytes(with_packets(path, range(FRAMES), lambda packet: noise(len(packet))))
    assert_refused_by_all(command, path, message, intact)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.flv"])
def test_noise_in_the_header(command: Command, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_clip(path, FASTSTART if name == "clip.mp4" else H264)
    intact = path.read_bytes()
    path.write_bytes(noise(len(intact) * 6 // 10) + intact[len(intact) * 6 // 10 :])
    if name == "clip.ts":  # it has no header: reading begins at the first intact packet
        read, _ = numbers(path)
        assert read == list(range(read[0], FRAMES))
        through_all_commands(command, path, ceil(len(read) / SAMPLE), len(read))
    else:
        assert_refused_by_all(command, path, "not a video that can be read", intact)


def noise(count: int) -> bytes:
    return np.random.default_rng(1).bytes(count)


def with_packets(path: Path, numbers: Iterable[int], change: Callable[[bytes], bytes]) -> bytes:
    """Return the content of a clip with these video packets changed, except their sizes."""
    import av

    with av.open(str(path)) as source:
        packets = [
            (packet.pos or 0, packet.size) for packet in source.demux(video=0) if packet.size
        ]
    content = path.read_bytes()
    for number in numbers:
        start, size = packets[number]
        # A NAL unit or a frame begins with its size, which the change leaves intact.
        content = (
            content[: start + 4]
            + change(content[start + 4 : start + size])
            + content[start + size :]
        )
    return content


@pytest.mark.parametrize(
    ("name", "codecs"),
    [("clip.avi", MPEG4), ("clip.mkv", H264), ("clip.mp4", FASTSTART), ("clip.flv", H264)],
)
def test_title_in_another_encoding(
    command: Command, tmp_path: Path, name: str, codecs: Codecs
) -> None:
    path = tmp_path / name
    write_clip(path, replace(codecs, title="Kjoeln Koncert"))
    path.write_bytes(path.read_bytes().replace(b"Kjoeln", "K\xf8ln-\xe4".encode("latin-1")))
    assert numbers(path)[0] == list(range(FRAMES))
    through_all_commands(command, path, FRAMES // SAMPLE, FRAMES)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".heic"])
def test_picture_with_damaged_exif(command: Command, tmp_path: Path, suffix: str) -> None:
    """The pixels are intact, and nothing but a summary is printed."""
    path = tmp_path / f"picture{suffix}"
    picture_writer(0)(path)
    intact = read_picture(path)
    content = path.read_bytes()
    place = content.index(b"MM\0*")
    path.write_bytes(content[:place] + noise(24) + content[place + 24 :])
    assert sorted(read_picture(path).shape) == sorted(intact.shape)
    line_of(command("cluster-faces", path.name), path)


# --- huge -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codecs", "tag", "offset", "field"),
    [
        ("width.mp4", FASTSTART, b"avc1", 28, struct.pack(">HH", 16384, 16384)),
        ("duration.mp4", FASTSTART, b"mvhd", 20, struct.pack(">I", 0xFFFFFFF0)),
        ("frames.mp4", FASTSTART, b"stts", 12, struct.pack(">I", 0x7FFFFFFF)),
        ("duration.mkv", H264, b"\x44\x89\x88", 3, struct.pack(">d", 3.6e9)),  # 1000 hours
        ("frames.avi", MPEG4, b"avih", 24, struct.pack("<I", 0x7FFFFFFF)),
    ],
)
def test_huge_number_in_the_header(
    command: Command,
    tmp_path: Path,
    name: str,
    codecs: Codecs,
    tag: bytes,
    offset: int,
    field: bytes,
) -> None:
    path = tmp_path / name
    write_clip(path, codecs)
    content = path.read_bytes()
    place = content.index(tag) + offset
    path.write_bytes(content[:place] + field + content[place + len(field) :])
    assert numbers(path)[0] == list(range(FRAMES))
    through_all_commands(command, path, FRAMES // SAMPLE, FRAMES)


def test_years_without_a_frame(command: Command, tmp_path: Path) -> None:
    """The header declares one frame in 68 years."""
    path = tmp_path / "slow.avi"
    write_clip(path, replace(MPEG4, frames=4))
    content = path.read_bytes()
    place = content.index(b"strh") + 28  # scale and rate of the video
    path.write_bytes(content[:place] + struct.pack("<II", 0x7FFFFFFF, 1) + content[place + 8 :])
    assert numbers(path)[0] == list(range(4))
    ran = command("cluster-faces", path.name)
    assert (ran.code, ran.err) == (0, [])
    project = small_project(path.with_name("tracked.fancam"), path)
    ran = command("crop-people", project.folder)
    assert (ran.code, len(ran.err)) == (2, 1)
    assert re.search(
        r"\d+ h \d+ min without a frame is too long for an \.mp4; cut out ", ran.err[0]
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absurd_size.avi", "too many"),
        ("absurd_size.y4m", "not a video that can be read"),
        ("absurd.png", "too many"),
        ("absurd.jpg", "too many"),
        ("absurd.gif", "not a picture that can be read"),
    ],
)
def test_huge_picture(
    command: Command, clips: Clips, tmp_path: Path, name: str, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(HUGE[name]() if name in HUGE else clips(name).read_bytes())
    ran = command("cluster-faces", path.name)
    assert (ran.code, ran.out, len(ran.err)) == (2, [], 1)
    assert name in ran.err[0]
    assert message in ran.err[0]


def huge_jpeg() -> bytes:
    """Return a picture whose header declares 65500 x 65500 pixels."""
    content = encode_jpeg(picture(0))
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", 65_500, 65_500) + content[place + 4 :]


def huge_gif() -> bytes:
    """Return the header of a GIF of 65535 x 65535 pixels, and no picture."""
    return b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(6) + b";"


HUGE: dict[str, Callable[[], bytes]] = {"absurd.jpg": huge_jpeg, "absurd.gif": huge_gif}
