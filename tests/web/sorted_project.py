"""Fixtures of a clustered project with typical mistakes to review; people are coloured corners.

Persons 1 to 4 are the corners. The second half of person 1 was found to be person 5, six faces of
person 2 are unknown, and three faces of person 3 are among those of person 4.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import UNKNOWN
from data.core.progress import bars
from data.execution.context import RunContext
from data.project.project import Project
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.projection import store_clustering
from tests.clips.catalogue import Clips
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector
from tests.web.serving import Running, running

SETTINGS = ClusterSettings(every_s=0.1)
_BARS = bars("review")


@pytest.fixture(scope="session")
def sorted_folder(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the project and its footage. Shared, so do not change it."""
    folder = tmp_path_factory.mktemp("sorted")
    shutil.copy(clips("constant_rate.mp4"), folder / "film.mp4")
    project = Project(folder / "film.fancam")
    cluster_again(project, folder / "film.mp4")
    table = Faces.read(project.faces_file("film"))
    with open_people(project.people_file) as people:
        found = people.assignments("film").person_id.copy()
        rows = {person: np.flatnonzero(found == person) for person in (1, 2, 3)}
        found[rows[1][len(rows[1]) // 2 :]] = 5
        found[rows[2][:6]] = UNKNOWN
        found[rows[3][:3]] = 4
        store_clustering(people, {"film": table}, {"film": found})
    return folder


@pytest.fixture
def sorted_project(sorted_folder: Path, tmp_path: Path) -> Project:
    """Return a copy of the project that a test may change."""
    return Project(Path(shutil.copytree(sorted_folder, tmp_path / "sorted")) / "film.fancam")


@pytest.fixture
def review(sorted_project: Project) -> Iterator[Running]:
    """Yield a server of the copy."""
    with running([sorted_project.folder]) as served:
        yield served


def cluster_again(project: Project, *paths: Path, settings: ClusterSettings = SETTINGS) -> None:
    """Run cluster-faces with cheap networks."""
    with pytest.MonkeyPatch.context() as patch:
        install_fakes(patch.setattr, CornerDetector())
        cluster_faces(project, paths, settings, context=RunContext(_BARS))


def person_ids(project: Project) -> list[int]:
    """Return the person id of every face, in order of time; -1 is unknown."""
    with open_people(project.people_file) as people:
        return [int(person) for person in people.assignments("film").person_id]


def rows(project: Project, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, read by SQLite directly."""
    connection = sqlite3.connect(project.people_file)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def decisions(project: Project) -> list[tuple[Any, ...]]:
    """Return every decision ever made: kind, person, other, name, number of faces, state."""
    query = (
        "SELECT kind, person_id, other_id, name, "
        "(SELECT COALESCE(SUM(json_array_length(value)), 0) FROM json_each(faces)), state "
        "FROM decisions ORDER BY decision_id"
    )
    return rows(project, query)


def faces_per_person(project: Project) -> dict[int, int]:
    """Return the number of faces of each person id; -1 is unknown."""
    return dict(Counter(person_ids(project)))
