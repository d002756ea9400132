"""Snapshot of a project's people and faces at one revision, as shown on the pages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clustering.faces.labelled import numbers_in_frame
from clustering.output.likeness import Likeness
from clustering.output.write import is_written
from data.core.arrays import UNKNOWN
from data.core.digest import file_key
from data.core.errors import InputError
from data.project.paths import ProjectFolder
from data.project.project import Project
from data.tables.decision_log import DecisionLog, HistoryEntry
from data.tables.decisions import FaceKeys, Reviewed, ReviewedFaces
from data.tables.faces import Faces
from data.tables.people import People, open_people
from web.core.errors import NotFoundError
from web.core.library import OpenProject

FACE_ID = r"^\d{1,4}\.\d{1,12}\.\d{1,5}$"
"""A face id: number of the footage from 1, frame index, number in the frame from 0."""


@dataclass(frozen=True, eq=False)
class ProjectFaces:
    """All faces of a project, one row per face, in the order of the footages."""

    footages: tuple[str, ...]
    tables: tuple[Faces, ...]  # one per footage
    footage: NDArray[np.int64]  # (n,) number of the footage, from 1
    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    number: NDArray[np.int64]  # (n,) number in the frame, from 0
    time_s: NDArray[np.float64]  # (n,) presentation time, s
    likeness: Likeness
    rows: dict[str, int]  # row of each face id

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the face ids of ``rows``, ``(k,)`` int64."""
        columns = (self.footage[rows], self.frame_index[rows], self.number[rows])
        return [f"{f}.{i}.{n}" for f, i, n in zip(*(c.tolist() for c in columns), strict=True)]

    def footage_name(self, row: int) -> str:
        """Return the name of the footage of a face."""
        return self.footages[self._table(row)]

    def xyxy(self, row: int) -> NDArray[np.float32]:
        """Return the box of a face, ``(4,)`` float32, px of its full frame."""
        table = self._table(row)
        first = sum(len(each) for each in self.tables[:table])
        return np.asarray(self.tables[table].xyxy[row - first], np.float32)

    def _table(self, row: int) -> int:
        ends = np.cumsum([len(table) for table in self.tables])
        return int(np.searchsorted(ends, row, side="right"))

    def face_keys(self, ids: list[str]) -> dict[str, FaceKeys]:
        """Return times and boxes of faces per footage, as decisions store them.

        Raises:
            NotFoundError: no such face.
        """
        try:
            chosen = np.unique(np.array([self.rows[face] for face in ids], np.int64))
        except KeyError as error:
            raise NotFoundError("no such face") from error
        first, face_keys = 0, {}
        for name, table in zip(self.footages, self.tables, strict=True):
            rows = chosen[(chosen >= first) & (chosen < first + len(table))] - first
            if len(rows):
                face_keys[name] = FaceKeys(table.time_s[rows], table.xyxy[rows])
            first += len(table)
        return face_keys


@dataclass(frozen=True, eq=False)
class PeopleSnapshot:
    """All faces and their people at one revision."""

    revision: int
    clustered: int  # revision of the last clustering
    faces: ProjectFaces
    found: dict[str, NDArray[np.int64]]  # per footage, (n,) as clustered; -1 unknown
    unclustered: frozenset[str]  # footages whose faces were found again since the clustering
    joined: dict[str, NDArray[np.int64]]  # per footage, (n,) person joined while ejected; -1 none
    person_id: NDArray[np.int64]  # (n,) after all decisions; -1 unknown
    never: NDArray[np.int64]  # (n, k) ids of the people excluded for each face, padded with -1
    names: dict[int, str]
    reviewed: Reviewed
    undo: HistoryEntry | None
    redo: HistoryEntry | None
    written: bool  # whether the people folders and the dataset contain all decisions

    def picture(self, person: int) -> str | None:
        """Return the id of a person's cover picture, or else of their best face; None if none."""
        rows = np.flatnonzero(self.person_id == person)
        cover = self.cover(person)
        if cover is None and len(rows):
            (cover,) = self.faces.ids(self.faces.likeness.portraits(person, rows, count=1))
        return cover

    def cover(self, person: int) -> str | None:
        """Return the id of the face that is a person's cover picture; None if none was chosen."""
        if person not in self.reviewed.covers:
            return None
        footage, row = self.reviewed.covers[person]
        number = self.faces.footages.index(footage)
        first = sum(len(table) for table in self.faces.tables[:number])
        return self.faces.ids(np.array([first + row]))[0]


