"""Fixtures of a drawn film with its ground truth, and of its cropped videos."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from cropping.render.settings import CropSettings
from cropping.stage import CropsSummary, crop_people
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.sample.truth import Truth
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from data.video.writer import write_video
from tests.bars import no_bar
from tests.clips.encoding import sound
from tests.clips.numbered import picture
from tests.cropping.small_project import small_project
from tests.cropping.tracked_project import truth_tracks, write_project


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A drawn film, its ground truth, and a project in which it is tracked."""

    film: Path
    truth: Truth
    tracks: Tracks
    names: dict[int, str]
    timeline: Timeline
    folder: Path

    def copied(self, folder: Path) -> Project:
        """Copy the project and its film to a folder."""
        shutil.copytree(self.film.parent, folder, dirs_exist_ok=True)
        return Project(folder / self.folder.name)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Draw seven seconds: two rows of people, a person who walks off and returns, and a talk."""
    folder = tmp_path_factory.mktemp("drawn")
    film = folder / "film.mp4"
    shots = ["everyone", "walk", "talk"]
    truth = draw_film(film, duration_s=7.0, size_wh=(320, 180), shots=shots)
    tracks, names, timeline = truth_tracks(truth)
    write_project(folder / "film.fancam", film, tracks, names, timeline)
    return Drawn(film, truth, tracks, names, timeline, folder / "film.fancam")


@dataclass(frozen=True, slots=True, eq=False)
class Cropped:
    """The output of `crop-people --only-present` for the drawn film."""

    drawn: Drawn
    project: Project
    summary: CropsSummary

    @property
    def folder(self) -> Path:
        return self.project.crops_folder("film")


@pytest.fixture(scope="session")
def cropped(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Cropped:
    project = drawn.copied(tmp_path_factory.mktemp("cropped"))
    settings = CropSettings(only_present=True)
    (summary,) = crop_people(project, [], settings, context=RunContext(no_bar))
    return Cropped(drawn, project, summary)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a tracked, uncropped project of Anna and Ben in 40 frames with sound."""
    footage = tmp_path / "film.mp4"
    write_video(footage, [picture(n) for n in range(40)], rate=25, audio=sound(1.6))
    return small_project(tmp_path / "film.fancam", footage)
