"""The first tiles of a montage must be more different than the earliest ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.clips import BEST, extract_clip, load_extractor
from tests.quality.labels import read_labels
from tests.quality.montages import MIN_RATIO, score_montages


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sitcom_a", "talkshow_a"])
def test_the_first_tiles_are_clear_and_different(
    name: str, shared: Path, face_models: Path
) -> None:
    del face_models
    labels = read_labels(shared / "footage" / "labels" / f"{name}.csv")
    footage = shared / "footage" / f"{name}.mp4"
    score = score_montages(extract_clip(name, footage, labels, load_extractor(BEST)))
    assert score is not None
    assert score.distance >= MIN_RATIO * score.earliest_distance
    assert score.clarity >= score.earliest_clarity
