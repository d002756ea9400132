"""The report of a training run: figures, table, confusion matrix and HTML page."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import atomic_write, write_json, write_text
from data.core.counts import counted
from data.core.errors import InputError
from tracking.training.history import TrainingHistory, plot_history
from tracking.training.learning_curve import (
    CURVE_FILE,
    CURVE_PICTURE,
    CurvePoint,
    plot_curve,
    verdict,
)

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.figure import Figure

REPORT = "report"  # folder in the tracker folder
RESULT_FILE = "result.json"
PEOPLE_FILE = "people.csv"
CONFUSION_PICTURE = "confusion_matrix.png"
HISTORY_PICTURE = "training.png"
PAGE_FILE = "report.html"
REPORT_FILES = (
    RESULT_FILE,
    PEOPLE_FILE,
    CONFUSION_PICTURE,
    HISTORY_PICTURE,
    CURVE_FILE,
    CURVE_PICTURE,
    PAGE_FILE,
)
"""All files that a report folder can hold."""
_FEW_FACES = 20  # training faces; with fewer, a person is barely learnt
_USELESS_SHARE = 0.1  # of all validation faces recognised; tracks would be random
_GOOD_SHARE = 0.8  # of a person's faces detected correctly; no more examples are needed
_MAX_PEOPLE_WITH_COUNTS = 25  # in the matrix; with more people, its cells have no numbers
_REM_PER_INCH = 7.0  # width of the matrix on the page, for its height in the picture
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
# In order of preference: each draws the glyphs that the fonts before it lack.
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
class TrainingResult:
    """Figures of one training, as stored in result.json."""

    names: tuple[str, ...]  # by class index
    train_images: int
    val_images: int
    train_faces: tuple[int, ...]  # by class index
    val_faces: tuple[int, ...]  # by class index
    ap50: tuple[float | None, ...]  # by class index, 0 to 1; None if not in the validation images
    ap50_95: tuple[float | None, ...]  # by class index, 0 to 1; None if not there
    confusion: tuple[tuple[int, ...], ...]  # rows of `confusion.confusion_matrix`
    epochs: int
    imgsz: int  # px of the longer side
    took_s: float
    # Reports of earlier versions lack these.
    project: str = ""  # name of the project's folder
    weights: str = ""  # file name or architecture that the training started from
    finished: str = ""  # local time, ISO 8601 with its offset
    planned_epochs: int = 0  # 0 if unknown
    history: TrainingHistory = field(default_factory=TrainingHistory)

    @property
    def stopped_early(self) -> bool:
        """Whether training ended because nothing had improved for many epochs."""
        return self.epochs < self.planned_epochs

    @property
    def map50(self) -> float:
        """Mean average precision over the people at IoU 0.5, 0 to 1."""
        return _mean(self.ap50)

    @property
    def map50_95(self) -> float:
        """Mean average precision over the people at IoU 0.5 to 0.95, 0 to 1."""
        return _mean(self.ap50_95)

    @property
    def recognised(self) -> tuple[int, int]:
        """Numbers of recognised and of all validation faces."""
        faces = self.counts()[:-1]
        return int(np.trace(faces)), int(faces.sum())

    @property
    def is_useless(self) -> bool:
        """Whether the detector recognises almost no validation face."""
        right, faces = self.recognised
        return right < _USELESS_SHARE * faces

    def counts(self) -> NDArray[np.int64]:
        """Return the confusion matrix, ``(people + 1, people + 1)`` faces."""
        return np.array(self.confusion, np.int64).reshape(len(self.names) + 1, -1)


@dataclass(frozen=True, slots=True)
class ConfusionShares:
    """Shares of the validation faces by outcome; they sum to 1."""

    right: float
    wrong: float  # detected as another person
    missed: float


def write_result(folder: Path, result: TrainingResult) -> None:
    """Write the figures to result.json."""
    write_json(folder / RESULT_FILE, dataclasses.asdict(result))


def read_result(folder: Path) -> TrainingResult:
    """Read the figures that `write_result` wrote.

    Raises:
        InputError: they are missing or damaged.
    """
    file = folder / RESULT_FILE
    try:
        fields = _tuples(json.loads(file.read_text(encoding="utf-8")))
        history = TrainingHistory(**fields.pop("history", {}))
        return TrainingResult(**fields, history=history)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not readable; run train-tracker PROJECT --force") from error


def confusion_shares(counts: NDArray[np.int64]) -> ConfusionShares | None:
    """Return the outcome shares of a confusion matrix; None if it has no labelled faces.

    Args:
        counts: ``(people + 1, people + 1)`` faces, see `confusion.confusion_matrix`.
    """
    faces = counts[:-1]
    total = int(faces.sum())
    if total == 0:
        return None
    right, missed = int(np.trace(faces)), int(faces[:, -1].sum())
    return ConfusionShares(right / total, (total - right - missed) / total, missed / total)


def found_in(result: TrainingResult, person: int) -> str:
    """Return in how many of their validation frames a person is found."""
    row = result.counts()[person]
    return (
        f"found in {row[person]} of {counted(row.sum(), 'frame')}" if row.sum() else "not checked"
    )


def advice(result: TrainingResult, person: int) -> str:
    """Return what would improve a person's detection, and why; empty if nothing is needed.

    Args:
        result: the figures of the training.
        person: class index.
    """
    row = result.counts()[person]
    faces, right, missed = int(row.sum()), int(row[person]), int(row[-1])
    few = result.train_faces[person] < _FEW_FACES
    if faces == 0:
        unchecked = "not in the validation images, so the accuracy is unknown"
        return f"few examples; {unchecked}" if few else unchecked
    reasons = []
    if right < _GOOD_SHARE * faces and not result.is_useless:
        confused = row.copy()
        confused[[person, -1]] = 0
        other = int(confused.argmax())
        if confused[other] >= max(missed, 1):
            share = f"{confused[other]} of {counted(faces, 'frame')}"
            reasons.append(f"mistaken for {result.names[other]} in {share}")
        else:
            reasons.append(f"missed in {missed} of {counted(faces, 'frame')}")
    if few:
        reasons.append(f"only {counted(result.train_faces[person], 'example')}")
    return f"needs more examples: {'; '.join(reasons)}" if reasons else ""


def write_report(folder: Path, result: TrainingResult, curve: Sequence[CurvePoint]) -> None:
    """Write report.html, the pictures in it, and the table as people.csv.

    Args:
        folder: the report folder; created if missing.
        result: the figures.
        curve: points of the learning curve, by ascending share; may be empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_figure(plot_confusion(result), folder / CONFUSION_PICTURE)
    if result.history.found:
        save_figure(plot_history(result.history), folder / HISTORY_PICTURE)
    write_text(folder / PEOPLE_FILE, _table(result))
    if curve:
        save_figure(plot_curve(curve), folder / CURVE_PICTURE)
    write_text(folder / PAGE_FILE, _page(result, curve))


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure atomically, as a PNG."""
    import logging
    import warnings

    from matplotlib import font_manager, rc_context

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in _FONTS if name in installed]
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        rc_context({"font.family": fonts}),
        atomic_write(path) as partial,
    ):
        warnings.simplefilter("ignore")  # matplotlib warns about glyphs that no font has
        figure.savefig(partial, dpi=150, bbox_inches="tight", facecolor="white")


def plot_confusion(result: TrainingResult) -> Figure:
    """Draw the confusion matrix."""
    from matplotlib.figure import Figure

    counts, people = result.counts(), len(result.names)
    side = _matrix_side(result)
    figure = Figure(figsize=(side + 1.2, side))
    axes = figure.add_subplot()
    axes.imshow(_colours(counts))
    names = [_short(name) for name in result.names]
    axes.set_xticks(range(people + 1), [*names, "missed"], rotation=40, ha="right")
    axes.set_yticks(range(people + 1), [*names, "no labelled face"])
    axes.set_xlabel("detected as")
    axes.set_ylabel("labelled as")
    axes.set_title(_headline(result), fontsize=11)
    axes.set_xticks(np.arange(people) + 0.5, minor=True)
    axes.set_yticks(np.arange(people) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if people <= _MAX_PEOPLE_WITH_COUNTS:
        _write_cells(axes, counts)
    return figure


def _matrix_side(result: TrainingResult) -> float:
    """Return the height of the matrix in inches."""
    return min(max(2.5 + 0.62 * (len(result.names) + 1), 5.0), 24.0)


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
    """Return the colour of each cell, ``(n, n, 3)`` RGB 0 to 1.

    Correct detections are blue, confusions red, missed and false detections grey.
    """
    people = len(counts) - 1
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    hue = np.tile(np.array([0.80, 0.15, 0.10]), (*counts.shape, 1))
    hue[np.arange(people), np.arange(people)] = (0.10, 0.35, 0.70)
    hue[-1], hue[:, -1] = 0.45, 0.45
    # Keep a single mistake visible among many correct detections.
    strength = np.where(counts > 0, 0.15 + 0.85 * share, 0)[..., None]
    strength[-1] = np.minimum(strength[-1], 0.35)
    background = np.array([0.955, 0.96, 0.965])
    return np.asarray(background * (1 - strength) + hue * strength, np.float64)


def _headline(result: TrainingResult) -> str:
    shares = confusion_shares(result.counts())
    if shares is None:
        return "No faces to validate on"
    wrong = f"{shares.wrong:.0%} mistaken for another person"
    return f"{shares.right:.0%} found and named correctly, {wrong}, {shares.missed:.0%} missed"


def _short(name: str, max_length: int = 18) -> str:
    plain = " ".join(name.split()).replace("$", r"\$")
    return plain if len(plain) <= max_length else f"{plain[: max_length - 1]}…"


# --- tables -----------------------------------------------------------------------------------


def _table(result: TrainingResult) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["person", "train_faces", "val_faces", "mAP50", "mAP50-95", "advice"])
    for person, name in enumerate(result.names):
        figures = (_figure(values[person]) for values in (result.ap50, result.ap50_95))
        faces = (result.train_faces[person], result.val_faces[person])
        writer.writerow([_spreadsheet_text(name), *faces, *figures, advice(result, person)])
    return out.getvalue()


def _spreadsheet_text(text: str) -> str:
    """Return a text that spreadsheets do not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _page(result: TrainingResult, curve: Sequence[CurvePoint]) -> str:
    good = "train longer" if result.is_useless else "nothing needed"
    people = [
        {
            "name": name,
            "found": found_in(result, person),
            "train_faces": result.train_faces[person],
            "ap50": _figure(result.ap50[person]) or "not checked",
            "ap50_95": _figure(result.ap50_95[person]) or "not checked",
            "advice": advice(result, person) or good,
        }
        for person, name in enumerate(result.names)
    ]
    return _template().render(
        result=result,
        facts=_facts(result),
        people=people,
        headline=_headline(result),
        confusion_picture=CONFUSION_PICTURE,
        matrix_rem=round(_matrix_side(result) * _REM_PER_INCH),
        history_picture=HISTORY_PICTURE if result.history.found else "",
        curve_picture=CURVE_PICTURE,
        verdict=verdict(curve) if curve else "",
    )


def _facts(result: TrainingResult) -> list[tuple[str, str]]:
    """Return how the detector was trained, as names and values."""
    minutes = f"{result.took_s / 60:.1f} minutes" if result.took_s else ""
    images = f"{result.train_images} for training, {result.val_images} for validation"
    facts = [
        ("finished", _finished_text(result.finished)),
        ("started from", result.weights),
        ("images", images),
        ("image size", f"{result.imgsz} px (longer side)"),
        ("epochs", _epochs_text(result)),
        ("training time", minutes),
    ]
    return [(name, value) for name, value in facts if value]


def _finished_text(finished: str) -> str:
    """Return a time in ISO 8601 as text, such as ``29 November 2026, 19:33``."""
    if not finished:
        return ""
    time = datetime.fromisoformat(finished)
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M}"


def _epochs_text(result: TrainingResult) -> str:
    if not result.planned_epochs:
        return str(result.epochs)
    if not result.stopped_early:
        return f"{result.epochs}, as planned"
    why = "because the detector no longer improved"
    return f"{result.epochs} of {result.planned_epochs}: stopped early, {why}"


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tracking.training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(PAGE_FILE)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0


def _tuples(value: Any) -> Any:
    """Return a JSON value with its lists as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value
