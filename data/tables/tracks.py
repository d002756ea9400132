"""The tracks table: the box of each person in every frame of one footage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.atomic import write_text
from data.core.boxes import sizes_wh
from data.core.errors import InputError
from data.core.table import Column, Table
from data.project.project import Project
from data.project.stages import TRACKS
from data.storage.shown import command_line

if TYPE_CHECKING:
    import pandas as pd

CSV_COLUMNS = ("frame", "time_s", "person", "x", "y", "w", "h", "confidence", "source")
DETECTED, FILLED = "detected", "filled"


@dataclass(frozen=True, eq=False)
class Tracks(Table):
    """People of one footage: one row per frame and person, ordered by frame and then by person.

    A frame may have several rows of unknown people (-1).

    Raises:
        ValueError: rows are out of order, or a person is twice in a frame; see also `Table`.
    """

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    time_s: NDArray[np.float64]  # (n,) presentation time, 0 for the first frame
    person_id: NDArray[np.int64]  # (n,) -1 unknown
    xyxy: NDArray[np.float32]  # (n, 4) px of the full upright frame, like dlib's face boxes
    confidence: NDArray[np.float32]  # (n,) 0..1
    filled: NDArray[np.bool_]  # (n,) True if interpolated between detections

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "time_s": (np.float64, ()),
        "person_id": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "confidence": (np.float32, ()),
        "filled": (np.bool_, ()),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        frame, person = self.frame_index, self.person_id
        same = frame[1:] == frame[:-1]
        if (frame[1:] < frame[:-1]).any() or (same & (person[1:] < person[:-1])).any():
            raise ValueError("rows must be ordered by frame and then by person; see Tracks.ordered")
        twice = same & (person[1:] == person[:-1]) & (person[1:] != UNKNOWN)
        if twice.any():
            row = int(np.flatnonzero(twice)[0])
            raise ValueError(f"person {person[row]} must be in frame {frame[row]} only once")

    @classmethod
    def ordered(cls, **columns: NDArray[Any]) -> Self:
        """Return a table of the columns, ``(n,)`` and ``(n, 4)``, with its rows sorted."""
        order = np.lexsort((columns["person_id"], columns["frame_index"]))
        return cls(**{name: np.array(column[order]) for name, column in columns.items()})

    @classmethod
    def concatenate(cls, tables: list[Self]) -> Self:
        """Return the rows of all ``tables``, ordered by frame and person."""
        if not tables:
            return cls.empty()
        return cls.ordered(
            **{n: np.concatenate([getattr(t, n) for t in tables]) for n in cls.COLUMNS}
        )


def write_csv(path: Path, tracks: Tracks, names: Mapping[int, str]) -> None:
    """Write ``tracks`` atomically as CSV with the columns `CSV_COLUMNS`, boxes to 0.01 px.

    Args:
        path: the CSV file.
        tracks: rows to write.
        names: name of every person in ``tracks``, by id; unknown people (-1) get an empty one.

    Raises:
        ValueError: a person has no name.
    """
    if nameless := set(np.unique(tracks.person_id).tolist()) - {UNKNOWN} - set(names):
        raise ValueError(f"names must include every person, got none for {sorted(nameless)}")
    import pandas as pd

    name_of = {**names, UNKNOWN: ""}
    columns = (
        tracks.frame_index,
        decimals(tracks.time_s, 6),
        [name_of[person] for person in tracks.person_id.tolist()],
        *box_columns(tracks),
        decimals(tracks.confidence, 4),
        np.where(tracks.filled, FILLED, DETECTED),
    )
    table = pd.DataFrame(dict(zip(CSV_COLUMNS, columns, strict=True)))
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def box_columns(tracks: Tracks) -> list[list[str]]:
    """Return the columns x, y, w and h, in px to 0.01."""
    corner, size = tracks.xyxy[:, :2], sizes_wh(tracks.xyxy)
    return [decimals(column, 2) for column in (*corner.T, *size.T)]


def decimals(values: NDArray[Any], count: int) -> list[str]:
    """Return numbers as text with ``count`` decimals."""
    return [f"{value:.{count}f}" for value in values.tolist()]


def read_csv(path: Path, names: Mapping[int, str]) -> Tracks:
    """Read a file written by `write_csv`.

    Args:
        path: the CSV file.
        names: names of the people, by id; see `people_in_csv` for a file without a project.

    Raises:
        InputError: the file cannot be read, or has a person who is not in ``names``.
    """
    rows = _read_rows(path)
    ids = {name: person for person, name in names.items()} | {"": UNKNOWN}
    if strangers := set(rows["person"].dropna()) - set(ids):
        message = f"names {sorted(strangers)[0]!r}, who is not in the project"
        raise InputError(f"{path}: {message}; run track-people again")
    try:
        return _tracks(path, rows, ids)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); run track-people again") from error


def read_tracks(project: Project, footage: str) -> tuple[Tracks, dict[int, str]]:
    """Read the finished tracks of a footage, and the names of its people at that time, by id.

    The names may have changed since; the ids have not.

    Raises:
        InputError: the footage is not tracked yet, or the file cannot be read.
    """
    names = tracked_names(project, footage)
    return read_csv(project.tracks_file(footage), names), names


def tracked_names(project: Project, footage: str) -> dict[int, str]:
    """Return the names of a footage's people, by id, at the time it was tracked.

    Raises:
        InputError: the footage is not tracked yet.
    """
    record = project.record(TRACKS, footage)
    if record is None:
        command = command_line("track-people", project.folder)
        raise InputError(f"{footage}: not tracked yet; run {command}")
    return dict(record.names)


def people_in_csv(path: Path) -> dict[int, str]:
    """Return the names in a CSV file of tracks, numbered from 1 in alphabetical order.

    Raises:
        InputError: the file cannot be read.
    """
    names = set(_read_rows(path)["person"].dropna()) - {""}
    return dict(enumerate(sorted(names), start=1))


def _read_rows(path: Path) -> pd.DataFrame:
    """Read the columns as text; NaN where a line is truncated."""
    import pandas as pd

    try:
        # Names are text, even "NA" and "1e5". Spreadsheets save UTF-8 with a byte order mark.
        # Unlike the engine "c", the engine "python" rejects misplaced quotes.
        return pd.read_csv(
            path,
            usecols=list(CSV_COLUMNS),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            engine="python",
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: not readable ({error}); run track-people first") from error
    except ValueError as error:  # the columns are missing or different
        message = f"not a file of tracks: its first line must be {','.join(CSV_COLUMNS)}"
        raise InputError(f"{path}: {message}") from error


def _tracks(path: Path, rows: pd.DataFrame, ids: Mapping[str, int]) -> Tracks:
    frame = np.array([_number(text, int) for text in rows["frame"]], np.float64)
    time_s, x, y, w, h, confidence = (
        np.array([_number(text, float) for text in rows[name]], np.float64)
        for name in ("time_s", "x", "y", "w", "h", "confidence")
    )
    valid = np.isfinite([frame, time_s, x, y, w, h, confidence]).all(axis=0) & (frame >= 0)
    valid &= rows["source"].isin([DETECTED, FILLED]).to_numpy()
    if not valid.all():
        row = int(np.argmin(valid)) + 1
        raise InputError(f"{path}: row {row} is damaged; run track-people again")
    return Tracks.ordered(
        frame_index=frame.astype(np.int64),
        time_s=time_s,
        person_id=rows["person"].map(ids).to_numpy(np.int64),
        xyxy=np.stack([x, y, x + w, y + h], axis=1).astype(np.float32),
        confidence=confidence.astype(np.float32),
        filled=(rows["source"] == FILLED).to_numpy(np.bool_),
    )


def _number(text: str, kind: type[int] | type[float]) -> float:
    """Parse the number in a field; NaN if it is not a number."""
    try:
        return float(kind(text))
    except ValueError:
        return nan
