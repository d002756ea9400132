"""Plot the results of a training run: losses, ROC AUC, learning curve and calibration."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cropping.expressions.card import LearningCurvePoint
from cropping.expressions.metrics import CalibrationRow
from cropping.expressions.training import Epoch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREY = "#1f5fa8", "#d9722a", "#8a8a8a"
_DPI: Final = 110


def plot_training(
    epochs: Sequence[Epoch],
    best: int,
    calibration: Sequence[CalibrationRow],
    curve: Sequence[LearningCurvePoint],
) -> Figure:
    """Plot the loss and ROC AUC by epoch, the learning curve and the calibration.

    Args:
        epochs: losses and ROC AUC of each epoch.
        best: index of the best epoch, 0-based.
        calibration: calibration on the test faces.
        curve: points of the learning curve, empty if not measured.
    """
    from matplotlib.figure import Figure

    panels = 3 + bool(curve)
    figure = Figure(figsize=(4.2 * panels, 3.6), layout="constrained")
    axes = list(figure.subplots(1, panels))
    _plot_loss(axes[0], epochs, best)
    _plot_auc(axes[1], epochs, best)
    if curve:
        _plot_curve(axes[2], curve)
    _plot_calibration(axes[-1], calibration)
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#e6e6e6", linewidth=0.8)
        panel.set_axisbelow(True)
    return figure


def as_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def _plot_loss(axes: Any, epochs: Sequence[Epoch], best: int) -> None:
    number = range(1, len(epochs) + 1)
    axes.plot(number, [epoch.train_loss for epoch in epochs], color=_GREY, label="train, augmented")
    axes.plot(number, [epoch.val_loss for epoch in epochs], color=_BLUE, label="validation")
    axes.axvline(best + 1, color=_ORANGE, linewidth=1, label=f"best: {best + 1}")
    axes.set(title="loss", xlabel="epoch", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)


def _plot_auc(axes: Any, epochs: Sequence[Epoch], best: int) -> None:
    auc = [epoch.val_auc for epoch in epochs]
    axes.plot(range(1, len(epochs) + 1), auc, color=_BLUE)
    axes.plot([best + 1], [auc[best]], "o", color=_ORANGE)
    axes.set(title=f"ROC AUC, validation: {auc[best]:.3f} in epoch {best + 1}", xlabel="epoch")


def _plot_curve(axes: Any, curve: Sequence[LearningCurvePoint]) -> None:
    axes.plot([p.faces for p in curve], [p.auc for p in curve], "o-", color=_BLUE)
    axes.set(title="ROC AUC, test, by training faces", xlabel="faces", xlim=(0, None))


def _plot_calibration(axes: Any, rows: Sequence[CalibrationRow]) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=":")
    axes.plot([row.score for row in rows], [row.share for row in rows], "o-", color=_BLUE)
    axes.set(title="calibration, test", xlabel="score", ylabel="share of faces")
    axes.set(xlim=(0, 1), ylim=(0, 1))
