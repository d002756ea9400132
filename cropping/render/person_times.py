"""Intervals in which one person is seen or absent, from the tracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes
from cropping.render.job import Person
from data.core.intervals import Interval
from data.tables.timeline import Timeline
from data.tables.timeline_json import PersonTimes
from data.tables.tracks import BODY, FACE, FILLED, Tracks


def person_times(
    person: Person, timeline: Timeline, *, video_wh: tuple[int, int], smiling: list[Interval]
) -> PersonTimes:
    """Return one person's intervals. Frames that were not sampled count as the last sampled one."""
    frame_times, tracks = FrameTimes(timeline.time_s), person.tracks
    seen, body, filled = (
        _frame_mask(timeline, tracks, tracks.source == source) for source in (FACE, BODY, FILLED)
    )
    return PersonTimes(
        person_id=person.person_id,
        name=person.name,
        video=person.video,
        size_wh=video_wh,
        seen=tuple(frame_times.intervals(seen)),
        body=tuple(frame_times.intervals(body & ~seen)),
        filled=tuple(frame_times.intervals(filled & ~(seen | body))),
        absent=tuple(frame_times.intervals(~(seen | body | filled))),
        smiling=tuple(smiling),
    )


def _frame_mask(timeline: Timeline, tracks: Tracks, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask of the sampled frames, ``(f,)``, that contain the selected rows ``(n,)``."""
    mask = np.zeros(len(timeline), np.bool_)
    mask[timeline.rows(tracks.frame_index[rows])] = True
    return mask
