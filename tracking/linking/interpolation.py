"""Bridge the gaps in which a person was not found: turned away, covered, missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, centres, sizes_wh
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks

FILLED_SHARE = 0.5
"""A filled row is at most this sure: it was not seen."""

MAX_GAP_S = 1.0
"""Of gaps made in the labelled clips, nearly all filled rows lay on the face; at 2 s not so."""

FARTHEST = 3.0
"""Sightings farther apart than this many face sizes are not bridged: of gaps made in the labelled
clips, few such rows lay on the face (an unseen cut, a wrong name), and nearly all others."""

# Times are sums of frame lengths: a gap of just the limit must not fall to a rounding.
_SAME_TIME_S = 1e-6


def fill_gaps(tracks: Tracks, timeline: Timeline, *, max_gap_s: float = MAX_GAP_S) -> Tracks:
    """Return ``tracks`` with each person's short gaps filled linearly in time.

    A gap lies between two rows of one person with no row of the person between them, so nothing
    is filled while the person is seen anywhere else. It is left open across a cut, and where the
    two rows are more than FARTHEST apart. A filled row has ``filled`` set, and as confidence
    FILLED_SHARE of what lies between the two sightings'.

    Args:
        tracks: sightings; rows of nobody known (-1) stay as they are.
        timeline: the frames that were read: only they are filled, by their times.
        max_gap_s: the longest time from one sighting to the next that is bridged.

    Raises:
        ValueError: a row is in no frame of ``timeline``.
    """
    before, after = _gaps(tracks, timeline, max_gap_s)
    place = timeline.place(tracks.frame_index)
    missing = place[after] - place[before] - 1
    frame = np.repeat(place[before] + 1, missing) + _count_up(missing)
    return Tracks.concatenate(
        [tracks, _between(tracks, timeline, frame, before.repeat(missing), after.repeat(missing))]
    )


def _gaps(
    tracks: Tracks, timeline: Timeline, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows on both sides of each gap to fill; rows with no frame between may be among them."""
    order = np.lexsort((tracks.frame_index, tracks.person_id)).astype(np.int64)
    before, after = order[:-1], order[1:]
    person = tracks.person_id
    shot = timeline.shot(tracks.frame_index)
    length_s = tracks.time_s[after] - tracks.time_s[before]
    fills = (person[before] == person[after]) & (person[before] != UNKNOWN)
    fills &= (shot[before] == shot[after]) & (length_s <= max_gap_s + _SAME_TIME_S)
    fills &= steps(tracks.xyxy[before], tracks.xyxy[after]) <= FARTHEST
    return before[fills], after[fills]


def steps(before: Boxes, after: Boxes) -> NDArray[np.float64]:
    """How far each box moves, ``(n,)``, in face sizes: the mean side of both boxes."""
    way = np.linalg.norm(centres(after) - centres(before), axis=1)
    size = (sizes_wh(before) + sizes_wh(after)).mean(axis=1) / 2
    return np.asarray(way / np.maximum(size, 1e-6), np.float64)


def _count_up(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... of each length, one after another."""
    starts = np.cumsum(lengths) - lengths
    return (np.arange(lengths.sum()) - np.repeat(starts, lengths)).astype(np.int64)


def _between(
    tracks: Tracks,
    timeline: Timeline,
    place: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> Tracks:
    """Rows at ``place`` of the timeline, on the straight line from row to row, ``(m,)`` each."""
    time_s = timeline.time_s[place]
    start_s, end_s = tracks.time_s[before], tracks.time_s[after]
    share = ((time_s - start_s) / (end_s - start_s))[:, None]
    xyxy = tracks.xyxy[before] * (1 - share) + tracks.xyxy[after] * share
    sure = tracks.confidence[before] * (1 - share[:, 0]) + tracks.confidence[after] * share[:, 0]
    return Tracks.ordered(
        frame_index=timeline.frame_index[place],
        time_s=time_s,
        person_id=tracks.person_id[before],
        xyxy=xyxy.astype(np.float32),
        confidence=(FILLED_SHARE * sure).astype(np.float32),
        filled=np.ones(len(place), np.bool_),
    )
