"""Who is who in a project, as the pages show it, and its faces by id."""

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
from data.project.project import Project
from data.tables.decision_log import DecisionLog, HistoryEntry
from data.tables.decisions import Places, Reviewed, ReviewedFaces
from data.tables.faces import Faces
from data.tables.people import People, open_people
from web.core.errors import NotFoundError
from web.core.library import OpenProject

FACE_ID = r"^\d{1,4}\.\d{1,12}\.\d{1,5}$"
"""A face in an address or a request: footage from 1, frame, number in the frame from 0."""


@dataclass(frozen=True, eq=False)
class ProjectFaces:
    """Every face that was found in a project; rows count through all footages."""

    footages: tuple[str, ...]
    tables: tuple[Faces, ...]  # by footage
    footage: NDArray[np.int64]  # (n,) number from 1
    frame_index: NDArray[np.int64]  # (n,)
    number: NDArray[np.int64]  # (n,) in its frame, from 0
    time_s: NDArray[np.float64]  # (n,)
    likeness: Likeness
    rows: dict[str, int]  # by face id

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Ids of some faces."""
        columns = (self.footage[rows], self.frame_index[rows], self.number[rows])
        return [f"{f}.{i}.{n}" for f, i, n in zip(*(c.tolist() for c in columns), strict=True)]

    def footage_name(self, row: int) -> str:
        """In which footage a face is."""
        return self.footages[self._table(row)]

    def xyxy(self, row: int) -> NDArray[np.float32]:
        """Where a face is in its frame, ``(4,)`` px."""
        table = self._table(row)
        first = sum(len(each) for each in self.tables[:table])
        return np.asarray(self.tables[table].xyxy[row - first], np.float32)

    def _table(self, row: int) -> int:
        ends = np.cumsum([len(table) for table in self.tables])
        return int(np.searchsorted(ends, row, side="right"))

    def places(self, ids: list[str]) -> dict[str, Places]:
        """Some faces by their places, as decisions tell them.

        Raises:
            NotFoundError: there is no such face.
        """
        try:
            chosen = np.unique(np.array([self.rows[one] for one in ids], np.int64))
        except KeyError as error:
            raise NotFoundError("there is no such face") from error
        first, places = 0, {}
        for name, table in zip(self.footages, self.tables, strict=True):
            own = chosen[(chosen >= first) & (chosen < first + len(table))] - first
            if len(own):
                places[name] = Places(table.time_s[own], table.xyxy[own])
            first += len(table)
        return places


@dataclass(frozen=True, eq=False)
class PeopleSnapshot:
    """Who is who at one revision."""

    revision: int
    clustered: int  # revision of the last clustering
    faces: ProjectFaces
    found: dict[str, NDArray[np.int64]]  # by footage, whom the clustering found
    person_id: NDArray[np.int64]  # (n,) -1 unknown
    never: NDArray[np.int64]  # (n, k) people who a face is not; -1 fills up
    names: dict[int, str]
    reviewed: Reviewed
    undo: HistoryEntry | None
    redo: HistoryEntry | None
    written: bool  # people folder and dataset hold everything that was decided


def read_snapshot(project: OpenProject) -> PeopleSnapshot:
    """Return who is who by now.

    Raises:
        InputError: the project was not clustered yet.
    """
    read = project.read()
    if not read.people_file.exists():
        raise InputError(f"{read.folder}: no people in it yet; run cluster-faces first")
    faces = project_faces(read)
    with open_people(read.people_file) as people:
        who = _who(project.id, faces, people)
        return dataclasses.replace(who, written=is_written(read, people))


# Of each project, the last one: pages ask for several things of one revision.
_LATEST: dict[str, PeopleSnapshot] = {}


def _who(project_id: str, faces: ProjectFaces, people: People) -> PeopleSnapshot:
    revision, latest = people.revision(), _LATEST.get(project_id)
    if latest is not None and latest.revision == revision and latest.faces is faces:
        return latest
    tables = dict(zip(faces.footages, faces.tables, strict=True))
    clustered = people.clustered()
    if latest is not None and (latest.clustered, latest.faces) == (clustered, faces):
        found = latest.found  # decisions leave it as it is
    else:
        found = {name: _found(people, name, table) for name, table in tables.items()}
    places = {name: Places(table.time_s, table.xyxy) for name, table in tables.items()}
    reviewed = people.reviewed(places, found)
    labels = [reviewed.labels[name] for name in tables]
    person_id = np.concatenate([np.zeros(0, np.int64), *(each.person_id for each in labels)])
    if latest is not None and np.array_equal(latest.person_id, person_id):
        person_id = latest.person_id  # what was found of it is remembered: see `Likeness`
    who = PeopleSnapshot(
        revision=revision,
        clustered=clustered,
        faces=faces,
        found=found,
        person_id=person_id,
        never=_never(labels),
        names=people.names(),
        reviewed=reviewed,
        undo=DecisionLog(people).next_undo(),
        redo=DecisionLog(people).next_redo(),
        written=False,
    )
    # A decision made between two of these reads would be shown under a revision that lacks it.
    if people.revision() == revision:
        _LATEST[project_id] = who
    return who


def _found(people: People, name: str, faces: Faces) -> NDArray[np.int64]:
    """Whom the clustering found; unknown where it has not seen these faces yet."""
    found = people.found(name)
    same = len(found) == len(faces) and np.array_equal(found.xyxy, faces.xyxy)
    return found.person_id if same else np.full(len(faces), UNKNOWN, np.int64)


def _never(labels: list[ReviewedFaces]) -> NDArray[np.int64]:
    parts = [each.never for each in labels]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.int64)


def project_faces(project: Project) -> ProjectFaces:
    """Return every face of the project; read once, and again when they are found anew.

    Raises:
        InputError: a table is missing or damaged.
    """
    files = [project.faces_file(name) for name in project.footages]
    there = [(name, file) for name, file in zip(project.footages, files, strict=True)]
    keyed = tuple((name, file, file_key(file)) for name, file in there if file.exists())
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
