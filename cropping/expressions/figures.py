"""How good a model is: ROC AUC, confusion, and whether its scores mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """Faces whose score lies between two bounds."""

    low: float
    high: float
    faces: int
    score: float  # their mean
    share: float  # of them that are of the class


@dataclass(frozen=True, slots=True)
class Figures:
    """What judging a model came to."""

    faces: int
    auc: tuple[float, ...]  # of each class against the rest; NaN where it does not occur
    right: float  # share of faces whose most probable class is theirs
    confusion: tuple[tuple[int, ...], ...]  # [their class][the most probable]
    calibration: tuple[CalibrationRow, ...]
    calibration_error: float  # mean distance of score and share, weighted by faces

    @property
    def mean_auc(self) -> float:
        """Mean over the classes that occur."""
        return float(np.nanmean(self.auc))


def judge(probabilities: NDArray[np.float32], label: NDArray[np.int64]) -> Figures:
    """Return how well probabilities, ``(n, classes)``, foretell the labels, ``(n,)``."""
    classes = probabilities.shape[1]
    found = probabilities.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (label, found), 1)
    table = calibration_table(probabilities, label)
    weights = [row.faces for row in table]
    off = [abs(row.score - row.share) for row in table]
    return Figures(
        faces=len(label),
        auc=tuple(roc_auc(probabilities[:, k], label == k) for k in range(classes)),
        right=float((found == label).mean()),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        calibration=table,
        calibration_error=float(np.average(off, weights=weights)),
    )


def roc_auc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the chance that a positive scores more than a negative; NaN where one is missing.

    Args:
        score: ``(n,)``.
        positive: ``(n,)``.
    """
    from sklearn.metrics import roc_auc_score

    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, score))


def calibration_table(
    probabilities: NDArray[np.float32], label: NDArray[np.int64]
) -> tuple[CalibrationRow, ...]:
    """Return rows for tenths of the score that have faces, lowest first.

    Of two classes it is the score of the second, of more the score of the most probable one.
    """
    if probabilities.shape[1] == 2:
        score, true = probabilities[:, 1], label == 1
    else:
        score, true = probabilities.max(axis=1), probabilities.argmax(axis=1) == label
    number = np.clip((score * _BINS).astype(np.int64), 0, _BINS - 1)
    rows = []
    for i in np.unique(number).tolist():
        inside = number == i
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
    """Return what logits ``(n, classes)`` are best divided by, so that scores are probabilities.

    Source: Guo et al., "On calibration of modern neural networks", 2017.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(logits / np.exp(log_temperature), label)

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded")
    return float(np.exp(found.x))


def log_loss(logits: NDArray[np.floating], label: NDArray[np.int64]) -> float:
    """Return the mean surprise at the labels, in nats."""
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(label)), label].mean())
