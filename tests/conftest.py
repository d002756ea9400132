"""What several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clips import clips

__all__ = ["clips"]

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real footage beside the checkout; a user does not have it."""
    if not SHARED.is_dir():
        pytest.skip("the real footage of ../shared is not on this machine")
    return SHARED
