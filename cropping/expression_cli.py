"""Commands `train-smiles` and `train-expressions`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import run
from data.command.parser import Parser, require_range
from data.core.errors import InputError

if TYPE_CHECKING:
    from cropping.expressions.metrics import Metrics
    from cropping.expressions.stage import ExpressionSettings, ExpressionSummary, Purpose

SMILES, EXPRESSIONS = "train-smiles", "train-expressions"
SMILE_LABELS = ("smile", "smiling", "happiness", "happy", "laugh", "laughing", "joy")
_EPOCHS = 24
_DATA = (
    "labelled faces: a folder with one folder of pictures per class, a CSV file with the columns "
    "'file', 'label' and, if known, 'subject', or a zip of either"
)


def smiles_main(arguments: Sequence[str] | None = None) -> int:
    """Run `train-smiles` and return its exit code."""
    return run(SMILES, lambda: _smiles(make_smiles_parser().parse_args(arguments)))


def expressions_main(arguments: Sequence[str] | None = None) -> int:
    """Run `train-expressions` and return its exit code."""
    return run(EXPRESSIONS, lambda: _expressions(make_expressions_parser().parse_args(arguments)))


def make_smiles_parser() -> Parser:
    """Return the parser of train-smiles."""
    parser = Parser(
        prog=SMILES,
        description="Train a small smile classifier on labelled faces, for smile-gifs --model. "
        "fancam ships with one; train your own for other faces.",
        epilog="The command also writes a model card with the training data, and with metrics on "
        "people not seen in training.",
    )
    _add_options(parser, out="smile.onnx")
    parser.add_argument(
        "--smile",
        action="append",
        metavar="LABEL",
        help=f"label that counts as a smile; may be repeated (default: {', '.join(SMILE_LABELS)})",
    )
    return parser


def make_expressions_parser() -> Parser:
    """Return the parser of train-expressions."""
    parser = Parser(
        prog=EXPRESSIONS,
        description="Train a small classifier of facial expressions on labelled faces. Its classes "
        "are the labels, such as asleep and awake.",
        epilog="The command also writes a model card with the training data, and with metrics on "
        "people not seen in training.",
    )
    _add_options(parser, out="expressions.onnx")
    return parser


def _add_options(parser: argparse.ArgumentParser, *, out: str) -> None:
    add = parser.add_argument
    add("data", nargs="+", type=Path, help=_DATA)
    add(
        "--out",
        type=Path,
        default=Path(out),
        metavar="FILE",
        help=f"model to write (default: {out})",
    )
    add(
        "--judge",
        type=Path,
        metavar="MODEL",
        help="evaluate this model on the faces instead of training",
    )
    add(
        "--epochs",
        type=int,
        default=_EPOCHS,
        metavar="N",
        help=f"maximum number of epochs (default: {_EPOCHS})",
    )
    add("--seed", type=int, default=0, help="random seed (default: 0)")
    add("--threads", type=int, default=1, metavar="N", help="processor cores to use (default: 1)")
    add(
        "--learning-curve",
        action="store_true",
        help="also train on subsets of the people, to see whether more data would help",
    )
    add("--force", action="store_true", help="train again even if the model is up to date")


def _smiles(parsed: argparse.Namespace) -> int:
    from cropping.expressions.card import SMILE_LIMITS
    from cropping.expressions.stage import Purpose
    from cropping.smiles.model import NO_SMILE, SMILE

    labels = {label.strip().casefold() for label in parsed.smile or SMILE_LABELS}
    purpose = Purpose(
        title="Smile or not",
        command=SMILES,
        limits=SMILE_LIMITS,
        merge=lambda label: SMILE if label.casefold() in labels else NO_SMILE,
        classes=(NO_SMILE, SMILE),
        merged=tuple(sorted(labels)),
    )
    return _execute(SMILES, parsed, purpose)


def _expressions(parsed: argparse.Namespace) -> int:
    from cropping.expressions.card import EXPRESSION_LIMITS
    from cropping.expressions.stage import Purpose

    return _execute(EXPRESSIONS, parsed, Purpose("Expressions", EXPRESSIONS, EXPRESSION_LIMITS))


def _execute(name: str, parsed: argparse.Namespace, purpose: Purpose) -> int:
    _check(parsed)
    lines = _evaluate(name, parsed, purpose) if parsed.judge else _train(name, parsed, purpose)
    for line in lines:
        print(line)  # noqa: T201
    return 0


def _check(parsed: argparse.Namespace) -> None:
    """Validate the options before anything is loaded or written."""
    require_range("--epochs", parsed.epochs, low=1, high=1000)
    require_range("--seed", parsed.seed, low=0, high=2**31 - 1)
    require_range("--threads", parsed.threads, low=1, high=256)
    if missing := [source for source in parsed.data if not source.exists()]:
        raise InputError(f"{missing[0]}: no such file or folder; check the name")


def _train(name: str, parsed: argparse.Namespace, purpose: Purpose) -> list[str]:
    from cropping.expressions.stage import train_expressions
    from data.core.progress import bars

    settings = _settings(parsed)
    progress = bars(name, unit="steps")
    return _report(train_expressions(parsed.data, parsed.out, purpose, settings, progress=progress))


def _evaluate(name: str, parsed: argparse.Namespace, purpose: Purpose) -> list[str]:
    from cropping.expressions.labelled_faces import read_labelled_faces
    from cropping.expressions.model import load_expression_model
    from cropping.expressions.stage import evaluate_model
    from data.core.progress import bars

    model = load_expression_model(parsed.judge)
    faces = read_labelled_faces(
        parsed.data,
        merge=purpose.merge,
        order=purpose.classes,
        progress=bars(name, unit="faces"),
    )
    return _metrics_lines(*evaluate_model(model, faces), skipped=faces.skipped)


def _settings(parsed: argparse.Namespace) -> ExpressionSettings:
    from cropping.expressions.stage import ExpressionSettings
    from cropping.expressions.training import ExpressionTraining

    training = ExpressionTraining(epochs=parsed.epochs, seed=parsed.seed, threads=parsed.threads)
    return ExpressionSettings(
        training=training, learning_curve=parsed.learning_curve, force=parsed.force
    )


# --- the report -------------------------------------------------------------------------------


def _report(summary: ExpressionSummary) -> list[str]:
    """Return the lines of the final report."""
    lines = [f"classes  {', '.join(summary.classes)}"]
    if summary.single is not None and summary.averaged is not None:
        evaluated_on = (
            "people not seen in training" if summary.by_subject else "faces held out of training"
        )
        lines += [f"on {evaluated_on}:"]
        lines += _metrics_lines(summary.single, summary.averaged, skipped=summary.skipped)
        if not summary.by_subject:
            lines += [
                "the people are not known (only the 'subject' column of a CSV file names them): "
                "the same ones may be in training and test, so the figures may be too high"
            ]
    lines += [f"model    {summary.model}", f"card     {summary.card}"]
    if summary.up_to_date:
        lines += ["already up to date"]
    return lines


def _metrics_lines(single: Metrics, averaged: Metrics, *, skipped: tuple[str, ...]) -> list[str]:
    from cropping.expressions.card import (
        METRICS_HEADER,
        calibration_lines,
        metrics_row,
        table,
    )

    rows = [metrics_row("one crop", single), metrics_row("averaged", averaged)]
    lines = [*table(METRICS_HEADER, rows), *calibration_lines(averaged.calibration)]
    return [*(f"skipped  {line}" for line in skipped), *lines]


if __name__ == "__main__":
    sys.exit(expressions_main())
