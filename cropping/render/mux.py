"""Pieces and sound become one .mp4, without being encoded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cropping.render.audio import sound_packets
from data.video.writer import open_mp4, write_errors

if TYPE_CHECKING:
    from av.container import OutputContainer

_CHAPTER_TICK: Final = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a video that goes into another, in seconds."""

    begin_s: Fraction
    end_s: Fraction  # exclusive
    title: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PacketTimes:
    """When the packets of a video are shown, and when they must be decoded for that."""

    pts: NDArray[np.int64]  # (n,) decode order
    dts: NDArray[np.int64]  # (n,)
    duration: NDArray[np.int64]  # (n,)


def packet_times(pts: NDArray[np.int64], *, end: int) -> PacketTimes:
    """Decoding times for packets in decode order: as late as the pictures' order allows.

    Args:
        pts: ``(n,)`` ticks, all different.
        end: when the last picture goes.
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
        # A file lasts from its first decoding time to its last and that packet's duration.
        duration[-1] = max(int((end - shown[0]) - (dts[-1] - dts[0])), 1)
    return PacketTimes(pts, dts, duration)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some frames of a video.

    Args:
        own: as `PieceWriter` wrote it, or a whole .mp4.
        shared: by several videos; of it, whole groups of pictures that are lacking in ``own``.
    """

    own: Path
    shared: Path | None = None

    def filled(self) -> Iterator[Path]:
        """The files that hold anything."""
        files = (file for file in (self.own, self.shared) if file is not None)
        return (file for file in files if file.stat().st_size)


def mux(
    path: Path, chunks: Sequence[Chunk], excerpts: Sequence[Excerpt], *, sound: Path | None
) -> None:
    """Write an .mp4 of some parts of a video, one after the other; of several, chapters.

    Args:
        path: where it goes.
        chunks: of the video, in order.
        excerpts: in order, each from one keyframe to before another, or to the end.
        sound: of the whole footage, as `write_sound` wrote it.

    Raises:
        InputError: it cannot be written.
    """
    import av

    filled = next(file for chunk in chunks for file in chunk.filled())
    with av.open(str(filled)) as first, write_errors(path), open_mp4(path) as target:
        template = first.streams.video[0]
        tick = Fraction(template.time_base or 1)
        video: Any = target.add_stream_from_template(template)
        video.time_base = tick
        cuts = _Cuts.of(excerpts, tick)
        streams = [_video(chunks, cuts, video, tick)]
        if sound is not None:
            streams.append(_sound(sound, excerpts, target))
        if len(excerpts) > 1:
            target.set_chapters(_chapters(excerpts))
        for _, packet in merge(*streams, key=lambda one: one[0]):
            target.mux(packet)


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Spans in ticks: those of the old video that begin at ``begin`` come to lie at ``to``."""

    begin: NDArray[np.int64]  # (s,)
    end: NDArray[np.int64]  # (s,)
    to: NDArray[np.int64]  # (s,)

    @classmethod
    def of(cls, excerpts: Sequence[Excerpt], tick: Fraction) -> _Cuts:
        begin = np.array([round(excerpt.begin_s / tick) for excerpt in excerpts], np.int64)
        end = np.array([round(excerpt.end_s / tick) for excerpt in excerpts], np.int64)
        return cls(begin, end, np.concatenate([[0], np.cumsum(end - begin)])[:-1])

    def moved(self, pts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """New times, ``(n,)``, and which of them are in a excerpt."""
        place = np.maximum(np.searchsorted(self.begin, pts, side="right") - 1, 0)
        kept = (pts >= self.begin[place]) & (pts < self.end[place])
        return pts - self.begin[place] + self.to[place], kept


def _video(
    chunks: Sequence[Chunk], cuts: _Cuts, stream: Any, tick: Fraction
) -> Iterator[tuple[Fraction, Any]]:
    pts = np.array([packet.pts for packet in _packets(chunks)], np.int64)
    moved, kept = cuts.moved(pts)
    found = packet_times(moved[kept], end=int((cuts.end - cuts.begin).sum()))
    number = 0
    for packet, wanted in zip(_packets(chunks), kept, strict=True):
        if not wanted:
            continue
        packet.stream, packet.time_base = stream, tick
        packet.pts, packet.dts = int(found.pts[number]), int(found.dts[number])
        packet.duration = int(found.duration[number])
        number += 1
        yield packet.dts * tick, packet


def _packets(chunks: Sequence[Chunk]) -> Iterator[Any]:
    """All packets in decode order."""
    for chunk in chunks:
        first, *shared = (_groups(file) for file in chunk.filled())
        if shared:
            known = {packet.pts for _, packet in _groups(chunk.own)}
            shared = [(one for one in shared[0] if one[1].pts not in known)]
        for _, packet in merge(first, *shared, key=lambda one: one[0]):
            yield packet


def _groups(path: Path) -> Iterator[tuple[int, Any]]:
    """Packets in decode order, each with the time of the keyframe that its group begins with."""
    import av

    with av.open(str(path)) as source:
        begin = 0
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None:
                begin = packet.pts if packet.is_keyframe else begin
                yield begin, packet


def _sound(
    path: Path, excerpts: Sequence[Excerpt], target: OutputContainer
) -> Iterator[tuple[Fraction, Any]]:
    import av

    with av.open(str(path)) as source:
        template = source.streams.audio[0]
        out: Any = target.add_stream_from_template(template)
        out.time_base = Fraction(template.time_base or 1)
    return _sound_packets(path, excerpts, out)


def _sound_packets(
    path: Path, excerpts: Sequence[Excerpt], stream: Any
) -> Iterator[tuple[Fraction, Any]]:
    """What is heard in the excerpts; of one that begins at 0, everything."""
    tick: Fraction = stream.time_base
    last: int | None = None
    for packet, time_s in sound_packets(path):
        moved_s = time_s if _is_whole(excerpts) else _moved_s(time_s, excerpts)
        if moved_s is None:
            continue
        pts = round(moved_s / tick)
        if last is not None and pts <= last:
            continue  # a excerpt ended within a packet
        packet.stream, packet.time_base, packet.pts, packet.dts, last = stream, tick, pts, pts, pts
        yield pts * tick, packet


def _is_whole(excerpts: Sequence[Excerpt]) -> bool:
    return len(excerpts) == 1 and excerpts[0].begin_s == 0


def _moved_s(time_s: Fraction, excerpts: Sequence[Excerpt]) -> Fraction | None:
    done = Fraction(0)
    for excerpt in excerpts:
        if excerpt.begin_s <= time_s < excerpt.end_s:
            return time_s - excerpt.begin_s + done
        done += excerpt.end_s - excerpt.begin_s
    return None


def _chapters(excerpts: Sequence[Excerpt]) -> list[Any]:
    chapters, done = [], Fraction(0)
    for number, excerpt in enumerate(excerpts):
        end = done + excerpt.end_s - excerpt.begin_s
        chapters.append(
            {
                "id": number,
                "start": round(done / _CHAPTER_TICK),
                "end": round(end / _CHAPTER_TICK),
                "time_base": _CHAPTER_TICK,
                "metadata": {"title": excerpt.title},
            }
        )
        done = end
    return chapters
