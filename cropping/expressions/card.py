"""The model card: what a model was trained on, how good it is, and where that ends; for people."""

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
    """One part of the split."""

    name: str
    subjects: int  # 0 where nobody said who is who
    faces: tuple[int, ...]  # of each class


@dataclass(frozen=True, slots=True)
class PeopleCurvePoint:
    """A training on a share of the people."""

    share: float
    faces: int
    auc: float  # of the test faces


@dataclass(frozen=True, slots=True)
class CardContent:
    """Everything that a card says."""

    title: str
    command: str  # that trains it again
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    merged: tuple[str, ...]  # labels that became the last class; empty where labels are classes
    parts: tuple[PartCounts, ...]
    by_subject: bool
    without_subject: int
    skipped: int
    parameters: int
    graph_bytes: int
    epochs: int
    best: int
    temperature: float
    single: Figures  # of test faces, one crop each
    averaged: Figures  # the same, averaged over crops
    curve: tuple[PeopleCurvePoint, ...]
    picture: str
    limits: tuple[str, ...]


def write_card(facts: CardContent) -> str:
    """Return the card as Markdown."""
    sections = [
        f"# {facts.title}\n",
        _summary(facts),
        "## Data\n",
        *_data(facts),
        "## Figures\n",
        *_figures(facts),
        f"![learning curve and calibration]({facts.picture})\n",
        "## Limits\n",
        *(f"- {limit}" for limit in facts.limits),
        "\n## Train it again\n",
        f"    {facts.command}\n",
        "The same data gives the same split; the network differs a little from machine to machine.",
    ]
    return "\n".join(sections) + "\n"


def _summary(facts: CardContent) -> str:
    classes = ", ".join(f"`{name}`" for name in facts.classes)
    return (
        f"A small convolutional network ({facts.parameters:,} parameters, "
        f"{facts.graph_bytes / 1e6:.2f} MB as ONNX) that tells {classes} from the picture of one "
        "face: 64 x 64 pixels, grey, contrast evened (CLAHE). In: `patches (n, 64, 64) uint8`; "
        "out: `probabilities (n, classes) float32`.\n"
    )


def _data(facts: CardContent) -> list[str]:
    lines = [f"Labelled faces of {_listed(facts.sources)}; none of them is in this repository.\n"]
    if facts.merged:
        labels = _listed([f"`{label}`" for label in facts.merged])
        lines += [f"Labelled {labels} is `{facts.classes[-1]}`, all else `{facts.classes[0]}`.\n"]
    header = ["part", "people", *facts.classes]
    rows = [
        [part.name, str(part.subjects or "not known"), *map(str, part.faces)]
        for part in facts.parts
    ]
    lines += [*table(header, rows), ""]
    if facts.by_subject:
        lines += ["Split by person: nobody who is trained on is judged by.\n"]
    else:
        lines += [
            "Nobody said who is who, so **the same people may be in all parts: the figures "
            "flatter** the model.\n"
        ]
    if facts.without_subject:
        lines += [
            f"Of {facts.without_subject} faces that are trained on nobody said whose they are; "
            "some may be of people who are judged by.\n"
        ]
    if facts.skipped:
        lines += [f"{facts.skipped} pictures were damaged and left out.\n"]
    return lines


def _figures(facts: CardContent) -> list[str]:
    judged = "people never seen in training" if facts.by_subject else "faces kept from training"
    header = ["", "faces", "ROC AUC", "right", "calibration error"]
    rows = [
        figures_row("one crop a face", facts.single),
        figures_row("averaged over crops, as in use", facts.averaged),
    ]
    lines = [f"On {judged} (the test part):\n", *table(header, rows), ""]
    if len(facts.classes) > 2:
        lines += [*_class_table(facts), ""]
    lines += ["Confusion, of the averaged scores (rows: what it is):\n", *_confusion(facts), ""]
    lines += [_calibration_words(facts), *calibration_lines(facts.averaged.calibration), ""]
    lines += [
        f"Trained for {facts.epochs} epochs, of which number {facts.best} was best on the "
        f"validation part; temperature {facts.temperature:.2f}.\n"
    ]
    if facts.curve:
        rows = [[f"{p.share:.0%}", str(p.faces), f"{p.auc:.3f}"] for p in facts.curve]
        without = ", without the faces of nobody known" if facts.without_subject else ""
        lines += [f"Would more people help? Trained on a share of them{without}:\n"]
        lines += [*table(["of the people", "faces", "ROC AUC"], rows), ""]
    return lines


def figures_row(name: str, figures: Figures) -> list[str]:
    """Return the cells of one line of figures."""
    return [
        name,
        str(figures.faces),
        f"{figures.mean_auc:.3f}",
        f"{figures.right:.1%}",
        f"{figures.calibration_error:.3f}",
    ]


def _class_table(facts: CardContent) -> list[str]:
    rows = [
        [name, f"{auc:.3f}"] for name, auc in zip(facts.classes, facts.averaged.auc, strict=True)
    ]
    return table(["class", "ROC AUC against the rest"], rows)


def _confusion(facts: CardContent) -> list[str]:
    rows = [
        [name, *map(str, row)]
        for name, row in zip(facts.classes, facts.averaged.confusion, strict=True)
    ]
    return table(["", *facts.classes], rows)


def _calibration_words(facts: CardContent) -> str:
    whose = f"`{facts.classes[1]}`" if len(facts.classes) == 2 else "the most probable class"
    return f"Calibration: of the faces with such a score for {whose}, how many are of it.\n"


def calibration_lines(rows: Sequence[CalibrationRow]) -> list[str]:
    """Return the calibration table."""
    cells = [
        [f"{r.low:.1f} to {r.high:.1f}", str(r.faces), f"{r.score:.2f}", f"{r.share:.2f}"]
        for r in rows
    ]
    return table(["score", "faces", "mean score", "share"], cells)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown, its columns lined up."""
    every = [list(header), *map(list, rows)]
    widths = [max(3, *(len(row[i]) for row in every)) for i in range(len(header))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in every
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
