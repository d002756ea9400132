"""Tables of detections: boxes with a score for every person, and their .npz files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import atomic_write
from data.core.boxes import Boxes
from data.core.errors import InputError
from data.tables.timeline import Timeline

Rows = NDArray[np.int64] | NDArray[np.bool_] | slice


@dataclass(frozen=True, eq=False)
class Detections:
    """Detected boxes of one footage, one row per box, in frame order.

    Raises:
        ValueError: a column has the wrong dtype or shape, or the rows are out of order.
    """

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order, non-decreasing
    xyxy: Boxes  # (n, 4) px of the full upright frame
    score: NDArray[np.float32]  # (n,) 0..1 confidence that the box shows a face
    evidence: NDArray[np.float32]  # (n, p) 0..1 score of each person, one column per person

    def __post_init__(self) -> None:
        n = len(self.frame_index)
        if self.evidence.ndim != 2:
            raise ValueError(f"evidence must have shape ({n}, p), got {self.evidence.shape}")
        expected = {
            "frame_index": (np.int64, (n,)),
            "xyxy": (np.float32, (n, 4)),
            "score": (np.float32, (n,)),
            "evidence": (np.float32, (n, self.people)),
        }
        for name, (dtype, shape) in expected.items():
            column = getattr(self, name)
            if column.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {column.shape}")
            if column.dtype != dtype:
                raise ValueError(f"{name} must be {np.dtype(dtype)}, got {column.dtype}")
        if (np.diff(self.frame_index) < 0).any():
            raise ValueError("rows must be in frame order")

    def __len__(self) -> int:
        return len(self.frame_index)

    @property
    def people(self) -> int:
        """Number of evidence columns."""
        return int(self.evidence.shape[1])

    @classmethod
    def empty(cls, people: int) -> Self:
        """Return an empty table with ``people`` evidence columns."""
        return cls(
            frame_index=np.zeros(0, np.int64),
            xyxy=np.zeros((0, 4), np.float32),
            score=np.zeros(0, np.float32),
            evidence=np.zeros((0, people), np.float32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, people: int) -> Self:
        """Concatenate tables that each have ``people`` evidence columns."""
        parts = [cls.empty(people), *parts]
        columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        return cls(**columns)

    def take(self, rows: Rows) -> Self:
        """Return a copy of the selected rows.

        Args:
            rows: ``(k,)`` indices, an ``(n,)`` mask, or a slice.
        """
        return type(self)(**{f.name: np.array(getattr(self, f.name)[rows]) for f in fields(self)})


@dataclass(frozen=True, eq=False)
class DetectedFrames:
    """Consecutive sampled frames with their detections and thumbnails."""

    frame_index: NDArray[np.int64]  # (f,) 0-based, decode order, ascending
    time_s: NDArray[np.float64]  # (f,) presentation time, s, ascending
    thumbnail: NDArray[np.uint8]  # (f, h, w, 3) RGB, for cut detection
    detections: Detections

    def __post_init__(self) -> None:
        f = len(self.frame_index)
        if self.time_s.shape != (f,) or self.thumbnail.shape[:1] != (f,):
            shapes = f"{self.time_s.shape} and {self.thumbnail.shape}"
            raise ValueError(f"time_s and thumbnail must have {f} rows, got {shapes}")

    def __len__(self) -> int:
        return len(self.frame_index)

    def write(self, path: Path) -> None:
        """Write all columns to an .npz file, atomically."""
        extra = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "detections"}
        _write(path, self.detections, extra)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, extra = _read(path, [f.name for f in fields(cls) if f.name != "detections"])
        return cls(**extra, detections=detections)

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, people: int) -> Self:
        """Concatenate consecutive parts that each have ``people`` evidence columns."""
        boxes = Detections.concatenate([part.detections for part in parts], people=people)
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 1, 1, 3), np.uint8), boxes)
        index, time_s, thumbnail = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("frame_index", "time_s", "thumbnail")
        )
        return cls(index, time_s, thumbnail, boxes)


@dataclass(frozen=True, eq=False)
class FootageDetections:
    """All detections of a footage, and the timeline of its sampled frames."""

    timeline: Timeline
    detections: Detections

    def write(self, path: Path) -> None:
        """Write all columns to an .npz file, atomically."""
        extra = {f.name: getattr(self.timeline, f.name) for f in fields(Timeline)}
        _write(path, self.detections, extra)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, extra = _read(path, [f.name for f in fields(Timeline)])
        return cls(Timeline(**extra), detections)


def _write(path: Path, detections: Detections, extra: Mapping[str, NDArray[Any]]) -> None:
    columns = {f"found_{f.name}": getattr(detections, f.name) for f in fields(Detections)}
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **columns, **extra)  # type: ignore[arg-type, unused-ignore]


def _read(path: Path, extra: Sequence[str]) -> tuple[Detections, dict[str, NDArray[Any]]]:
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            columns = {f.name: file[f"found_{f.name}"] for f in fields(Detections)}
            return Detections(**columns), {name: file[name] for name in extra}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path}: not readable ({error}); run track-people --force"
        raise InputError(message) from error
