"""Random decisions and commands keep names, numbers and files in agreement."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.decisions.decider import Step
from tests.decisions.stages import install
from tests.decisions.walk import walk, walk_steps


@pytest.fixture(autouse=True)
def _cheap_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch.setattr)


@pytest.mark.parametrize("seed", range(2))
def test_random_walks_hold(tmp_path: Path, seed: int) -> None:
    assert walk(tmp_path / "walk", walk_steps(seed, 5)) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_longer_walks_hold(tmp_path: Path, seed: int) -> None:
    assert walk(tmp_path / "walk", walk_steps(seed, 20)) is None


def test_a_file_of_another_person_is_found(tmp_path: Path) -> None:
    """The check itself fails if two videos are exchanged."""

    def exchange(folder: Path) -> None:
        videos = sorted((folder / "p.fancam" / "crops" / "film").glob("*.mp4"))[:2]
        contents = [video.read_bytes() for video in videos]
        for video, content in zip(videos, reversed(contents), strict=True):
            video.write_bytes(content)

    steps = [Step("arrive", (0.0,) * 5 + (1.0,)), Step("show", (0.0,) * 5 + (1.0,))]
    broken = walk(tmp_path / "walk", steps, before_last=exchange)
    assert broken is not None
    assert "Person 1.mp4 of 1: 3, not {2}" in broken
