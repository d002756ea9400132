"""Decode the frames of one video stream, with index and time, and count the damaged ones."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.video.footage import ASSUMED_RATE, Footage, open_video, stream_rate
from data.video.frames import Damage
from data.video.packet_index import PacketIndex

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

    Placed = tuple[int, float, VideoFrame]
    """Index, presentation time in seconds, and picture of one frame."""

# After a broken frame the picture is smeared until the next keyframe. A stream without a keyframe
# for this many frames refreshes itself some other way.
LONGEST_SMEAR = 300


def decode_needed(
    footage: Footage, index: PacketIndex, wanted: NDArray[np.bool_], threads: int, damage: Damage
) -> Generator[Placed, None, None]:
    """Decode the ``wanted`` frames, ``(shown,)``, each from the keyframe before it.

    Packets in between are read and dropped: that costs little beside decoding and, unlike seeking,
    is exact in every container. Other frames come out too.
    """
    is_wanted = (index.rank >= 0) & wanted[index.rank]
    is_needed = _needed_packets(index, is_wanted)
    end = int(np.flatnonzero(is_needed).max(initial=-1)) + 1
    with open_video(footage.path, threads=threads) as (container, stream):
        decoder = _Decoder(stream, damage)
        placed = _FramePlacer(index, decoder)
        owed, state = -1, "idle"
        for position, packet in enumerate(_packets(container, stream)):
            if position >= len(is_needed) or (position > end and state == "idle"):
                break  # nothing more is wanted, or the file has grown since it was indexed
            if state == "needed" and not is_needed[position]:
                yield from placed.place(decoder.drain())
                state = "idle"
                if placed.last < owed:  # a wanted frame is damaged: go on to the next whole one
                    state = "owed"
                    decoder.mark_smeared()
            if is_needed[position]:
                state = "needed"
                owed = max(owed, int(index.rank[position])) if is_wanted[position] else owed
            elif state == "owed" and placed.last >= owed:
                decoder.drain()
                state = "idle"
            spare = index.spare[position] and not is_wanted[position] and state != "owed"
            if state != "idle" and not spare:
                yield from placed.place(decoder.decode(packet))
        yield from placed.place(decoder.drain())


def decode_in_turn(footage: Footage, threads: int, damage: Damage) -> Generator[Placed, None, None]:
    """Decode and count every frame: for streams whose packets have no reliable times."""
    with open_video(footage.path, threads=threads) as (container, stream):
        decoder = _Decoder(stream, damage)
        timestamps = _Timestamps(stream)
        frames = _decode_all(_packets(container, stream), decoder)
        for number, frame in enumerate(frames):
            time_s = timestamps.time_s(frame)
            if decoder.is_whole(frame):
                yield number, time_s, frame


class _Decoder:
    """Decoder of one stream; counts broken frames and those that they smear."""

    def __init__(self, stream: VideoStream, damage: Damage) -> None:
        self._stream, self._damage = stream, damage
        self._smear = 0

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Return the frames that are ready, which is some packets later."""
        import av

        try:
            return self._stream.decode(packet)
        except av.FFmpegError:
            self._damage.frames += 1
            self.mark_smeared()
            return []

    def drain(self) -> list[VideoFrame]:
        """Return the frames still inside; the next packet may come from anywhere in the file."""
        frames = self.decode(None)
        self._stream.codec_context.flush_buffers()
        return frames

    def mark_smeared(self) -> None:
        """Count the frames up to the next keyframe as damaged: they refer to a missing one."""
        self._smear = LONGEST_SMEAR

    def is_whole(self, frame: VideoFrame) -> bool:
        """Whether the next frame in order is undamaged; count it if not."""
        if frame.is_corrupt:
            self.mark_smeared()
        elif frame.key_frame:
            self._smear = 0
        if not self._smear:
            return True
        self._smear -= 1
        self._damage.frames += 1
        return False


class _FramePlacer:
    """Assign index and time to decoded frames, in rising order."""

    def __init__(self, index: PacketIndex, decoder: _Decoder) -> None:
        self._index, self._decoder = index, decoder
        self.last = -1  # index of the last whole frame

    def place(self, frames: list[VideoFrame]) -> Iterator[Placed]:
        for frame in frames:
            if frame.pts is None or not self._decoder.is_whole(frame):
                continue
            number, time_s = self._index.place(frame.pts)
            if number > self.last:
                self.last = number
                yield number, time_s, frame


def _needed_packets(index: PacketIndex, is_wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Packets, ``(n,)`` in decode order, from each wanted one's keyframe up to itself."""
    if is_wanted.all():
        return is_wanted
    keyframes = np.flatnonzero(index.keyframe)
    steps = np.zeros(len(is_wanted) + 1, np.int64)
    for position in np.flatnonzero(is_wanted):
        k = int(np.searchsorted(keyframes, position, side="right")) - 1
        # A picture shown before the keyframe it follows refers to the group before.
        while k >= 0 and index.pts[keyframes[k]] > index.pts[position]:
            k -= 1
        steps[keyframes[k] if k >= 0 else 0] += 1
        steps[position + 1] -= 1
    return np.cumsum(steps[:-1]) > 0


def _decode_all(packets: Iterator[Packet[VideoStream]], decoder: _Decoder) -> Iterator[VideoFrame]:
    for packet in packets:
        yield from decoder.decode(packet)
    yield from decoder.drain()


class _Timestamps:
    """Times of frames that may have none: their own if it rises, else one frame after the last."""

    def __init__(self, stream: VideoStream) -> None:
        self._step_s = 1 / (stream_rate(stream) or ASSUMED_RATE)
        self._tick_s = Fraction(stream.time_base or 0)
        self._first: Fraction | None = None
        self._last: Fraction | None = None

    def time_s(self, frame: VideoFrame) -> float:
        stamp = None if frame.pts is None else frame.pts * self._tick_s
        if self._last is None:
            self._first, self._last = stamp, Fraction(0)
            return 0.0
        on_time = None if stamp is None or self._first is None else stamp - self._first
        rises = on_time is not None and on_time > self._last
        self._last = on_time if on_time is not None and rises else self._last + self._step_s
        return float(self._last)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Packets of the stream up to its end or to where it is truncated.

    Empty packets mark a repeated frame (AVI) or the end; a decoder takes either for the end.
    """
    import av

    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all  # their bytes need not be read
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.FFmpegError:
        return
