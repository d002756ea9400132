"""Random decisions and clusterings keep the rules; more by ``python -m tests.decisions.play``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.decisions.game import game_steps, play


@pytest.mark.parametrize("seed", range(30))
def test_random_decisions_hold(tmp_path: Path, seed: int) -> None:
    assert play(tmp_path / "people.sqlite", seed, game_steps(seed, 10)) is None


@pytest.mark.parametrize("seed", [150, 319], ids=["faces join later", "four more runs"])
def test_a_run_repeats_the_clustering_until_it_is_stable(tmp_path: Path, seed: int) -> None:
    assert play(tmp_path / "people.sqlite", seed, game_steps(seed, 30)) is None
