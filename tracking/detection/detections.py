"""What the detector found in the frames of one footage: boxes, and a score for every person."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import whole_file
from data.core.errors import InputError
from data.tables.timeline import Timeline

Rows = NDArray[np.int64] | NDArray[np.bool_] | slice


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes of one footage, one row a box, in frame order.

    Raises:
        ValueError: a column is not of its dtype and shape.
    """

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order, never falling
    xyxy: NDArray[np.float32]  # (n, 4) px of the full upright frame
    score: NDArray[np.float32]  # (n,) 0..1 that somebody is here
    evidence: NDArray[np.float32]  # (n, p) 0..1 for each person; the order is the run's

    def __post_init__(self) -> None:
        n = len(self.frame_index)
        if self.evidence.ndim != 2:
            raise ValueError(f"evidence must have shape ({n}, p), got {self.evidence.shape}")
        wanted = {
            "frame_index": (np.int64, (n,)),
            "xyxy": (np.float32, (n, 4)),
            "score": (np.float32, (n,)),
            "evidence": (np.float32, (n, self.people)),
        }
        for name, (dtype, shape) in wanted.items():
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
        """How many people there are evidence for."""
        return int(self.evidence.shape[1])

    @classmethod
    def empty(cls, people: int) -> Self:
        """Return no rows, with evidence for so many people."""
        return cls(
            frame_index=np.zeros(0, np.int64),
            xyxy=np.zeros((0, 4), np.float32),
            score=np.zeros(0, np.float32),
            evidence=np.zeros((0, people), np.float32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, people: int) -> Self:
        """Return the rows of all ``parts``, in order."""
        parts = [cls.empty(people), *parts]
        columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        return cls(**columns)

    def take(self, rows: Rows) -> Self:
        """Return the chosen rows as a copy."""
        return type(self)(**{f.name: np.array(getattr(self, f.name)[rows]) for f in fields(self)})


@dataclass(frozen=True, eq=False)
class DetectedFrames:
    """Some frames in a row, what was found in them, and small pictures to find cuts by."""

    frame_index: NDArray[np.int64]  # (f,) rising
    time_s: NDArray[np.float64]  # (f,) rising
    thumbnail: NDArray[np.uint8]  # (f, h, w, 3) RGB
    detections: Detections

    def __post_init__(self) -> None:
        f = len(self.frame_index)
        if self.time_s.shape != (f,) or self.thumbnail.shape[:1] != (f,):
            shapes = f"{self.time_s.shape} and {self.thumbnail.shape}"
            raise ValueError(f"time_s and thumbnail must have {f} rows, got {shapes}")

    def __len__(self) -> int:
        return len(self.frame_index)

    def write(self, path: Path) -> None:
        """Write everything to an .npz file, whole or not at all."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "detections"}
        _write(path, self.detections, own)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, own = _read(path, [f.name for f in fields(cls) if f.name != "detections"])
        return cls(**own, detections=detections)

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, people: int) -> Self:
        """Return the frames of all ``parts``, in order; no parts are no frames."""
        found = Detections.concatenate([part.detections for part in parts], people=people)
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 1, 1, 3), np.uint8), found)
        index, time_s, thumbnail = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("frame_index", "time_s", "thumbnail")
        )
        return cls(index, time_s, thumbnail, found)


@dataclass(frozen=True, eq=False)
class FootageDetections:
    """What the detector found in a whole footage."""

    timeline: Timeline
    detections: Detections

    def write(self, path: Path) -> None:
        """Write everything to an .npz file, whole or not at all."""
        own = {f.name: getattr(self.timeline, f.name) for f in fields(Timeline)}
        _write(path, self.detections, own)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises:
            InputError: the file is missing or damaged.
        """
        detections, own = _read(path, [f.name for f in fields(Timeline)])
        return cls(Timeline(**own), detections)


def _write(path: Path, detections: Detections, own: Mapping[str, NDArray[Any]]) -> None:
    found = {f"found_{f.name}": getattr(detections, f.name) for f in fields(Detections)}
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **found, **own)  # type: ignore[arg-type, unused-ignore]


def _read(path: Path, own: Sequence[str]) -> tuple[Detections, dict[str, NDArray[Any]]]:
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            found = {f.name: file[f"found_{f.name}"] for f in fields(Detections)}
            return Detections(**found), {name: file[name] for name in own}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path}: not readable ({error}); run track-people --force"
        raise InputError(message) from error
