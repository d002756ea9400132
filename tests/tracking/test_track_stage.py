from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.errors import InputError
from data.execution import segments
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import DETECTIONS, TRACKS
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.projection import store_clustering
from data.tables.tracks import Tracks, read_csv
from data.video.reader import read_frames
from tests.bars import Bars
from tests.clustering.labelled_footage import table
from tests.tracking import coloured
from tests.tracking.coloured import (
    COLOURS,
    CUT,
    FACTS,
    FRAMES,
    HIDDEN,
    NAMES,
    WIDTH,
    ColourNetwork,
)
from tracking import stage, writing
from tracking.detection import tasks
from tracking.detection.export import ExportedModel, ModelMetadata
from tracking.stage import TrackSettings, track_people
from tracking.tracks import LinkSettings

ANNA, BEN = NAMES


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return coloured.write_project(tmp_path / "film.fancam")


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return coloured.write_footage(tmp_path / "film, the 1st.mp4")


def tracks_of(project: Project, name: str = "film, the 1st") -> Tracks:
    return read_csv(project.tracks_file(name), NAMES)


def frames_of(tracks: Tracks, person: int, *, filled: bool) -> list[int]:
    rows = (tracks.person_id == person) & (tracks.filled == filled)
    return [int(frame) for frame in tracks.frame_index[rows]]


def test_all_people_are_tracked(project: Project, footage: Path, network: ColourNetwork) -> None:
    bars = Bars()
    (summary,) = track_people(project, [footage], TrackSettings(), context=RunContext(bars))
    tracks = tracks_of(project)
    assert frames_of(tracks, ANNA, filled=True) == list(HIDDEN)
    assert frames_of(tracks, ANNA, filled=False) == [f for f in range(FRAMES) if f not in HIDDEN]
    assert frames_of(tracks, BEN, filled=False) == list(range(FRAMES))
    left = tracks.xyxy[tracks.person_id == BEN, 0]
    assert np.abs(left[:CUT] - 110).max() < 2
    assert np.abs(left[CUT:] - 10 - CUT).max() < 2
    assert (summary.frames, summary.cuts, summary.already_done) == (FRAMES, 1, False)
    assert [(p.name, p.detected, p.filled) for p in summary.people] == [
        ("Anna", FRAMES - len(HIDDEN), len(HIDDEN)),
        ("Ben, the 2nd", FRAMES, 0),
    ]
    assert network.images == FRAMES
    ((name, total, done, bar),) = bars.made
    assert (name, total, done, bar.done) == ("film, the 1st", FRAMES, 0, FRAMES)
    assert not project.tracks_file("film, the 1st").with_suffix(".parts").exists()


