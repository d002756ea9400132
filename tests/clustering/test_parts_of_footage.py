"""A footage in parts, and with an excerpt of itself: the people are those of one piece."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.backends import BackendSettings
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import UNKNOWN
from data.core.progress import bars
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import open_people
from data.video.footage import probe
from data.video.reader import read_frames
from tests.clips.encoding import encode
from tests.clustering.command import assignments, names
from tests.quality.labels import read_labels

BEST = ClusterSettings(backend=BackendSettings(detector="centerface", embedder="sface"))
FILM_S = 12.0
EXCERPT_S = (3.0, 9.0)
FILM_PEOPLE = 6


def cluster(project: Project, *footages: Path, settings: ClusterSettings = BEST) -> None:
    cluster_faces(project, footages, settings, context=RunContext(bars("parts")))


def write_part(source: Path, path: Path, from_s: float, until_s: float) -> Path:
    """Write the frames of an interval, encoded again, from time 0."""
    frames = list(read_frames(source, from_s=from_s, until_s=until_s))
    times_s = [frame.time_s - frames[0].time_s for frame in frames]
    options = {"crf": "12", "preset": "veryfast"}
    encode(path, (frame.image for frame in frames), times_s=times_s, options=options)
    return path


# --- halves -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "family_wide",
        "film_a",
        "kpop_vertical",
        "pexels_00",
        "pexels_02",
        "pexels_03",
        "pexels_04",
    ],
)
def test_two_halves_have_the_people_of_one_piece(
    shared: Path, face_models: Path, tmp_path: Path, name: str
) -> None:
    """In one piece each of these clips has as many people as its labels.

    meeting_a and pexels_01 keep their number as well, which differs from their labels. sitcom_a has
    one person more, a face without a label at the end of the first half, and talkshow_a one whose
    halves are too unlike.
    """
    del face_models
    source = shared / "footage" / f"{name}.mp4"
    middle_s = probe(source).duration_s / 2
    project = Project(tmp_path / "halves.fancam")
    cluster(
        project,
        write_part(source, tmp_path / "first.mp4", 0.0, middle_s),
        write_part(source, tmp_path / "second.mp4", middle_s, np.inf),
    )
    labels = read_labels(shared / "footage" / "labels" / f"{name}.csv")
    assert len(names(project.folder)) == len(labels.people)


# --- an excerpt -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the drawn film, and an excerpt of it."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_film(folder / "film.mp4", duration_s=FILM_S)
    write_part(folder / "film.mp4", folder / "excerpt.mp4", *EXCERPT_S)
    return folder


@pytest.fixture
def film(drawn: Path, face_models: Path, tmp_path: Path) -> Project:
    """Return the project of the film alone, which a test may change."""
    return copy_of(drawn, "film", face_models, tmp_path)


@pytest.fixture
def both(drawn: Path, face_models: Path, tmp_path: Path) -> Project:
    """Return the project of the film and its excerpt, which a test may change."""
    return copy_of(drawn, "both", face_models, tmp_path)


def copy_of(drawn: Path, name: str, face_models: Path, folder: Path) -> Project:
    """Copy a project next to the footages, clustered by the first test that needs it."""
    del face_models  # a fixture of one test
    made = drawn / f"{name}.fancam"
    if not made.exists():
        footages = [drawn / "film.mp4", *([drawn / "excerpt.mp4"] if name == "both" else [])]
        cluster(Project(made), *footages)
    for footage in drawn.glob("*.mp4"):
        shutil.copy2(footage, folder)
    return Project(Path(shutil.copytree(made, folder / made.name)))


def faces_of(project: Project, person: int, *numbers: int) -> dict[str, FaceKeys]:
    """Return some faces of a person in the film, counted from 0."""
    table = assignments(project.folder, "film")
    rows = np.flatnonzero(table.person_id == person)[list(numbers)]
    return {"film": FaceKeys(table.time_s[rows], table.xyxy[rows])}


def rename(project: Project) -> list[Decision]:
    del project
    return [Decision(DecisionKind.RENAME, 2, name="Zoë")]


def merge(project: Project) -> list[Decision]:
    """Part of a person is split off, as by an unsure clustering, and merged again."""
    off = Decision(DecisionKind.SPLIT, UNKNOWN, faces=faces_of(project, 1, 0, 1, 2, 3))
    return [off, Decision(DecisionKind.MERGE, FILM_PEOPLE + 1, 1)]


def different(project: Project) -> list[Decision]:
    del project
    return [Decision(DecisionKind.DIFFERENT, 2, 1)]


def eject(project: Project) -> list[Decision]:
    return [Decision(DecisionKind.EJECT, 1, faces=faces_of(project, 1, 0))]


def move(project: Project) -> list[Decision]:
    return [Decision(DecisionKind.MOVE, 2, faces=faces_of(project, 1, 1))]


def accept(project: Project) -> list[Decision]:
    faces = faces_of(project, 1, 0)
    ejected = Decision(DecisionKind.EJECT, 1, faces=faces)
    return [ejected, Decision(DecisionKind.ACCEPT, 1, faces=faces)]


def hide(project: Project) -> list[Decision]:
    del project
    return [Decision(DecisionKind.HIDE, 3)]


Kind = Callable[[Project], list[Decision]]
KINDS: list[Kind] = [rename, merge, different, eject, move, accept, hide]


def decide(project: Project, kind: Kind) -> None:
    with open_people(project.people_file) as people:
        for decision in kind(project):
            DecisionLog(people).decide(decision)


def assert_recognised(project: Project) -> None:
    """Assert that each person of the excerpt is the one who is there in the film."""
    film, excerpt = (assignments(project.folder, name) for name in ("film", "excerpt"))
    middle = [(table.xyxy[:, :2] + table.xyxy[:, 2:]) / 2 for table in (film, excerpt)]
    pairs: Counter[tuple[int, int]] = Counter()
    for row, time_s in enumerate(excerpt.time_s + EXCERPT_S[0]):
        near = np.flatnonzero(np.abs(film.time_s - time_s) < 0.02)
        apart = np.linalg.norm(middle[0][near] - middle[1][row], axis=1)
        if len(near) and apart.min() < 5:
            there = int(film.person_id[near[apart.argmin()]])
            pairs[there, int(excerpt.person_id[row])] += 1
    same = sum(count for (there, here), count in pairs.items() if there == here)
    assert same > 0.9 * pairs.total() > 0, pairs


@pytest.mark.slow
def test_a_film_with_an_excerpt_of_itself(both: Project, film: Project) -> None:
    assert len(names(both.folder)) == len(names(film.folder)) == FILM_PEOPLE
    assert_recognised(both)


@pytest.mark.slow
def test_an_excerpt_after_the_decisions(film: Project) -> None:
    for kind in (rename, merge, move, hide):
        decide(film, kind)
    with open_people(film.people_file) as people:
        known, hidden = people.names(), people.hidden()
    cluster(film, film.folder.parent / "excerpt.mp4")
    assert known == {n: "Zoë" if n == 2 else f"Person {n}" for n in range(1, FILM_PEOPLE + 1)}
    assert names(film.folder) == known
    with open_people(film.people_file) as people:
        assert people.hidden() == hidden == {3}
    assert_recognised(film)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_excerpt_is_kept_after_a_decision(both: Project, kind: Kind) -> None:
    """Clustered again with another setting, which reads no frame."""
    decide(both, kind)
    known = names(both.folder)
    assert len(known) == FILM_PEOPLE
    cluster(both, settings=ClusterSettings(backend=BEST.backend, label_margin=0.2))
    assert names(both.folder) == known
    assert_recognised(both)