def read_snapshot(project: OpenProject) -> PeopleSnapshot:
    """Return the snapshot of the current revision.

    Raises:
        InputError: the project has not been clustered yet.
    """
    people_file = ProjectFolder(project.folder).people_file
    if not people_file.exists():
        raise InputError(f"{project.folder}: there are no people yet; run cluster-faces first")
    with open_people(people_file) as people:
        with people.reading():
            people.revision()  # the first read: the tables are not older than the people
            read = project.read()
            snapshot = _snapshot(project.id, project_faces(read), people)
        return dataclasses.replace(snapshot, written=is_written(read, people))


# The latest snapshot per project: a page makes several requests at one revision.
_LATEST: dict[str, PeopleSnapshot] = {}


def _snapshot(project_id: str, faces: ProjectFaces, people: People) -> PeopleSnapshot:
    revision, latest = people.revision(), _LATEST.get(project_id)
    if latest is not None and latest.revision == revision and latest.faces is faces:
        return latest
    tables = dict(zip(faces.footages, faces.tables, strict=True))
    clustered = people.clustered()
    if latest is not None and (latest.clustered, latest.faces) == (clustered, faces):
        found, joined = latest.found, latest.joined  # not changed by decisions
        unclustered = latest.unclustered
    else:
        unclustered = frozenset(n for n in tables if not _is_clustered(people, n, tables[n]))
        found = {
            name: np.full(len(table), UNKNOWN, np.int64)
            if name in unclustered
            else people.clustered_assignments(name).person_id
            for name, table in tables.items()
        }
        joined = {name: _joined(people, name, table) for name, table in tables.items()}
    face_keys = {name: FaceKeys(table.time_s, table.xyxy) for name, table in tables.items()}
    reviewed = people.reviewed(face_keys, found, joined)
    labels = [reviewed.labels[name] for name in tables]
    person_id = np.concatenate([np.zeros(0, np.int64), *(each.person_id for each in labels)])
    names = people.names()
    # A face that is not clustered yet may be pinned to a person who has no other face now.
    person_id[~np.isin(person_id, list(names))] = UNKNOWN
    if latest is not None and np.array_equal(latest.person_id, person_id):
        person_id = latest.person_id  # `Likeness` caches by array identity
    snapshot = PeopleSnapshot(
        revision=revision,
        clustered=clustered,
        faces=faces,
        found=found,
        unclustered=unclustered,
        joined=joined,
        person_id=person_id,
        never=_never(labels),
        names=names,
        reviewed=reviewed,
        undo=DecisionLog(people).next_undo(),
        redo=DecisionLog(people).next_redo(),
        written=False,
    )
    _LATEST[project_id] = snapshot
    return snapshot


def _is_clustered(people: People, name: str, faces: Faces) -> bool:
    """Whether the last clustering was of exactly these faces."""
    found = people.clustered_assignments(name)
    return len(found) == len(faces) and np.array_equal(found.xyxy, faces.xyxy)


def _joined(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Return the person whom each face joins while it is ejected, ``(n,)``; -1 none."""
    joined = people.joined_people(name)
    return joined if len(joined) == len(faces) else np.full(len(faces), UNKNOWN, np.int64)


def _never(labels: list[ReviewedFaces]) -> NDArray[np.int64]:
    parts = [each.never for each in labels]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.int64)


def project_faces(project: Project) -> ProjectFaces:
    """Return all faces of the project, cached until a table changes.

    Raises:
        InputError: a table is missing or damaged.
    """
    files = [project.faces_file(name) for name in project.footages]
    named = zip(project.footages, files, strict=True)
    keyed = tuple((name, file, file_key(file)) for name, file in named if file.exists())
    numbers = {name: number for number, name in enumerate(project.footages, start=1)}
    return _read_faces(keyed, tuple(numbers[name] for name, _, _ in keyed))


@lru_cache(maxsize=4)
def _read_faces(files: tuple[tuple[str, Path, str], ...], numbers: tuple[int, ...]) -> ProjectFaces:
    tables = tuple(Faces.read(file) for _, file, _ in files)
    footage = np.repeat(np.array(numbers, np.int64), [len(table) for table in tables])
    frame_index = np.concatenate([np.zeros(0, np.int64), *(t.frame_index for t in tables)])
    number = np.concatenate([np.zeros(0, np.int64), *map(_numbers_in_frame, tables)])
    columns = (footage.tolist(), frame_index.tolist(), number.tolist())
    return ProjectFaces(
        footages=tuple(name for name, _, _ in files),
        tables=tables,
        footage=footage,
        frame_index=frame_index,
        number=number,
        time_s=np.concatenate([np.zeros(0), *(t.time_s for t in tables)]),
        likeness=Likeness(list(tables)),
        rows={f"{f}.{i}.{n}": row for row, (f, i, n) in enumerate(zip(*columns, strict=True))},
    )


def _numbers_in_frame(faces: Faces) -> NDArray[np.int64]:
    return numbers_in_frame(faces.frame_index)
