"""Join the boxes of neighbouring frames into tracklets: ByteTrack, whoever the boxes name."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes, centres, iou, sizes_wh
from data.tables.timeline import Timeline
from tracking.detection.detections import Detections
from tracking.detection.ultralytics_env import set_ultralytics_offline

NO_TRACKLET: Final = -1
LOST_S: Final = 1.0
"""A box may go on with a track that was last seen so long ago."""
SURE_SCORE: Final = 0.25
"""From here on a box may begin a track, and boxes are looked at first: ultralytics' own."""
_END_SCORE: Final = 0.15
"""The first and the last box of a tracklet have at least this."""
_SURE_SHARE: Final = 0.6
_ALONE_SHARE: Final = 0.3
_SETTINGS: Final = {
    "track_high_thresh": SURE_SCORE,
    # A detector trained on a few minutes of footage is seldom sure of a turned face: its boxes go
    # on with a track by their place alone, however low they score. Whose the tracklet is, if
    # anybody's, is decided later, from all of it.
    "track_low_thresh": 0.05,
    "fuse_score": False,
    "new_track_thresh": SURE_SCORE,
    "match_thresh": 0.8,
}
"""The others are ultralytics' own for ByteTrack."""


def tracklet_numbers(detections: Detections, timeline: Timeline) -> NDArray[np.int32]:
    """Number of each box's tracklet, ``(n,)`` from 0 in order of first sight; -1 in none.

    A tracklet never spans a cut and never holds two boxes of one frame.

    Source: Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box,
    ECCV 2022, as ultralytics ships it.
    """
    number = np.full(len(detections), NO_TRACKLET, np.int32)
    starts = np.searchsorted(detections.frame_index, timeline.frame_index, side="left")
    ends = np.searchsorted(detections.frame_index, timeline.frame_index, side="right")
    shots = timeline.shot(timeline.frame_index)
    first = 0
    for shot in np.unique(shots):
        tracker = _Tracker(_frames_in(timeline, LOST_S))
        for place in np.flatnonzero(shots == shot):
            rows = slice(starts[place], ends[place])
            for row, track in tracker.update(detections.xyxy[rows], detections.score[rows]):
                number[starts[place] + row] = first + track
        first = int(number.max(initial=0)) + 1
    return _numbered_in_order(_without_unsure_ends(number, detections))


class _Tracker:
    """One shot's ByteTrack."""

    def __init__(self, lost_frames: int) -> None:
        set_ultralytics_offline()
        from ultralytics.trackers.byte_tracker import BYTETracker

        tracker: Any = BYTETracker
        self._tracker = tracker(SimpleNamespace(**_SETTINGS, track_buffer=lost_frames))

    def update(self, xyxy: Boxes, score: NDArray[np.float32]) -> list[tuple[int, int]]:
        """Go on by one frame; return the row and the track's id of each box that is in one.

        Tracks that begin here count too: ByteTrack itself reports them one frame later.
        """
        self._tracker.update(_Results.of(xyxy, score))
        now = self._tracker.frame_id
        seen = [t for t in self._tracker.tracked_stracks if t.frame_id == now]
        return [(int(track.idx), int(track.track_id)) for track in seen]


@dataclass(frozen=True, slots=True)
class _Results:
    """The boxes of a frame as ultralytics' trackers take them."""

    xywh: NDArray[np.float32]  # (n, 4) centre and size
    conf: NDArray[np.float32]  # (n,)
    cls: NDArray[np.float32]  # (n,) all the same

    @classmethod
    def of(cls, xyxy: Boxes, score: NDArray[np.float32]) -> _Results:
        xywh = np.hstack([centres(xyxy), sizes_wh(xyxy)]).astype(np.float32)
        return cls(xywh, score, np.zeros(len(score), np.float32))

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, rows: Any) -> _Results:
        return _Results(self.xywh[rows], self.conf[rows], self.cls[rows])


def _frames_in(timeline: Timeline, seconds: float) -> int:
    """How many of the frames that were read go into so many seconds, at least 1."""
    steps = np.diff(timeline.time_s)
    return max(round(seconds / float(np.median(steps))), 1) if len(steps) else 1


def _without_unsure_ends(number: NDArray[np.int32], detections: Detections) -> NDArray[np.int32]:
    """Let each tracklet begin and end with a sure box.

    Where it overlaps another's box, one much less sure than its others shows somebody half hidden,
    or the one who hides them.
    """
    number, score = number.copy(), detections.score
    least = np.where(_beside_others(detections), _SURE_SHARE, _ALONE_SHARE)
    order = np.argsort(number, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if len(rows) and number[rows[0]] != NO_TRACKLET:
            usual = float(np.median(score[rows]))
            sure = np.flatnonzero(score[rows] >= np.maximum(_END_SCORE, least[rows] * usual))
            number[rows[: sure[0]]] = NO_TRACKLET
            number[rows[sure[-1] + 1 :]] = NO_TRACKLET
    return number


def _beside_others(detections: Detections) -> NDArray[np.bool_]:
    """Whether each box overlaps another one of its frame, ``(n,)``."""
    beside = np.zeros(len(detections), np.bool_)
    for frame in np.unique(detections.frame_index):
        rows = np.arange(*np.searchsorted(detections.frame_index, [frame, frame + 1]))
        others = iou(detections.xyxy[rows], detections.xyxy[rows])
        np.fill_diagonal(others, 0)
        beside[rows] = (others > 0).any(axis=1)
    return beside


def _numbered_in_order(number: NDArray[np.int32]) -> NDArray[np.int32]:
    """Leave no number out; tracklets of one box alone stay."""
    used = number[number >= 0]
    order, first = np.unique(used, return_index=True)
    rank = np.full(int(used.max(initial=-1)) + 2, NO_TRACKLET, np.int32)
    rank[order[np.argsort(first)]] = np.arange(len(order), dtype=np.int32)
    return rank[number]