def test_second_time_does_nothing(
    project: Project, footage: Path, network: ColourNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    written = project.tracks_file("film, the 1st").read_bytes()
    leftover = project.tracks_file("film, the 1st").with_suffix(".parts") / "killed-here.parquet"
    leftover.parent.mkdir()
    leftover.touch()  # of a run that was killed after its record was written
    monkeypatch.setattr(writing, "find_tracks", lambda *_, **__: pytest.fail("linked again"))
    again = Project(project.folder)
    (summary,) = track_people(again, [], TrackSettings(), context=RunContext(Bars()))
    assert summary.already_done
    assert len(summary.people) == 2
    assert network.images == FRAMES
    assert project.tracks_file("film, the 1st").read_bytes() == written
    assert not leftover.parent.exists()


@pytest.mark.parametrize(
    ("settings", "detects"),
    [
        (TrackSettings(linking=LinkSettings(max_gap_s=0)), False),
        (TrackSettings(mot=True), False),
        (TrackSettings(overlay=True), False),
        (TrackSettings(every_nth=2), True),
        (TrackSettings(force=True), True),
    ],
    ids=["gap", "mot", "overlay", "every other", "force"],
)
def test_changed_settings_repeat_only_dependent_steps(
    project: Project, footage: Path, network: ColourNetwork, settings: TrackSettings, detects: bool
) -> None:
    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    (summary,) = track_people(project, [footage], settings, context=RunContext(Bars()))
    assert not summary.already_done
    assert (network.images > FRAMES) == detects
    assert all(file.exists() for file in summary.files)


def test_renamed_people(project: Project, footage: Path, network: ColourNetwork) -> None:

    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(ANNA, "Änne")
    (summary,) = track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    assert not summary.already_done
    assert [person.name for person in summary.people] == ["Änne", "Ben, the 2nd"]
    assert network.images == FRAMES


def test_a_stopped_run_is_resumed(
    project: Project, footage: Path, network: ColourNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHECKPOINT_FRAMES", 8)

    def stopping(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if network.images >= 20:
            raise KeyboardInterrupt
        return network(images)

    with monkeypatch.context() as during:
        during.setattr(tasks, "load_yolo", lambda *_, **__: (stopping, FACTS, 4))
        with pytest.raises(KeyboardInterrupt):
            track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    bars = Bars()
    track_people(project, [footage], TrackSettings(), context=RunContext(bars))
    kept = bars.made[0][2]
    assert 0 < kept <= 20
    assert network.images == 20 + FRAMES - kept
    stopped = project.tracks_file("film, the 1st").read_bytes()
    track_people(project, [footage], TrackSettings(force=True), context=RunContext(Bars()))
    assert project.tracks_file("film, the 1st").read_bytes() == stopped


def test_every_nth(project: Project, footage: Path, network: ColourNetwork) -> None:
    settings = TrackSettings(every_nth=3)
    (summary,) = track_people(project, [footage], settings, context=RunContext(Bars()))
    assert summary.frames == len(range(0, FRAMES, 3)) == network.images
    assert set(tracks_of(project).frame_index.tolist()) == set(range(0, FRAMES, 3))


@pytest.mark.usefixtures("network")
def test_mot_and_overlay(project: Project, footage: Path) -> None:
    settings = TrackSettings(mot=True, overlay=True)
    (summary,) = track_people(project, [footage], settings, context=RunContext(Bars()))
    csv_file, mot_file, video = summary.files
    assert len(mot_file.read_text().splitlines()) == len(csv_file.read_text().splitlines()) - 1
    assert sum(1 for _ in read_frames(video)) == FRAMES


@pytest.mark.usefixtures("network")
def test_outputs_of_earlier_tracks_are_deleted(project: Project, footage: Path) -> None:
    track_people(project, [footage], TrackSettings(mot=True), context=RunContext(Bars()))
    settings = TrackSettings(linking=LinkSettings(max_gap_s=0))
    track_people(project, [footage], settings, context=RunContext(Bars()))
    assert not project.tracks_file("film, the 1st").with_suffix(".txt").exists()


@pytest.mark.usefixtures("network")
def test_damaged_footage_is_reported(project: Project, tmp_path: Path) -> None:
    footage = coloured.write_footage(tmp_path / "film.mkv")
    content = footage.read_bytes()
    footage.write_bytes(content[: len(content) * 2 // 3])
    (summary,) = track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    assert "missing" in summary.damage
    assert 0 < summary.frames < FRAMES


def without_people(project: Project, footage: Path) -> None:
    del footage
    project.people_file.unlink()


def changed_footage(project: Project, footage: Path) -> None:
    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    coloured.write_footage(footage, frames=FRAMES - 5)


def missing_footage(project: Project, footage: Path) -> None:
    del project
    footage.unlink()


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_people, "no people in it yet; run cluster-faces first"),
        (changed_footage, "it has changed since cluster-faces analysed it"),
        (missing_footage, "no such file"),
    ],
)
def test_bad_input(project: Project, footage: Path, spoil: object, message: str) -> None:
    assert callable(spoil)
    spoil(project, footage)
    with pytest.raises(InputError, match=message):
        track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))


@pytest.mark.usefixtures("network")
def test_no_footage(project: Project) -> None:
    with pytest.raises(InputError, match="no footage in it"):
        track_people(project, [], TrackSettings(), context=RunContext(Bars()))


@pytest.mark.usefixtures("network")
def test_trained_for_other_people(
    project: Project, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = ModelMetadata(("Cleo",), (77,), coloured.WIDTH, "key")
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(metadata, b""))
    with pytest.raises(InputError, match="trained for 'Cleo', who is not in this project"):
        track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))


def test_no_tracker_yet(project: Project, footage: Path) -> None:
    project.tracker_file.unlink()
    with pytest.raises(InputError, match="no detector yet; run train-tracker first"):
        track_people(project, [footage], TrackSettings(training=True), context=RunContext(Bars()))
    with pytest.raises(
        InputError, match="run track-people without --no-faces, or run train-tracker"
    ):
        track_people(project, [footage], TrackSettings(faces=False), context=RunContext(Bars()))


