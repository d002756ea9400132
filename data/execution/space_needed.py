"""Estimate the disk space of each stage before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from data.core.disk_space import require_space
from data.project.project import Project, absolute
from data.project.stages import Stage
from data.video.footage import Footage, default_interval_s

EXPECTED_PEOPLE: Final = 6
"""Default before cluster-faces has run."""
_JPEG_BYTES_PX: Final = 0.4  # per pixel, at quality 95 and high detail
_PORTRAIT_BYTES: Final = 60_000  # 400 px wide
_FACES_PER_FRAME: Final = 2
_FACE_ROW_BYTES: Final = 3_000
_TRACKER_BYTES: Final = 60_000_000  # checkpoints of a small YOLO, its export, the report
_TRACK_ROW_BYTES: Final = 80
_MIN_BYTES_PER_S: Final = 50
"""Smallest size of a second of video: a damaged header may declare years."""
_CROP_BYTES_PX_S: Final = 1.0  # per pixel and second of a crop, H.264 at good quality
_CROP_HEIGHT: Final = 720
_GIF_BYTES: Final = 2_000_000  # the default of smile-gifs --max-bytes


def space_needed(
    footages: Iterable[Footage], *, people: int = EXPECTED_PEOPLE, every_s: float | None = None
) -> dict[str, int]:
    """Estimate the bytes that each stage writes for ``footages``.

    Args:
        footages: footages to process.
        people: expected number of people.
        every_s: interval of sampled frames in seconds; None for the default.

    Returns:
        Bytes by command.
    """
    commands = ("cluster-faces", "train-tracker", "track-people", "crop-people", "smile-gifs")
    needed = dict.fromkeys(commands, 0)
    needed["train-tracker"] = _TRACKER_BYTES
    for footage in footages:
        frame_px = footage.width * footage.height
        sampled = sampled_frames(footage, every_s)
        # One still per sampled frame, and its copy in the dataset with unknown faces masked.
        stills = 2 * sampled * frame_px * _JPEG_BYTES_PX
        faces = sampled * _FACES_PER_FRAME * (_PORTRAIT_BYTES + _FACE_ROW_BYTES)
        needed["cluster-faces"] += math.ceil(stills + faces)
        duration_s = _duration_s(footage)
        rows = duration_s * float(footage.rate or 1) * people
        needed["track-people"] += math.ceil(rows * _TRACK_ROW_BYTES)
        height = min(footage.height, _CROP_HEIGHT)
        crop = duration_s * height * height * 9 / 16 * _CROP_BYTES_PX_S
        needed["crop-people"] += math.ceil(crop * people)
        needed["smile-gifs"] += _GIF_BYTES * people
    return needed


def require_space_for(project: Project, stage: Stage[Any], footages: Iterable[Footage]) -> None:
    """Check that the disk has room for half of what a stage may write, before it starts.

    Args:
        project: the project.
        stage: stage with a record per footage.
        footages: footages of the run; those that the stage has finished are left out.

    Raises:
        InputError: the stage would certainly fill the disk.
    """
    done = {entry.path for entry in project.footages_with(stage)}
    undone = [footage for footage in footages if absolute(footage.path) not in done]
    require_space(project.folder, {stage.command: space_needed(undone)[stage.command] // 2})


def sampled_frames(footage: Footage, every_s: float | None = None) -> int:
    """Return the number of frames that cluster-faces examines; see `space_needed`."""
    if footage.kind != "video":
        return max(round(footage.duration_s), 1)
    duration_s = _duration_s(footage)
    return math.ceil(duration_s / (every_s or default_interval_s(duration_s))) + 1


def _duration_s(footage: Footage) -> float:
    """Return the duration in seconds, or the longest that a file of its size can have."""
    return min(footage.duration_s, footage.size_bytes / _MIN_BYTES_PER_S)
