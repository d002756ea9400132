"""Mux chunks and sound into one .mp4 without re-encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cropping.render.audio import sound_packets
from data.video.writer import open_mp4, write_errors

if TYPE_CHECKING:
    from av.container import OutputContainer

_CHAPTER_TICK: Final = Fraction(1, 1000)
_MOVIE_TICK: Final = Fraction(1, 1000)
"""Precision of the time at which a video in an .mp4 begins, if it does not begin at 0."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Interval of a video to copy into another video."""

    begin_s: Fraction
    end_s: Fraction  # exclusive
    title: str = ""  # title of its chapter


@dataclass(frozen=True, slots=True, eq=False)
class PacketTimes:
    """Presentation and decoding times of a video's packets, in ticks."""

    pts: NDArray[np.int64]  # (n,) decode order
    dts: NDArray[np.int64]  # (n,)
    duration: NDArray[np.int64]  # (n,)


def packet_times(pts: NDArray[np.int64], *, end: int) -> PacketTimes:
    """Return the packet times, with decoding as late as frame reordering allows.

    Args:
        pts: ``(n,)`` distinct presentation times in ticks, in decode order.
        end: tick at which the last frame ends.
    """
    order = np.argsort(pts)
    shown = pts[order]
    rank = np.empty(len(pts), np.int64)
    rank[order] = np.arange(len(pts))
    delay = int((np.arange(len(pts)) - rank).max(initial=0))
    steps = np.diff(np.append(shown, end))
    step = max(int(steps.min()), 1) if len(steps) else 1
    before = shown[:1] - np.arange(delay, 0, -1) * step
    dts = np.concatenate([before, shown])[: len(pts)]
    duration = steps[rank]
    if delay and len(pts) > 1:
        # A file lasts from its first decoding time to the end of its last decoded packet.
        duration[-1] = max(int((end - shown[0]) - (dts[-1] - dts[0])), 1)
    return PacketTimes(pts, dts, duration)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Encoded consecutive frames of a video.

    Args:
        own: file of `ChunkWriter`, or a complete .mp4.
        shared: file with the GOPs missing from ``own``, shared by several videos.
    """

    own: Path
    shared: Path | None = None

    def files(self) -> Iterator[Path]:
        """Yield the non-empty files."""
        files = (file for file in (self.own, self.shared) if file is not None)
        return (file for file in files if file.stat().st_size)


def mux(
    path: Path, chunks: Sequence[Chunk], excerpts: Sequence[Excerpt], *, sound: Path | None
) -> None:
    """Write excerpts of a video to an .mp4, with one chapter per excerpt if there are several.

    Args:
        path: output file.
        chunks: chunks of the video, in order.
        excerpts: in order. Each begins at a keyframe, and ends just before one or at the end.
        sound: file of `write_sound` with the footage's sound, None for no sound.

    Raises:
        InputError: the file cannot be written.
    """
    import av

    sample = next(file for chunk in chunks for file in chunk.files())
    with av.open(f"file:{sample}") as first, write_errors(path), open_mp4(path) as target:
        template = first.streams.video[0]
        tick = Fraction(template.time_base or 1)
        video: Any = target.add_stream_from_template(template)
        video.time_base = tick
        ticks = _ExcerptTicks.of(excerpts, tick)
        streams = [_video(chunks, ticks, video, tick)]
        if sound is not None:
            streams.append(_sound(sound, excerpts, target))
        if len(excerpts) > 1:
            target.set_chapters(_chapters(excerpts))
        for _, packet in merge(*streams, key=itemgetter(0)):
            target.mux(packet)


@dataclass(frozen=True, slots=True, eq=False)
class _ExcerptTicks:
    """Excerpts in ticks of the video's time base."""

    begin: NDArray[np.int64]  # (s,) in the source
    end: NDArray[np.int64]  # (s,) in the source, exclusive
    output_begin: NDArray[np.int64]  # (s,) in the output
    tolerance: int

    @classmethod
    def of(cls, excerpts: Sequence[Excerpt], tick: Fraction) -> _ExcerptTicks:
        begin = np.array([round(excerpt.begin_s / tick) for excerpt in excerpts], np.int64)
        end = np.array([round(excerpt.end_s / tick) for excerpt in excerpts], np.int64)
        output_begin = np.concatenate([[0], np.cumsum(end - begin)])[:-1]
        return cls(begin, end, output_begin, round(_MOVIE_TICK / tick))

    def moved(self, pts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the output pts ``(n,)`` of source pts ``(n,)``, and the mask of the excerpts."""
        steps = np.diff(np.sort(pts))
        latest = pts + min(self.tolerance, int(steps.min(initial=self.tolerance)) // 2)
        excerpt = np.maximum(np.searchsorted(self.begin, latest, side="right") - 1, 0)
        inside = (latest >= self.begin[excerpt]) & (latest < self.end[excerpt])
        return np.maximum(pts - self.begin[excerpt], 0) + self.output_begin[excerpt], inside


def _video(
    chunks: Sequence[Chunk], ticks: _ExcerptTicks, stream: Any, tick: Fraction
) -> Iterator[tuple[Fraction, Any]]:
    pts = np.array([packet.pts for packet in _packets(chunks)], np.int64)
    moved, inside = ticks.moved(pts)
    times = packet_times(moved[inside], end=int((ticks.end - ticks.begin).sum()))
    number = 0
    for packet, is_inside in zip(_packets(chunks), inside, strict=True):
        if not is_inside:
            continue
        packet.stream, packet.time_base = stream, tick
        packet.pts, packet.dts = int(times.pts[number]), int(times.dts[number])
        packet.duration = int(times.duration[number])
        number += 1
        yield packet.dts * tick, packet


def _packets(chunks: Sequence[Chunk]) -> Iterator[Any]:
    """Yield all packets in decode order."""
    for chunk in chunks:
        first, *shared = (_groups(file) for file in chunk.files())
        if shared:
            own_pts = {packet.pts for _, packet in _groups(chunk.own)}
            shared = [(pair for pair in shared[0] if pair[1].pts not in own_pts)]
        for _, packet in merge(first, *shared, key=itemgetter(0)):
            yield packet


def _groups(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield packets in decode order as pairs of their GOP's keyframe pts and the packet."""
    import av

    with av.open(f"file:{path}") as source:
        begin = 0
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None:
                begin = packet.pts if packet.is_keyframe else begin
                yield begin, packet


def _sound(
    path: Path, excerpts: Sequence[Excerpt], target: OutputContainer
) -> Iterator[tuple[Fraction, Any]]:
    import av

    with av.open(f"file:{path}") as source:
        template = source.streams.audio[0]
        out: Any = target.add_stream_from_template(template)
        out.time_base = Fraction(template.time_base or 1)
    return _sound_packets(path, excerpts, out)


def _sound_packets(
    path: Path, excerpts: Sequence[Excerpt], stream: Any
) -> Iterator[tuple[Fraction, Any]]:
    """Yield the sound of the excerpts.

    A single excerpt that begins at 0 is the complete video and gets all of the sound.
    """
    tick: Fraction = stream.time_base
    last: int | None = None
    for packet, time_s in sound_packets(path):
        moved_s = time_s if _is_complete(excerpts) else _moved_s(time_s, excerpts)
        if moved_s is None:
            continue
        pts = round(moved_s / tick)
        if last is not None and pts <= last:
            continue  # the previous excerpt ended inside this packet
        packet.stream, packet.time_base, packet.pts, packet.dts, last = stream, tick, pts, pts, pts
        yield pts * tick, packet


def _is_complete(excerpts: Sequence[Excerpt]) -> bool:
    return len(excerpts) == 1 and excerpts[0].begin_s == 0


def _moved_s(time_s: Fraction, excerpts: Sequence[Excerpt]) -> Fraction | None:
    output_s = Fraction(0)  # begin of the excerpt in the output
    for excerpt in excerpts:
        if excerpt.begin_s <= time_s < excerpt.end_s:
            return time_s - excerpt.begin_s + output_s
        output_s += excerpt.end_s - excerpt.begin_s
    return None


def _chapters(excerpts: Sequence[Excerpt]) -> list[Any]:
    chapters, begin_s = [], Fraction(0)
    for number, excerpt in enumerate(excerpts):
        end_s = begin_s + excerpt.end_s - excerpt.begin_s
        chapters.append(
            {
                "id": number,
                "start": round(begin_s / _CHAPTER_TICK),
                "end": round(end_s / _CHAPTER_TICK),
                "time_base": _CHAPTER_TICK,
                "metadata": {"title": excerpt.title},
            }
        )
        begin_s = end_s
    return chapters
