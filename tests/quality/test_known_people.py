"""Names of known people on photographs: given to most of them, and to no other person."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from clustering.faces.backends import BackendSettings
from clustering.grouping.known_people import match_known
from data.core.arrays import UNKNOWN
from tests.quality.clips import BEST
from tests.quality.photographs import DLIB, real_faces

PEOPLE: Final = 40
EPS: Final = 0.5


@pytest.mark.slow
def test_known_people_by_dlib(shared: Path) -> None:
    require_names(shared, DLIB)


@pytest.mark.slow
def test_known_people_by_sface(shared: Path, face_models: Path) -> None:
    del face_models
    require_names(shared, BEST)


def require_names(shared: Path, settings: BackendSettings) -> None:
    """Compare all people with two photographs of every second person."""
    faces, truth = real_faces(shared, settings, people=PEOPLE)
    place = np.arange(len(truth)) - np.searchsorted(truth, truth)  # among the person's photographs
    known = np.where((place < 2) & (truth % 2 == 0), truth // 2, UNKNOWN)
    matched = match_known(
        [(faces, np.where(place >= 2, truth, UNKNOWN))], [(faces, known)], eps=EPS
    )
    own = np.where(np.arange(PEOPLE) % 2 == 0, np.arange(PEOPLE) // 2, UNKNOWN)
    named = matched != UNKNOWN
    assert matched[named].tolist() == own[named].tolist()
    assert named.sum() >= 0.9 * (own != UNKNOWN).sum()
