"""Metrics of a classifier: ROC AUC, accuracy, confusion matrix and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BINS: Final = 10  # of the calibration table


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """Bin of the calibration table: faces with ``low <= score < high``."""

    low: float
    high: float
    faces: int
    score: float  # mean score
    share: float  # of the faces that belong to the class, 0..1


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of a model on one set of faces."""

    faces: int
    auc: tuple[float, ...]  # of each class against the rest, NaN if the class is absent
    accuracy: float  # 0..1
    confusion: tuple[tuple[int, ...], ...]  # number of faces, [true class][predicted class]
    calibration: tuple[CalibrationRow, ...]
    calibration_error: float  # mean |score - share|, weighted by faces

    @property
    def mean_auc(self) -> float:
        """Mean ROC AUC of the classes that are present."""
        return float(np.nanmean(self.auc))


def evaluate(probabilities: NDArray[np.float32], label: NDArray[np.int64]) -> Metrics:
    """Return the metrics of predicted probabilities.

    Args:
        probabilities: ``(n, classes)``, each row sums to 1.
        label: ``(n,)`` index of the true class.
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (label, predicted), 1)
    table = calibration_table(probabilities, label)
    weights = [row.faces for row in table]
    gaps = [abs(row.score - row.share) for row in table]
    return Metrics(
        faces=len(label),
        auc=tuple(roc_auc(probabilities[:, k], label == k) for k in range(classes)),
        accuracy=float((predicted == label).mean()),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        calibration=table,
        calibration_error=float(np.average(gaps, weights=weights)),
    )


def roc_auc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, 0..1, or NaN if there is only one class.

    Args:
        score: ``(n,)``, on any scale.
        positive: ``(n,)`` whether the true class is the positive one.
    """
    from sklearn.metrics import roc_auc_score

    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, score))


def calibration_table(
    probabilities: NDArray[np.float32], label: NDArray[np.int64]
) -> tuple[CalibrationRow, ...]:
    """Return the non-empty bins in order of the score.

    The score is the probability of the second of two classes, or the highest of several classes.

    Args:
        probabilities: ``(n, classes)``, each row sums to 1.
        label: ``(n,)`` true class.
    """
    if probabilities.shape[1] == 2:
        score, true = probabilities[:, 1], label == 1
    else:
        score, true = probabilities.max(axis=1), probabilities.argmax(axis=1) == label
    bins = np.clip((score * _BINS).astype(np.int64), 0, _BINS - 1)
    rows = []
    for i in np.unique(bins).tolist():
        inside = bins == i
        rows.append(
            CalibrationRow(
                low=i / _BINS,
                high=(i + 1) / _BINS,
                faces=int(inside.sum()),
                score=float(score[inside].mean()),
                share=float(true[inside].mean()),
            )
        )
    return tuple(rows)


def best_temperature(logits: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """Return the temperature, 0.1..10, that minimises the log loss of ``logits / temperature``.

    Args:
        logits: ``(n, classes)``.
        label: ``(n,)`` true class.

    Source: Guo et al., "On calibration of modern neural networks", 2017.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(logits / np.exp(log_temperature), label)

    minimum = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded")
    return float(np.exp(minimum.x))


def log_loss(logits: NDArray[np.floating], label: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy in nats.

    Args:
        logits: ``(n, classes)``.
        label: ``(n,)`` true class.
    """
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(label)), label].mean())
