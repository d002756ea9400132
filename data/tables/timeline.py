"""Times of the frames that a tracker has read, and the cuts of the footage."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Timeline:
    """Sampled frames of one footage, and its cuts.

    Damaged frames are not in it, nor those that a quick run skips.

    Raises:
        ValueError: the columns differ in length, or are not increasing.
    """

    frame_index: NDArray[np.int64]  # (f,) rising
    time_s: NDArray[np.float64]  # (f,) presentation time, rising
    cuts: NDArray[np.int64]  # (k,) first frame of each shot but the first, rising

    def __post_init__(self) -> None:
        if self.frame_index.shape != self.time_s.shape or self.frame_index.ndim != 1:
            shape = self.frame_index.shape
            raise ValueError(f"time_s must have shape {shape}, got {self.time_s.shape}")
        for name in ("frame_index", "time_s", "cuts"):
            if (np.diff(getattr(self, name)) <= 0).any():
                raise ValueError(f"{name} must rise")

    def __len__(self) -> int:
        return len(self.frame_index)

    def place(self, frame_index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of each frame ``(n,)`` among the sampled frames, ``(n,)``.

        Raises:
            ValueError: a frame was not sampled.
        """
        place = np.searchsorted(self.frame_index, frame_index)
        found = np.append(self.frame_index, -1)[place] == frame_index
        if not found.all():
            raise ValueError(f"frame {frame_index[~found][0]} must be one of those that were read")
        return place.astype(np.int64)

    def shot(self, frame_index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the shot of each frame ``(n,)``, ``(n,)``, from 0."""
        return np.searchsorted(self.cuts, frame_index, side="right").astype(np.int64)


def read_timeline(path: Path) -> Timeline:
    """Read the sampled frames of track-people from its file of a footage's detections.

    Args:
        path: see `Project.detections_file`.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return Timeline(**{field.name: file[field.name] for field in fields(Timeline)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path}: not readable ({error}); run track-people --force"
        raise InputError(message) from error
