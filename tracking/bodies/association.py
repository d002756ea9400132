"""Associate the bodies of consecutive frames to tracklets with BoT-SORT, regardless of identity."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes
from data.tables.timeline import Timeline
from tracking.detection.bodies import FootageBodies
from tracking.detection.ultralytics_env import set_ultralytics_offline
from tracking.linking.association import (
    LOST_S,
    NO_TRACKLET,
    TrackerBoxes,
    frames_in,
    renumbered,
    updated_tracks,
)

_SETTINGS: Final = {
    "track_high_thresh": 0.25,
    "track_low_thresh": 0.1,
    "new_track_thresh": 0.25,
    "match_thresh": 0.8,
    "fuse_score": True,
    "gmc_method": "none",  # the motion is computed while the frames are decoded
    "proximity_thresh": 0.5,
    "appearance_thresh": 0.8,
    "with_reid": False,
}
"""Ultralytics' defaults for BoT-SORT, except for the motion."""


def body_tracklets(footage: FootageBodies, timeline: Timeline) -> NDArray[np.int32]:
    """Return the tracklet of each body, ``(n,)`` from 0 by first frame; -1 for no tracklet.

    A tracklet never spans a cut or a motion that is NaN, and never has two bodies in one frame.

    Source: Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022,
    https://arxiv.org/abs/2206.14651, as implemented in ultralytics.
    """
    bodies = footage.bodies
    tracklet = np.full(len(bodies), NO_TRACKLET, np.int32)
    shots = timeline.shot(timeline.frame_index)
    lost_frames = frames_in(timeline, LOST_S)
    offset = 0
    for shot in np.unique(shots):
        tracker = _Tracker(lost_frames)
        for number, frame in enumerate(np.flatnonzero(shots == shot).tolist()):
            rows = bodies.rows_of(int(timeline.frame_index[frame]))
            motion = footage.motion[frame] if number else np.eye(2, 3, dtype=np.float32)
            if not np.isfinite(motion).all():
                offset = int(tracklet.max(initial=0)) + 1
                tracker, motion = _Tracker(lost_frames), np.eye(2, 3, dtype=np.float32)
            for row, track in tracker.update(bodies.xyxy[rows], bodies.score[rows], motion):
                tracklet[rows[row]] = offset + track
        offset = int(tracklet.max(initial=0)) + 1
    return renumbered(tracklet)


class _Tracker:
    """BoT-SORT over one shot."""

    def __init__(self, lost_frames: int) -> None:
        set_ultralytics_offline()
        from ultralytics.trackers.bot_sort import BOTSORT

        tracker: Any = BOTSORT
        self._tracker = tracker(SimpleNamespace(**_SETTINGS, track_buffer=lost_frames))
        self._motion = _KnownMotion()
        self._tracker.gmc = self._motion

    def update(
        self, xyxy: Boxes, score: NDArray[np.float32], motion: NDArray[np.float32]
    ) -> list[tuple[int, int]]:
        """Associate the bodies of the next frame; return row and track id of each tracked body.

        Args:
            xyxy: ``(n, 4)`` px.
            score: ``(n,)`` 0..1.
            motion: ``(2, 3)`` of the camera since the previous frame.
        """
        self._motion.current = motion
        no_image = np.zeros((1, 1, 3), np.uint8)
        self._tracker.update(TrackerBoxes.of(xyxy, score), no_image)
        return updated_tracks(self._tracker)


class _KnownMotion:
    """Replacement for ultralytics' motion estimator: the motion is known."""

    method = "known"
    current: NDArray[np.float32]

    def apply(self, _image: Any, _boxes: Any) -> NDArray[np.float32]:
        return self.current
