"""Index of a video's packets by presentation time, read without decoding."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.video.clocks.clock import NO_TIME, ClockRules, Join, rules_of
from data.video.clocks.picture_clock import (
    FramePackets,
    UnreliableTimesError,
    hide_undecodable_start,
    mend_times,
)
from data.video.container import MAX_RATE, open_footage
from data.video.demux import packets_of

if TYPE_CHECKING:
    from av import Packet, VideoStream

    from data.video.footage import Footage

# Flags of a packet.
_KEYFRAME, _SHOWN, _UNREFERENCED = 1, 2, 4

# A file is truncated if its header declares a duration longer by this much than the content.
_TRUNCATED_S = 1.0
_TRUNCATED_SHARE = 0.02

# A clock that runs for longer is damaged: ten years.
_LONGEST_S = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """One video's packets in decode order, in 18 bytes per frame.

    A frame's index is the rank of its presentation time among the shown packets, so it depends
    neither on where decoding starts nor on damage.
    """

    pts: NDArray[np.int64]  # (n,) ticks, decode order; without restarts of the clock
    rank: NDArray[np.int64]  # (n,) rank by presentation time, -1 if never shown
    keyframe: NDArray[np.bool_]  # (n,)
    unreferenced: NDArray[np.bool_]  # (n,) True if no other frame refers to it
    sorted_pts: NDArray[np.int64]  # (shown,) ticks, presentation order
    time_base: Fraction  # seconds per tick
    missing: int  # frames that the header declares and the file lacks
    joins: tuple[Join, ...] = ()  # restarts of the clock
    strays: int = 0  # times that were dropped, and replaced by what their neighbours imply

    @property
    def is_mended(self) -> bool:
        """Return whether ``pts`` differ from those in the file."""
        return bool(self.joins or self.strays)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Presentation time of every shown frame, ``(shown,)`` seconds, starting at 0."""
        ticks = self.sorted_pts - self.sorted_pts[0]
        # Multiply before dividing: exact results stay exact.
        seconds = ticks * self.time_base.numerator / self.time_base.denominator
        return np.asarray(seconds, np.float64)

    def locate(self, pts: int) -> tuple[int, float]:
        """Return index and time of the frame with timestamp ``pts``; -1 if before the first."""
        index = int(np.searchsorted(self.sorted_pts, pts, side="right")) - 1
        ticks = pts - int(self.sorted_pts[0])
        return index, ticks * self.time_base.numerator / self.time_base.denominator


def index_packets(footage: Footage) -> PacketIndex | None:
    """Index the packets of a video; return None if their times are unreliable.

    A clock that restarts (joined recordings) or has stray times is mended. Times are unreliable if
    one is missing (elementary streams, AVI with B-frames), two are equal, or they are in no order.
    """
    packets = _Packets()
    with open_footage(footage) as (container, stream):
        for packet in packets_of(container, stream):
            if packet.pts is None:
                return None
            packets.append(packet, stream)
        if not packets.pts or not stream.time_base:
            return None
        last_dts = packets.dts[-1] if packets.dts[-1] != NO_TIME else None
        frames = _declared_frames(stream, len(packets.pts), last_dts)
        declared = frames, _declared_s(stream, footage)
        rules = rules_of(container, Fraction(stream.time_base))
        return _build_index(packets, rules, stream.codec_context.name, declared)


