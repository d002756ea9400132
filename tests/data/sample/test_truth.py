"""The ground truth of a film: its checks, and its round trip through a file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.core.errors import InputError
from data.sample.truth import Truth, read_truth, truth_paths, write_truth


def some_truth(n: int = 2) -> Truth:
    return Truth(
        frame_index=np.arange(n),
        time_s=np.arange(n) / 25,
        person=np.array(["Mei"] * n, np.str_),
        xyxy=np.tile(np.array([[1.25, 2, 30, 40]], np.float32), (n, 1)),
        smiling=np.arange(n) % 2 == 1,
        yaw_deg=np.full(n, -24, np.float32),
        visible=np.full(n, 0.5, np.float32),
        frame_count=10,
        fps=Fraction(30000, 1001),
        frame_wh=(64, 48),
        people=("Mei", "Finn"),
        cuts=np.array([4]),
        sound_marks_s=np.array([0.0, 1.0]),
    )


@pytest.mark.parametrize("n", [0, 3], ids=["no rows", "three rows"])
def test_round_trip(tmp_path: Path, n: int) -> None:
    film, truth = tmp_path / "a film.mp4", some_truth(n)
    write_truth(film, truth)
    again = read_truth(film)
    for name in Truth.__slots__:
        np.testing.assert_array_equal(getattr(again, name), getattr(truth, name), err_msg=name)
    assert len(again) == n
    assert again.xyxy.dtype == np.float32


@pytest.mark.parametrize(
    "change",
    [
        {"time_s": np.zeros(3)},
        {"xyxy": np.zeros((2, 3), np.float32)},
        {"person": np.array(["Mei", "Nobody"])},
        {"frame_index": np.array([0, 10])},
        {"frame_index": np.array([-1, 0])},
    ],
    ids=[
        "lengths differ",
        "boxes of three",
        "not in the cast",
        "after the end",
        "before the start",
    ],
)
def test_invalid_truth_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(some_truth(), **change)


def test_frontal_is_unturned_and_unhidden() -> None:
    truth = replace(
        some_truth(4),
        yaw_deg=np.array([0, -20, 24, 0], np.float32),
        visible=np.array([1, 1, 1, 0.5], np.float32),
    )
    assert truth.frontal.tolist() == [True, True, False, False]


def test_missing_truth_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="draw the film again"):
        read_truth(tmp_path / "film.mp4")


@pytest.mark.parametrize("which", [0, 1], ids=["rows", "film"])
def test_damaged_truth_is_an_input_error(tmp_path: Path, which: int) -> None:
    film = tmp_path / "film.mp4"
    write_truth(film, some_truth())
    path = truth_paths(film)[which]
    path.write_text(path.read_text().replace("Mei", "").replace("frame_index", "x"))
    with pytest.raises(InputError, match="damaged"):
        read_truth(film)
