"""Write the model card: training data, figures and limits of a model, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cropping.expressions.figures import CalibrationRow, Figures

SMILE_LIMITS: Final = (
    "It was trained on adults' faces, most of them of public persons in press photographs, more "
    "men than women: children, and people of other ages and origins than these, are told less "
    "surely.",
    "Open mouths of speech, crying and singing are what it mistakes for smiles most: a mouth that "
    "crying pulls wide can score as high as a smile. Scores averaged over neighbouring moments do "
    "so less, and smile-gifs prefers open eyes and the broadest smiles.",
    "Faces turned by more than about 45 degrees, and mouths behind a hand or microphone, are "
    "guesses.",
    "It sees a movement of the face. It does not know what somebody feels, and must not be used "
    "to judge anybody by.",
)
EXPRESSION_LIMITS: Final = (
    "It tells apart the classes above and knows no other face: whatever it is shown becomes one "
    "of them.",
    "It sees a movement of the face. It does not know what somebody feels, and must not be used "
    "to judge anybody by.",
)


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Counts of one part of the split."""

    name: str
    subjects: int  # 0 where unknown
    faces: tuple[int, ...]  # of each class


@dataclass(frozen=True, slots=True)
class PeopleCurvePoint:
    """Figures of a training on a share of the people."""

    share: float  # of the people, 0..1
    faces: int  # in the training part
    auc: float  # mean ROC AUC of the test faces


@dataclass(frozen=True, slots=True)
class CardContent:
    """Content of a model card."""

    title: str
    command: str  # trains the model again
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    merged: tuple[str, ...]  # labels merged into the last class; empty where labels are classes
    parts: tuple[PartCounts, ...]
    by_subject: bool  # no person is in two parts
    without_subject: int  # training faces of unknown persons
    skipped: int  # damaged pictures
    parameters: int
    graph_bytes: int
    epochs: int
    best: int  # number of the best epoch, 1-based
    temperature: float
    single: Figures  # of the test faces, one crop each
    averaged: Figures  # of the test faces, averaged over crops
    curve: tuple[PeopleCurvePoint, ...]
    picture: str  # file name of the plot
    limits: tuple[str, ...]


def write_card(content: CardContent) -> str:
    """Return the card as Markdown."""
    sections = [
        f"# {content.title}\n",
        _summary(content),
        "## Data\n",
        *_data(content),
        "## Figures\n",
        *_figures(content),
        f"![learning curve and calibration]({content.picture})\n",
        "## Limits\n",
        *(f"- {limit}" for limit in content.limits),
        "\n## Train it again\n",
        f"    {content.command}\n",
        "The same data gives the same split; the network differs a little from machine to machine.",
    ]
    return "\n".join(sections) + "\n"


def _summary(content: CardContent) -> str:
    classes = ", ".join(f"`{name}`" for name in content.classes)
    return (
        f"A small convolutional network ({content.parameters:,} parameters, "
        f"{content.graph_bytes / 1e6:.2f} MB as ONNX) that tells {classes} from the picture of one "
        "face: 64 x 64 pixels, grey, contrast evened (CLAHE). In: `patches (n, 64, 64) uint8`; "
        "out: `probabilities (n, classes) float32`.\n"
    )


def _data(content: CardContent) -> list[str]:
    lines = [f"Labelled faces of {_listed(content.sources)}; none of them is in this repository.\n"]
    if content.merged:
        labels = _listed([f"`{label}`" for label in content.merged])
        lines += [
            f"Labelled {labels} is `{content.classes[-1]}`, all else `{content.classes[0]}`.\n"
        ]
    header = ["part", "people", *content.classes]
    rows = [
        [part.name, str(part.subjects or "not known"), *map(str, part.faces)]
        for part in content.parts
    ]
    lines += [*table(header, rows), ""]
    if content.by_subject:
        lines += ["Split by person: nobody who is trained on is judged by.\n"]
    else:
        lines += [
            "Nobody said who is who, so **the same people may be in all parts: the figures "
            "flatter** the model.\n"
        ]
    if content.without_subject:
        lines += [
            f"Of {content.without_subject} faces that are trained on nobody said whose they are; "
            "some may be of people who are judged by.\n"
        ]
    if content.skipped:
        lines += [f"{content.skipped} pictures were damaged and left out.\n"]
    return lines


def _figures(content: CardContent) -> list[str]:
    judged = "people never seen in training" if content.by_subject else "faces kept from training"
    header = ["", "faces", "ROC AUC", "right", "calibration error"]
    rows = [
        figures_row("one crop a face", content.single),
        figures_row("averaged over crops, as in use", content.averaged),
    ]
    lines = [f"On {judged} (the test part):\n", *table(header, rows), ""]
    if len(content.classes) > 2:
        lines += [*_class_table(content), ""]
    lines += ["Confusion, of the averaged scores (rows: what it is):\n", *_confusion(content), ""]
    lines += [_calibration_words(content), *calibration_lines(content.averaged.calibration), ""]
    lines += [
        f"Trained for {content.epochs} epochs, of which number {content.best} was best on the "
        f"validation part; temperature {content.temperature:.2f}.\n"
    ]
    if content.curve:
        rows = [[f"{p.share:.0%}", str(p.faces), f"{p.auc:.3f}"] for p in content.curve]
        without = ", without the faces of nobody known" if content.without_subject else ""
        lines += [f"Would more people help? Trained on a share of them{without}:\n"]
        lines += [*table(["of the people", "faces", "ROC AUC"], rows), ""]
    return lines


def figures_row(name: str, figures: Figures) -> list[str]:
    """Return one row of the figures table."""
    return [
        name,
        str(figures.faces),
        f"{figures.mean_auc:.3f}",
        f"{figures.right:.1%}",
        f"{figures.calibration_error:.3f}",
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


def _calibration_words(content: CardContent) -> str:
    whose = f"`{content.classes[1]}`" if len(content.classes) == 2 else "the most probable class"
    return f"Calibration: of the faces with such a score for {whose}, how many are of it.\n"


def calibration_lines(rows: Sequence[CalibrationRow]) -> list[str]:
    """Return the lines of the calibration table."""
    cells = [
        [f"{r.low:.1f} to {r.high:.1f}", str(r.faces), f"{r.score:.2f}", f"{r.share:.2f}"]
        for r in rows
    ]
    return table(["score", "faces", "mean score", "share"], cells)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table with aligned columns."""
    every = [list(header), *map(list, rows)]
    widths = [max(3, *(len(row[i]) for row in every)) for i in range(len(header))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in every
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
