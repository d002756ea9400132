"""The stage track-people with a stub that finds the drawn people's bodies by their colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.errors import InputError
from data.execution import segments
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import DETECTIONS
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.projection import store_clustering
from data.tables.tracks import BODY, FACE, read_csv
from tests.bars import Bars
from tests.clustering.labelled_footage import table
from tests.tracking import coloured
from tests.tracking.coloured import CUT, FRAMES, HIDDEN, NAMES, RATE, SIDE, WIDTH, ColourNetwork
from tracking import stage, state
from tracking.detection import tasks
from tracking.detection.body_detector import BodyDetector
from tracking.detection.body_weights import BodyModel, FoundBodies
from tracking.stage import TrackSettings, track_people

ANNA, BEN = NAMES
MODEL = BodyModel(Path("unused.onnx"), "bodies-key", 0, WIDTH)
UNTRAINED = TrackSettings(training=False)


class BodyNetwork:
    """A network that detects a body below each coloured square."""

    def __init__(self) -> None:
        self.colours = ColourNetwork()

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = self.colours(images)
        scores = found[:, 4:].max(axis=1, keepdims=True)
        boxes = np.concatenate([found[:, :4], scores], axis=1)
        boxes[:, 1] += boxes[:, 3] / 2
        boxes[:, 3] *= 2
        return boxes


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return coloured.write_footage(tmp_path / "film.mp4")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project in which each person was recognised twice in each shot."""
    project = coloured.write_project(tmp_path / "film.fancam")
    rows = []
    for frame in (2, 6, CUT + 2, CUT + 6):
        anna, ben = (10 + frame, 110) if frame < CUT else (110, 10 + CUT)
        rows += [(frame, ANNA, anna), (frame, BEN, ben)]
    frame, person, left = np.array(rows).T
    corner = np.stack([left, np.full_like(left, 40)], axis=1)
    boxes = np.hstack([corner, corner + SIDE]).astype(np.float32)
    times = frame / RATE
    faces = table(Faces, len(rows), frame_index=frame, time_s=times, xyxy=boxes)
    with open_people(project.people_file) as people:
        store_clustering(people, {"film": faces}, {"film": person.astype(np.int64)})
        for number, name in NAMES.items():
            DecisionLog(people).rename(number, name)
    return project


@pytest.fixture
def body_network(monkeypatch: pytest.MonkeyPatch) -> BodyNetwork:
    network = BodyNetwork()
    monkeypatch.setattr(stage, "find_body_model", lambda *_, **__: FoundBodies(MODEL))
    monkeypatch.setattr(
        tasks, "load_body_detector", lambda model, **_: BodyDetector(network, model)
    )
    return network


def outputs(project: Project) -> list[bytes]:
    files = project.tracks_file("film"), project.detections_file("film")
    return [file.read_bytes() for file in files]


@pytest.mark.usefixtures("body_network")
def test_people_are_followed_without_training(project: Project, footage: Path) -> None:
    (summary,) = track_people(project, [footage], UNTRAINED, context=RunContext(Bars()))
    tracks = read_csv(project.tracks_file("film"), NAMES)
    for person, hidden in ((ANNA, HIDDEN), (BEN, range(0))):
        mine = tracks.take(tracks.person_id == person)
        seen = mine.frame_index[~mine.filled].tolist()
        assert seen == [frame for frame in range(FRAMES) if frame not in hidden]
        assert (mine.source == FACE).sum() == 4
        heads = mine.take(mine.source == BODY)
        assert np.abs(heads.xyxy[:, 1] - 40).max() < 3
    assert [(p.name, p.bodies) for p in summary.people] == [
        ("Anna", FRAMES - len(HIDDEN) - 4),
        ("Ben, the 2nd", FRAMES - 4),
    ]
    (status,) = (one for one in state.states(project) if one.output == "tracks")
    assert status.state == "done", status


def test_segments_give_the_same_bodies(
    project: Project, footage: Path, body_network: BodyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped run resumes within its segment."""
    track_people(project, [footage], UNTRAINED, context=RunContext(Bars()))
    whole = outputs(project)
    project.unfinish(DETECTIONS, "film")
    monkeypatch.setattr(segments, "SEGMENT_S", 1.0)
    monkeypatch.setattr(tasks, "CHECKPOINT_FRAMES", 8)

    def stopping(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if body_network.colours.images >= FRAMES + 28:
            raise KeyboardInterrupt
        return body_network(images)

    with monkeypatch.context() as during:
        during.setattr(
            tasks, "load_body_detector", lambda model, **_: BodyDetector(stopping, model)
        )
        with pytest.raises(KeyboardInterrupt):
            track_people(project, [footage], UNTRAINED, context=RunContext(Bars()))
    bars = Bars()
    track_people(project, [footage], UNTRAINED, context=RunContext(bars))
    assert bars.made[0][2] > 0
    assert outputs(project) == whole


def test_without_body_weights_faces_are_followed(
    project: Project, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "find_body_model", lambda *_, **__: FoundBodies(None, "faces alone"))
    context = RunContext(Bars())
    track_people(project, [footage], UNTRAINED, context=context)
    tracks = read_csv(project.tracks_file("film"), NAMES)
    assert (tracks.source == FACE).sum() == 8
    assert not tracks.has_body.any()
    assert context.notes == ["faces alone"]


def test_bodies_add_to_the_trained_detector(
    project: Project, footage: Path, network: ColourNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conftest's network finds the faces; other body weights repeat the detection."""
    trained = TrackSettings()
    track_people(project, [footage], trained, context=RunContext(Bars()))
    alone = read_csv(project.tracks_file("film"), NAMES)
    assert not alone.has_body.any()
    monkeypatch.setattr(stage, "find_body_model", lambda *_, **__: FoundBodies(MODEL))
    bodies = BodyNetwork()
    monkeypatch.setattr(tasks, "load_body_detector", lambda model, **_: BodyDetector(bodies, model))
    (summary,) = track_people(project, [footage], trained, context=RunContext(Bars()))
    both = read_csv(project.tracks_file("film"), NAMES)
    assert not summary.already_done
    assert both.take(~both.filled).has_body.all()
    assert np.array_equal(both.person_id, alone.person_id)
    assert network.images == 2 * FRAMES


def test_no_training_needs_people(tmp_path: Path, footage: Path) -> None:
    project = Project(tmp_path / "empty.fancam")
    with pytest.raises(InputError, match="no people in it yet; run cluster-faces first"):
        track_people(project, [footage], UNTRAINED, context=RunContext(Bars()))
