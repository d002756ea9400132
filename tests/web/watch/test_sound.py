from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from data.project.project import Project
from tests.web.drawn_crops import Drawing, draw_crops
from web.core.library import Library, OpenProject
from web.watch import sound
from web.watch.crops import read_crops
from web.watch.sound import sound_file, sound_key


def opened(folder: Path) -> OpenProject:
    return next(iter(Library([folder])))


def times_and_samples(path: Path) -> tuple[float, np.ndarray]:
    """Return the start time of a file's sound, and its samples."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].time is not None
    return frames[0].time, np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_the_sound_is_the_videos_own(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna", "Ben"), seconds=2.0))
    crops = read_crops(project.crops_folder("film"))
    assert crops is not None
    made = sound_file(opened(project.folder), crops)
    assert made is not None
    assert made.parent.parent == project.folder / ".web"
    start_s, samples = times_and_samples(made)
    expected_s, expected = times_and_samples(project.crops_folder("film") / "Anna.mp4")
    assert start_s == pytest.approx(expected_s, abs=1e-4)
    assert np.array_equal(samples, expected)
    with av.open(str(made)) as container:
        assert not container.streams.video


def test_extracted_once_and_again_for_another_video(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=1.0))
    folder = project.crops_folder("film")
    crops = read_crops(folder)
    assert crops is not None
    first = sound_file(opened(project.folder), crops)
    assert first is not None
    written = first.stat().st_mtime_ns
    assert sound_file(opened(project.folder), crops) == first
    assert first.stat().st_mtime_ns == written
    draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=1.5))
    assert sound_file(opened(project.folder), crops) != first


def test_silent_footage_has_none(tmp_path: Path) -> None:
    drawing = Drawing(names=("Anna",), seconds=0.4, sound=False)
    project = draw_crops(tmp_path / "film.fancam", drawing)
    crops = read_crops(project.crops_folder("film"))
    assert crops is not None
    assert sound_key(crops) is None
    assert sound_file(opened(project.folder), crops) is None


def test_a_disk_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(sound, "atomic_write", refuse)
    crops = read_crops(Project(project.folder).crops_folder("film"))
    assert crops is not None
    found = sound_file(opened(project.folder), crops)
    assert found == project.crops_folder("film") / "Anna.mp4"
