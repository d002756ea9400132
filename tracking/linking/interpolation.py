"""Interpolate short gaps in tracks, where a person was turned away, hidden or missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, centres, sizes_wh
from data.tables.timeline import Timeline
from data.tables.tracks import FILLED, Tracks

CONFIDENCE_SHARE = 0.5
"""Factor on the interpolated confidence of the detected rows around an interpolated row."""

MAX_GAP_S = 1.0
"""In artificial gaps in the labelled clips, nearly all interpolated rows were on the face up to
this length, but not at 2 s."""

MAX_STEP = 3.0
"""Maximum distance between the rows around a gap, in face sizes. In artificial gaps in the
labelled clips, few rows were on the face over longer distances (an undetected cut, a wrong
identity), and nearly all were over shorter ones."""

# Times are sums of frame durations: rounding must not exclude a gap of exactly the limit.
_TIME_TOLERANCE_S = 1e-6


def interpolate_gaps(tracks: Tracks, timeline: Timeline, *, max_gap_s: float = MAX_GAP_S) -> Tracks:
    """Return ``tracks`` with each person's short gaps interpolated linearly in time.

    A gap is between two consecutive rows of one person, anywhere in the frame. It is not
    interpolated across a cut, or if the two rows are more than MAX_STEP apart. An interpolated
    row has the source FILLED and CONFIDENCE_SHARE of the interpolated confidence.

    Args:
        tracks: detected rows; rows of no known person (-1) stay unchanged.
        timeline: the sampled frames, in which rows are interpolated.
        max_gap_s: longest gap to interpolate, from detected row to detected row, s.

    Raises:
        ValueError: a row is in no frame of ``timeline``.
    """
    before, after = _gaps(tracks, timeline, max_gap_s)
    position = timeline.rows(tracks.frame_index)
    missing = position[after] - position[before] - 1
    frames = np.repeat(position[before] + 1, missing) + _counts_within(missing)
    rows = _interpolated(tracks, timeline, frames, before.repeat(missing), after.repeat(missing))
    return Tracks.concatenate([tracks, rows])


def _gaps(
    tracks: Tracks, timeline: Timeline, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows before and after each gap, ``(g,)`` each; a gap may have no frames."""
    order = np.lexsort((tracks.frame_index, tracks.person_id)).astype(np.int64)
    before, after = order[:-1], order[1:]
    person = tracks.person_id
    shot = timeline.shot(tracks.frame_index)
    length_s = tracks.time_s[after] - tracks.time_s[before]
    short = (person[before] == person[after]) & (person[before] != UNKNOWN)
    short &= (shot[before] == shot[after]) & (length_s <= max_gap_s + _TIME_TOLERANCE_S)
    short &= steps(tracks.xyxy[before], tracks.xyxy[after]) <= MAX_STEP
    return before[short], after[short]


def steps(before: Boxes, after: Boxes) -> NDArray[np.float64]:
    """Return the distance of each pair of boxes, ``(n,)``, in units of their mean side."""
    distance = np.linalg.norm(centres(after) - centres(before), axis=1)
    size = (sizes_wh(before) + sizes_wh(after)).mean(axis=1) / 2
    return np.asarray(distance / np.maximum(size, 1e-6), np.float64)


def _counts_within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, ..., length - 1 for each length, concatenated."""
    starts = np.cumsum(lengths) - lengths
    return (np.arange(lengths.sum()) - np.repeat(starts, lengths)).astype(np.int64)


def _interpolated(
    tracks: Tracks,
    timeline: Timeline,
    position: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> Tracks:
    """Interpolate between rows ``before`` and ``after`` of the tracks.

    Args:
        tracks: detected rows.
        timeline: the sampled frames.
        position: ``(m,)`` index into ``timeline`` of each new row.
        before: ``(m,)`` row of ``tracks`` before each new row.
        after: ``(m,)`` row of ``tracks`` after each new row.
    """
    time_s = timeline.time_s[position]
    start_s, end_s = tracks.time_s[before], tracks.time_s[after]
    share = ((time_s - start_s) / (end_s - start_s))[:, None]
    xyxy = tracks.xyxy[before] * (1 - share) + tracks.xyxy[after] * share
    confidence = tracks.confidence[before] * (1 - share[:, 0])
    confidence = confidence + tracks.confidence[after] * share[:, 0]
    return Tracks.ordered(
        frame_index=timeline.frame_index[position],
        time_s=time_s,
        person_id=tracks.person_id[before],
        xyxy=xyxy.astype(np.float32),
        confidence=(CONFIDENCE_SHARE * confidence).astype(np.float32),
        source=np.full(len(position), FILLED, np.int8),
    )
