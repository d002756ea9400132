"""Read the packets of a stream up to its end, or to the point where the file is truncated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoStream
    from av.container import InputContainer

    StreamT = TypeVar("StreamT", AudioStream, VideoStream)

_LARGEST_TICK: Final = 1 << 60
"""Sums and differences of smaller times fit 64 bits; larger ones are damage."""


def demuxed(container: InputContainer, stream: StreamT) -> Iterator[Packet[StreamT]]:
    """Yield the packets of a stream, and an empty one at its end, with which decoders are drained.

    A time that no clock can have is removed.
    """
    import av

    try:
        for packet in container.demux(stream):
            if packet.pts is not None and abs(packet.pts) > _LARGEST_TICK:
                packet.pts = None
            if packet.dts is not None and abs(packet.dts) > _LARGEST_TICK:
                packet.dts = None
            yield packet
    except av.FFmpegError:
        return  # truncated
    except IndexError:
        return  # PyAV 18 fails at the end if a stream was added while reading (MPEG-TS, FLV)


def packets_of(container: InputContainer, stream: StreamT) -> Iterator[Packet[StreamT]]:
    """Yield the packets of a stream that are not empty, and skip those of all other streams.

    Empty packets mark a repeated frame (AVI) or the end, and a decoder takes both for the end.
    """
    from av.stream import Discard

    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all  # saves reading their bytes
    return (packet for packet in demuxed(container, stream) if packet.size)
