"""The learning curve: what a detector trained on less would be worth, and so what more would."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.core.atomic import write_text
from data.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.12, 0.25, 0.5)  # of the training images; all of them is the training itself
LEAST_STEPS = 0.5
"""Of the whole training's batches, which every smaller one shows at least: trained for as many
epochs only, a small share would look worse than its examples are."""
CURVE_FILE = "learning_curve.csv"
CURVE_PICTURE = "learning_curve.png"
_GAIN = 0.02  # mAP50 from half to all of the examples, above which more are worth their while
_COLUMNS = ("share", "images", "mAP50", "mAP50-95")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """How good a detector is that was trained on a share of the images."""

    share: float  # 0 to 1
    images: int
    map50: float
    map50_95: float


def verdict(curve: Sequence[CurvePoint]) -> str:
    """Return in a sentence what the curve says."""
    if len(curve) < 2:
        return "Too few points to tell whether more examples would help."
    half, whole = curve[-2], curve[-1]
    gain = whole.map50 - half.map50
    step = f"from {half.images} to {whole.images} images mAP50 went {half.map50:.3f} to"
    said = f"{step} {whole.map50:.3f}"
    if gain > _GAIN:
        return f"More examples are likely to help: {said}."
    return f"More examples of the same kind would hardly help: {said}."


def write_curve(path: Path, curve: Sequence[CurvePoint]) -> None:
    """Write the points as a table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for p in curve:
        writer.writerow([f"{p.share:g}", p.images, f"{p.map50:.4f}", f"{p.map50_95:.4f}"])
    write_text(path, out.getvalue())


def read_curve(path: Path) -> list[CurvePoint]:
    """Read the points that :func:`write_curve` wrote.

    Raises:
        InputError: the file is damaged.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return [
            CurvePoint(float(r["share"]), int(r["images"]), float(r["mAP50"]), float(r["mAP50-95"]))
            for r in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not readable ({error}); run train-tracker --force") from error


def plot_curve(curve: Sequence[CurvePoint]) -> Figure:
    """Return the picture of the curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5))
    axes = figure.add_subplot()
    images = [point.images for point in curve]
    lines = {"mAP50": [p.map50 for p in curve], "mAP50-95": [p.map50_95 for p in curve]}
    for (name, values), colour in zip(lines.items(), ("#1a5aa8", "#c46a10"), strict=True):
        axes.plot(images, values, marker="o", color=colour, linewidth=2)
        for x, y in zip(images, values, strict=True):
            axes.annotate(
                f"{y:.2f}",
                (x, y),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=colour,
            )
        axes.annotate(
            name,
            (images[-1], values[-1]),
            xytext=(14, 0),
            textcoords="offset points",
            va="center",
            color=colour,
        )
    axes.set_xticks(images, [f"{p.images}\n{p.share:.0%}" for p in curve])
    axes.set_xlim(0, images[-1] * 1.05)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("images to train on, and their share of all")
    axes.set_ylabel("quality on the validation images")
    axes.set_title("Learning curve", fontsize=11)
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
