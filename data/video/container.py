"""Open a video file, and read what its container declares."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from data.core.counts import counted
from data.core.errors import InputError, unreadable
from data.core.file_types import is_picture
from data.video.pictures.images import MAX_PIXELS, check_size

if TYPE_CHECKING:
    from av import AudioStream, VideoStream
    from av.container import InputContainer
    from av.stream import Stream

    from data.video.footage import Footage

StreamT = TypeVar("StreamT", bound="Stream")

# For elementary streams that declare no frame rate; libav assumes the same value.
ASSUMED_RATE = Fraction(25)

# Frames per second: a faster clock is damaged. High-speed footage is stored to be played slowly.
MAX_RATE = 10_000

# Decoders of libav 8.1 that damaged frames may crash if several frames are decoded at a time; the
# threads share the parts of each frame instead, which is slower.
_UNSAFE_IN_FRAME_THREADS = frozenset({"vp9"})


@contextmanager
def open_video(
    path: Path, *, number: int | None = None, threads: int = 0
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the video stream of the file ``path`` for decoding; close it on exit.

    Args:
        path: a video file.
        number: the video stream, from 1; None for the one flagged as default, else the first.
        threads: decoder threads; 0 for one per core.

    Raises:
        InputError: the file has no such video stream, or libav cannot open it.
    """
    with open_container(path) as container:
        stream = _video_stream(container, path, number)
        check_size(path, stream.width, stream.height)
        # A display matrix of the container takes precedence over the EXIF orientation of a frame.
        stream.codec_context.options = {
            "max_pixels": str(MAX_PIXELS),
            "side_data_prefer_packet": "displaymatrix",
        }
        is_safe = stream.codec_context.name not in _UNSAFE_IN_FRAME_THREADS
        stream.thread_type, stream.thread_count = ("AUTO" if is_safe else "SLICE"), threads
        yield container, stream


def open_container(path: Path) -> InputContainer:
    """Open a file; the caller closes it.

    Raises:
        InputError: libav cannot open it.
    """
    import av

    try:
        # The whitelist stops a playlist in the file from fetching from the network.
        options = {"protocol_whitelist": "file"}
        # Titles and comments may be in another encoding than UTF-8.
        return av.open(_source(path), "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(_why_unreadable(path, error)) from error


def _source(path: Path) -> str | BinaryIO:
    """Return what libav opens: an address of the file, or its content."""
    if "%" in path.name and is_picture(path):
        return io.BytesIO(path.read_bytes())  # %03d in its name would mean a series
    return f"file:{path}"  # a name with a colon is no protocol


def stream_rate(stream: VideoStream) -> Fraction | None:
    """Return the average frames per second that the container declares, or None if it is damaged.

    Elementary streams have no timestamps: libav assumes a rate for the container, but the codec's
    headers may hold the true one.
    """
    has_clock = stream.start_time is not None
    rate = (has_clock and stream.average_rate) or stream.guessed_rate or stream.average_rate
    return Fraction(rate) if rate and rate <= MAX_RATE else None


def open_footage(
    footage: Footage, *, threads: int = 0
) -> AbstractContextManager[tuple[InputContainer, VideoStream]]:
    """Open the chosen video stream of a footage; see `open_video`."""
    return open_video(footage.path, number=footage.streams.video, threads=threads)


def _video_stream(container: InputContainer, path: Path, number: int | None) -> VideoStream:
    pictures = video_streams(container)
    if number is not None:
        if number > len(pictures):
            raise InputError(f"{path}: no video stream {number}; {_listed(pictures, 'video')}")
        pictures = pictures[number - 1 : number]
    readable = [s for s in pictures if s.codec_context is not None and s.width]
    if readable:
        # The still picture of an HEIF sequence comes before its track.
        return min(default_first(readable), key=_is_still_item)
    if number is not None:
        raise InputError(f"{path}: video stream {number} cannot be read; choose another")
    if container.streams.audio and not pictures:
        raise InputError(f"{path}: sound only; give the video that it belongs to")
    raise InputError(f"{path}: no video stream that can be read; give a video such as .mp4 or .mkv")


def _is_still_item(stream: VideoStream) -> bool:
    """Whether libav made the stream of one picture item of ISO 23008-12, which has no clock."""
    return stream.duration is None and stream.frames == 1 and stream.time_base == 1


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams but attached pictures (album covers) and thumbnails."""
    from av.stream import Disposition

    hidden = Disposition.attached_pic | Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & hidden]


def default_first(streams: Sequence[StreamT]) -> list[StreamT]:
    """Return streams in order of preference: those flagged as default first."""
    from av.stream import Disposition

    return sorted(streams, key=lambda stream: not stream.disposition & Disposition.default)


def check_audio_stream(container: InputContainer, path: Path, number: int | None) -> None:
    """Check that a file has the sound stream that the user chose.

    Raises:
        InputError: it has not.
    """
    streams = container.streams.audio
    if number is not None and number > len(streams):
        raise InputError(f"{path}: no audio stream {number}; {_listed(streams, 'audio')}")


def _listed(streams: Sequence[VideoStream | AudioStream], kind: str) -> str:
    names = [
        f"{number} is {codec_name(stream)}{_size(stream)}"
        for number, stream in enumerate(streams, start=1)
    ]
    count = counted(len(names), f"{kind} stream")
    return f"it has {count}" + (f": {', '.join(names)}" if names else "")


def codec_name(stream: Stream) -> str:
    """Return the name of a stream's codec."""
    context = stream.codec_context
    return "of an unknown codec" if context is None else context.name


def _size(stream: VideoStream | AudioStream) -> str:
    if stream.type == "video":
        return f" {stream.width}x{stream.height}" if stream.codec_context is not None else ""
    language = (stream.language or "").replace("und", "")
    return f" {language}".rstrip()


def _why_unreadable(path: Path, error: Exception) -> str:
    import av

    if isinstance(error, av.error.PermissionError):
        return f"{path}: no permission to read it; change its permissions"
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as problem:
        return f"{path}: {unreadable(problem)}"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return f"{path}: this video is cut off: its index is missing; copy or record it again"
    return f"{path}: not a video that can be read; give a video such as .mp4 or .mkv"
