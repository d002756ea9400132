"""Find out whether a video is interlaced, from its flags and from a sample of its frames.

The measure is that of FFmpeg's filter idet, restricted to moving pixels: a line of a frame lies
between its neighbouring lines in time as well. If it is replaced by the line of the frame before or
after, it fits better where that one is closer in time, which tells the order of the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.video.demux import demuxed
from data.video.display.form import FieldOrder
from data.video.yuv import planes_of

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

_LINES: Final = (range(144, 609), range(1080, 1089))
_MAX_RATE: Final = 31
"""Lines and frames per second of formats with interlaced video."""
_PLACES: Final = (0.0, 0.35, 0.7)
"""Places of the sample, as shares of the duration."""
_FRAMES: Final = 6
"""Consecutive frames read at each place."""
_PACKETS_TO_TRY: Final = 100

_COLUMN_STEP: Final = 4
_MOTION: Final = 12
"""Smallest change of a moving pixel from the frame before to the frame after, of 255."""
_MIN_MOVING: Final = 100
"""Moving pixels below which a frame gives no verdict."""
_FIELD_RATIO: Final = 1.3
"""Misfit of the wrong order of fields over that of the right one; idet uses 1.04 for all pixels."""
_PROGRESSIVE_RATIO: Final = 2.0
"""Misfit of lines of neighbouring frames over that of a whole frame's own; idet uses 1.5."""
_SAME_RATIO: Final = 1.15
"""Misfit of one order of fields over that of the other, of a whole frame."""

_MIN_FRAMES: Final = 4
_MIN_SHARE: Final = 0.25
"""Frames with one order of fields, as a share of all with a verdict, for an interlaced video."""
_MAX_CONTRARY: Final = 0.125
_MIN_PROGRESSIVE: Final = 8


@dataclass(slots=True)
class _Verdicts:
    """Numbers of sampled frames by verdict."""

    top: int = 0
    bottom: int = 0
    progressive: int = 0
    flagged: int = 0

    def add(self, before: _Luma, frame: _Luma, after: _Luma) -> None:
        top, bottom, own = misfits(before, frame, after)
        if not own and not top and not bottom:
            return
        right, wrong = sorted((top, bottom))
        # Fields of one frame are as close in time as those of neighbours in the right order.
        is_whole = right > _PROGRESSIVE_RATIO * own
        if is_whole and wrong < _SAME_RATIO * right:
            self.progressive += 1
        elif not is_whole and wrong > _FIELD_RATIO * right:
            if top < bottom:
                self.top += 1
            else:
                self.bottom += 1

    def fields(self) -> FieldOrder:
        """Return the interlacing of the video."""
        most, least = max(self.top, self.bottom), min(self.top, self.bottom)
        judged = self.top + self.bottom + self.progressive
        if self.flagged:
            # Progressive frames are often stored as interlaced ones (PsF).
            is_progressive = self.progressive >= _MIN_PROGRESSIVE and not most
            return "progressive" if is_progressive else "flagged"
        if most < _MIN_FRAMES or most < _MIN_SHARE * judged or least > _MAX_CONTRARY * most:
            return "progressive"
        return "top" if self.top > self.bottom else "bottom"


_Luma = NDArray[np.int16]


def may_be_interlaced(stream: VideoStream, first: VideoFrame) -> bool:
    """Return whether a video is flagged as interlaced, or could be without the flag."""
    rate = stream.average_rate or stream.guessed_rate or 0
    has_lines = any(first.height in lines for lines in _LINES)
    return first.interlaced_frame or (has_lines and rate <= _MAX_RATE)


def field_order(container: InputContainer, stream: VideoStream) -> FieldOrder:
    """Return the interlacing of a video that has just been opened."""
    import av

    verdicts = _Verdicts()
    for frames in _samples(container, stream):
        verdicts.flagged += sum(frame.interlaced_frame for frame in frames)
        try:
            lumas = [_luma(frame) for frame in frames]
        except av.FFmpegError:
            continue  # a pixel format that cannot be converted
        for before, frame, after in zip(lumas, lumas[1:], lumas[2:], strict=False):
            if before.shape == frame.shape == after.shape:
                verdicts.add(before, frame, after)
    return verdicts.fields()


def misfits(before: _Luma, frame: _Luma, after: _Luma) -> tuple[float, float, float]:
    """Return the misfit between lines for three assumptions on the order of fields.

    Args:
        before: ``(h, w)`` luma of the frame before.
        frame: luma of the frame.
        after: luma of the frame after.

    Returns:
        Misfit if the top field is first, if the bottom field is first, and if the frame is
        progressive; all 0 if little moves.
    """
    moving = np.abs(after - before)[1:-1] > _MOTION
    if moving.sum() < _MIN_MOVING:
        return 0.0, 0.0, 0.0
    around = frame[:-2] + frame[2:]
    with_before, with_own, with_after = (
        np.where(moving, np.abs(around - 2 * other[1:-1]), 0).sum(axis=1, dtype=np.int64)
        for other in (before, frame, after)
    )
    # Row 0 here is line 1, of the bottom field.
    bottom, top = slice(0, None, 2), slice(1, None, 2)
    # Top first: the bottom lines of the frame before lie between the top lines in time.
    top_first = with_before[bottom].sum() + with_after[top].sum()
    bottom_first = with_after[bottom].sum() + with_before[top].sum()
    return float(top_first), float(bottom_first), float(with_own.sum())


def _luma(frame: VideoFrame) -> _Luma:
    return planes_of(frame).y[:, ::_COLUMN_STEP].astype(np.int16)


def _samples(container: InputContainer, stream: VideoStream) -> Iterator[Sequence[VideoFrame]]:
    """Yield runs of consecutive frames from several places of the video."""
    import av

    duration, start = container.duration or 0, container.start_time or 0
    for place in _PLACES if duration and stream.start_time is not None else _PLACES[:1]:
        try:
            if place:
                container.seek(start + int(place * duration))
            yield _run(container, stream)
        except av.FFmpegError:
            return


def _run(container: InputContainer, stream: VideoStream) -> list[VideoFrame]:
    import av

    frames: list[VideoFrame] = []
    for tried, packet in enumerate(demuxed(container, stream)):
        try:
            frames += [frame for frame in stream.decode(packet) if not frame.is_corrupt]
        except av.FFmpegError:
            frames.clear()
        if len(frames) >= _FRAMES or tried > _PACKETS_TO_TRY:
            break
    return frames[:_FRAMES]
