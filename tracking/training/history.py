"""The course of a training: losses and accuracy after each epoch, and their plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOSSES = ("box_loss", "cls_loss", "dfl_loss")
_BLUE, _ORANGE = "#1a5aa8", "#c46a10"


@dataclass(frozen=True, slots=True)
class TrainingHistory:
    """Figures after each of n epochs; empty for a training without a record of them."""

    found: tuple[float, ...] = ()  # (n,) recall, mean over the people, 0 to 1
    right: tuple[float, ...] = ()  # (n,) precision, mean over the people, 0 to 1
    train_loss: tuple[float, ...] = ()  # (n,) sum of ultralytics' losses
    val_loss: tuple[float, ...] = ()  # (n,) the same on the validation images


def read_history(file: Path, epochs: int) -> TrainingHistory:
    """Read ultralytics' results.csv, which a resumed training continues.

    Args:
        file: results.csv; may be missing.
        epochs: number of trained epochs; rows of other trainings are left out.
    """
    if not file.exists():
        return TrainingHistory()
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    by_epoch = {int(row["epoch"]): row for row in rows}
    kept = [by_epoch[epoch] for epoch in range(1, epochs + 1) if epoch in by_epoch]
    return TrainingHistory(
        found=_column(kept, "metrics/recall(B)"),
        right=_column(kept, "metrics/precision(B)"),
        train_loss=_column(kept, *(f"train/{loss}" for loss in _LOSSES)),
        val_loss=_column(kept, *(f"val/{loss}" for loss in _LOSSES)),
    )


def _column(rows: Sequence[dict[str, str]], *names: str) -> tuple[float, ...]:
    """Return the sum of some columns in each row."""
    return tuple(round(sum(float(row[name]) for name in names), 4) for row in rows)


def plot_history(history: TrainingHistory) -> Figure:
    """Draw accuracy and losses over the epochs, one above the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _draw(above, [100 * share for share in history.found], _BLUE, "faces found")
    _draw(above, [100 * share for share in history.right], _ORANGE, "correct names")
    above.set_ylim(0, 105)
    above.set_ylabel("percent, validation images")
    _draw(below, history.train_loss, _BLUE, "training images")
    _draw(below, history.val_loss, _ORANGE, "validation images")
    below.set_ylim(bottom=0)
    below.set_ylabel("error (loss, no unit)")
    below.set_xlabel("epoch (one pass over all training images)")
    below.xaxis.get_major_locator().set_params(integer=True)
    for axes in (above, below):
        axes.legend(frameon=False, loc="best")
    return figure


def _draw(axes: Any, values: Sequence[float], colour: str, name: str) -> None:
    epochs = range(1, len(values) + 1)
    axes.plot(epochs, values, marker="o", markersize=4, color=colour, linewidth=2, label=name)
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
