"""Decode the frames of one video stream with index and time, and count damaged frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.video.clocks.clock import LONG_GAP_S
from data.video.container import ASSUMED_RATE, MAX_RATE, open_footage, stream_rate
from data.video.demux import packets_of
from data.video.display.size_changes import HeaderChanges
from data.video.footage import Footage
from data.video.frames import Damage
from data.video.packet_index import PacketIndex

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream

    IndexedFrame = tuple[int, float, VideoFrame]
    """Index, presentation time in seconds, and picture of one frame."""

# Frames after a broken one are smeared until the next keyframe. A stream with no keyframe for this
# many frames refreshes its picture in some other way.
MAX_SMEARED_FRAMES = 300


def decode_selected(
    footage: Footage, index: PacketIndex, selected: NDArray[np.bool_], threads: int, damage: Damage
) -> Generator[IndexedFrame, None, None]:
    """Decode the ``selected`` frames, ``(shown,)`` bool, each from the keyframe before it.

    Packets in between are read and dropped: that is cheap compared to decoding and, unlike
    seeking, exact in every container. Frames that were not selected are yielded too.
    """
    is_selected = (index.rank >= 0) & selected[index.rank]
    is_needed = _needed_packets(index, is_selected)
    end = int(np.flatnonzero(is_needed).max(initial=-1)) + 1
    with open_footage(footage, threads=threads) as (container, stream):
        decoder = _Decoder(footage, stream, damage)
        indexer = _FrameIndexer(index, decoder)
        due, state = -1, "idle"  # due: index of the latest selected frame sent to the decoder
        for position, packet in enumerate(packets_of(container, stream)):
            if position >= len(is_needed) or (position > end and state == "idle"):
                break  # no selected frame is left, or the file has grown since it was indexed
            if index.is_mended:
                packet.pts = int(index.pts[position])
            if state == "needed" and not is_needed[position]:
                yield from indexer.index(decoder.drain())
                state = "idle"
                if indexer.last < due:  # a selected frame is damaged: find the next intact one
                    state = "overdue"
                    decoder.mark_smeared()
            if is_needed[position]:
                state = "needed"
                due = max(due, int(index.rank[position])) if is_selected[position] else due
            elif state == "overdue" and indexer.last >= due:
                decoder.drain()
                state = "idle"
            skip = index.unreferenced[position] and not is_selected[position]
            if state != "idle" and not (skip and state != "overdue"):
                yield from indexer.index(decoder.decode(packet))
            else:
                decoder.skip(packet)
        yield from indexer.index(decoder.drain())


def decode_all(
    footage: Footage, threads: int, damage: Damage
) -> Generator[IndexedFrame, None, None]:
    """Decode every frame and number it by counting: for streams without reliable packet times."""
    with open_footage(footage, threads=threads) as (container, stream):
        decoder = _Decoder(footage, stream, damage)
        timestamps = _Timestamps(stream)
        frames = _decode_packets(packets_of(container, stream), decoder)
        for number, frame in enumerate(frames):
            time_s = timestamps.time_s(frame)
            if decoder.is_intact(frame):
                yield number, time_s, frame


class _Decoder:
    """Decoder of one stream that counts broken frames and the frames they smear."""

    def __init__(self, footage: Footage, stream: VideoStream, damage: Damage) -> None:
        """Prepare to decode a stream of ``footage``, which the caller closes."""
        self._stream, self._damage = stream, damage
        self._smear = 0
        self._changes = HeaderChanges(stream, varies=footage.form.varies)

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Send a packet; return the frames that are ready, from this packet or earlier ones."""
        import av

        try:
            if packet is not None and self._changes.must_drain(packet):
                return [*self.drain(), *self._stream.decode(packet)]
            return self._stream.decode(packet)
        except av.FFmpegError:
            self._damage.frames += 1
            self.mark_smeared()
            return []

    def skip(self, packet: Packet[VideoStream]) -> None:
        """Note a packet that is not decoded."""
        self._changes.skip(packet)

    def drain(self) -> list[VideoFrame]:
        """Return the buffered frames and reset the decoder for a packet from anywhere."""
        frames = self.decode(None)
        self._stream.codec_context.flush_buffers()
        return frames

    def mark_smeared(self) -> None:
        """Count the frames up to the next keyframe as damaged: they refer to a missing one."""
        self._smear = MAX_SMEARED_FRAMES

    def is_intact(self, frame: VideoFrame) -> bool:
        """Return whether the next frame in order is undamaged; count it if not."""
        if frame.is_corrupt:
            self.mark_smeared()
        elif frame.key_frame:
            self._smear = 0
        if not self._smear:
            return True
        self._smear -= 1
        self._damage.frames += 1
        return False


class _FrameIndexer:
    """Assign index and time to intact frames, in increasing order."""

    def __init__(self, index: PacketIndex, decoder: _Decoder) -> None:
        self._index, self._decoder = index, decoder
        self.last = -1  # index of the last intact frame

    def index(self, frames: list[VideoFrame]) -> Iterator[IndexedFrame]:
        for frame in frames:
            if frame.pts is None or not self._decoder.is_intact(frame):
                continue
            number, time_s = self._index.locate(frame.pts)
            if number > self.last:
                self.last = number
                yield number, time_s, frame


def _needed_packets(index: PacketIndex, is_selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the packets, ``(n,)`` in decode order, from each selected one's keyframe to itself."""
    if is_selected.all():
        return is_selected
    keyframes = np.flatnonzero(index.keyframe)
    steps = np.zeros(len(is_selected) + 1, np.int64)
    for position in np.flatnonzero(is_selected):
        k = int(np.searchsorted(keyframes, position, side="right")) - 1
        # A frame decoded after a keyframe but shown before it refers to the previous GOP.
        while k >= 0 and index.pts[keyframes[k]] > index.pts[position]:
            k -= 1
        steps[keyframes[k] if k >= 0 else 0] += 1
        steps[position + 1] -= 1
    return np.cumsum(steps[:-1]) > 0


def _decode_packets(
    packets: Iterator[Packet[VideoStream]], decoder: _Decoder
) -> Iterator[VideoFrame]:
    for packet in packets:
        yield from decoder.decode(packet)
    yield from decoder.drain()


class _Timestamps:
    """Frame times: the frame's own if later than the last one, else one frame duration after it."""

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
        time_s = None if stamp is None or self._first is None else stamp - self._first
        # A gap of hours is a damaged time, and so are frames faster than any camera's.
        is_next = time_s is not None and 1 / MAX_RATE <= time_s - self._last < LONG_GAP_S
        self._last = time_s if time_s is not None and is_next else self._last + self._step_s
        return float(self._last)
