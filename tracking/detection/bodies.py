"""Tables of detected bodies, and of the camera's motion between frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes
from data.core.table import Column, Table
from tracking.detection.motion import Motion, motion_between


@dataclass(frozen=True, eq=False)
class Bodies(Table):
    """Detected bodies of one footage, one row per body, in frame order."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order, non-decreasing
    xyxy: Boxes  # (n, 4) px of the full upright frame
    score: NDArray[np.float32]  # (n,) 0..1 confidence that the box shows a person

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "score": (np.float32, ()),
    }

    def rows_of(self, frame: int) -> NDArray[np.int64]:
        """Return the rows of a frame, ``(k,)``."""
        return np.arange(*np.searchsorted(self.frame_index, [frame, frame + 1]), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FootageBodies:
    """All bodies of a footage, and the camera's motion before each of its sampled frames."""

    bodies: Bodies
    motion: Motion  # (f, 2, 3) from the previous sampled frame to this one; NaN for a jump


@dataclass(frozen=True, eq=False)
class BodyFrames:
    """Bodies of consecutive sampled frames, with what joins them to the frames around."""

    bodies: Bodies
    motion: Motion  # (f, 2, 3); the first is the identity, because its previous frame is unknown
    first: NDArray[np.uint8]  # (h, w) grey picture of the first frame, see `motion.grey`
    last: NDArray[np.uint8]  # (h, w) grey picture of the last frame
    scale: NDArray[np.float64]  # (1,) width of the grey pictures as a share of the frame's

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Concatenate consecutive parts, at least one; compute the motion between them."""
        motion = [part.motion.copy() for part in parts]
        for number, (before, after) in enumerate(pairwise(parts), start=1):
            motion[number][0] = motion_between(before.last, after.first, float(after.scale[0]))
        return cls(
            bodies=Bodies.concatenate([part.bodies for part in parts]),
            motion=np.concatenate(motion),
            first=parts[0].first,
            last=parts[-1].last,
            scale=parts[0].scale,
        )

    def of_footage(self) -> FootageBodies:
        """Return the bodies of a whole footage."""
        return FootageBodies(self.bodies, self.motion)
