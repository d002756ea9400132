"""The order of a video's frames by presentation time, read without decoding."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.video.footage import Footage, open_video

if TYPE_CHECKING:
    from av import Packet, VideoStream

# Decoders that cannot show the pictures which lead an open group at the very start.
_NO_LEADING = frozenset({"h264", "hevc"})

# Flags of a packet.
_KEYFRAME, _SHOWN, _SPARE = 1, 2, 4

# A file is truncated if its header announces this much more than there is.
_TRUNCATED_S = 1.0
_TRUNCATED_SHARE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """One video's packets in decode order: 18 bytes a frame, whatever its length.

    A frame's index is the rank of its presentation time among the packets that are shown, so it
    is the same wherever decoding starts and whatever is damaged in between.
    """

    pts: NDArray[np.int64]  # (n,) ticks, decode order
    rank: NDArray[np.int64]  # (n,) rank by presentation time, -1 never shown
    keyframe: NDArray[np.bool_]  # (n,)
    spare: NDArray[np.bool_]  # (n,) no other frame refers to it
    sorted_pts: NDArray[np.int64]  # (shown,) ticks, presentation order
    time_base: Fraction  # seconds a tick
    missing: int  # frames that the header announces and the file lacks

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Presentation time of every shown frame, ``(shown,)``, the first 0."""
        ticks = self.sorted_pts - self.sorted_pts[0]
        # Multiplied before divided: exact numbers stay exact.
        seconds = ticks * self.time_base.numerator / self.time_base.denominator
        return np.asarray(seconds, np.float64)

    def place(self, pts: int) -> tuple[int, float]:
        """Index and time of the decoded frame stamped ``pts``; -1 if it is before the first."""
        index = int(np.searchsorted(self.sorted_pts, pts, side="right")) - 1
        ticks = pts - int(self.sorted_pts[0])
        return index, ticks * self.time_base.numerator / self.time_base.denominator


def index_packets(footage: Footage) -> PacketIndex | None:
    """Read the packets of a video; ``None`` where their times cannot be trusted.

    That is where one has no presentation time (elementary streams, AVI with B-frames), two have
    the same, or decoding times run backwards (joined recordings).
    """
    import av

    pts, flags, last_dts = array("q"), bytearray(), None
    with open_video(footage.path) as (container, stream):
        for other in container.streams:
            if other is not stream:
                other.discard = av.stream.Discard.all  # so that its bytes need not be read
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                if packet.pts is None or _backwards(packet.dts, last_dts):
                    return None
                last_dts = packet.dts if packet.dts is not None else last_dts
                pts.append(packet.pts)
                flags.append(_flags(packet, stream))
        except av.FFmpegError:
            pass  # cut off: what came before is whole
        promised = stream.frames, _promised_s(stream)
        return _ordered(pts, flags, stream, promised)


def _ordered(
    pts: array[int], flags: bytearray, stream: VideoStream, promised: tuple[int, float]
) -> PacketIndex | None:
    ticks, bits = np.array(pts, np.int64), np.array(flags, np.uint8)
    keyframe, shown, spare = ((bits & bit) > 0 for bit in (_KEYFRAME, _SHOWN, _SPARE))
    if keyframe.any():
        _hide_undecodable_start(ticks, keyframe, shown, stream.codec_context.name)
    sorted_pts = np.sort(ticks[shown])
    if not len(sorted_pts) or (np.diff(sorted_pts) == 0).any() or not stream.time_base:
        return None
    rank = np.where(shown, np.searchsorted(sorted_pts, ticks), -1)
    time_base = Fraction(stream.time_base)
    missing = _missing(sorted_pts, time_base, len(ticks), promised)
    return PacketIndex(ticks, rank, keyframe, spare, sorted_pts, time_base, missing)


def _hide_undecodable_start(
    pts: NDArray[np.int64], keyframe: NDArray[np.bool_], shown: NDArray[np.bool_], codec: str
) -> None:
    """Hide the frames before the first keyframe: they refer to frames that were cut off."""
    first = int(np.argmax(keyframe))
    shown[:first] = False
    if codec in _NO_LEADING:
        shown[pts < pts[first]] = False


def _missing(
    sorted_pts: NDArray[np.int64], time_base: Fraction, packets: int, promised: tuple[int, float]
) -> int:
    """Frames the file was cut off by, from the header's count or else its duration."""
    frames, duration_s = promised
    if frames:
        return max(0, frames - packets)
    held_s = float(int(sorted_pts[-1] - sorted_pts[0]) * time_base)
    # Matroska counts from 0, not from the first frame; some writers do not know.
    lost_s = duration_s - max(held_s, float(int(sorted_pts[-1]) * time_base))
    if held_s <= 0 or lost_s < max(_TRUNCATED_S, _TRUNCATED_SHARE * duration_s):
        return 0
    return round(lost_s * len(sorted_pts) / held_s)


def _promised_s(stream: VideoStream) -> float:
    """What the header says the stream lasts; 0 unknown. Formats without one only guess."""
    if "matroska" not in stream.container.format.name:
        return 0.0
    from typing import cast

    from av.container import InputContainer

    return (cast(InputContainer, stream.container).duration or 0) / 1e6


def _backwards(dts: int | None, last_dts: int | None) -> bool:
    return dts is not None and last_dts is not None and dts < last_dts


def _flags(packet: Packet[VideoStream], stream: VideoStream) -> int:
    codec = stream.codec_context
    keyframe = _KEYFRAME * packet.is_keyframe
    shown = _SHOWN * _is_shown(packet, codec.name)
    spare = _SPARE * (codec.name == "h264" and _is_spare(packet, codec.extradata))
    return keyframe | shown | spare


def _is_shown(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether a frame comes of it: not if an edit list cut it, nor a VP8 reference to be kept."""
    if packet.is_discard:
        return False
    # RFC 6386, 9.1: bit 4 of the first byte is show_frame.
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)


def _is_spare(packet: Packet[VideoStream], extradata: bytes | None) -> bool:
    """Whether an H.264 picture is one that none refers to: its nal_ref_idc is 0.

    Only of packets as .mp4 and .mkv hold them (ISO 14496-15: extradata begins with 1, a unit
    with its length); of others it is unknown, which costs time and nothing else.
    """
    if not extradata or extradata[0] != 1 or len(extradata) < 5:
        return False
    size, place, content = (extradata[4] & 3) + 1, 0, memoryview(packet)
    while place + size < len(content):
        head = content[place + size]
        # ISO 14496-10, 7.3.1: nal_ref_idc, then nal_unit_type, of which 1 to 5 are a picture's.
        if 1 <= head & 31 <= 5:
            return not head >> 5 & 3
        place += size + int.from_bytes(content[place : place + size])
    return False
