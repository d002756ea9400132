"""The tracking must not fall below the committed figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.figures import TRACKING_TOLERANCE, read_figures, worse
from tests.quality.tracking import QUICK_TRAINING, TARGETS, clips, figures_to_store, score_ours


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.usefixtures("shared")
def test_a_real_clip_keeps_its_figures(tmp_path: Path) -> None:
    """All stages run on the footage alone; the demo's test covers the drawn film."""
    (clip,) = clips(["talkshow_a"], tmp_path, QUICK_TRAINING)
    score = score_ours(clip)
    measured = figures_to_store(clip.name, score)
    assert worse(measured, read_figures(), tolerance=TRACKING_TOLERANCE) == []
    idf1, idp = TARGETS[clip.name]
    assert score.idf1 >= idf1
    assert score.idp >= idp
