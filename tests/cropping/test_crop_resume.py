from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.camera.window import WindowSettings
from cropping.render import outputs
from cropping.render.segments import SegmentRecord
from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import SMILES
from data.video.reader import read_frames
from tests.bars import Bars
from tests.clips.encoding import encode
from tests.clips.numbered import number_of, picture
from tests.cropping.interrupted import count_renders, interrupted_at, interrupted_in, shorten_chunks
from tests.cropping.small_project import NAMES, QUICK, contents, crop
from tests.cropping.tracked_project import (
    at_rate,
    box,
    tracks_of,
    write_project,
)
from tests.cropping.written_video import read_video


def test_a_stopped_run_resumes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the third chunk of four, it resumes there and writes the same bytes."""
    shorten_chunks(monkeypatch)
    crop(project)
    complete = contents(project)
    with interrupted_at(monkeypatch, 25), pytest.raises(KeyboardInterrupt):
        crop(project, force=True)
    assert contents(project) == complete  # no partial file is in place
    for video in project.crops_folder("film").glob("*.m*4*"):
        video.unlink()
    bars = Bars()
    settings = CropSettings(encoder=QUICK, smiles=False)
    crop_people(Project(project.folder), [], settings, context=RunContext(bars))
    ((name, total, done, bar),) = bars.made
    assert (name, total) == ("film", 40)
    assert done in (10, 20)
    assert bar.done == 40 - done
    assert contents(project) == complete


@pytest.fixture
def three_people(tmp_path: Path) -> Project:
    """Return a project in which Anna comes late, Ben leaves early, and Cleo is seen in between."""
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(n) for n in range(40)], rate=25)
    timeline = at_rate(40)
    there = {1: range(28, 40), 2: range(14), 3: range(12, 32)}
    rows = {one: {f: box(40, 40) for f in frames} for one, frames in there.items()}
    names = NAMES | {3: "Cleo"}
    return write_project(
        tmp_path / "film.fancam", footage, tracks_of(timeline, rows), names, timeline
    )


def test_absent_people_share_chunks(three_people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared view is encoded once; each video keeps its times and pictures."""
    shorten_chunks(monkeypatch)
    renders = count_renders(monkeypatch)
    window = WindowSettings(aspect=Fraction(160, 96), height=96)
    together = crop(three_people, window=window)
    shown = [list(read_frames(person.files[0])) for person in together.people]
    assert renders == [4]
    for person, frames in zip(together.people, shown, strict=True):
        video = read_video(person.files[0])
        np.testing.assert_array_equal(video.times_s, np.arange(40) / 25)
        assert np.diff(np.append(video.keyframes_s, video.duration_s)).max() <= 1
        alone = crop(three_people, window=window, people=(person.name,), force=True)
        for frame, other in zip(frames, read_frames(alone.people[0].files[0]), strict=True):
            assert np.abs(frame.image.astype(int) - other.image).mean() < 4
    assert [number_of(frame.image) for frame in shown[0][:28]] == list(range(28))
    assert [number_of(frame.image) for frame in shown[1][14:]] == list(range(14, 40))


@pytest.mark.parametrize("segment_chunks", [12, 1])
def test_a_stopped_run_resumes_shared_chunks(
    three_people: Project, monkeypatch: pytest.MonkeyPatch, segment_chunks: int
) -> None:
    shorten_chunks(monkeypatch)
    crop(three_people)
    complete = contents(three_people)
    shorten_chunks(monkeypatch, per_segment=segment_chunks)
    for path in three_people.crops_folder("film").glob("*.m*4*"):
        path.unlink()
    with interrupted_at(monkeypatch, 25), pytest.raises(KeyboardInterrupt):
        crop(three_people)
    crop(three_people)
    assert contents(three_people) == complete


@pytest.mark.parametrize("stopped_at", [None, 5, 25, 39])
def test_long_footage_is_rendered_in_segments(
    project: Project, monkeypatch: pytest.MonkeyPatch, stopped_at: int | None
) -> None:
    """The bytes, including the timeline's smiles, equal those of one segment, wherever stopped."""
    shorten_chunks(monkeypatch)
    crop(project, smiles=True)
    complete = contents(project)
    Project(project.folder).unfinish(SMILES, "film")
    shorten_chunks(monkeypatch, per_segment=1)
    if stopped_at is not None:
        with interrupted_at(monkeypatch, stopped_at), pytest.raises(KeyboardInterrupt):
            crop(project, force=True, smiles=True)
    crop(project, force=True, smiles=True)
    assert contents(project) == complete


def test_a_segment_that_was_encoded_but_not_recorded(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_chunks(monkeypatch, per_segment=2)
    crop(project)
    complete = contents(project)
    with interrupted_in(monkeypatch, SegmentRecord, "write"), pytest.raises(KeyboardInterrupt):
        crop(project, force=True)
    crop(project, force=True)
    assert contents(project) == complete


def test_a_run_stopped_while_muxing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with interrupted_in(monkeypatch, outputs, "mux"), pytest.raises(KeyboardInterrupt):
        crop(project)
    assert contents(project) == {}
    renders = count_renders(monkeypatch)
    crop(project)
    assert renders == []
    videos = {"Anna.mp4", "Anna.small.m4v", "Ben.mp4", "Ben.small.m4v"}
    assert set(contents(project)) == videos | {"timeline.json"}
