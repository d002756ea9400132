"""The command `train-tracker`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import log_to, report, run, say, say_all, with_next, with_projects
from data.command.parser import (
    Parser,
    add_device_option,
    add_offline_option,
    add_project_argument,
    require_device,
    require_range,
)
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.shown import shown

if TYPE_CHECKING:
    from data.project.project import Project
    from tracking.training.stage import TrackerSettings, TrackerSummary

NAME = "train-tracker"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _train))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Train a YOLO detector to recognise each person of a project, on the dataset "
        "that cluster-faces wrote.",
        epilog="Run the same command again to resume a stopped run. Weights (.pt) are checked "
        "when they are read, but use only those from sources that you trust.",
    )
    add = parser.add_argument
    add_project_argument(parser)
    add(
        "--weights",
        default="yolo11n.pt",
        metavar="FILE",
        help="network to start from: a YOLO detector (.pt), or an architecture to train from "
        "scratch, such as yolo11n.yaml (default: yolo11n.pt, downloaded from ultralytics once)",
    )
    epochs = "training epochs (default: 12 to 100, depending on the number of images)"
    add("--epochs", type=int, metavar="N", help=epochs)
    size = "longer side of the images in pixels (default: 416, or 640 on a GPU)"
    add("--imgsz", type=int, metavar="PX", help=size)
    batch = "images per batch (default: 8, or 16 on a GPU)"
    add("--batch", type=int, metavar="N", help=batch)
    add_device_option(parser)
    add("--seed", type=int, default=0, help="seed of all random choices (default: 0)")
    add(
        "--learning-curve",
        action="store_true",
        help="also train on 12, 25 and 50%% of the images, to see whether more images would help",
    )
    add(
        "--resume",
        action="store_true",
        help="resume a stopped training run, or fail if there is none",
    )
    add("--force", action="store_true", help="train again even if up to date")
    add_offline_option(parser)
    return parser


def _train(parsed: argparse.Namespace) -> int:
    from data.command.remembered import stage_options

    project = _project(parsed.project)
    options = stage_options(make_parser(), parsed, project)
    settings = tracker_settings(parsed)
    say_all(NAME, options.lines)
    if parsed.dry_run:
        from data.command.dry_run import stage_plan
        from tracking.training.state import states

        report(stage_plan(states(project, settings), project, [], options))
        return 0
    log_to(project, options.remembered)
    from data.core.progress import bars
    from data.execution.context import RunContext
    from tracking.training.stage import train_tracker

    context = RunContext(
        bars(NAME, unit="batches"), say=partial(say, NAME), options=options.remembered
    )
    summary = train_tracker(project, settings, context=context)
    report(with_next(_report(summary, project.folder), "track-people", parsed.project))
    return 0


def _check(parsed: argparse.Namespace) -> None:
    """Reject invalid options before anything is loaded or written."""
    require_range("--epochs", parsed.epochs, low=1, high=10_000)
    require_range("--imgsz", parsed.imgsz, low=64, high=4096)
    require_range("--batch", parsed.batch, low=1, high=4096)
    require_range("--seed", parsed.seed, low=0, high=2**31 - 1)
    require_device(parsed.device)
    if parsed.resume and parsed.force:
        raise InputError("--resume and --force cannot be combined: give one of them")


def tracker_settings(parsed: argparse.Namespace) -> TrackerSettings:
    """Return the settings that options give.

    Raises:
        InputError: an option is invalid.
    """
    _check(parsed)
    from tracking.training.stage import TrackerSettings

    return TrackerSettings(
        weights=parsed.weights,
        epochs=parsed.epochs,
        imgsz=parsed.imgsz,
        batch=parsed.batch,
        device=parsed.device,
        seed=parsed.seed,
        learning_curve=parsed.learning_curve,
        resume=parsed.resume,
        force=parsed.force,
        offline=parsed.offline,
    )


def _project(folder: Path) -> Project:
    from data.project.project import Project, require_project

    require_project(folder)
    return Project(folder)


def _report(summary: TrackerSummary, project: Path) -> list[str]:
    """Return the lines that the command prints at its end."""
    from tracking.training.learning_curve import verdict
    from tracking.training.report import advice, confusion_shares, found_in
    from tracking.training.usefulness import weakness_lines

    result = summary.result
    people = counted(len(result.names), "person", "people")
    lines = [f"detector of {people}, trained for {counted(result.epochs, 'epoch')}"]
    width = max(len(name) for name in result.names)
    for person, name in enumerate(result.names):
        examples = counted(result.train_faces[person], "example", width=5)
        line = f"  {name:<{width}}  {examples}  {found_in(result, person)}"
        lines.append("; ".join(filter(None, (line, advice(result, person)))))
    shares = confusion_shares(result.counts())
    if shares is not None:
        faces = counted(sum(result.val_faces), "validation face")
        lines.append(
            f"of {faces}: {shares.right:.0%} found and named "
            f"correctly, {shares.wrong:.0%} mistaken for another person, {shares.missed:.0%} missed"
        )
    lines += weakness_lines(result, project)
    if summary.removed_curve:
        lines.append("removed the learning curve of the earlier detector")
    if summary.curve:
        lines.append(verdict(summary.curve))
    lines += [f"detector {shown(summary.model)}", f"report   {shown(summary.report)}"]
    if summary.up_to_date:
        lines.append("already up to date")
    return lines


if __name__ == "__main__":
    sys.exit(main())
