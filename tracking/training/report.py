"""What a training came to, for a person to read and look at."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import whole_file, write_json, write_text
from data.core.errors import InputError
from tracking.training.learning_curve import (
    CURVE_FILE,
    CURVE_PICTURE,
    CurvePoint,
    plot_curve,
    verdict,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULT_FILE = "result.json"
PEOPLE_FILE = "people.csv"
CONFUSION_PICTURE = "confusion_matrix.png"
PAGE_FILE = "report.html"
REPORT_FILES = (
    RESULT_FILE,
    PEOPLE_FILE,
    CONFUSION_PICTURE,
    CURVE_FILE,
    CURVE_PICTURE,
    PAGE_FILE,
)
"""Everything that is ever written into the folder of a report."""
_FEW = 20  # faces to train on, below which a person is hardly learnt
_GOOD = 0.8  # share of right ones from which nothing need be done
_CELL_TEXT = 25  # people up to whom every cell of the matrix has its number
# The first that is there draws what the ones before it cannot.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Yu Gothic",
    "Malgun Gothic",
    "Microsoft YaHei",
)


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one training; what the report is drawn from."""

    names: tuple[str, ...]  # by class index
    train_images: int
    val_images: int
    train_faces: tuple[int, ...]  # by class index
    val_faces: tuple[int, ...]
    ap50: tuple[float | None, ...]  # None: not in the validation images
    ap50_95: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]  # see judging.confusion_matrix
    epochs: int
    imgsz: int
    took_s: float

    @property
    def map50(self) -> float:
        """Mean over the people of average precision at IoU 0.5."""
        return _mean(self.ap50)

    @property
    def map50_95(self) -> float:
        """Mean over the people of average precision at IoU 0.5 to 0.95."""
        return _mean(self.ap50_95)

    def counts(self) -> NDArray[np.int64]:
        """The confusion matrix, ``(people + 1, people + 1)``."""
        return np.array(self.confusion, np.int64).reshape(len(self.names) + 1, -1)


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a person's faces in val: found as this person, as somebody else, and not at all."""

    right: float
    wrong: float
    missed: float


def write_result(folder: Path, result: Result) -> None:
    """Keep the figures."""
    write_json(folder / RESULT_FILE, dataclasses.asdict(result))


