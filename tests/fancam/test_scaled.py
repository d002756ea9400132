"""Decisions follow a footage that another program wrote again at half its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import UNKNOWN
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.face_match import same_faces
from data.tables.people import Assignments, open_people
from tests.bars import no_bar
from tests.quality.clips import BEST

SETTINGS = ClusterSettings(backend=BEST, every_s=0.4)
MOVED = 2


def halve(path: Path) -> None:
    """Write a video again at half its size, with the same times, in another codec."""
    import av

    whole = path.rename(path.with_name("whole.mp4"))
    with av.open(str(whole)) as read, av.open(str(path), "w") as written:
        source = read.streams.video[0]
        stream = written.add_stream("mpeg4", rate=source.average_rate)
        stream.width, stream.height = source.width // 2, source.height // 2
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in read.decode(source):
            smaller = frame.reformat(width=stream.width, height=stream.height)
            written.mux(stream.encode(smaller))
        written.mux(stream.encode(None))
    whole.unlink()


def faces_of(people: Assignments, person: int, count: int) -> dict[str, FaceKeys]:
    """Return the first faces of a person."""
    rows = np.flatnonzero(people.person_id == person)[:count]
    return {"film": people.face_keys.take(rows)}


def decide(project: Project) -> tuple[Assignments, dict[int, str], frozenset[int]]:
    """Name, hide, separate and move people; return the state after it."""
    with open_people(project.people_file) as people:
        log, found = DecisionLog(people), people.assignments("film")
        for person in list(people.names()):
            log.rename(person, f"Name {person}")
        decisions = [
            Decision(DecisionKind.MOVE, 1, faces=faces_of(found, 2, MOVED)),
            Decision(DecisionKind.EJECT, 3, faces=faces_of(found, 3, 2)),
            Decision(DecisionKind.SPLIT, UNKNOWN, faces=faces_of(found, 4, 3)),
            Decision(DecisionKind.HIDE, 5),
            Decision(DecisionKind.DIFFERENT, 1, 3),
        ]
        for decision in decisions:
            log.decide(decision)
        return people.assignments("film"), people.names(), people.hidden()


@pytest.mark.slow
@pytest.mark.usefixtures("face_models")
def test_decisions_follow_a_film_of_half_the_size(tmp_path: Path) -> None:
    film, project = tmp_path / "film.mp4", Project(tmp_path / "film.fancam")
    draw_film(film, duration_s=12.0)
    cluster_faces(project, [film], SETTINGS, context=RunContext(no_bar))
    before, names, hidden = decide(project)
    width = Project(project.folder).footages["film"].width
    halve(film)
    project = Project(project.folder)
    for force in (True, False):  # the second run reads nothing again
        settings = ClusterSettings(backend=BEST, every_s=0.4, force=force)
        cluster_faces(project, [film], settings, context=RunContext(no_bar))
        assert project.footages["film"].width == width // 2
        with open_people(project.people_file) as people:
            after = people.assignments("film")
            assert people.names() == names
            assert people.hidden() == hidden
        row = same_faces(
            before.time_s, (before.xyxy / 2).astype(np.float32), after.time_s, after.xyxy
        )
        found = row != UNKNOWN
        assert found.mean() > 0.9
        assert after.person_id[row[found]].tolist() == before.person_id[found].tolist()
