"""Ground truth of a drawn film, stored in two files next to the film.

``<film>.truth.csv`` has one row per person and frame, ``<film>.truth.json`` the film's properties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_json, write_text
from data.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_BOX = ("x1", "y1", "x2", "y2")
COLUMNS = ("frame_index", "time_s", "person", *_BOX, "smiling", "yaw_deg", "visible")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """People in a film: one row per frame and person whose face box overlaps the frame.

    Rows are in frame order and independent of whether a detector can find the face. A face
    completely hidden by another person has a row with ``visible`` 0.
    """

    frame_index: NDArray[np.int64]  # (n,) 0-based
    time_s: NDArray[np.float64]  # (n,) s, presentation time
    person: NDArray[np.str_]  # (n,) name
    xyxy: NDArray[np.float32]  # (n, 4) px, like dlib's face boxes, clipped to the frame
    smiling: NDArray[np.bool_]  # (n,)
    yaw_deg: NDArray[np.float32]  # (n,) 0 frontal, positive to the right of the picture
    visible: NDArray[np.float32]  # (n,) 0..1, share of the face in the frame and not hidden
    frame_count: int
    fps: Fraction
    frame_wh: tuple[int, int]  # px
    people: tuple[str, ...]  # all names, in the order of the film's parts
    cuts: NDArray[np.int64]  # (k,) first frame of each shot after the first
    sound_marks_s: NDArray[np.float64]  # (m,) s, start of each mark in the sound

    def __post_init__(self) -> None:
        n = len(self.frame_index)
        for name in ("frame_index", "time_s", "person", "smiling", "yaw_deg", "visible"):
            if (shape := getattr(self, name).shape) != (n,):
                raise ValueError(f"{name} must have shape ({n},), got {shape}")
        if self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy must have shape ({n}, 4), got {self.xyxy.shape}")
        if n and not (self.frame_index.min() >= 0 and self.frame_index.max() < self.frame_count):
            raise ValueError(f"frame_index must be in 0..{self.frame_count - 1}")
        if unknown := set(self.person.tolist()) - set(self.people):
            raise ValueError(f"person must be one of {self.people}, got {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.frame_index)

    @property
    def frontal(self) -> NDArray[np.bool_]:
        """Faces turned by at most 20 degrees and more than 95% visible, ``(n,)``."""
        return np.asarray((np.abs(self.yaw_deg) <= 20) & (self.visible > 0.95))


def truth_paths(film: Path) -> tuple[Path, Path]:
    """Return the paths of a film's truth: the rows (CSV) and the film's properties (JSON)."""
    return film.with_name(f"{film.stem}.truth.csv"), film.with_name(f"{film.stem}.truth.json")


def write_truth(film: Path, truth: Truth) -> None:
    """Write the truth next to the file ``film``."""
    import pandas as pd

    rows_path, properties_path = truth_paths(film)
    columns = (
        truth.frame_index,
        _decimals(truth.time_s, 6),
        truth.person,
        *(_decimals(side, 2) for side in truth.xyxy.T),
        truth.smiling.astype(np.int64),
        _decimals(truth.yaw_deg, 1),
        _decimals(truth.visible, 3),
    )
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    write_text(rows_path, table.to_csv(index=False, lineterminator="\n"))
    write_json(
        properties_path,
        {
            "frame_count": truth.frame_count,
            "fps": str(truth.fps),
            "frame_wh": list(truth.frame_wh),
            "people": list(truth.people),
            "cuts": truth.cuts.tolist(),
            "sound_marks_s": truth.sound_marks_s.tolist(),
        },
    )


def read_truth(film: Path) -> Truth:
    """Read the truth of ``film`` written by `write_truth`: boxes to 0.01 px, shares to 0.001.

    Raises:
        InputError: the files are missing or damaged.
    """
    import pandas as pd

    rows_path, properties_path = truth_paths(film)
    try:
        properties = json.loads(properties_path.read_text("utf-8"))
        rows = pd.read_csv(rows_path, dtype=str, keep_default_na=False)
        return _from_rows(rows, properties)
    except OSError as error:
        raise InputError(
            f"{film}: its truth cannot be read ({error.strerror}); draw the film again"
        ) from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{film}: its truth is damaged; draw the film again") from error


def _decimals(values: NDArray[Any], count: int) -> list[str]:
    return [f"{value:.{count}f}" for value in values]


def _from_rows(rows: pd.DataFrame, properties: dict[str, Any]) -> Truth:
    width, height = properties["frame_wh"]
    return Truth(
        frame_index=np.array(rows["frame_index"].tolist(), np.int64),
        time_s=np.array(rows["time_s"].tolist(), np.float64),
        person=np.array(rows["person"].tolist(), np.str_),
        xyxy=rows[list(_BOX)].to_numpy(np.float64).astype(np.float32),
        smiling=np.array(rows["smiling"].tolist(), np.int64).astype(np.bool_),
        yaw_deg=np.array(rows["yaw_deg"].tolist(), np.float32),
        visible=np.array(rows["visible"].tolist(), np.float32),
        frame_count=int(str(properties["frame_count"])),
        fps=Fraction(str(properties["fps"])),
        frame_wh=(width, height),
        people=tuple(str(name) for name in properties["people"]),
        cuts=np.array(properties["cuts"], np.int64),
        sound_marks_s=np.array(properties["sound_marks_s"], np.float64),
    )
