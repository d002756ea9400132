"""The learning curve: accuracy of detectors trained on shares of the examples."""

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

SHARES = (0.12, 0.25, 0.5)  # of the training images; the last point, 1, is the detector itself
MIN_BATCH_SHARE = 0.5
"""Minimum number of batches when training on a share of the images, relative to the full run: with
the same number of epochs, a small share would score lower than its examples allow."""
CURVE_FILE = "learning_curve.csv"
CURVE_PICTURE = "learning_curve.png"
_MIN_MAP50 = 0.1  # of the detector; below it, the points differ by chance
_MIN_GAIN = 0.02  # in mAP50 from half to all examples; more examples help above it
_COLUMNS = ("share", "images", "mAP50", "mAP50-95")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Accuracy of a detector trained on a share of the images."""

    share: float  # 0 to 1
    images: int
    map50: float  # 0 to 1
    map50_95: float  # 0 to 1


def verdict(curve: Sequence[CurvePoint]) -> str:
    """Return a sentence on whether more examples would help."""
    if len(curve) < 2:
        return "Too few training runs to tell whether more examples would help."
    half, full = curve[-2], curve[-1]
    if full.map50 < _MIN_MAP50:
        reached = f"mAP50 is {full.map50:.2f} with all images"
        return f"Trained for too short a time to tell ({reached}); use more --epochs."
    gain = full.map50 - half.map50
    change = (
        f"from {half.images} to {full.images} images, the accuracy (mAP50) went "
        f"from {half.map50:.3f} to {full.map50:.3f}"
    )
    if gain > _MIN_GAIN:
        return f"More examples are likely to help: {change}."
    return f"More examples of the same kind would hardly help: {change}."


def write_curve(path: Path, curve: Sequence[CurvePoint]) -> None:
    """Write the points as a CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for p in curve:
        writer.writerow([f"{p.share:g}", p.images, f"{p.map50:.4f}", f"{p.map50_95:.4f}"])
    write_text(path, out.getvalue())


def read_curve(path: Path) -> list[CurvePoint]:
    """Read the points that `write_curve` wrote.

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
        raise InputError(
            f"{path}: not readable ({error}); run train-tracker PROJECT --force"
        ) from error


def plot_curve(curve: Sequence[CurvePoint]) -> Figure:
    """Draw the curve: mAP over the number of images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4))
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
    axes.set_xlabel("training images (number, and share of all)")
    axes.set_ylabel("accuracy (mAP, 0 to 1), validation images")
    axes.set_title("Learning curve", fontsize=11)
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
