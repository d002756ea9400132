"""Small intact footages of every container, from which the damaged ones are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from pillow_heif import register_heif_opener

from data.core.arrays import Image
from tests.clips.encoding import sound
from tests.clips.numbered import picture
from tests.clips.scheduling import kept_scheduling

RATE: Final = 25
_WH: Final = (96, 64)
_FRAMES: Final = 16
_PAL_WH: Final = (720, 576)
_PICTURES: Final = 3


@dataclass(frozen=True, slots=True)
class Codecs:
    """Codecs of one seed, and the options of its container."""

    video: str
    audio: str = ""
    pix_fmt: str = "yuv420p"
    wh: tuple[int, int] = _WH
    frames: int = _FRAMES
    options: dict[str, str] = field(default_factory=dict)
    muxing: dict[str, str] = field(default_factory=dict)
    audio_rate: int = 48_000
    layout: str = "mono"
    title: str = ""
    container: str = ""  # libav's name of the format, where the suffix does not say it


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of footage: its suffix and the seeds of that kind."""

    suffix: str
    seeds: tuple[Codecs, ...] = ()
    pictures: str = ""  # suffix of the pictures of a folder; empty for a video


_GOP: Final = {"g": "6"}
_X264: Final = {"g": "6", "bf": "2", "preset": "ultrafast", "threads": "1"}
_X265: Final = {"preset": "ultrafast", "x265-params": "log-level=none:pools=none"}
_H264 = Codecs("libx264", "aac", options=_X264)
_MPEG4 = Codecs("mpeg4", "aac", options=_GOP)
_FRAGMENTS: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}

CONTAINERS: Final[dict[str, Container]] = {
    "mp4": Container(
        ".mp4",
        (
            _H264,
            Codecs("libx264", "aac", options=_X264, muxing={"movflags": "+faststart"}),
            Codecs("libx265", "ac3", options=_X265),
            _MPEG4,
        ),
    ),
    "fragmented mp4": Container(
        ".mp4",
        (
            Codecs("libx264", "aac", options=_X264, muxing=_FRAGMENTS),
            Codecs("libvpx-vp9", "libopus", options={"deadline": "realtime"}, muxing=_FRAGMENTS),
        ),
    ),
    "av1 mp4": Container(".mp4", (Codecs("libsvtav1", "aac", options={"preset": "12"}),)),
    "mov": Container(
        ".mov",
        (
            Codecs("prores_ks", "pcm_s16le", "yuv422p10le", frames=6),
            Codecs("mjpeg", "pcm_s16be", "yuvj420p", frames=8),
            _H264,
        ),
    ),
    "mkv": Container(
        ".mkv",
        (
            _H264,
            Codecs("ffv1", "flac", frames=6),
            Codecs("mpeg2video", "mp2", options=_GOP),
            Codecs("libx265", "libmp3lame", options=_X265),
        ),
    ),
    "webm": Container(
        ".webm",
        (
            Codecs("libvpx", "libopus", options={"deadline": "realtime"}),
            Codecs("libvpx-vp9", "libopus", options={"deadline": "realtime"}),
        ),
    ),
    "avi": Container(
        ".avi",
        (
            Codecs("mpeg4", "libmp3lame", options={"g": "6", "bf": "1"}),
            Codecs("mjpeg", "pcm_s16le", "yuvj420p", frames=8),
            Codecs("msmpeg4v3", "mp2", options=_GOP),
            Codecs("huffyuv", "", "yuv422p", frames=4),
        ),
    ),
    "ts": Container(".ts", (_H264, Codecs("mpeg2video", "mp2", options=_GOP))),
    "m2ts": Container(
        ".m2ts",
        (
            Codecs(
                "libx264",
                "ac3",
                options=_X264,
                container="mpegts",
                muxing={"mpegts_m2ts_mode": "1"},
            ),
        ),
    ),
    "mpg": Container(
        ".mpg",
        (
            Codecs("mpeg1video", "mp2", options=_GOP, container="mpeg"),
            Codecs("mpeg2video", "ac3", options=_GOP, container="vob"),
        ),
    ),
    "flv": Container(
        ".flv",
        (
            _H264,
            Codecs("flv", "libmp3lame", options=_GOP, audio_rate=44_100),
        ),
    ),
    "wmv": Container(
        ".wmv",
        (
            Codecs("wmv2", "wmav2", options=_GOP, container="asf"),
            Codecs("wmv1", "wmav2", options=_GOP, container="asf"),
        ),
    ),
    "ogv": Container(".ogv", (Codecs("libvpx", "libopus", options={"deadline": "realtime"}),)),
    "3gp": Container(
        ".3gp",
        (
            Codecs("h263", "aac", wh=(176, 144), options=_GOP),
            Codecs("mpeg4", "libopencore_amrnb", options=_GOP, audio_rate=8_000),
        ),
    ),
    "mxf": Container(".mxf", (Codecs("mpeg2video", "pcm_s16le", options=_GOP),)),
    "dv": Container(".dv", (Codecs("dvvideo", "", wh=_PAL_WH, frames=3),)),
    "h264": Container(".h264", (Codecs("libx264", options=_X264),)),
    "hevc": Container(".hevc", (Codecs("libx265", options=_X265),)),
    "m2v": Container(".m2v", (Codecs("mpeg2video", options=_GOP, container="mpeg2video"),)),
    "mjpeg": Container(".mjpeg", (Codecs("mjpeg", pix_fmt="yuvj420p", frames=8),)),
    "gif": Container(".gif", (Codecs("gif", pix_fmt="rgb8"),)),
    "apng": Container(".apng", (Codecs("apng", pix_fmt="rgb24", frames=6),)),
    "webp": Container(".webp", (Codecs("libwebp_anim"),)),
    "ivf": Container(".ivf", (Codecs("libvpx-vp9", options={"deadline": "realtime"}),)),
    "y4m": Container(".y4m", (Codecs("rawvideo", container="yuv4mpegpipe", frames=4),)),
    "rm": Container(".rm", (Codecs("rv20", "ac3", wh=(176, 144), options=_GOP),)),
    "nut": Container(".nut", (Codecs("snow", "flac", frames=6), _MPEG4)),
    **{
        f"{suffix[1:]} pictures": Container("", pictures=suffix)
        for suffix in (".jpg", ".png", ".webp", ".tiff", ".bmp", ".heic", ".avif")
    },
}
"""All containers, by name."""


