"""Associate boxes of consecutive frames to tracklets with ByteTrack, regardless of identity."""

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
"""Longest gap after which a box can continue a track."""
HIGH_SCORE: Final = 0.25
"""Minimum score of a box to start a track and to be associated first; ultralytics' default."""
_END_SCORE: Final = 0.15
"""Minimum score of the first and the last box of a tracklet."""
_OVERLAPPED_SHARE: Final = 0.6
_ISOLATED_SHARE: Final = 0.3
"""Minimum score of the first and last boxes as a share of the tracklet's median score."""
_SETTINGS: Final = {
    "track_high_thresh": HIGH_SCORE,
    # A detector trained on a few minutes of footage gives turned faces low scores: its boxes
    # continue a track by position alone, at any score. The identity of a tracklet is decided
    # later, from all its boxes.
    "track_low_thresh": 0.05,
    "fuse_score": False,
    "new_track_thresh": HIGH_SCORE,
    "match_thresh": 0.8,
}
"""All other settings are ultralytics' defaults for ByteTrack."""


def tracklet_numbers(detections: Detections, timeline: Timeline) -> NDArray[np.int32]:
    """Return the tracklet number of each box, ``(n,)`` from 0 by first frame; -1 for no tracklet.

    A tracklet never spans a cut and never has two boxes in one frame.

    Source: Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box,
    ECCV 2022, as implemented in ultralytics.
    """
    tracklet = np.full(len(detections), NO_TRACKLET, np.int32)
    starts = np.searchsorted(detections.frame_index, timeline.frame_index, side="left")
    ends = np.searchsorted(detections.frame_index, timeline.frame_index, side="right")
    shots = timeline.shot(timeline.frame_index)
    offset = 0
    for shot in np.unique(shots):
        tracker = _Tracker(frames_in(timeline, LOST_S))
        for frame in np.flatnonzero(shots == shot):
            rows = slice(starts[frame], ends[frame])
            for row, track in tracker.update(detections.xyxy[rows], detections.score[rows]):
                tracklet[starts[frame] + row] = offset + track
        offset = int(tracklet.max(initial=0)) + 1
    return renumbered(_without_weak_ends(tracklet, detections))


class _Tracker:
    """ByteTrack over one shot."""

    def __init__(self, lost_frames: int) -> None:
        set_ultralytics_offline()
        from ultralytics.trackers.byte_tracker import BYTETracker

        tracker: Any = BYTETracker
        self._tracker = tracker(SimpleNamespace(**_SETTINGS, track_buffer=lost_frames))

    def update(self, xyxy: Boxes, score: NDArray[np.float32]) -> list[tuple[int, int]]:
        """Associate the boxes of the next frame; return row and track id of each tracked box.

        Args:
            xyxy: ``(n, 4)`` px.
            score: ``(n,)`` 0..1.
        """
        self._tracker.update(TrackerBoxes.of(xyxy, score))
        return updated_tracks(self._tracker)


@dataclass(frozen=True, slots=True)
class TrackerBoxes:
    """Boxes of one frame in the format of ultralytics' trackers."""

    xyxy: Boxes  # (n, 4) px
    xywh: NDArray[np.float32]  # (n, 4) centre and size, px
    conf: NDArray[np.float32]  # (n,) 0..1
    cls: NDArray[np.float32]  # (n,) constant

    @classmethod
    def of(cls, xyxy: Boxes, score: NDArray[np.float32]) -> TrackerBoxes:
        """Return boxes, ``(n, 4)`` px, with their scores, ``(n,)`` 0..1."""
        xywh = np.hstack([centres(xyxy), sizes_wh(xyxy)]).astype(np.float32)
        return cls(xyxy, xywh, score, np.zeros(len(score), np.float32))

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, rows: Any) -> TrackerBoxes:
        return TrackerBoxes(self.xyxy[rows], self.xywh[rows], self.conf[rows], self.cls[rows])


def updated_tracks(tracker: Any) -> list[tuple[int, int]]:
    """Return row and track id of each box that one of ultralytics' trackers tracked last.

    Includes tracks that start in this frame, which the trackers report one frame later.
    """
    frame = tracker.frame_id
    updated = [track for track in tracker.tracked_stracks if track.frame_id == frame]
    return [(int(track.idx), int(track.track_id)) for track in updated]


def frames_in(timeline: Timeline, seconds: float) -> int:
    """Return the number of sampled frames in a duration, at least 1."""
    steps = np.diff(timeline.time_s)
    return max(round(seconds / float(np.median(steps))), 1) if len(steps) else 1


def _without_weak_ends(tracklet: NDArray[np.int32], detections: Detections) -> NDArray[np.int32]:
    """Trim low-scoring boxes off both ends of each tracklet.

    A box that overlaps another one and scores far below its tracklet's median shows a half-hidden
    person, or the person in front.
    """
    tracklet, score = tracklet.copy(), detections.score
    share = np.where(_overlapped(detections), _OVERLAPPED_SHARE, _ISOLATED_SHARE)
    order = np.argsort(tracklet, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(tracklet[order])) + 1):
        if len(rows) and tracklet[rows[0]] != NO_TRACKLET:
            median = float(np.median(score[rows]))
            strong = np.flatnonzero(score[rows] >= np.maximum(_END_SCORE, share[rows] * median))
            tracklet[rows[: strong[0]]] = NO_TRACKLET
            tracklet[rows[strong[-1] + 1 :]] = NO_TRACKLET
    return tracklet


def _overlapped(detections: Detections) -> NDArray[np.bool_]:
    """Return a mask, ``(n,)``, of the boxes that overlap another box of their frame."""
    overlapped = np.zeros(len(detections), np.bool_)
    for frame in np.unique(detections.frame_index):
        rows = np.arange(*np.searchsorted(detections.frame_index, [frame, frame + 1]))
        overlap = iou(detections.xyxy[rows], detections.xyxy[rows])
        np.fill_diagonal(overlap, 0)
        overlapped[rows] = (overlap > 0).any(axis=1)
    return overlapped


def renumbered(tracklet: NDArray[np.int32]) -> NDArray[np.int32]:
    """Renumber the tracklets without gaps, in order of their first boxes."""
    used = tracklet[tracklet >= 0]
    order, first = np.unique(used, return_index=True)
    rank = np.full(int(used.max(initial=-1)) + 2, NO_TRACKLET, np.int32)
    rank[order[np.argsort(first)]] = np.arange(len(order), dtype=np.int32)
    return rank[tracklet]
