"""Crops hold whole heads and bodies of the clips whose bodies are labelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.body_crops import CLIPS, body_clip, failures, table
from tests.quality.body_crops import clip_shares as shares


@pytest.mark.parametrize("name", ["sitcom_a"])
def test_heads_and_bodies_are_whole(shared: Path, name: str) -> None:
    lines, missed = table([body_clip(shared, name)])
    assert missed == 0, lines


@pytest.mark.slow
def test_all_clips(shared: Path) -> None:
    lines, missed = table(body_clip(shared, name) for name in CLIPS)
    assert missed == 0, lines


def test_targets_can_be_missed(shared: Path) -> None:
    """A crop of the bust cuts bodies, and moves more than a crop of the body."""
    bust = shares(body_clip(shared, "sitcom_a"), "bust")
    assert failures({"bust": bust, "body": bust}) == ["under 95% of the bodies are whole"]
