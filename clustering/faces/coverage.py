"""Statistics of the faces detected in a footage, and advice if faces were probably missed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from clustering.faces.backends import DetectorName, default_min_face_px
from clustering.faces.networks.detector import WINDOW_PX
from data.core.boxes import sizes_wh
from data.core.counts import counted
from data.project.stages import FacesRecord
from data.storage.shown import command_line
from data.tables.faces import Faces, Frames

_MANY_EMPTY: Final = 0.4
"""Share of frames without a face above which faces were probably missed."""
_AT_LIMIT: Final = 1.25
"""Faces up to this multiple of the minimum face size are at the limit."""
_MANY_AT_LIMIT: Final = 0.1  # above this share, smaller faces were probably missed
_MIN_FACE_PX: Final = 4
"""Smallest minimum face size that can be set."""
_SMALLER: Final = 0.6  # suggested minimum face size, relative to the present one


@dataclass(frozen=True, slots=True)
class Coverage:
    """Statistics of the faces detected in the sampled frames of one footage."""

    frames: int
    empty_frames: int  # without any face
    smallest_median_largest_px: tuple[float, float, float]  # widths of faces; 0 without faces
    at_limit: int  # faces of about the minimum size
    faces: int
    min_face_px: float  # minimum face size of the detection
    detector: str
    sample: str = "frame"  # or picture
    size_chosen: bool = False  # the minimum size was set by an option

    def advice(self, project: Path) -> str:
        """Suggest how to find more faces, in one line; nothing if the detection seems complete."""
        empty = self.empty_frames > _MANY_EMPTY * self.frames
        at_limit = self.at_limit > _MANY_AT_LIMIT * self.faces
        if not (empty or at_limit):
            return ""
        sign = f"no face in {self.empty_frames} of {counted(self.frames, self.sample)}"
        if not empty:
            small = f"{self.at_limit} of {counted(self.faces, 'face')}"
            verb = "is" if self.at_limit == 1 else "are"
            sign = f"{small} {verb} as small as the smallest size searched for"
        is_best = self.detector == "centerface"
        options = () if is_best else ("--detector", "centerface")
        smaller = "smaller faces"
        # A project keeps the size that was chosen, and CenterFace refuses --upsample.
        if is_best or self.size_chosen:
            if (size_px := smaller_min_face_px(self.min_face_px)) is None:
                return ""
            options = (*options, "--min-face", str(size_px))
            smaller = f"faces smaller than {self.min_face_px:.0f} px"
        command = command_line("cluster-faces", "--project", project, *options)
        return f"{sign}; to find {smaller}: {command}"


def smaller_min_face_px(min_face_px: float) -> int | None:
    """Return a smaller minimum face size to suggest; None if no smaller one can be set."""
    size_px = max(round(min_face_px * _SMALLER), _MIN_FACE_PX)
    return size_px if size_px < min_face_px else None


def coverage(frames: Frames, faces: Faces, record: FacesRecord) -> Coverage:
    """Measure the coverage of one footage.

    Args:
        frames: all sampled frames.
        faces: faces detected in them.
        record: record of the detection.
    """
    width = sizes_wh(faces.xyxy)[:, 0]
    limit_px = _min_face_px(frames, record)
    low, middle, high = np.percentile(width, [0, 50, 100]) if len(width) else (0, 0, 0)
    return Coverage(
        frames=len(frames),
        empty_frames=len(frames) - len(np.unique(faces.frame_index)),
        smallest_median_largest_px=(float(low), float(middle), float(high)),
        at_limit=int((width <= _AT_LIMIT * limit_px).sum()),
        faces=len(faces),
        min_face_px=limit_px,
        detector=record.detector,
        sample="frame" if record.kind == "video" else "picture",
        size_chosen=record.min_face_px is not None or record.upsample is not None,
    )


def _min_face_px(frames: Frames, record: FacesRecord) -> float:
    if record.min_face_px is not None:
        return float(record.min_face_px)
    if record.upsample is not None:
        return float(WINDOW_PX / 2**record.upsample)
    width, height = np.median(frames.frame_wh, axis=0) if len(frames) else (1, 1)
    detector: DetectorName = "centerface" if record.detector == "centerface" else "cnn"
    return default_min_face_px(detector, (int(width), int(height)))
