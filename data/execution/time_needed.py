"""Estimate the duration of each stage before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from data.execution.space_needed import sampled_frames
from data.video.container import ASSUMED_RATE
from data.video.footage import Footage

MACHINE: Final = "a laptop with two cores"
"""Machine of the estimate; the constants are rough, and no figures of a benchmark."""
_START_S: Final = 5.0  # imports, and loading of networks
_SAMPLE_S: Final = 0.1  # per examined frame: detection and embedding of its faces
_FRAME_S: Final = 0.04  # per frame: detection of people
_CROP_FRAME_S: Final = 0.04  # per frame of 1280 x 720: the videos of all people
_CROP_PX: Final = 1280 * 720
_SCORED_FRAME_S: Final = 0.012  # per frame: smiles, if crop-people did not score them
_TRAINING_S: Final = 60.0, 4.0, 560.0  # start, per second of footage, at most


def time_needed(footages: Iterable[Footage], *, every_s: float | None = None) -> dict[str, float]:
    """Estimate the seconds that each stage takes for ``footages``, without a GPU.

    Args:
        footages: footages to process.
        every_s: interval of sampled frames in seconds; None for the default.

    Returns:
        Seconds by command.
    """
    chosen = list(footages)
    samples = sum(sampled_frames(footage, every_s) for footage in chosen)
    frames = [footage.duration_s * float(footage.rate or ASSUMED_RATE) for footage in chosen]
    shares = [footage.width * footage.height / _CROP_PX for footage in chosen]
    cropped = sum(count * share for count, share in zip(frames, shares, strict=True))
    start_s, per_s, most_s = _TRAINING_S
    training_s = start_s + per_s * sum(footage.duration_s for footage in chosen)
    return {
        "cluster-faces": _START_S + _SAMPLE_S * samples,
        "train-tracker": min(training_s, most_s),
        "track-people": _START_S + _FRAME_S * sum(frames),
        "crop-people": _START_S + _CROP_FRAME_S * cropped,
        "smile-gifs": 2 * _START_S + _SCORED_FRAME_S * sum(frames),
    }
