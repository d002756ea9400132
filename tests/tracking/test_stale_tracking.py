from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from data.project.project import Project
from data.project.stages import TRACKER, TRACKS
from data.tables.people import Assignments, open_people
from tests.records import tracker_record, tracks_record
from tests.tracking.drawn_project import NAMES, draw_project
from tracking.detection.inputs import faces_key
from tracking.state import StaleTracking, stale_tracking
from tracking.training.examples import read_examples

NOTHING_FINISHED = StaleTracking(trained=False, tracker=False, tracked=(), tracks=())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with records of a training and of tracks."""
    drawn = draw_project(tmp_path / "film.fancam", train=3, val=2)
    drawn.add_footage(
        tmp_path / "film.mp4",
        size_bytes=1,
        duration_s=1.0,
        rate=Fraction(25),
        frame_wh=(128, 96),
    )
    key = read_examples(drawn.dataset_folder).key
    drawn.finish(TRACKER, tracker_record(dataset=key, person_id=(10, 20)))
    names = {10: NAMES[0], 20: NAMES[1]}
    tracks = tracks_record(names, faces=faces_key(Assignments.empty()))
    drawn.finish(TRACKS, tracks, "film")
    return drawn


def test_no_finished_stage(tmp_path: Path) -> None:
    assert (
        stale_tracking(draw_project(tmp_path / "film.fancam", train=2, val=1)) == NOTHING_FINISHED
    )


def test_all_is_up_to_date(project: Project) -> None:
    assert stale_tracking(project) == StaleTracking(True, False, ("film",), ())


def test_another_image(project: Project) -> None:
    label = next(project.dataset_folder.glob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.2 0.2\n", encoding="utf-8")
    # A dataset's manifest is written last.
    (project.dataset_folder / ".generated.json").write_text('{"files": {}}', encoding="utf-8")
    assert stale_tracking(project) == StaleTracking(True, True, ("film",), ())


def test_other_people(project: Project) -> None:
    record = project.require_record(TRACKER)
    project.finish(TRACKER, replace(record, person_id=(10, 30)))
    assert stale_tracking(project).tracker


def test_a_dataset_without_people(project: Project) -> None:
    (project.dataset_folder / "data.yaml").unlink()
    assert stale_tracking(project).tracker


def test_another_name(project: Project) -> None:
    with open_people(project.people_file) as people:
        query = "UPDATE people SET name = 'Anna' WHERE person_id = 20"
        people.connection.execute(query)
        people.connection.commit()
    (project.dataset_folder / "data.yaml").write_text(
        (project.dataset_folder / "data.yaml").read_text("utf-8").replace(NAMES[1], "Anna"),
        encoding="utf-8",
    )
    # The training does not depend on names.
    assert stale_tracking(project) == StaleTracking(True, False, ("film",), ("film",))


def test_other_faces(project: Project) -> None:
    record = project.require_record(TRACKS, "film")
    project.finish(TRACKS, replace(record, faces="of before"), "film")
    assert stale_tracking(project) == StaleTracking(True, False, ("film",), ("film",))
