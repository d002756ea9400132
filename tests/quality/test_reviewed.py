"""Scripted decisions about real people hold in every later run."""

from __future__ import annotations

import pytest

from clustering.faces.backends import BackendSettings
from tests.quality.clips import load_extractor
from tests.quality.reviewed import BACKENDS, CLIPS, DECISIONS, rows_of
from tests.quality.reviewed_project import SampledClip


@pytest.mark.slow
@pytest.mark.usefixtures("shared", "face_models")
@pytest.mark.parametrize("settings", BACKENDS.values(), ids=BACKENDS)
def test_decisions_hold(settings: BackendSettings) -> None:
    extractor = load_extractor(settings)
    clips = [SampledClip.extract(name, extractor) for name in CLIPS]
    for ordered in (clips, clips[::-1]):
        kinds, rows = rows_of(ordered)
        assert sum(kinds.values()) == DECISIONS
        assert [row for row in rows if row.faults] == []
