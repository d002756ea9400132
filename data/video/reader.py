"""Read all, sampled or chosen frames of footage in presentation order, as a player displays them.

Frames are upright and of one size, with square pixels, deinterlaced, and HDR is converted to SDR;
see `data.video.display`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.intervals import Intervals
from data.video.decoder import decode_all, decode_selected
from data.video.display.convert import displayed
from data.video.display.deinterlace import Candidate, with_neighbours
from data.video.footage import PICTURE_RATE, Footage, probe
from data.video.frames import Damage, DecodedFrame, Frame
from data.video.packet_index import index_packets
from data.video.pictures.animation import decode_animation
from data.video.pictures.images import has_more_pages, read_picture
from data.video.pictures.media_folder import pictures_in
from data.video.selection import ChosenFrames, FrameRange, FrameSelection, SampledFrames

if TYPE_CHECKING:
    from data.video.decoder import IndexedFrame


def read_frames(
    footage: Footage | Path | str,
    *,
    from_s: float = 0.0,
    until_s: float = inf,
    after_index: int = -1,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[Frame, None, None]:
    """Read every frame of a footage in presentation order; closing the generator closes the file.

    Args:
        footage: a probed footage, or a path to probe.
        from_s: exclude frames before this time.
        until_s: exclude frames from this time on.
        after_index: exclude frames up to and including this index; a resumed run continues after
            it.
        threads: decoder threads; 0 for one per core.
        damage: incremented by the number of skipped frames.

    Raises:
        InputError: the footage cannot be read, or no frame decodes.
    """
    selection = FrameRange(after_index=after_index, from_s=from_s, until_s=until_s)
    return _read(_probed(footage), selection, threads, damage if damage is not None else Damage())


def decode_frames(
    footage: Footage,
    *,
    after_index: int = -1,
    until_index: int | None = None,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[DecodedFrame, None, None]:
    """Decode all frames of a video, or a range of them, without converting them to RGB.

    Args:
        footage: a video.
        after_index: exclude frames up to and including this index; a resumed run continues after
            it.
        until_index: exclude frames from this index on; None for no limit.
        threads: decoder threads; 0 for one per core.
        damage: incremented by the number of skipped frames.

    Raises:
        InputError: the footage cannot be read.
        ValueError: it is not a video.
    """
    if footage.kind != "video":
        raise ValueError(f"footage must be a video, got {footage.kind}")
    selection = FrameRange(after_index=after_index, until_index=until_index)
    return _decode(footage, selection, threads, damage if damage is not None else Damage())


def decode_chosen(
    footage: Footage,
    frame_index: NDArray[np.int64],
    *,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[DecodedFrame, None, None]:
    """Decode frames of a video by index, as `pick_frames`, without converting them to RGB.

    Args:
        footage: a video.
        frame_index: ``(n,)`` 0-based, in any order.
        threads: decoder threads; 0 for one per core.
        damage: incremented by the number of skipped frames.

    Raises:
        InputError: the footage cannot be read.
    """
    selection = ChosenFrames(frame_index)
    return _decode(footage, selection, threads, damage if damage is not None else Damage())


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

    A frame that is the first for several times (a gap between frames) is returned once. The next
    undamaged frame replaces a damaged one. Only the packets that these frames depend on are
    decoded. Every picture of a folder is a sample.

    Args:
        footage: a probed footage, or a path to probe.
        every_s: seconds from one sample to the next, above 0.
        from_s: exclude sample times before this.
        until_s: exclude sample times from this on.
        intervals: ``(n, 2)`` seconds; exclude sample times outside the intervals, and samples
            whose frame is shown after the interval of their time ends. None for no limit.
        after_index: exclude frames up to and including this index; a run that resumes after the
            last frame it has read gets the same frames as an uninterrupted one.
        threads: decoder threads; 0 for one per core.
        damage: incremented by the number of skipped frames.

    Raises:
        InputError: the footage cannot be read, no frame decodes, or ``every_s`` is not above 0.
    """
    if not (isfinite(every_s) and every_s > 0):
        raise InputError(f"{every_s} seconds between samples: give a number above 0")
    footage = _probed(footage)
    if footage.kind != "video":
        every_s = float(1 / PICTURE_RATE)
    selection = SampledFrames(
        every_s, from_s=from_s, until_s=until_s, intervals=intervals, after_index=after_index
    )
    return _read(footage, selection, threads, damage if damage is not None else Damage())


