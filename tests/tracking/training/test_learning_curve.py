from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from tracking.training.learning_curve import (
    CurvePoint,
    plot_curve,
    read_curve,
    verdict,
    write_curve,
)
from tracking.training.report import save_figure


def curve(*map50: float) -> list[CurvePoint]:
    shares = (0.12, 0.25, 0.5, 1.0)[-len(map50) :] if map50 else ()
    return [CurvePoint(s, round(200 * s), m, m / 2) for s, m in zip(shares, map50, strict=True)]


@pytest.mark.parametrize(
    ("points", "text"),
    [
        pytest.param(curve(), "Too few training runs", id="empty"),
        pytest.param(curve(0.5), "Too few training runs", id="one"),
        pytest.param(curve(0.2, 0.4, 0.6, 0.8), "likely to help", id="rising"),
        pytest.param(curve(0.2, 0.7, 0.8, 0.81), "would hardly help", id="levelled off"),
        pytest.param(curve(0.0, 0.0), "too short a time to tell", id="not trained"),
        pytest.param(curve(0.8, 0.7), "would hardly help", id="falling"),
    ],
)
def test_verdict(points: list[CurvePoint], text: str) -> None:
    assert text in verdict(points)


@pytest.mark.parametrize("points", [curve(), curve(0.25, 0.5, 0.75, 1.0)], ids=["empty", "full"])
def test_round_trip(points: list[CurvePoint], tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    write_curve(file, points)
    assert read_curve(file) == points


def test_a_damaged_table_is_an_input_error(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("share,images\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="not readable"):
        read_curve(file)


def test_draws_every_point(tmp_path: Path) -> None:
    points = curve(0.2, 0.4, 0.6, 0.8)
    figure = plot_curve(points)
    x, y = figure.axes[0].lines[0].get_data()
    assert np.asarray(x).tolist() == [24, 50, 100, 200]
    assert np.asarray(y).tolist() == [0.2, 0.4, 0.6, 0.8]
    save_figure(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"
