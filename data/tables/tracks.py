"""The tracks table: where each person is in every frame of one footage."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.atomic import write_text
from data.core.boxes import sizes_wh
from data.core.errors import InputError
from data.core.table import Column, Table
from data.project.project import Project
from data.project.stages import TRACKS

CSV_COLUMNS = ("frame", "time_s", "person", "x", "y", "w", "h", "confidence", "source")
DETECTED, FILLED = "detected", "filled"


@dataclass(frozen=True, eq=False)
class Tracks(Table):
    """The people of one footage, one row a person a frame, by frame and then by person.

    Rows of nobody known (-1) may be several in a frame.

    Raises:
        ValueError: rows out of order, or a person twice in a frame; see also `Table`.
    """

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    time_s: NDArray[np.float64]  # (n,) presentation time, first frame 0
    person_id: NDArray[np.int64]  # (n,) -1 unknown
    xyxy: NDArray[np.float32]  # (n, 4) px of the full upright frame, the face as dlib frames it
    confidence: NDArray[np.float32]  # (n,) 0..1 that this person is here
    filled: NDArray[np.bool_]  # (n,) not seen here, but before and after

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
        """Return a table of these columns, its rows brought into order."""
        order = np.lexsort((columns["person_id"], columns["frame_index"]))
        return cls(**{name: np.array(column[order]) for name, column in columns.items()})

    @classmethod
    def concatenate(cls, tables: list[Self]) -> Self:
        """Return the rows of all ``tables``, in the order of frames."""
        if not tables:
            return cls.empty()
        return cls.ordered(
            **{n: np.concatenate([getattr(t, n) for t in tables]) for n in cls.COLUMNS}
        )


def write_csv(path: Path, tracks: Tracks, names: Mapping[int, str]) -> None:
    """Write ``tracks`` for people and spreadsheets: columns `CSV_COLUMNS`, boxes to 0.01 px.

    Args:
        path: where it goes, whole or not at all.
        tracks: of one footage.
        names: of every person in ``tracks``; nobody known (-1) has an empty one.

    Raises:
        ValueError: somebody has no name.
    """
    if nameless := set(np.unique(tracks.person_id).tolist()) - {UNKNOWN} - set(names):
        raise ValueError(f"names must name everybody, got none for {sorted(nameless)}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_csv_rows(tracks, {**names, UNKNOWN: ""}))
    write_text(path, text.getvalue())


def _csv_rows(tracks: Tracks, names: Mapping[int, str]) -> Iterable[tuple[object, ...]]:
    return zip(
        tracks.frame_index.tolist(),
        _decimals(tracks.time_s, 6),
        [names[person] for person in tracks.person_id.tolist()],
        *_box_columns(tracks),
        _decimals(tracks.confidence, 4),
        [FILLED if filled else DETECTED for filled in tracks.filled.tolist()],
        strict=True,
    )


def _box_columns(tracks: Tracks) -> list[list[str]]:
    """Columns x, y, w, h."""
    corner, size = tracks.xyxy[:, :2], sizes_wh(tracks.xyxy)
    return [_decimals(column, 2) for column in (*corner.T, *size.T)]


def _decimals(values: NDArray[Any], count: int) -> list[str]:
    return [f"{value:.{count}f}" for value in values.tolist()]


def read_csv(path: Path, names: Mapping[int, str]) -> Tracks:
    """Read what `write_csv` wrote.

    Args:
        path: the file.
        names: of the people, by id; see `people_in_csv` where no project says them.

    Raises:
        InputError: the file cannot be read, or names somebody else.
    """
    rows = _read_rows(path)
    ids = {name: person for person, name in names.items()} | {"": UNKNOWN}
    if strangers := {row["person"] for row in rows} - set(ids):
        message = f"names {sorted(strangers)[0]!r}, who is not in the project"
        raise InputError(f"{path}: {message}; run track-people again")
    try:
        return _tracks(path, rows, ids)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); run track-people again") from error


def read_tracks(project: Project, footage: str) -> tuple[Tracks, dict[int, str]]:
    """Read the finished tracks of a project's footage, and its people's names when it was tracked.

    People may have been named anew since: who is who says the id.

    Raises:
        InputError: the footage is not tracked yet, or the file cannot be read.
    """
    names = tracked_names(project, footage)
    return read_csv(project.tracks_file(footage), names), names


def tracked_names(project: Project, footage: str) -> dict[int, str]:
    """The names of a footage's people when it was tracked.

    Raises:
        InputError: it is not tracked yet.
    """
    record = project.record(TRACKS, footage)
    if record is None:
        raise InputError(f"{footage}: not tracked yet; run track-people {project.folder.name}")
    return dict(record.names)


def people_in_csv(path: Path) -> dict[int, str]:
    """Number the people whom a file of tracks names from 1 on, by name.

    Raises:
        InputError: the file cannot be read.
    """
    found = {row["person"] for row in _read_rows(path)} - {""}
    return dict(enumerate(sorted(found), start=1))


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        # Spreadsheets put a mark in front when they save a file as UTF-8.
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            rows = list(reader)
            columns = tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable ({error}); run track-people first") from error
    if not set(CSV_COLUMNS) <= set(columns):
        message = f"not a file of tracks: its first line must be {','.join(CSV_COLUMNS)}"
        raise InputError(f"{path}: {message}")
    return rows


def _tracks(path: Path, rows: list[dict[str, str]], ids: Mapping[str, int]) -> Tracks:
    numbers = np.array([_numbers(path, i, row) for i, row in enumerate(rows)], np.float64)
    numbers = numbers.reshape(-1, 7)
    corner, size = numbers[:, 2:4], numbers[:, 4:6]
    return Tracks.ordered(
        frame_index=numbers[:, 0].astype(np.int64),
        time_s=numbers[:, 1],
        person_id=np.array([ids[row["person"]] for row in rows], np.int64),
        xyxy=np.hstack([corner, corner + size]).astype(np.float32),
        confidence=numbers[:, 6].astype(np.float32),
        filled=np.array([row["source"] == FILLED for row in rows], np.bool_),
    )


def _numbers(path: Path, row: int, values: dict[str, str]) -> list[float]:
    """The seven numbers of one line."""
    try:
        numbers = [float(int(values["frame"]))]
        numbers += [float(values[name]) for name in ("time_s", "x", "y", "w", "h", "confidence")]
        good = all(isfinite(number) for number in numbers) and numbers[0] >= 0
        good = good and values["source"] in (DETECTED, FILLED)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(f"{path}: row {row + 1} is damaged; run track-people again")
    return numbers


def write_mot(path: Path, tracks: Tracks) -> None:
    """Write ``tracks`` as MOTChallenge tools read them; see `mot_lines`."""
    write_text(path, "".join(mot_lines(tracks)))


def mot_lines(tracks: Tracks) -> list[str]:
    """Return ``tracks`` as lines of MOTChallenge; rows of nobody known are left out.

    One line a row: frame from 1, person id, left, top, width, height, confidence, -1, -1, -1.

    Source: https://motchallenge.net/instructions
    """
    known = tracks.take(tracks.person_id != UNKNOWN)
    columns = [*_box_columns(known), _decimals(known.confidence, 4)]
    frames, people = (known.frame_index + 1).tolist(), known.person_id.tolist()
    rows = zip(frames, people, *columns, strict=True)
    return [",".join(map(str, row)) + ",-1,-1,-1\n" for row in rows]