def pick_frames(
    footage: Footage | Path | str,
    frame_index: NDArray[np.int64],
    *,
    threads: int = 0,
    damage: Damage | None = None,
) -> Generator[Frame, None, None]:
    """Read frames of a footage by index, in presentation order.

    Only the packets that these frames depend on are decoded. Damaged and missing frames are
    skipped.

    Args:
        footage: a probed footage, or a path to probe.
        frame_index: ``(n,)`` 0-based, in any order.
        threads: decoder threads; 0 for one per core.
        damage: incremented by the number of skipped frames.

    Raises:
        InputError: the footage cannot be read.
    """
    selection = ChosenFrames(frame_index)
    return _read(_probed(footage), selection, threads, damage if damage is not None else Damage())


def _probed(footage: Footage | Path | str) -> Footage:
    return footage if isinstance(footage, Footage) else probe(footage)


def _read(
    footage: Footage, selection: FrameSelection, threads: int, damage: Damage
) -> Generator[Frame, None, None]:
    if footage.kind != "video":
        yield from _read_pictures(footage, selection, damage)
        return
    with closing(_decode(footage, selection, threads, damage)) as decoded_frames:
        for decoded in decoded_frames:
            yield decoded.frame()


def _decode(
    footage: Footage, selection: FrameSelection, threads: int, damage: Damage
) -> Generator[DecodedFrame, None, None]:
    index = None if footage.animated else index_packets(footage)
    form = footage.form
    start_s, tick = None, Fraction(0)
    if footage.animated:
        decoded = decode_animation(footage.path, damage)
    elif index is None:
        decoded = decode_all(footage, threads, damage)
    else:
        damage.missing += index.missing
        damage.restarts, damage.strays = len(index.joins), index.strays
        start_s, tick = int(index.sorted_pts[0]) * index.time_base, index.time_base
        selected = selection.plan(index.times_s)
        if form.fields != "progressive":
            selected = with_neighbours(selected)
        decoded = decode_selected(footage, index, selected, threads, damage)
    with closing(decoded):
        candidates = _candidates(decoded, selection, start_s, tick)
        yield from displayed(candidates, form, threads=threads, damage=damage)


def _candidates(
    decoded: Iterable[IndexedFrame],
    selection: FrameSelection,
    start_s: Fraction | None,
    tick: Fraction,
) -> Iterator[Candidate]:
    """Mark the selected frames, up to the first one after them."""
    for number, time_s, frame in decoded:
        # The last frames that the decoder returns have no time base.
        tick = tick or Fraction(frame.time_base or 0)
        if start_s is None:
            start_s = (frame.pts or 0) * tick
        is_over = selection.is_over(number, time_s)
        is_selected = not is_over and selection.takes(number, time_s)
        duration_s = (frame.duration or 0) * tick
        yield DecodedFrame(number, time_s, start_s, duration_s, frame), is_selected
        if is_over:
            break


def _read_pictures(footage: Footage, selection: FrameSelection, damage: Damage) -> Iterator[Frame]:
    pictures = [footage.path] if footage.kind == "image" else pictures_in(footage.path)
    unreadable: list[InputError] = []
    for number, path in enumerate(pictures):
        time_s = float(number / PICTURE_RATE)
        if not selection.takes(number, time_s):
            continue
        try:
            image = read_picture(path)
        except InputError as error:
            unreadable.append(error)
            damage.frames += 1
            damage.pictures.append(path.name)
            continue
        if has_more_pages(path):
            damage.paged.append(path.name)
        yield Frame(number, time_s, image)
    if len(unreadable) == len(pictures):
        raise unreadable[0]
