"""Write the model card: training data, metrics and limits of a model, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cropping.expressions.metrics import CalibrationRow, Metrics
from data.core.counts import counted

SMILE_LIMITS: Final = (
    "The model is less reliable for people of other ages and origins than those of its training "
    "faces.",
    "The most frequent mistakes are mouths opened by speech, crying or singing: a mouth pulled "
    "wide by crying can score as high as a smile. Averaging over neighbouring moments reduces "
    "these mistakes, and smile-gifs prefers open eyes and the broadest smiles.",
    "Scores of faces turned by more than about 45 degrees, and of mouths behind a hand or "
    "microphone, are guesses.",
    "The model detects a movement of the face. It does not detect what a person feels, and must "
    "not be used to judge people.",
)
EXPRESSION_LIMITS: Final = (
    "The model assigns every face to one of the classes above, even if none of them fits.",
    "The model detects a movement of the face. It does not detect what a person feels, and must "
    "not be used to judge people.",
)
METRICS_HEADER: Final = ("", "faces", "ROC AUC", "accuracy", "calibration error")


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Counts of one part of the split."""

    name: str
    subjects: int  # 0 if unknown
    faces: tuple[int, ...]  # number per class


@dataclass(frozen=True, slots=True)
class LearningCurvePoint:
    """Test result after training on a share of the people."""

    share: float  # of the people, 0..1
    faces: int  # in the training part
    auc: float  # mean ROC AUC on the test faces


@dataclass(frozen=True, slots=True)
class CardContent:
    """Content of a model card."""

    title: str
    command: str  # command line that trains the model again
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    merged: tuple[str, ...]  # labels merged into the last class, empty if labels are classes
    parts: tuple[PartCounts, ...]
    by_subject: bool  # whether the split is by person: no person is in two parts
    without_subject: int  # training faces without a known subject
    skipped: int  # number of damaged pictures
    parameters: int
    graph_bytes: int
    epochs: int
    best: int  # number of the best epoch, 1-based
    temperature: float
    single: Metrics  # on the test faces, one crop each
    averaged: Metrics  # on the test faces, averaged over crops
    curve: tuple[LearningCurvePoint, ...]
    plot: str  # file name of the plot
    limits: tuple[str, ...]


def write_card(content: CardContent) -> str:
    """Return the card as Markdown."""
    sections = [
        f"# {content.title}\n",
        _summary(content),
        "## Data\n",
        *_data(content),
        "## Metrics\n",
        *_metrics(content),
        f"![learning curve and calibration]({content.plot})\n",
        "## Limits\n",
        *(f"- {limit}" for limit in content.limits),
        "\n## Train it again\n",
        f"    {content.command}\n",
        "The same data gives the same split. The network differs slightly between machines.",
    ]
    return "\n".join(sections) + "\n"


def _summary(content: CardContent) -> str:
    classes = _joined([f"`{name}`" for name in content.classes], "or")
    return (
        f"A small convolutional network ({content.parameters:,} parameters, "
        f"{content.graph_bytes / 1e6:.2f} MB as ONNX) that classifies a picture of one face as "
        f"{classes}. The picture is grey, 64 x 64 pixels, with its contrast equalised (CLAHE). "
        "Input: `patches (n, 64, 64) uint8`. Output: `probabilities (n, classes) float32`.\n"
    )


def _data(content: CardContent) -> list[str]:
    sources = _joined(content.sources, "and")
    lines = [f"Labelled faces from {sources}, which are not part of the model.\n"]
    if content.merged:
        labels = _joined([f"`{label}`" for label in content.merged], "or")
        lines += [
            f"Faces labelled {labels} have the class `{content.classes[-1]}`, all others "
            f"`{content.classes[0]}`.\n"
        ]
    header = ["part", "people", *content.classes]
    rows = [
        [part.name, str(part.subjects or "unknown"), *map(str, part.faces)]
        for part in content.parts
    ]
    lines += [*table(header, rows), ""]
    if content.by_subject:
        lines += ["Split by person: no known person is in more than one part.\n"]
    else:
        lines += [
            "The people are unknown, so **the same people may be in all parts, and the metrics are "
            "optimistic**.\n"
        ]
    if content.without_subject:
        faces = counted(content.without_subject, "face")
        lines += [
            f"The training part also has {faces} without a known person, who may be in the other "
            "parts, too.\n"
        ]
    if content.skipped:
        lines += [f"Damaged and skipped: {counted(content.skipped, 'picture')}.\n"]
    return lines


def _metrics(content: CardContent) -> list[str]:
    tested = "people not seen in training" if content.by_subject else "faces held out of training"
    rows = [
        metrics_row("one crop per face", content.single),
        metrics_row("averaged over crops, as in actual use", content.averaged),
    ]
    lines = [f"On {tested} (the test part):\n", *table(METRICS_HEADER, rows), ""]
    if len(content.classes) > 2:
        lines += [*_class_table(content), ""]
    lines += ["Confusion matrix of the averaged scores (rows: true class):\n"]
    lines += [*_confusion(content), ""]
    lines += [_calibration_caption(content), *calibration_lines(content.averaged.calibration), ""]
    lines += [
        f"Trained for {counted(content.epochs, 'epoch')}. Epoch {content.best} was the best one on "
        f"the validation part. Temperature: {content.temperature:.2f}.\n"
    ]
    if content.curve:
        rows = [[f"{p.share:.0%}", str(p.faces), f"{p.auc:.3f}"] for p in content.curve]
        without = ", without faces of unknown people" if content.without_subject else ""
        lines += [f"Learning curve: trained on a share of the people{without}:\n"]
        lines += [*table(["people", "faces", "ROC AUC"], rows), ""]
    return lines


def metrics_row(name: str, metrics: Metrics) -> list[str]:
    """Return one row of the metrics table, see `METRICS_HEADER`."""
    return [
        name,
        str(metrics.faces),
        f"{metrics.mean_auc:.3f}",
        f"{metrics.accuracy:.1%}",
        f"{metrics.calibration_error:.3f}",
    ]


def _class_table(content: CardContent) -> list[str]:
    rows = [
        [name, f"{auc:.3f}"]
        for name, auc in zip(content.classes, content.averaged.auc, strict=True)
    ]
    return table(["class", "ROC AUC against the rest"], rows)


def _confusion(content: CardContent) -> list[str]:
    rows = [
        [name, *map(str, row)]
        for name, row in zip(content.classes, content.averaged.confusion, strict=True)
    ]
    return table(["", *content.classes], rows)


def _calibration_caption(content: CardContent) -> str:
    two = len(content.classes) == 2
    scored = f"class `{content.classes[1]}`" if two else "the most probable class"
    return f"Calibration: share of the faces that belong to {scored}, by its score.\n"


def calibration_lines(rows: Sequence[CalibrationRow]) -> list[str]:
    """Return the lines of the calibration table."""
    cells = [
        [f"{r.low:.1f} to {r.high:.1f}", str(r.faces), f"{r.score:.2f}", f"{r.share:.2f}"]
        for r in rows
    ]
    return table(["score", "faces", "mean score", "share"], cells)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table with aligned columns."""
    all_rows = [list(header), *map(list, rows)]
    widths = [max(3, *(len(row[i]) for row in all_rows)) for i in range(len(header))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in all_rows
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]


def _joined(names: Sequence[str], conjunction: str) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"
