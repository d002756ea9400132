"""Fixtures of the tracking tests."""

from __future__ import annotations

import pytest

from tests.tracking.coloured import FACTS, ColourNetwork
from tracking import stage
from tracking.detection import tasks
from tracking.detection.export import ExportedModel


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> ColourNetwork:
    """Return the network that the stage loads instead of a trained YOLO."""
    network = ColourNetwork()
    monkeypatch.setattr(stage, "exported_model", lambda _: ExportedModel(FACTS, b""))
    monkeypatch.setattr(tasks, "load_yolo", lambda *_, **__: (network, FACTS, 4))
    return network
