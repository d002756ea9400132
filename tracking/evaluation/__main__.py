"""The command `python -m tracking.evaluation`: score the tracks of a video against labels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import run

if TYPE_CHECKING:
    from tracking.evaluation.metrics import Score

NAME = "tracking.evaluation"
HEADER = (
    f"{'':16} {'IDF1':>6} {'IDP':>6} {'IDR':>6} {'cover':>6} {'switch':>6} {'wrong':>6} {'none':>6}"
)
LEGEND = """\
IDF1, IDP, IDR  F1, precision and recall of identity, under the best one-to-one match of people
cover           share of the labelled faces with a box of the right name
switch          identity switches of labelled people
wrong           boxes on another person's face
none            boxes where no face is labelled (an error only if every face is labelled)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parsed = _parser().parse_args(arguments)
    return run(NAME, lambda: _evaluate(parsed.tracks, parsed.labels, parsed.min_iou))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {NAME}",
        description="Score the tracks of a video against labels, or a drawn film's ground truth.",
    )
    parser.add_argument("tracks", type=Path, help="CSV that track-people wrote")
    parser.add_argument(
        "labels", type=Path, help="CSV with frame_index, x1, y1, x2, y2, person ('?': undecided)"
    )
    parser.add_argument(
        "--min-iou",
        type=float,
        help="minimum IoU of a box and a face to match (default: 0.5 for a drawn film, else 0.25)",
    )
    return parser


def _evaluate(tracks: Path, labels: Path, min_iou: float | None) -> int:
    from data.tables.tracks import people_in_csv, read_csv
    from tracking.evaluation.label_files import read_label_file
    from tracking.evaluation.metrics import evaluate

    label_file = read_label_file(labels)
    score = evaluate(
        read_csv(tracks, people_in_csv(tracks)),
        label_file.labels,
        min_iou=label_file.min_iou if min_iou is None else min_iou,
        exhaustive=label_file.exhaustive,
    )
    _print(HEADER)
    _print(score_row(tracks.stem, score))
    _print(f"\n{score.labelled} labelled faces, {score.rows} boxes scored\n{LEGEND}")
    return 0


def score_row(name: str, score: Score) -> str:
    """Format the scores of one footage as a table row under HEADER."""
    shares = (score.idf1, score.idp, score.idr, score.coverage)
    counts = (score.switches, score.wrong, score.unlabelled)
    return (
        f"{name:16}" + "".join(f" {s:6.3f}" for s in shares) + "".join(f" {c:6d}" for c in counts)
    )


def _print(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
