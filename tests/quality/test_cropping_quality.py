"""The camera meets its targets, on the drawn film's truth and the labelled clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cropping.camera.window import WindowSettings
from cropping.camera.windows import CropWindows
from data.sample.film import Film
from tests.cropping.tracked_project import at_rate, box, tracks_of
from tests.quality.cropping import clip_motion, draw_paths, failures, motion, row, table
from tests.quality.cropping_clips import drawn_clip, labelled_clip
from tests.quality.tracking import CLIPS


def test_drawn_film_meets_the_targets(tmp_path: Path) -> None:
    """Only the film's truth is used, not its pictures."""
    clip = drawn_clip(tmp_path / "film.mp4", Film().truth)
    steady, average = clip_motion(clip, "steady"), clip_motion(clip, "average")
    assert failures(steady, average) == []
    draw_paths([clip], tmp_path / "paths.png")
    assert (tmp_path / "paths.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", ["film_a", "pexels_03"])
def test_labelled_clips_meet_the_targets(shared: Path, name: str) -> None:
    lines, missed = table([labelled_clip(shared, name)])
    assert missed == 0, lines


@pytest.mark.slow
def test_all_labelled_clips_meet_the_targets(shared: Path) -> None:
    lines, missed = table(labelled_clip(shared, name) for name in CLIPS)
    assert missed == 0, lines


def test_motion() -> None:
    """A window of ten pixels stands still, moves by one pixel per frame, and cuts."""
    corner = np.array([0, 0, 0, 1, 2, 50, 50.0])
    xyxy = np.column_stack([corner, np.zeros(7), corner + 10, np.full(7, 10.0)])
    found = CropWindows(xyxy, np.array([0, 0, 0, 0, 0, 1, 1]))
    timeline = at_rate(7)
    faces = {0: box(5, 3.7, 4), 1: box(9, 3.7, 4), 6: box(55, 3.7, 4)}
    total = motion(found, tracks_of(timeline, {1: faces}), WindowSettings())
    assert (total.still, total.moves, total.accelerations) == (3, 5, 3)
    assert total.acceleration == pytest.approx(0.1)
    assert total.distance == pytest.approx(0.4)
    assert (total.inside, total.faces) == (2, 3)
    assert "a face is cut" in failures(total, total)
    assert "MISSED" in row("x", total, total)
