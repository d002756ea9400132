"""Times of the frames that the tracker sampled, and the cuts of the footage."""

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

    Damaged frames, and frames that a quick run skips, are not included.

    Raises:
        ValueError: the columns differ in length, or are not increasing.
    """

    frame_index: NDArray[np.int64]  # (f,) 0-based, increasing
    time_s: NDArray[np.float64]  # (f,) presentation time, increasing
    cuts: NDArray[np.int64]  # (k,) first frame of each shot after the first, increasing

    def __post_init__(self) -> None:
        if self.frame_index.shape != self.time_s.shape or self.frame_index.ndim != 1:
            shape = self.frame_index.shape
            raise ValueError(f"time_s must have shape {shape}, got {self.time_s.shape}")
        for name in ("frame_index", "time_s", "cuts"):
            if (np.diff(getattr(self, name)) <= 0).any():
                raise ValueError(f"{name} must be increasing")

    def __len__(self) -> int:
        return len(self.frame_index)

    def rows(self, frame_index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return each frame's row in the timeline; ``(n,)`` as ``frame_index``.

        Raises:
            ValueError: a frame was not sampled.
        """
        rows = np.searchsorted(self.frame_index, frame_index)
        sampled = np.append(self.frame_index, -1)[rows] == frame_index
        if not sampled.all():
            raise ValueError(f"frame {frame_index[~sampled][0]} must be one of the sampled frames")
        return rows.astype(np.int64)

    def shot(self, frame_index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return each frame's shot number, from 0; ``(n,)`` as ``frame_index``."""
        return np.searchsorted(self.cuts, frame_index, side="right").astype(np.int64)


def read_timeline(path: Path) -> Timeline:
    """Read the timeline from a footage's file of detections, which track-people writes.

    Args:
        path: file of detections; see `Project.detections_file`.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return Timeline(**{field.name: file[field.name] for field in fields(Timeline)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path}: not readable ({error}); run track-people PROJECT --force"
        raise InputError(message) from error