class _Packets:
    """Packets of a video while they are read."""

    def __init__(self) -> None:
        self.pts, self.dts, self.position = array("q"), array("q"), array("q")
        self.flags = bytearray()

    def append(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        pts = packet.pts or 0
        self.pts.append(pts)
        # Where a clock restarts, libav guesses one dts that continues it, later than the pts.
        self.dts.append(NO_TIME if packet.dts is None else min(packet.dts, pts))
        self.position.append(-1 if packet.pos is None else packet.pos)
        self.flags.append(_flags(packet, stream))


def _build_index(
    packets: _Packets, rules: ClockRules, codec: str, declared: tuple[int, float]
) -> PacketIndex | None:
    ticks, bits = np.array(packets.pts, np.int64), np.array(packets.flags, np.uint8)
    keyframe, shown, unreferenced = ((bits & f) > 0 for f in (_KEYFRAME, _SHOWN, _UNREFERENCED))
    dts, position = np.array(packets.dts, np.int64), np.array(packets.position, np.int64)
    try:
        frames = FramePackets(ticks, dts, position, keyframe, shown)
        mended = mend_times(frames, rules, codec=codec)
    except UnreliableTimesError:
        return None
    if mended is None:
        hide_undecodable_start(ticks, keyframe, shown, codec)
    else:
        ticks, shown = mended.pts, mended.shown
    sorted_pts = np.sort(ticks[shown])
    if not _are_plausible(sorted_pts, rules.tick):
        return None
    rank = np.where(shown, np.searchsorted(sorted_pts, ticks), -1)
    if mended is not None:
        declared = declared[0], 0.0
    missing = _missing(sorted_pts, rules.tick, len(ticks), declared)
    index = PacketIndex(ticks, rank, keyframe, unreferenced, sorted_pts, rules.tick, missing)
    return index if mended is None else replace(index, joins=mended.joins, strays=mended.strays)


def _are_plausible(sorted_pts: NDArray[np.int64], tick: Fraction) -> bool:
    """Return whether frame times differ, in total by `_LONGEST_S`, in median by 1/`MAX_RATE`."""
    steps = np.diff(sorted_pts)
    if not len(steps):
        return len(sorted_pts) > 0
    span_s, step_s = int(steps.sum()) * tick, int(np.median(steps)) * tick
    return bool((steps > 0).all()) and span_s <= _LONGEST_S and step_s * MAX_RATE >= 1


def _missing(
    sorted_pts: NDArray[np.int64], time_base: Fraction, packets: int, declared: tuple[int, float]
) -> int:
    """Estimate the frames lost by truncation from the header's frame count, else its duration."""
    frames, duration_s = declared
    if frames:
        return max(0, frames - packets)
    present_s = float(int(sorted_pts[-1] - sorted_pts[0]) * time_base)
    # Matroska counts the duration from 0, not from the first frame; some writers do not.
    lost_s = duration_s - max(present_s, float(int(sorted_pts[-1]) * time_base))
    if present_s <= 0 or lost_s < max(_TRUNCATED_S, _TRUNCATED_SHARE * duration_s):
        return 0
    return round(lost_s * len(sorted_pts) / present_s)


def _declared_frames(stream: VideoStream, packets: int, last_dts: int | None) -> int:
    """Return the frames in the header; 0 if unknown.

    AVI counts time in frames, and repeats a frame by an empty packet, which libav drops.
    """
    repeated = 0
    if stream.container.format.name == "avi" and last_dts is not None:
        repeated = max(last_dts + 1 - packets, 0)
    return max(stream.frames - repeated, 0)


def _declared_s(stream: VideoStream, footage: Footage) -> float:
    """Return the duration in Matroska's header, else 0: for other formats libav may guess it.

    It is 0 as well if `probe` found it to be wrong: a stray time of the sound makes it too long.
    """
    if "matroska" not in stream.container.format.name:
        return 0.0
    from typing import cast

    from av.container import InputContainer

    declared_s = (cast(InputContainer, stream.container).duration or 0) / 1e6
    begin_s = float((stream.start_time or 0) * (stream.time_base or 0))
    is_wrong = footage.duration_s < declared_s - max(begin_s, 0.0) - _TRUNCATED_S
    return 0.0 if is_wrong else declared_s


def _flags(packet: Packet[VideoStream], stream: VideoStream) -> int:
    codec = stream.codec_context
    keyframe = _KEYFRAME * packet.is_keyframe
    shown = _SHOWN * _is_shown(packet, codec.name)
    is_unreferenced = codec.name == "h264" and _is_unreferenced(packet, codec.extradata)
    return keyframe | shown | _UNREFERENCED * is_unreferenced


def _is_shown(packet: Packet[VideoStream], codec: str) -> bool:
    """Return whether the packet is shown: not cut by an edit list, nor a hidden VP8 reference."""
    if packet.is_discard:
        return False
    # RFC 6386, 9.1: bit 4 of the first byte is show_frame.
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)


def _is_unreferenced(packet: Packet[VideoStream], extradata: bytes | None) -> bool:
    """Return whether no other picture refers to this H.264 picture: its nal_ref_idc is 0.

    Supports only the packet layout of .mp4 and .mkv (ISO 14496-15: extradata begins with 1, each
    NAL unit with its length). False for others: their packets are all decoded, which only costs
    time.
    """
    if not extradata or extradata[0] != 1 or len(extradata) < 5:
        return False
    length_size, offset, content = (extradata[4] & 3) + 1, 0, memoryview(packet)
    while offset + length_size < len(content):
        header = content[offset + length_size]
        # ISO 14496-10, 7.3.1: nal_ref_idc, then nal_unit_type; types 1 to 5 are slices.
        if 1 <= header & 31 <= 5:
            return not header >> 5 & 3
        offset += length_size + int.from_bytes(content[offset : offset + length_size])
    return False
