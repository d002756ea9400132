"""Find the sizes of a video's frames from the headers of its keyframes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.video.container import open_video
from data.video.demux import demuxed
from data.video.display.form import display_wh, sane_aspect
from data.video.display.headers import sample_entries, size_header
from data.video.orientation import orientation_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.packet import PacketSideData

_MAX_HEADERS: Final = 256
"""Different headers after which no more keyframes are decoded."""
_LOSING_FRAMES: Final = ("mpeg1video", "mpeg2video")
"""Decoders that drop the frame they hold back when the size changes."""
_NEW_HEADERS: Final = "new_extradata"
_CHANGED_HEADERS: Final = "flv"
"""Container whose new headers come beside the packets."""


@dataclass(frozen=True, slots=True)
class StoredSize:
    """Size of stored frames, and how they are displayed."""

    wh: tuple[int, int]  # px
    transposed: bool
    aspect: Fraction  # width of a pixel in units of its height

    def upright_wh(self) -> tuple[int, int]:
        """Return the displayed size in px."""
        width, height = display_wh(self.wh, self.aspect)
        return (height, width) if self.transposed else (width, height)


def stored_size(frame: VideoFrame, aspect: Fraction | None) -> StoredSize:
    """Return the size of a frame whose pixels have the given aspect."""
    wh = frame.width, frame.height
    return StoredSize(wh, orientation_of(frame).transposed, sane_aspect(aspect))


def stored_sizes(path: Path, number: int | None, aspect: Fraction | None) -> tuple[StoredSize, ...]:
    """Return the sizes of a video's frames, in order of appearance; none if all are the same.

    The headers of all keyframes are read only if they may differ: an ordinary .mp4 has one header
    for all frames.

    Args:
        path: the file.
        number: the video stream as the user chose it, see `open_video`.
        aspect: aspect of all pixels; None for each frame's own.
    """
    with open_video(path, number=number) as (container, stream):
        if not _may_change(container, stream, path):
            return ()
    sizes: dict[StoredSize, None] = {}
    with open_video(path, number=number) as (container, stream):
        for packet in _first_of_each_header(container, stream):
            frame = _decoded_alone(stream, packet)
            if frame is not None:
                own = stream.codec_context.sample_aspect_ratio
                sizes[stored_size(frame, own if aspect is None else aspect)] = None
    return tuple(sizes)


def _may_change(container: InputContainer, stream: VideoStream, path: Path) -> bool:
    """Return whether frames may have different headers.

    They do not if neither the first nor the last keyframe has one, and the container only one.
    """
    import av

    if _CHANGED_HEADERS in container.format.name or sample_entries(path) > 1:
        return True
    try:
        if _first_header(container, stream) is not None:
            return True
        if not container.duration or stream.start_time is None:
            return False
        container.seek((container.start_time or 0) + container.duration)
        return _first_header(container, stream) is not None
    except av.FFmpegError:
        return False  # truncated


def _first_of_each_header(
    container: InputContainer, stream: VideoStream
) -> Iterator[Packet[VideoStream]]:
    seen: set[bytes] = set()
    for packet in demuxed(container, stream):
        is_new = packet.size and packet.has_sidedata(_NEW_HEADERS)
        if not packet.size or not (packet.is_keyframe or is_new):
            continue
        header = b"%d" % len(seen) if is_new else _header(packet, stream) or b""
        if header not in seen:
            seen.add(header)
            yield packet
        if len(seen) > _MAX_HEADERS:
            return


def _first_header(container: InputContainer, stream: VideoStream) -> bytes | None:
    packets = (packet for packet in demuxed(container, stream) if packet.is_keyframe)
    packet = next(packets, None)
    return None if packet is None else _header(packet, stream)


def _header(packet: Packet[VideoStream], stream: VideoStream) -> bytes | None:
    context = stream.codec_context
    return size_header(context.name, bytes(packet), context.extradata)


def _decoded_alone(stream: VideoStream, packet: Packet[VideoStream]) -> VideoFrame | None:
    """Decode one keyframe, independently of the frames before it."""
    import av

    frames: list[VideoFrame] = []
    for sent in (packet, None):
        try:
            frames += stream.decode(sent)
        except av.FFmpegError:
            continue
    stream.codec_context.flush_buffers()
    return next((frame for frame in frames if not frame.is_corrupt), None)


class HeaderChanges:
    """Changes of headers at which libavcodec's decoders need help, found while packets are read.

    Args:
        stream: the video.
        varies: whether the size of its frames changes.
    """

    def __init__(self, stream: VideoStream, *, varies: bool) -> None:
        self._stream = stream
        self._codec = stream.codec_context.name if varies else ""
        self._header: bytes | None = None
        self._skipped: PacketSideData | None = None
        if self._codec == "mjpeg":
            # The decoder would take a smaller picture for one field of a frame of this size.
            stream.codec_context.width = stream.codec_context.height = 0

    def skip(self, packet: Packet[VideoStream]) -> None:
        """Keep the headers beside a packet that is not decoded."""
        if packet.has_sidedata(_NEW_HEADERS):
            self._skipped = packet.get_sidedata(_NEW_HEADERS)

    def must_drain(self, packet: Packet[VideoStream]) -> bool:
        """Prepare a packet for decoding; return whether the decoder must be drained before.

        It would lose a frame otherwise.
        """
        if self._skipped is not None and not packet.has_sidedata(_NEW_HEADERS):
            packet.set_sidedata(self._skipped)
        self._skipped = None
        if self._codec not in _LOSING_FRAMES or not packet.is_keyframe:
            return False
        last, self._header = self._header, _header(packet, self._stream)
        return last is not None and last != self._header
