"""Crops of a film whose people turn their backs, cross, leave and return."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cropping.camera.follow import CameraSettings
from cropping.camera.window import WindowSettings, ZoomName
from cropping.camera.windows import crop_windows
from cropping.stage import CropsSummary
from data.core.boxes import clamp
from data.project.project import Project
from data.tables.timeline_json import read_timeline_json
from data.tables.tracks import BODY, FACE, Tracks, no_bodies
from data.video.reader import read_frames
from data.video.writer import write_video
from tests.clips.dancers import COLOURS, FRAME_WH, FRAMES, NAMES, RATE, dancers, draw
from tests.cropping.small_project import crop
from tests.cropping.tracked_project import at_rate, write_project


def dancer_tracks() -> Tracks:
    """Return what a perfect tracker knows: heads of backs are estimated from the bodies."""
    listed = [(i, person, one) for i in range(FRAMES) for person, one in dancers(i).items()]
    frame = np.array([index for index, _, _ in listed], np.int64)
    return Tracks.ordered(
        frame_index=frame,
        time_s=frame / RATE,
        person_id=np.array([person for _, person, _ in listed], np.int64),
        xyxy=clamp(np.stack([one.face for _, _, one in listed]), FRAME_WH),
        confidence=np.ones(len(listed), np.float32),
        source=np.array([BODY if one.turned else FACE for _, _, one in listed], np.int8),
        body_xyxy=np.stack([one.body for _, _, one in listed]),
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dancers") / "film.mp4"
    write_video(path, (draw(index) for index in range(FRAMES)), rate=RATE, preset="ultrafast")
    return path


def cropped(film: Path, folder: Path, zoom: ZoomName) -> tuple[Project, CropsSummary]:
    project = write_project(folder, film, dancer_tracks(), NAMES, at_rate(FRAMES, rate=RATE))
    return project, crop(project, window=WindowSettings(zoom=zoom, height=180))


@pytest.mark.parametrize("zoom", ["bust", "body"])
def test_every_drawn_person_is_in_their_crop_in_every_frame(
    zoom: ZoomName, film: Path, tmp_path: Path
) -> None:
    _, summary = cropped(film, tmp_path / "film.fancam", zoom)
    for person, video in zip(NAMES, summary.people, strict=True):
        missing = []
        for frame in read_frames(video.files[0]):
            own = np.abs(frame.image.astype(int) - COLOURS[person]).sum(axis=2) < 90
            if is_seen(person, frame.index) and own.mean() < 0.002:
                missing.append(frame.index)
        assert missing == []


def is_seen(person: int, index: int) -> bool:
    """Return whether more than an arm is in the frame, and Red is not behind Green."""
    shown = dancers(index)
    if person not in shown or np.ptp(shown[person].body[::2]) < 12:
        return False
    return person != 1 or abs(float(shown[1].face[0] - shown[2].face[0])) > 30


def test_the_timeline_tells_backs_from_faces(film: Path, tmp_path: Path) -> None:
    project, _ = cropped(film, tmp_path / "film.fancam", "bust")
    people = read_timeline_json(project.crops_folder("film") / "timeline.json").people
    green, blue = people[1], people[2]
    assert np.allclose(green.body, [(2.04, 6.0)], atol=0.05)
    assert (green.filled, green.absent) == ((), ())
    ((begin, end),) = blue.absent
    assert 3.5 < begin < 4.5 < 6.0 < end < 6.8
    assert [span[0] for span in blue.body] == pytest.approx([2.52, end], abs=0.05)


@pytest.mark.parametrize("zoom", ["face", "bust", "body"])
def test_heads_and_bodies_are_whole(zoom: ZoomName) -> None:
    tracks, timeline, window = (
        dancer_tracks(),
        at_rate(FRAMES, rate=RATE),
        WindowSettings(zoom=zoom),
    )
    for person in NAMES:
        own = tracks.take(tracks.person_id == person)
        found = crop_windows(
            own, timeline, FRAME_WH, window=window, camera=CameraSettings(), absent="wide"
        )
        # The head leaves the frame before the body does.
        seen = own.take(own.xyxy[:, 2] < FRAME_WH[0])
        shown = found.xyxy[seen.frame_index]
        for boxes in (seen.xyxy, *([seen.body_xyxy] if zoom == "body" else [])):
            assert (boxes[:, :2] >= shown[:, :2] - 0.01).all()
            assert (boxes[:, 2:] <= shown[:, 2:] + 0.01).all()
        assert len(found.cuts()) == (2 if person == 3 else 0)


def test_faces_alone_lose_those_who_turn_their_back() -> None:
    """As before bodies were tracked."""
    tracks, timeline = dancer_tracks(), at_rate(FRAMES, rate=RATE)
    faces = tracks.take((tracks.person_id == 2) & (tracks.source == FACE))
    faces = faces.replace(body_xyxy=no_bodies(len(faces)))
    zooms: tuple[ZoomName, ...] = ("bust", "body")
    for zoom in zooms:
        found = crop_windows(
            faces,
            timeline,
            FRAME_WH,
            window=WindowSettings(zoom=zoom),
            camera=CameraSettings(),
            absent="wide",
        )
        assert not found.present[60:140].any()
