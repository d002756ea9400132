"""What is exactly true of a drawn film, and the two files that say so beside it.

``<film>.truth.csv`` has one row a frame and person, ``<film>.truth.json`` what concerns the film.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_json, write_text
from data.core.errors import InputError

COLUMNS = (
    "frame_index",
    "time_s",
    "person",
    "x1",
    "y1",
    "x2",
    "y2",
    "smiling",
    "yaw_deg",
    "visible",
)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Who is where in a film: one row for each person whose face box touches a frame.

    Rows are in frame order, found by any detector or not. A face fully hidden behind somebody
    has a row with ``visible`` 0.
    """

    frame_index: NDArray[np.int64]  # (n,)
    time_s: NDArray[np.float64]  # (n,)
    person: NDArray[np.str_]  # (n,) name
    xyxy: NDArray[np.float32]  # (n, 4) px as dlib frames a face, cut at the frame's edges
    smiling: NDArray[np.bool_]  # (n,)
    yaw_deg: NDArray[np.float32]  # (n,) 0 frontal, positive: turned to the picture's right
    visible: NDArray[np.float32]  # (n,) share of the face not hidden and not outside the frame
    frame_count: int
    fps: Fraction
    frame_wh: tuple[int, int]
    people: tuple[str, ...]  # the whole cast, in the order of the film's parts
    cuts: NDArray[np.int64]  # (k,) first frame of each shot but the first
    sound_marks_s: NDArray[np.float64]  # (m,) when the marks in the sound begin

    def __post_init__(self) -> None:
        n = len(self.frame_index)
        for name in ("frame_index", "time_s", "person", "smiling", "yaw_deg", "visible"):
            if (shape := getattr(self, name).shape) != (n,):
                raise ValueError(f"{name} must have shape ({n},), got {shape}")
        if self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy must have shape ({n}, 4), got {self.xyxy.shape}")
        if n and not (self.frame_index.min() >= 0 and self.frame_index.max() < self.frame_count):
            raise ValueError(f"frame_index must lie in 0..{self.frame_count - 1}")
        if unknown := set(self.person.tolist()) - set(self.people):
            raise ValueError(f"person must be one of {self.people}, got {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.frame_index)

    @property
    def frontal(self) -> NDArray[np.bool_]:
        """Faces turned by at most 20 degrees and seen nearly whole, ``(n,)``."""
        return np.asarray((np.abs(self.yaw_deg) <= 20) & (self.visible > 0.95))


def truth_paths(film: Path) -> tuple[Path, Path]:
    """The two files beside a film: its rows (CSV) and what concerns the whole film (JSON)."""
    return film.with_name(f"{film.stem}.truth.csv"), film.with_name(f"{film.stem}.truth.json")


def write_truth(film: Path, truth: Truth) -> None:
    """Write the truth beside ``film``."""
    rows, whole = truth_paths(film)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in range(len(truth)):
        box = [f"{side:.2f}" for side in truth.xyxy[i].tolist()]
        pose = [int(truth.smiling[i]), f"{truth.yaw_deg[i]:.1f}", f"{truth.visible[i]:.3f}"]
        writer.writerow(
            [truth.frame_index[i], f"{truth.time_s[i]:.6f}", truth.person[i], *box, *pose]
        )
    write_text(rows, text.getvalue())
    write_json(
        whole,
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
    """Read what `write_truth` wrote beside ``film`` (boxes to 0.01 px, shares to 0.001).

    Raises:
        InputError: the files are missing or not of this form.
    """
    rows_path, whole_path = truth_paths(film)
    try:
        whole = json.loads(whole_path.read_text("utf-8"))
        with rows_path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return _from_rows(rows, whole)
    except OSError as error:
        raise InputError(
            f"{film}: no truth beside it ({error.strerror}); draw the film again"
        ) from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{film}: the truth beside it is damaged; draw the film again") from error


def _from_rows(rows: list[dict[str, str]], whole: dict[str, list[int]]) -> Truth:
    def column(name: str) -> list[str]:
        return [row[name] for row in rows]

    boxes = [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows]
    width, height = whole["frame_wh"]
    return Truth(
        frame_index=np.array(column("frame_index"), np.int64),
        time_s=np.array(column("time_s"), np.float64),
        person=np.array(column("person"), np.str_),
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        smiling=np.array(column("smiling"), np.int64).astype(np.bool_),
        yaw_deg=np.array(column("yaw_deg"), np.float32),
        visible=np.array(column("visible"), np.float32),
        frame_count=int(str(whole["frame_count"])),
        fps=Fraction(str(whole["fps"])),
        frame_wh=(width, height),
        people=tuple(str(name) for name in whole["people"]),
        cuts=np.array(whole["cuts"], np.int64),
        sound_marks_s=np.array(whole["sound_marks_s"], np.float64),
    )
