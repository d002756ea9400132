"""Open a video file, and read what its container declares."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from data.core.errors import InputError
from data.core.file_types import is_picture
from data.video.images import MAX_PIXELS, check_size

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

# For elementary streams that declare no frame rate; libav assumes the same value.
ASSUMED_RATE = Fraction(25)


@contextmanager
def open_video(path: Path, *, threads: int = 0) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the video stream of the file ``path`` for decoding; close it on exit.

    Args:
        path: a video file.
        threads: decoder threads; 0 for one per core.

    Raises:
        InputError: the file has no video stream, or libav cannot open it.
    """
    import av

    try:
        # The whitelist stops a playlist in the file from fetching from the network.
        options = {"protocol_whitelist": "file"}
        # Titles and comments may be in another encoding than UTF-8.
        container = av.open(_source(path), "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(_why_unreadable(path, error)) from error
    with container:
        stream = _video_stream(container, path)
        check_size(path, stream.width, stream.height)
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.thread_type, stream.thread_count = "AUTO", threads
        yield container, stream


def _source(path: Path) -> str | BinaryIO:
    """Return what libav opens: an address of the file, or its content."""
    if "%" in path.name and is_picture(path):
        return io.BytesIO(path.read_bytes())  # %03d in its name would mean a series
    return f"file:{path}"  # a name with a colon is no protocol


def stream_rate(stream: VideoStream) -> Fraction | None:
    """Return the average frames per second that the container declares, or None.

    Elementary streams have no timestamps: libav assumes a rate for the container, but the codec's
    headers may hold the true one.
    """
    has_clock = stream.start_time is not None
    rate = (has_clock and stream.average_rate) or stream.guessed_rate or stream.average_rate
    return Fraction(rate) if rate else None


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not an attached picture (album cover)."""
    from av.stream import Disposition

    # The still picture of an HEIF sequence comes before its track.
    for stream in sorted(container.streams.video, key=_is_still_item):
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None or not stream.width:
                break
            return stream
    if container.streams.audio:
        raise InputError(f"{path}: sound only; give the video that it belongs to")
    raise InputError(f"{path}: no video stream that can be read; give a video such as .mp4 or .mkv")


def _is_still_item(stream: VideoStream) -> bool:
    """Whether libav made the stream of one picture item of ISO 23008-12, which has no clock."""
    return stream.duration is None and stream.frames == 1 and stream.time_base == 1


def _why_unreadable(path: Path, error: Exception) -> str:
    import av

    if isinstance(error, av.error.PermissionError):
        return f"{path}: no permission to read it; change its permissions or copy it"
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as unreadable:
        return f"{path}: cannot be read ({unreadable.strerror}); check it"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return f"{path}: this video is cut off: its index is missing; copy or record it again"
    return f"{path}: not a video that can be read; give a video such as .mp4 or .mkv"
