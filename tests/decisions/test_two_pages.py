"""Two review pages at once keep the rules; more by ``python -m tests.decisions.two_pages``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.decisions.two_pages import play


@pytest.mark.parametrize("seed", range(2))
def test_two_pages_at_once(tmp_path: Path, seed: int) -> None:
    assert play(tmp_path, seed, 12) is None
