"""Tables of detections: boxes with a score for every person, and their .npz files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import atomic_write
from data.core.boxes import Boxes
from data.core.errors import InputError
from data.tables.timeline import Timeline
from tracking.detection.bodies import Bodies, BodyFrames, FootageBodies

_FRAME_COLUMNS: Final = ("frame_index", "time_s", "thumbnail")
_BODY, _BODIES = "body_", "bodies_"
_T = TypeVar("_T", BodyFrames, FootageBodies)
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
    bodies: BodyFrames | None = None  # None without a body detector

    def __post_init__(self) -> None:
        f = len(self.frame_index)
        if self.time_s.shape != (f,) or self.thumbnail.shape[:1] != (f,):
            shapes = f"{self.time_s.shape} and {self.thumbnail.shape}"
            raise ValueError(f"time_s and thumbnail must have {f} rows, got {shapes}")

    def __len__(self) -> int:
        return len(self.frame_index)

    def write(self, path: Path) -> None:
        """Write all columns to an .npz file, atomically."""
        extra: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _FRAME_COLUMNS}
        if self.bodies is not None:
            names = [f.name for f in fields(self.bodies) if f.name != "bodies"]
            extra |= {f"{_BODY}{name}": getattr(self.bodies, name) for name in names}
            extra |= _body_columns(self.bodies.bodies)
        _write(path, self.detections, extra)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, extra, bodies = _read(path, _FRAME_COLUMNS)
        return cls(**extra, detections=detections, bodies=_grouped(BodyFrames, bodies))

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, people: int) -> Self:
        """Concatenate consecutive parts that each have ``people`` evidence columns."""
        boxes = Detections.concatenate([part.detections for part in parts], people=people)
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 1, 1, 3), np.uint8), boxes)
        index, time_s, thumbnail = (
            np.concatenate([getattr(part, name) for part in parts]) for name in _FRAME_COLUMNS
        )
        bodies = [part.bodies for part in parts if part.bodies is not None]
        joined = BodyFrames.concatenate(bodies) if len(bodies) == len(parts) else None
        return cls(index, time_s, thumbnail, boxes, joined)


@dataclass(frozen=True, eq=False)
class FootageDetections:
    """All detections of a footage, and the timeline of its sampled frames."""

    timeline: Timeline
    detections: Detections
    bodies: FootageBodies | None = None  # None without a body detector

    def write(self, path: Path) -> None:
        """Write all columns to an .npz file, atomically."""
        extra = {f.name: getattr(self.timeline, f.name) for f in fields(Timeline)}
        if self.bodies is not None:
            extra |= {f"{_BODY}motion": self.bodies.motion, **_body_columns(self.bodies.bodies)}
        _write(path, self.detections, extra)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, extra, bodies = _read(path, [f.name for f in fields(Timeline)])
        return cls(Timeline(**extra), detections, _grouped(FootageBodies, bodies))


def _write(path: Path, detections: Detections, extra: Mapping[str, NDArray[Any]]) -> None:
    columns = {f"found_{f.name}": getattr(detections, f.name) for f in fields(Detections)}
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **columns, **extra)  # type: ignore[arg-type, unused-ignore]


def _body_columns(bodies: Bodies) -> dict[str, NDArray[Any]]:
    return {f"{_BODIES}{name}": getattr(bodies, name) for name in Bodies.COLUMNS}


def _grouped(kind: type[_T], columns: Mapping[str, NDArray[Any]]) -> _T | None:
    """Return a table of bodies from the columns of a file; None if it has none."""
    if not columns:
        return None
    bodies = Bodies(**{name: columns[f"{_BODIES}{name}"] for name in Bodies.COLUMNS})
    rest = {f.name: columns[f"{_BODY}{f.name}"] for f in fields(kind) if f.name != "bodies"}
    return kind(bodies=bodies, **rest)


def _read(
    path: Path, extra: Sequence[str]
) -> tuple[Detections, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return the detections, the ``extra`` columns, and those of bodies."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            columns = {f.name: file[f"found_{f.name}"] for f in fields(Detections)}
            bodies = {name: file[name] for name in file.files if name.startswith((_BODY, _BODIES))}
            return Detections(**columns), {name: file[name] for name in extra}, bodies
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path}: not readable ({error}); run track-people PROJECT --force"
        raise InputError(message) from error
