"""Choice of a footage's sound track, and the times of its packets on the picture's clock."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.core.counts import counted
from data.video.clocks.clock import Runs, find_runs, rules_of
from data.video.clocks.sound_clock import PlacedRuns, place_runs
from data.video.container import default_first, open_container
from data.video.demux import packets_of
from data.video.footage import Footage

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import InputContainer

_OVERLAP_S: Final = 0.01
_WINDOW: Final = 40  # packets, of which half must decode


@dataclass(frozen=True, slots=True, eq=False)
class SoundPlan:
    """A usable sound track, and when its packets are heard."""

    number: int  # from 1 among the sound tracks of the file
    pts: NDArray[np.int64]  # (n,) ticks, on the clock of the footage's first frame
    tick: Fraction  # seconds
    run: NDArray[np.int64]  # (n,) recording that the packet is from
    begins_s: tuple[Fraction | None, ...]  # time at which each recording's picture begins
    ends_s: tuple[Fraction | None, ...]  # time at which each recording's sound must end
    strays: int  # times that were replaced
    is_moved: bool  # whether any other time was changed
    changes_codec: bool  # the container changes the codec's settings on the way

    @property
    def is_simple(self) -> bool:
        """Return whether all packets are as they are in the file."""
        return not (len(self.ends_s) > 1 or self.strays or self.is_moved or self.changes_codec)


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """Sound tracks of a footage.

    Args:
        plan: the first usable track, None if there is none.
        unusable: the tracks before it, and why each cannot be used.
    """

    plan: SoundPlan | None
    unusable: tuple[tuple[int, str], ...]

    def notes(self) -> list[str]:
        """Return what the user should know about the sound."""
        reasons = [f"audio stream {number} is {reason}" for number, reason in self.unusable]
        if self.plan is None:
            return [f"{', '.join(reasons)}: the videos are silent"] if reasons else []
        notes = [f"{', '.join(reasons)}: stream {self.plan.number} is used"] if reasons else []
        if self.plan.strays:
            notes.append(f"{counted(self.plan.strays, 'wrong audio timestamp')} corrected")
        return notes


def choose_track(footage: Footage, *, start_s: Fraction) -> TrackChoice:
    """Choose the user's sound track, else the first usable one, those flagged as default first.

    Args:
        footage: a video with sound.
        start_s: timestamp of its first frame.
    """
    unusable: list[tuple[int, str]] = []
    for number in _preferred(footage):
        plan = _plan(footage, number, start_s)
        if isinstance(plan, SoundPlan):
            return TrackChoice(plan, tuple(unusable))
        unusable.append((number, plan))
    return TrackChoice(None, tuple(unusable))


def open_track(container: InputContainer, number: int) -> AudioStream:
    """Return a sound track."""
    return container.streams.audio[number - 1]


def sound_packets_of(
    container: InputContainer, stream: AudioStream
) -> Iterator[Packet[AudioStream]]:
    """Yield packets up to the end, or up to the first error in a truncated file."""
    return (packet for packet in packets_of(container, stream) if packet.pts is not None)


def _preferred(footage: Footage) -> list[int]:
    if footage.streams.audio is not None:
        return [footage.streams.audio]
    with open_container(footage.path) as container:
        streams = container.streams.audio
        return [streams.index(stream) + 1 for stream in default_first(streams)]


class _Packets:
    """Packets of a sound track while they are read."""

    def __init__(self) -> None:
        self.pts, self.position = array("q"), array("q")
        self.changes_codec = False
        self._tried = self._decoded = 0
        self.decodes = False

    def append(self, packet: Packet[AudioStream], stream: AudioStream) -> None:
        self.pts.append(packet.pts or 0)
        self.position.append(-1 if packet.pos is None else packet.pos)
        self.changes_codec |= bool(len(self.pts) > 1 and packet.has_sidedata("new_extradata"))
        if not self.decodes:
            self._try(packet, stream)

    def _try(self, packet: Packet[AudioStream], stream: AudioStream) -> None:
        """Decode until half of the packets in a window do; noise decodes by chance only."""
        import av

        self._tried += 1
        with suppress(av.FFmpegError, ValueError):
            self._decoded += any(frame.samples for frame in stream.decode(packet))
        if self._tried == _WINDOW:
            self.finish()

    def finish(self) -> None:
        """Judge the packets of the last window."""
        self.decodes |= 0 < self._tried <= 2 * self._decoded + 2 and self._decoded > 0
        self._tried = self._decoded = 0


def _plan(footage: Footage, number: int, start_s: Fraction) -> SoundPlan | str:
    """Return the plan of a track, or why it cannot be used."""
    with open_container(footage.path) as container:
        stream = open_track(container, number)
        if stream.codec_context is None:
            return "of an unknown codec"
        packets = _Packets()
        for packet in sound_packets_of(container, stream):
            packets.append(packet, stream)
        packets.finish()
        if not packets.pts or not stream.time_base:
            return "empty"
        if not packets.decodes:
            return "damaged"
        rules = rules_of(container, Fraction(stream.time_base))
    pts = np.array(packets.pts, np.int64)
    # Where recordings are joined, sound may overlap by less than a step back.
    exact = replace(rules, overlap_s=_OVERLAP_S) if rules.restarts else rules
    runs = find_runs(pts, exact) or find_runs(pts, rules)
    if runs is None:  # no clock at all: keep the times
        runs = Runs(pts, np.zeros(len(pts), np.int64), 1)
    position = np.array(packets.position, np.int64)
    end_s = start_s + Fraction(footage.duration_s)
    placed = place_runs(runs, footage.joins, position, rules, start_s=start_s, end_s=end_s)
    return _planned(number, placed, rules.tick, packets.changes_codec)


def _planned(number: int, placed: PlacedRuns, tick: Fraction, changes_codec: bool) -> SoundPlan:
    runs, offsets, strays = placed.runs, placed.offsets_s, placed.runs.strays
    run = np.maximum(np.maximum.accumulate(runs.run), 0)
    pts = runs.ticks + np.array([round(offset / tick) for offset in offsets], np.int64)[run]
    for at in np.flatnonzero(strays).tolist():
        pts[at] = pts[at - 1] + runs.step if at else _first_time(pts, strays, runs.step)
    heard_s = [int(pts[run == one].min()) * tick for one in range(len(offsets))]
    begins_s = [
        heard if begin is None else max(heard, begin)
        for heard, begin in zip(heard_s, placed.begins_s, strict=True)
    ]
    return SoundPlan(
        number=number,
        pts=pts,
        tick=tick,
        run=run,
        begins_s=placed.begins_s,
        ends_s=tuple(min(begins_s[one:], default=None) for one in range(1, len(offsets) + 1)),
        strays=int(strays.sum()),
        is_moved=any(offsets),
        changes_codec=changes_codec,
    )


def _first_time(pts: NDArray[np.int64], strays: NDArray[np.bool_], step: int) -> int:
    """Return the time of a stray first packet: that of the first other one, less the packets."""
    first = int(np.argmin(strays))
    return int(pts[first]) - first * step