def make_seeds(folder: Path) -> dict[str, list[Path]]:
    """Write the seeds of every container that are missing in ``folder``; return all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    return {name: _seeds_of(folder, name, container) for name, container in CONTAINERS.items()}


def _seeds_of(folder: Path, name: str, container: Container) -> list[Path]:
    stem = name.replace(" ", "-")
    if container.pictures:
        paths = [folder / f"{stem}-{n}{container.pictures}" for n in range(_PICTURES)]
        writers: list[Callable[[Path], None]] = [picture_writer(n) for n in range(_PICTURES)]
    else:
        paths = [folder / f"{stem}-{n}{container.suffix}" for n in range(len(container.seeds))]
        writers = [_video_writer(codecs) for codecs in container.seeds]
    for path, write in zip(paths, writers, strict=True):
        if not path.exists():
            partial = path.with_name(f"new-{path.name}")
            write(partial)
            partial.replace(path)
    return paths


def picture_writer(number: int) -> Callable[[Path], None]:
    """Return a writer of a numbered picture in colour, grey or with a palette, some with EXIF."""
    from PIL import Image as Pillow

    modes = ("RGB", "L", "P")
    width, height = _WH
    image = Pillow.fromarray(picture(number, width=width, height=height))
    return lambda path: _save(image, modes[number], path)


def _save(image: Any, mode: str, path: Path) -> None:
    if path.suffix == ".heic":
        register_heif_opener()
    if path.suffix in (".jpg", ".webp", ".heic", ".avif"):
        exif = image.getexif()
        exif[0x0112] = 6
        image.convert("RGB" if mode == "P" else mode).save(path, exif=exif)
    else:
        image.convert(mode).save(path)


def _video_writer(codecs: Codecs) -> Callable[[Path], None]:
    return lambda path: write_clip(path, codecs)


@kept_scheduling()
def write_clip(path: Path, codecs: Codecs) -> None:
    """Write a clip of numbered frames, with a tone if the codecs include one for sound."""
    import av

    muxing = {"fflags": "+bitexact", **codecs.muxing}
    width, height = codecs.wh
    images = [picture(n, width=width, height=height) for n in range(codecs.frames)]
    with av.open(str(path), "w", format=codecs.container or None, options=muxing) as out:
        out.metadata["title"] = codecs.title
        video: Any = out.add_stream(codecs.video, rate=RATE, options=dict(codecs.options))
        video.width, video.height, video.pix_fmt = width, height, codecs.pix_fmt
        _single_threaded(video)
        audio: Any = None
        if codecs.audio:
            audio = out.add_stream(codecs.audio, rate=codecs.audio_rate, layout=codecs.layout)
            audio.bit_rate = 64_000
            _single_threaded(audio)
        _encode(out, video, audio, images, codecs)


def _single_threaded(stream: Any) -> None:
    """Make the encoded bytes the same in every run."""
    from av.codec.context import Flags

    stream.codec_context.flags |= Flags.bitexact
    stream.codec_context.thread_count = 1


def _encode(out: Any, video: Any, audio: Any, images: Sequence[Image], codecs: Codecs) -> None:
    import av

    for number, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=codecs.pix_fmt)
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        out.mux(video.encode(frame))
        if audio is not None:
            out.mux(_sound_packets(audio, number, codecs))
    for stream in (video, audio):
        if stream is not None:
            out.mux(stream.encode(None))


def _sound_packets(audio: Any, number: int, codecs: Codecs) -> list[Any]:
    """Encode the sound of one frame."""
    import av

    count = codecs.audio_rate // RATE
    samples = sound(1 / RATE, rate=codecs.audio_rate)[:count]
    channels = 2 if codecs.layout == "stereo" else 1
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(np.tile(samples, (channels, 1))), format="fltp", layout=codecs.layout
    )
    frame.sample_rate, frame.pts = codecs.audio_rate, number * count
    frame.time_base = Fraction(1, codecs.audio_rate)
    return list(audio.encode(frame))
