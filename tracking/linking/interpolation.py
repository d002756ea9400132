"""Interpolate short gaps in tracks, where a person was turned away, hidden or missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, centres, sizes_wh
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

CONFIDENCE_SHARE = 0.5
"""Confidence of an interpolated row as a share of the detected rows' around it."""

MAX_GAP_S = 1.0
"""In gaps made in the labelled clips, nearly all interpolated rows lay on the face up to this
length, but not at 2 s."""

MAX_STEP = 3.0
"""Longest distance between the rows around a gap, in face sizes. In gaps made in the labelled
clips, few rows over longer distances lay on the face (an undetected cut, a wrong identity), and
nearly all others did."""

# Times are sums of frame durations: a gap of exactly the limit must not fail by rounding.
_TIME_TOLERANCE_S = 1e-6


def interpolate_gaps(tracks: Tracks, timeline: Timeline, *, max_gap_s: float = MAX_GAP_S) -> Tracks:
    """Return ``tracks`` with each person's short gaps interpolated linearly in time.

    A gap lies between two consecutive rows of one person anywhere in the frame. It stays open
    across a cut, and where the two rows are more than MAX_STEP apart. An interpolated row has
    ``filled`` set, and CONFIDENCE_SHARE of the interpolated confidence.

    Args:
        tracks: detected rows; rows of no known person (-1) stay unchanged.
        timeline: the sampled frames, which get the interpolated rows.
        max_gap_s: longest interpolated gap, from detected row to detected row.

    Raises:
        ValueError: a row is in no frame of ``timeline``.
    """
    before, after = _gaps(tracks, timeline, max_gap_s)
    place = timeline.place(tracks.frame_index)
    missing = place[after] - place[before] - 1
    frame = np.repeat(place[before] + 1, missing) + _counts_within(missing)
    rows = _interpolated(tracks, timeline, frame, before.repeat(missing), after.repeat(missing))
    return Tracks.concatenate([tracks, rows])


def _gaps(
    tracks: Tracks, timeline: Timeline, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows before and after each gap, ``(g,)`` each; some gaps have no frames."""
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
    """Return the distance of each pair of boxes, ``(n,)``, in face sizes: their mean side."""
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
    place: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> Tracks:
    """Interpolate rows at ``place`` of the timeline between rows of tracks, ``(m,)`` each."""
    time_s = timeline.time_s[place]
    start_s, end_s = tracks.time_s[before], tracks.time_s[after]
    share = ((time_s - start_s) / (end_s - start_s))[:, None]
    xyxy = tracks.xyxy[before] * (1 - share) + tracks.xyxy[after] * share
    confidence = tracks.confidence[before] * (1 - share[:, 0])
    confidence = confidence + tracks.confidence[after] * share[:, 0]
    return Tracks.ordered(
        frame_index=timeline.frame_index[place],
        time_s=time_s,
        person_id=tracks.person_id[before],
        xyxy=xyxy.astype(np.float32),
        confidence=(CONFIDENCE_SHARE * confidence).astype(np.float32),
        filled=np.ones(len(place), np.bool_),
    )
