from __future__ import annotations

import numpy as np
import pytest

from cropping.expressions.metrics import (
    best_temperature,
    calibration_table,
    evaluate,
    log_loss,
    roc_auc,
)


def two_classes(score: list[float]) -> np.ndarray:
    values = np.array(score, np.float32)
    return np.stack([1 - values, values], axis=1)


@pytest.mark.parametrize(
    ("score", "label", "auc"),
    [
        ([0.1, 0.9], [0, 1], 1.0),
        ([0.9, 0.1], [0, 1], 0.0),
        ([0.5, 0.5], [0, 1], 0.5),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
    ],
)
def test_roc_auc(score: list[float], label: list[int], auc: float) -> None:
    assert roc_auc(np.array(score), np.array(label) == 1) == pytest.approx(auc)


def test_roc_auc_of_one_class_is_nan() -> None:
    assert np.isnan(roc_auc(np.array([0.1, 0.2]), np.array([True, True])))


def test_metrics_of_two_classes() -> None:
    metrics = evaluate(two_classes([0.2, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1]))
    assert metrics.confusion == ((1, 1), (1, 1))
    assert metrics.accuracy == 0.5
    assert metrics.auc == pytest.approx((0.75, 0.75))
    assert metrics.faces == 4


def test_calibration_of_two_classes_uses_the_second() -> None:
    table = calibration_table(two_classes([0.05, 0.05, 0.95, 0.95, 1.0]), np.array([0, 0, 1, 0, 1]))
    assert [(row.low, row.faces) for row in table] == [(0.0, 2), (0.9, 3)]
    assert table[0].share == 0
    assert table[1].share == pytest.approx(2 / 3)
    assert table[1].score == pytest.approx((0.95 + 0.95 + 1) / 3)


def test_calibration_of_more_classes_uses_the_most_probable() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7], [0.75, 0.2, 0.05]], np.float32)
    (row,) = calibration_table(probabilities, np.array([2, 1]))
    assert (row.faces, row.share) == (2, 0.5)


def test_temperature_corrects_overconfident_logits() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 2)).astype(np.float32)
    share = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    label = (random.random(4000) < share).astype(np.int64)
    assert best_temperature(logits * 3, label) == pytest.approx(3, rel=0.1)
    assert log_loss(logits, label) < log_loss(logits * 3, label)