def test_long_footage_is_tracked_in_segments(
    project: Project, footage: Path, network: ColourNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments give the same tracks, and a stopped run resumes within its segment."""
    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    files = [project.tracks_file("film, the 1st"), project.detections_file("film, the 1st")]
    whole = [file.read_bytes() for file in files]
    project.unfinish(DETECTIONS, "film, the 1st")
    monkeypatch.setattr(segments, "SEGMENT_S", 1.0)

    def stopping(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if network.images >= FRAMES + 28:
            raise KeyboardInterrupt
        return network(images)

    with monkeypatch.context() as during:
        during.setattr(tasks, "load_yolo", lambda *_, **__: (stopping, FACTS, 4))
        with pytest.raises(KeyboardInterrupt):
            track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    bars = Bars()
    track_people(project, [footage], TrackSettings(), context=RunContext(bars))
    assert [file.read_bytes() for file in files] == whole
    assert bars.made[0][2] == 25


def test_earlier_tracks_stay_valid_until_new_ones_are_written(
    project: Project, footage: Path, network: ColourNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_people(project, [footage], TrackSettings(), context=RunContext(Bars()))
    before = project.tracks_file("film, the 1st").read_bytes()

    def stopping(_: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise KeyboardInterrupt

    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (stopping, FACTS, 4))
    for settings in (TrackSettings(force=True), TrackSettings(every_nth=2)):
        with pytest.raises(KeyboardInterrupt):
            track_people(project, [footage], settings, context=RunContext(Bars()))
        kept = Project(project.folder)
        assert kept.has_record(TRACKS, "film, the 1st")
        assert kept.tracks_file("film, the 1st").read_bytes() == before
    assert network.images == FRAMES


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    "settings",
    [
        TrackSettings(linking=LinkSettings(max_gap_s=0)),
        TrackSettings(every_nth=2, overlay=True),
        TrackSettings(force=True),
    ],
    ids=["linked again", "detected again", "forced"],
)
def test_a_run_that_is_stopped_before_its_end_changes_no_file(
    project: Project, footage: Path, monkeypatch: pytest.MonkeyPatch, settings: TrackSettings
) -> None:
    name, context = "film, the 1st", RunContext(Bars())
    track_people(project, [footage], TrackSettings(overlay=True, mot=True), context=context)
    kept = Project(project.folder)
    records = kept.record(TRACKS, name), kept.record(DETECTIONS, name)
    files = {path: path.read_bytes() for path in project.tracks_folder.iterdir() if path.is_file()}
    assert {path.suffix for path in files} == {".csv", ".npz", ".txt", ".mp4"}

    def stopping(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("tracking.writing.write_csv", stopping)
        with pytest.raises(KeyboardInterrupt):
            track_people(project, [footage], settings, context=RunContext(Bars()))
    kept = Project(project.folder)
    assert (kept.record(TRACKS, name), kept.record(DETECTIONS, name)) == records
    assert {path: path.read_bytes() for path in files} == files
    (summary,) = track_people(project, [footage], settings, context=RunContext(Bars()))
    assert all(path.exists() for path in summary.files)
    assert not project.tracks_file(name).with_suffix(".parts").exists()


def test_people_without_tracks_are_named(
    project: Project, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = ModelMetadata(("Anna", "Ben"), (ANNA, BEN), WIDTH, "key")
    only_anna = ColourNetwork([COLOURS[0], (1, 2, 3)])
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(facts, b""))
    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (only_anna, facts, 4))
    faces = table(Faces, 3, frame_index=np.array([1, 2, 3]), time_s=np.array([0.1, 0.2, 0.3]))
    with open_people(project.people_file) as people:
        store_clustering(people, {"film, the 1st": faces}, {"film, the 1st": np.full(3, BEN)})
        DecisionLog(people).rename(BEN, "Ben, the 2nd")
    settings = TrackSettings(every_nth=5, faces=False)
    (summary,) = track_people(project, [footage], settings, context=RunContext(Bars()))
    assert summary.notes == (
        "Ben, the 2nd (3 faces found) could not be tracked; "
        "track-people with --every-nth 1 and without --no-faces may find them",
    )
    assert track_people(project, [], settings, context=RunContext(Bars()))[0].notes == summary.notes