def read_result(folder: Path) -> Result:
    """Read the figures that :func:`write_result` kept.

    Raises:
        InputError: they are missing or damaged.
    """
    file = folder / RESULT_FILE
    try:
        return Result(**_tuples(json.loads(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file}: not readable; run train-tracker --force") from error


def shares(counts: NDArray[np.int64]) -> Shares | None:
    """Return how many of all faces of a confusion matrix were right; None where there are none."""
    faces = counts[:-1]
    total = int(faces.sum())
    if total == 0:
        return None
    right, missed = int(np.trace(faces)), int(faces[:, -1].sum())
    return Shares(right / total, (total - right - missed) / total, missed / total)


def advice(result: Result, person: int) -> str:
    """Return what to do about a person, and why; empty where all is well."""
    row = result.counts()[person]
    faces, right, missed = int(row.sum()), int(row[person]), int(row[-1])
    few = result.train_faces[person] < _FEW
    if faces == 0:
        known = "not in the validation images, so nobody knows how well it is found"
        return f"few examples; {known}" if few else known
    said = []
    if right < _GOOD * faces:
        others = row.copy()
        others[[person, -1]] = 0
        other = int(others.argmax())
        if others[other] >= max(missed, 1):
            said.append(f"taken for {result.names[other]} in {others[other]} of {faces} faces")
        else:
            said.append(f"missed in {missed} of {faces} faces")
    if few:
        said.append(f"only {result.train_faces[person]} examples")
    return f"needs more examples: {'; '.join(said)}" if said else ""


def write_report(folder: Path, result: Result, curve: Sequence[CurvePoint]) -> None:
    """Write report.html, the pictures in it, and the table as people.csv.

    Args:
        folder: made where it is missing.
        result: the figures.
        curve: of the learning curve, smallest share first; empty where none was asked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(plot_confusion(result), folder / CONFUSION_PICTURE)
    write_text(folder / PEOPLE_FILE, _table(result))
    if curve:
        save(plot_curve(curve), folder / CURVE_PICTURE)
    write_text(folder / PAGE_FILE, _page(result, curve))


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole."""
    import logging
    import warnings

    from matplotlib import font_manager, rc_context

    known = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in _FONTS if name in known]
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with warnings.catch_warnings(), rc_context({"font.family": fonts}), whole_file(path) as partial:
        warnings.simplefilter("ignore")  # of letters that no font has
        figure.savefig(partial, dpi=150, bbox_inches="tight", facecolor="white")


def plot_confusion(result: Result) -> Figure:
    """Return the picture of whom each person was taken for."""
    from matplotlib.figure import Figure

    counts, people = result.counts(), len(result.names)
    side = min(max(2.5 + 0.62 * (people + 1), 5.0), 24.0)
    figure = Figure(figsize=(side + 1.2, side))
    axes = figure.add_subplot()
    axes.imshow(_colours(counts))
    names = [_short(name) for name in result.names]
    axes.set_xticks(range(people + 1), [*names, "not found"], rotation=40, ha="right")
    axes.set_yticks(range(people + 1), [*names, "nobody known"])
    axes.set_xlabel("found as")
    axes.set_ylabel("who it is")
    axes.set_title(_headline(result), fontsize=11)
    axes.set_xticks(np.arange(people) + 0.5, minor=True)
    axes.set_yticks(np.arange(people) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if people <= _CELL_TEXT:
        _write_cells(axes, counts)
    return figure


def _write_cells(axes: Any, counts: NDArray[np.int64]) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    people = len(counts) - 1
    for row, column in np.argwhere(counts > 0).tolist():
        text = str(counts[row, column])
        if row < people:
            text += f"\n{share[row, column]:.0%}"
        dark = row < people and share[row, column] > 0.6
        colour = "white" if dark else "#222222"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _colours(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Right ones blue, the wrong person red, missed and false ones grey; ``(n, n, 3)``."""
    people = len(counts) - 1
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    hue = np.tile(np.array([0.80, 0.15, 0.10]), (*counts.shape, 1))
    hue[np.arange(people), np.arange(people)] = (0.10, 0.35, 0.70)
    hue[-1], hue[:, -1] = 0.45, 0.45
    # A single mistake among many right ones must be seen.
    strength = np.where(counts > 0, 0.15 + 0.85 * share, 0)[..., None]
    strength[-1] = np.minimum(strength[-1], 0.35)
    background = np.array([0.955, 0.96, 0.965])
    return np.asarray(background * (1 - strength) + hue * strength, np.float64)


def _headline(result: Result) -> str:
    found = shares(result.counts())
    if found is None:
        return "no faces to validate on"
    return f"{found.right:.0%} right, {found.wrong:.0%} the wrong person, {found.missed:.0%} missed"


def _short(name: str, most: int = 18) -> str:
    plain = " ".join(name.split()).replace("$", r"\$")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


# --- tables -----------------------------------------------------------------------------------


def _table(result: Result) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["person", "train_faces", "val_faces", "mAP50", "mAP50-95", "advice"])
    for person, name in enumerate(result.names):
        figures = (_figure(values[person]) for values in (result.ap50, result.ap50_95))
        faces = (result.train_faces[person], result.val_faces[person])
        writer.writerow([name, *faces, *figures, advice(result, person)])
    return out.getvalue()


def _page(result: Result, curve: Sequence[CurvePoint]) -> str:
    rows = "\n".join(_row(result, person) for person in range(len(result.names)))
    parts = [
        _HEAD,
        f"<p>Of the faces in {result.val_images} images that were kept from training: "
        f"<b>{escape(_headline(result))}</b>. mAP50 {result.map50:.3f}, "
        f"mAP50-95 {result.map50_95:.3f}. Trained for {result.epochs} epochs on "
        f"{result.train_images} images at {result.imgsz} px, in {result.took_s / 60:.1f} min.</p>",
        "<p>This is one frame at a time; track-people decides over many frames together.</p>",
        f"<table><tr>{_COLUMNS}</tr>\n{rows}</table>",
        "<h2>Who was taken for whom</h2>",
        f'<p><img src="{CONFUSION_PICTURE}" alt="confusion matrix"></p>',
    ]
    if curve:
        parts += [
            "<h2>Would more examples help?</h2>",
            f"<p>{escape(verdict(curve))}</p>",
            f'<p><img src="{CURVE_PICTURE}" alt="learning curve"></p>',
        ]
    return "\n".join([*parts, "</body></html>\n"])


def _row(result: Result, person: int) -> str:
    cells = [
        escape(result.names[person]),
        str(result.train_faces[person]),
        str(result.val_faces[person]),
        _figure(result.ap50[person]),
        _figure(result.ap50_95[person]),
        escape(advice(result, person)) or "good",
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0


def _tuples(value: Any) -> Any:
    """Return what JSON gave back with its lists as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>train-tracker</title><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .3rem .8rem; text-align: right;
border-bottom: 1px solid #ddd } td:first-child, th:first-child, td:last-child, th:last-child
{ text-align: left } img { max-width: 100% }
</style></head><body><h1>How well each person is found</h1>"""
_COLUMNS = (
    "<th>person</th><th>examples</th><th>faces checked</th><th>mAP50</th><th>mAP50-95</th><th></th>"
)
