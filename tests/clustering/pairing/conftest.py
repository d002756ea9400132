"""Folders with the recordings of a drawn lesson."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.clustering.drawn_lesson import draw_student, draw_teacher
from tests.clustering.fakes import CornerDetector


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lesson")
    draw_student(folder / "student.mp4")
    draw_teacher(folder / "teacher.mkv")
    draw_student(folder / "undated.mp4", created=None)
    return folder


@pytest.fixture
def lesson(drawn: Path, tmp_path: Path, detector: CornerDetector) -> Path:
    """Return the folder in which the command runs, with both recordings in it."""
    del detector
    for name in ("student.mp4", "teacher.mkv"):
        shutil.copy(drawn / name, tmp_path)
    return tmp_path
