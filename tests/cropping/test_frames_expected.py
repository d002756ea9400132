"""The number of frames that a run of crop-people expects, the total of the bar of all machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.core.progress import Progress
from data.execution.context import RunContext
from data.execution.tasks import Finished, LocalRunner, Work
from tests.bars import no_bar
from tests.clips.encoding import encode
from tests.clips.numbered import picture
from tests.cropping.small_project import QUICK, small_project

A = TypeVar("A")
L = TypeVar("L")


class CountingRunner(LocalRunner):
    """Records the expected number of frames, and runs nothing."""

    frames = 0

    def run(
        self, works: Iterable[Work[A, L]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[A, L]]:
        del works, progress
        self.frames = frames
        yield from ()


@pytest.mark.parametrize("name", ["film.mp4", "../here/film.mp4", "absolute", ""])
def test_the_frames_of_a_footage_however_it_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    encode(here / "film.mp4", [picture(number) for number in range(10)], rate=25)
    project = small_project(here / "film.fancam", here / "film.mp4")
    names = {"absolute": [here / "film.mp4"], "": []}
    runner, settings = CountingRunner(), replace(CropSettings(), encoder=QUICK)
    paths = names.get(name, [Path(name)])
    assert crop_people(project, paths, settings, context=RunContext(no_bar, runner=runner)) == []
    assert runner.frames == 10
