"""Scripted decisions about real people hold in every later run."""

from __future__ import annotations

import pytest

from tests.quality.clips import BEST, load_extractor
from tests.quality.reviewed import CLIPS, DECISIONS, rows_of
from tests.quality.reviewed_project import SampledClip


@pytest.mark.slow
@pytest.mark.usefixtures("shared", "face_models")
def test_decisions_hold() -> None:
    """With the best models; `python -m tests.quality.reviewed` takes dlib's too."""
    extractor = load_extractor(BEST)
    clips = [SampledClip.extract(name, extractor) for name in CLIPS]
    for ordered in (clips, clips[::-1]):
        kinds, rows = rows_of(ordered)
        assert sum(kinds.values()) == DECISIONS
        assert [row for row in rows if row.faults] == []
