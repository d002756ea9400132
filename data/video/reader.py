"""Read footage: upright RGB frames by presentation time, all of them or samples.

Pixels are taken as stored: anamorphic video (non-square pixels) is not stretched.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from math import inf, isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.intervals import Intervals
from data.video.decoder import decode_in_turn, decode_needed
from data.video.footage import PICTURE_RATE, Footage, probe
from data.video.frames import Damage, DecodedFrame, Frame
from data.video.images import pictures_in, read_picture
from data.video.packet_index import index_packets
from data.video.selection import ChosenFrames, FrameRange, FrameSelection, SampledFrames


def read_frames(
    footage: Footage | Path | str,
    *,
    from_s: float = 0.0,
    until_s: float = inf,
    after_index: int = -1,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[Frame, None, None]:
    """Read every frame of a footage, in presentation order; closing it closes the file.

    Args:
        footage: a probed footage, or a path to probe.
        from_s: exclude the frames before this time.
        until_s: exclude the frames from this time on.
        after_index: exclude the frames up to this index; a resumed run continues after it.
        threads: decoder threads, 0 as many as there are cores.
        damage: counts the frames that had to be skipped.

    Raises:
        InputError: the footage cannot be read, or nothing in it decodes.
    """
    counted = damage if damage is not None else Damage()
    wanted = FrameRange(after_index=after_index, from_s=from_s, until_s=until_s)
    return _read(_probed(footage), wanted, threads, counted)


def decode_frames(
    footage: Footage,
    *,
    after_index: int = -1,
    until_index: int | None = None,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[DecodedFrame, None, None]:
    """Decode the frames of a video, all or a range, without converting them to RGB.

    Args:
        footage: a video.
        after_index: exclude the frames up to this index; a resumed run continues after it.
        until_index: exclude the frames from this index on; None for no limit.
        threads: decoder threads, 0 as many as there are cores.
        damage: counts the decoded frames that had to be skipped.

    Raises:
        InputError: the footage cannot be read.
        ValueError: it is not a video.
    """
    if footage.kind != "video":
        raise ValueError(f"footage must be a video, got {footage.kind}")
    wanted = FrameRange(after_index=after_index, until_index=until_index)
    return _decode(footage, wanted, threads, damage if damage is not None else Damage())


def sample_frames(
    footage: Footage | Path | str,
    *,
    every_s: float,
    from_s: float = 0.0,
    until_s: float = inf,
    intervals: Intervals | None = None,
    after_index: int = -1,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[Frame, None, None]:
    """Read the first frame at or after each of the times 0, ``every_s``, 2 ``every_s``, ...

    A frame that is the first for several times (a gap between frames) comes once. Where it is
    damaged, the next undamaged frame comes instead. Only the packets that these frames depend on
    are decoded. Of pictures every one is a sample.

    Args:
        footage: a probed footage, or a path to probe.
        every_s: seconds from one sample to the next, above 0.
        from_s: exclude the samples for times before this.
        until_s: exclude the samples for times from this on.
        intervals: ``(n, 2)`` seconds; exclude the samples for times outside of these, and those
            whose frame is shown only after the interval of its time. None for no limit.
        after_index: exclude the frames up to this index; a run that resumes after the last
            frame it has read gets the same frames as an uninterrupted one.
        threads: decoder threads, 0 as many as there are cores.
        damage: counts the decoded frames that had to be skipped.

    Raises:
        InputError: the footage cannot be read, nothing in it decodes, or ``every_s`` is not
            above 0.
    """
    if not (isfinite(every_s) and every_s > 0):
        raise InputError(f"{every_s} seconds between samples: give a number above 0")
    known = _probed(footage)
    if known.kind != "video":
        every_s = float(1 / PICTURE_RATE)
    wanted = SampledFrames(
        every_s, from_s=from_s, until_s=until_s, intervals=intervals, after_index=after_index
    )
    return _read(known, wanted, threads, damage if damage is not None else Damage())


def pick_frames(
    footage: Footage | Path | str,
    frame_index: NDArray[np.int64],
    *,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[Frame, None, None]:
    """Read some frames of a footage by index, in presentation order; decode only what they need.

    A frame that is damaged or not there is skipped.

    Args:
        footage: a probed footage, or a path to probe.
        frame_index: ``(n,)`` 0-based, in any order.
        threads: decoder threads, 0 as many as there are cores.
        damage: counts the decoded frames that had to be skipped.

    Raises:
        InputError: the footage cannot be read.
    """
    wanted = ChosenFrames(frame_index)
    return _read(_probed(footage), wanted, threads, damage if damage is not None else Damage())


def _probed(footage: Footage | Path | str) -> Footage:
    return footage if isinstance(footage, Footage) else probe(footage)


def _read(
    footage: Footage, wanted: FrameSelection, threads: int, damage: Damage
) -> Generator[Frame, None, None]:
    if footage.kind != "video":
        yield from _read_pictures(footage, wanted, damage)
        return
    with closing(_decode(footage, wanted, threads, damage)) as decoded:
        for one in decoded:
            yield one.frame()


def _decode(
    footage: Footage, wanted: FrameSelection, threads: int, damage: Damage
) -> Generator[DecodedFrame, None, None]:
    index = index_packets(footage)
    start_s, tick = None, Fraction(0)
    if index is None:
        decoded = decode_in_turn(footage, threads, damage)
    else:
        damage.missing += index.missing
        start_s, tick = int(index.sorted_pts[0]) * index.time_base, index.time_base
        decoded = decode_needed(footage, index, wanted.plan(index.times_s), threads, damage)
    with closing(decoded):
        for number, time_s, frame in decoded:
            # The last frames that the decoder returns have lost their time base.
            tick = tick or Fraction(frame.time_base or 0)
            if start_s is None:
                start_s = (frame.pts or 0) * tick
            if wanted.is_over(number, time_s):
                break
            if wanted.takes(number, time_s):
                yield DecodedFrame(number, time_s, start_s, (frame.duration or 0) * tick, frame)


def _read_pictures(footage: Footage, wanted: FrameSelection, damage: Damage) -> Iterator[Frame]:
    pictures = [footage.path] if footage.kind == "image" else pictures_in(footage.path)
    unreadable: list[InputError] = []
    for number, path in enumerate(pictures):
        time_s = float(number / PICTURE_RATE)
        if not wanted.takes(number, time_s):
            continue
        try:
            image = read_picture(path)
        except InputError as error:
            unreadable.append(error)
            damage.frames += 1
            continue
        yield Frame(number, time_s, image)
    if len(unreadable) == len(pictures):
        raise unreadable[0]
