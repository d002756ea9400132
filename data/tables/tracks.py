"""The tracks table: the box of each person in every frame of one footage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.atomic import write_text
from data.core.boxes import Boxes, sizes_wh
from data.core.digest import file_key
from data.core.errors import InputError
from data.core.table import Column, Table
from data.project.project import Project
from data.project.stages import TRACKS
from data.storage.shown import command_line

if TYPE_CHECKING:
    import pandas as pd

BODY_COLUMNS = ("body_x", "body_y", "body_w", "body_h")
"""Columns that files of earlier versions lack."""
CSV_COLUMNS = (
    *("frame", "time_s", "person", "x", "y", "w", "h", "confidence", "source"),
    *BODY_COLUMNS,
)
FACE: Final = 0
"""The face was detected in this frame."""
BODY: Final = 1
"""Only the body was detected: the face box is an estimate of the head."""
FILLED: Final = 2
"""Neither was detected: the boxes are interpolated."""
SOURCES: Final = ("face", "body", "filled")
_EARLIER_FACE: Final = "detected"
_AGAIN: Final = "run track-people again"
"""Name of the source "face" in files of earlier versions."""


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
    xyxy: NDArray[np.float32]  # (n, 4) face, px of the full upright frame, like dlib's boxes
    confidence: NDArray[np.float32]  # (n,) 0..1
    source: NDArray[np.int8]  # (n,) FACE, BODY or FILLED
    body_xyxy: NDArray[np.float32]  # (n, 4) px of the full upright frame; NaN where undetected

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "time_s": (np.float64, ()),
        "person_id": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "confidence": (np.float32, ()),
        "source": (np.int8, ()),
        "body_xyxy": (np.float32, (4,)),
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

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Mask of the interpolated rows, ``(n,)``."""
        return np.asarray(self.source == FILLED, np.bool_)

    @property
    def has_body(self) -> NDArray[np.bool_]:
        """Mask of the rows whose body was detected, ``(n,)``."""
        return np.asarray(np.isfinite(self.body_xyxy).all(axis=1), np.bool_)

    @classmethod
    def ordered(cls, **columns: NDArray[Any]) -> Self:
        """Return a table of the columns, ``(n,)`` and ``(n, 4)``, with its rows sorted.

        Without ``body_xyxy``, no body was detected.
        """
        columns.setdefault("body_xyxy", no_bodies(len(columns["xyxy"])))
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


def no_bodies(rows: int) -> NDArray[np.float32]:
    """Return ``(rows, 4)`` NaN: ``body_xyxy`` without a detected body."""
    return np.full((rows, 4), nan, np.float32)


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
        *box_columns(tracks.xyxy),
        decimals(tracks.confidence, 4),
        [SOURCES[source] for source in tracks.source.tolist()],
        *box_columns(tracks.body_xyxy),
    )
    table = pd.DataFrame(dict(zip(CSV_COLUMNS, columns, strict=True)))
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def box_columns(xyxy: Boxes) -> list[list[str]]:
    """Return the columns x, y, w and h of ``(n, 4)`` boxes, in px to 0.01; empty for NaN."""
    corner, size = xyxy[:, :2], sizes_wh(xyxy)
    return [decimals(column, 2) for column in (*corner.T, *size.T)]


def decimals(values: NDArray[Any], count: int) -> list[str]:
    """Return numbers as text with ``count`` decimals; empty for NaN."""
    return ["" if value != value else f"{value:.{count}f}" for value in values.tolist()]


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


def read_unchanged_csv(path: Path, names: Mapping[int, str]) -> Tracks:
    """Read a file like `read_csv`; again only if it has changed.

    Raises:
        InputError: see `read_csv`.
    """
    if not path.exists():
        return read_csv(path, names)
    return _read_unchanged(path, file_key(path), tuple(names.items()))


@lru_cache(maxsize=4)
def _read_unchanged(path: Path, key: str, names: tuple[tuple[int, str], ...]) -> Tracks:
    del key  # part of the cache key only
    return read_csv(path, dict(names))


def has_tracks(project: Project, footage: str) -> bool:
    """Return whether the tracks of a footage are finished and readable.

    A run that was stopped may have written the file under names that the record does not have.
    """
    try:
        read_unchanged_csv(project.tracks_file(footage), tracked_names(project, footage))
    except InputError:
        return False
    return True


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
        rows = pd.read_csv(
            path,
            usecols=lambda name: name in CSV_COLUMNS,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            engine="python",
        )
        if missing := set(CSV_COLUMNS) - set(BODY_COLUMNS) - set(rows.columns):
            raise ValueError(f"columns must include {sorted(missing)}")
        return rows.reindex(columns=list(CSV_COLUMNS), fill_value="")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: not readable ({error}); {_AGAIN}") from error
    except ValueError as error:  # the columns are missing or different
        message = f"not a file of tracks: its first line must be {','.join(CSV_COLUMNS)}"
        raise InputError(f"{path}: {message}; {_AGAIN}") from error


def _tracks(path: Path, rows: pd.DataFrame, ids: Mapping[str, int]) -> Tracks:
    frame = np.array([_number(text, int) for text in rows["frame"]], np.float64)
    time_s, x, y, w, h, confidence = (
        np.array([_number(text, float) for text in rows[name]], np.float64)
        for name in ("time_s", "x", "y", "w", "h", "confidence")
    )
    valid = np.isfinite([frame, time_s, x, y, w, h, confidence]).all(axis=0) & (frame >= 0)
    source = rows["source"].map({name: i for i, name in enumerate((*SOURCES, _EARLIER_FACE))})
    body_xyxy, body_valid = _bodies(rows)
    valid &= source.notna().to_numpy() & body_valid
    if not valid.all():
        row = int(np.argmin(valid)) + 1
        raise InputError(f"{path}: row {row} is damaged; {_AGAIN}")
    return Tracks.ordered(
        frame_index=frame.astype(np.int64),
        time_s=time_s,
        person_id=rows["person"].map(ids).to_numpy(np.int64),
        xyxy=np.stack([x, y, x + w, y + h], axis=1).astype(np.float32),
        confidence=confidence.astype(np.float32),
        source=source.to_numpy(np.int8) % len(SOURCES),
        body_xyxy=body_xyxy,
    )


def _bodies(rows: pd.DataFrame) -> tuple[Boxes, NDArray[np.bool_]]:
    """Return ``body_xyxy``, and a mask, ``(n,)``, of the rows with a whole box or none."""
    texts = rows[list(BODY_COLUMNS)].fillna("").to_numpy(str)
    xywh = np.array([_number(text, float) for text in texts.ravel()], np.float64).reshape(-1, 4)
    valid = np.isfinite(xywh).all(axis=1) | (texts == "").all(axis=1)
    return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]]).astype(np.float32), valid


def _number(text: str, kind: type[int] | type[float]) -> float:
    """Parse the number in a field; NaN if it is not a number."""
    try:
        return float(kind(text))
    except ValueError:
        return nan
