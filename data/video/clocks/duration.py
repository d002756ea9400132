"""Duration of a video: from its header, or from its packets where the header cannot be trusted."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.video.clocks.clock import JUMP_S, Join, rules_of
from data.video.container import ASSUMED_RATE, MAX_RATE, open_footage, open_video, stream_rate
from data.video.demux import demuxed, packets_of
from data.video.packet_index import index_packets

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

    from data.video.footage import Footage

_NEAR_END_S: Final = 1.0
_WRONG_S: Final = 1.0
_REORDERED_S: Final = 1.0  # more than encoders reorder frames


def header_duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the duration that the header declares, in seconds; None without a credible one."""
    if stream.average_rate and stream.average_rate > MAX_RATE:
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # For elementary streams libav guesses from size and bit rate, which can be far off.
    if not container.duration or stream.start_time is None or not stream.time_base:
        return None
    # Matroska counts the duration from 0, not from the first frame.
    start_s = float(stream.start_time * stream.time_base)
    return max(container.duration / 1e6 - max(start_s, 0.0), 0.0)


def counted_duration_s(path: Path, number: int | None = None) -> float:
    """Count packets, without decoding, for the duration of a stream whose header has none."""
    with open_video(path, number=number) as (container, stream):
        rate = stream_rate(stream) or ASSUMED_RATE
        count = sum(1 for _ in packets_of(container, stream))
    return float(count / rate)


def header_is_plausible(container: InputContainer, stream: VideoStream) -> bool:
    """Return whether the last packets of a stream end where the header says; moves the position.

    For formats whose clock may restart, libav takes the header's duration from first and last time,
    which says nothing about what is between.
    """
    if not stream.time_base or rules_of(container, Fraction(stream.time_base)).restarts:
        return False
    end_s = _declared_end_s(container, stream)
    times_s = _last_times_s(container, stream, end_s - JUMP_S)
    if not len(times_s) or abs(end_s - times_s.max()) > JUMP_S:
        return False
    back_s = np.maximum.accumulate(times_s) - times_s
    return bool((np.diff(np.sort(times_s)) < JUMP_S).all() and (back_s < _REORDERED_S).all())


def _declared_end_s(container: InputContainer, stream: VideoStream) -> float:
    begin_s = float((stream.start_time or 0) * (stream.time_base or 0))
    if stream.duration and stream.time_base:
        return begin_s + float(stream.duration * stream.time_base)
    return max((container.duration or 0) / 1e6, begin_s)


def _last_times_s(
    container: InputContainer, stream: VideoStream, from_s: float
) -> NDArray[np.float64]:
    """Return the times of the packets after a time, ``(n,)``; empty if it cannot be sought."""
    import av

    tick = Fraction(stream.time_base or 1)
    times = []
    try:
        container.seek(max(round(Fraction(from_s) / tick), 0), stream=stream)
        for packet in demuxed(container, stream):
            time = packet.dts if packet.pts is None else packet.pts
            if packet.size and time is not None:
                times.append(time)
    except av.FFmpegError:
        pass  # truncated
    return np.array([float(time * tick) for time in times])


@lru_cache(maxsize=256)
def measured_duration_s(footage: Footage, key: str) -> tuple[float, tuple[Join, ...]]:
    """Return duration and joins of a footage by its packets, with the header's where they agree.

    Args:
        footage: a video, with the duration in its header.
        key: changes with the file.
    """
    del key  # for the cache only
    index = index_packets(footage)
    if index is None:
        return footage.duration_s, ()
    times_s = index.times_s
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    measured_s = float(times_s[-1]) + step_s
    is_wrong = index.is_mended or _is_of_other_stream(footage, measured_s)
    is_wrong |= measured_s - footage.duration_s > _WRONG_S  # not for truncated files
    return measured_s if is_wrong else footage.duration_s, index.joins


def _is_of_other_stream(footage: Footage, measured_s: float) -> bool:
    """Return whether the header's duration, longer than the video, is that of another stream.

    Else the file is truncated.
    """
    import av

    with open_footage(footage) as (container, stream):
        end_s = _declared_end_s(container, stream)
        if stream.duration or footage.duration_s < measured_s + JUMP_S:
            return False
        if container.format.name == "flv":
            return True  # nothing but the header has the stray time of its sound
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.stream is not stream:
                    ends_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    if ends_s > end_s - _NEAR_END_S:
                        return True
        except (av.FFmpegError, IndexError):  # see `demuxed`
            pass
    return False
