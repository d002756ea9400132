"""Command `smile-gifs`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import (
    log_to,
    naming_left_out,
    outcome,
    report,
    report_failures,
    run,
    say_all,
    with_next,
    with_projects,
)
from data.command.parser import Parser, add_project_argument, require_range
from data.core.counts import counted
from data.core.errors import InputError
from data.core.name_list import first_names
from data.storage.addresses import footage_path
from data.storage.shown import shown

if TYPE_CHECKING:
    from cropping.smiles.settings import SmileSettings
    from cropping.smiles.stage import SmileSummary
    from data.video.pictures.media_folder import LeftOut

NAME = "smile-gifs"
_FRAMES, _SIZE_PX, _MAX_BYTES = 9, 360, 2_000_000
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _gifs))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Write a short animation of each person's best smiles into "
        "PROJECT/crops/FOOTAGE: sharp, facing the camera, from different moments.",
        epilog="Run the same command again to resume a stopped run.",
    )
    add = parser.add_argument
    add_project_argument(parser)
    add(
        "footage",
        nargs="*",
        type=footage_path,
        help="videos, images, or folders of them (default: all tracked footage)",
    )
    add(
        "--frames",
        type=int,
        default=_FRAMES,
        metavar="N",
        help=f"smiles per person (default: {_FRAMES})",
    )
    add(
        "--style",
        choices=("moments", "bursts"),
        default="moments",
        help="moments: the best smiles, one after another; bursts: fewer smiles, each as a short "
        "sequence (default: moments)",
    )
    add(
        "--format", choices=("gif", "webp", "mp4"), default="gif", help="file format (default: gif)"
    )
    add(
        "--size",
        type=int,
        default=_SIZE_PX,
        metavar="PX",
        help=f"longer side of the animation in pixels (default: {_SIZE_PX})",
    )
    add(
        "--max-bytes",
        default="2M",
        metavar="N",
        help="largest file size, such as 500k or 2M; first the picture size, then the quality is "
        "reduced until the file fits (default: 2M)",
    )
    add(
        "--model",
        type=Path,
        metavar="FILE",
        help="model trained by train-smiles (default: fancam's own)",
    )
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add("--force", action="store_true", help="write finished files again")
    return parser


def _gifs(parsed: argparse.Namespace) -> int:
    with naming_left_out(NAME) as left_out:
        return _gifs_named(parsed, left_out)


def _gifs_named(parsed: argparse.Namespace, left_out: LeftOut) -> int:
    from data.command.remembered import stage_options
    from data.project.project import Project, require_project

    require_project(parsed.project)
    project = Project(parsed.project)
    options = stage_options(make_parser(), parsed, project)
    settings = smile_settings(parsed)
    say_all(NAME, options.lines)
    from data.command.inputs import footage_paths

    if parsed.dry_run:
        from cropping.smiles.state import states
        from data.command.dry_run import stage_plan

        paths = footage_paths(parsed.footage, left_out)
        report(stage_plan(states(project, settings), project, paths, options))
        return 0
    log_to(project, options.remembered)
    from cropping.smiles.stage import smile_gifs
    from data.core.progress import bars
    from data.execution.context import RunContext
    from data.execution.failures import Failures

    failures = Failures()
    context = RunContext(bars(NAME), failures, options=options.remembered)
    paths = footage_paths(parsed.footage, left_out)
    summaries = smile_gifs(project, paths, settings, context=context)
    lines = with_next(_report(summaries), "serve-people", parsed.project, "--open")
    report((*context.notes, *lines))
    return report_failures(NAME, context.failures.lines)


def _check(parsed: argparse.Namespace) -> int:
    """Validate the options before anything is loaded or written."""
    require_range("--frames", parsed.frames, low=1, high=100)
    require_range("--size", parsed.size, low=64, high=1080, unit=" px")
    require_range("--threads", parsed.threads, low=0, high=256)
    max_bytes = _bytes(parsed.max_bytes)
    if not 10_000 <= max_bytes <= 1_000_000_000:
        raise InputError(f"--max-bytes {parsed.max_bytes}: give a size from 10k to 1000M")
    return max_bytes


def _bytes(text: str) -> int:
    number = text.strip().lower()
    unit = number[-1:] if number[-1:] in ("k", "m") else ""
    try:
        return round(float(number.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"--max-bytes {text}: give a number such as 2000000, 500k or 2M"
        ) from error


def smile_settings(parsed: argparse.Namespace) -> SmileSettings:
    """Return the settings that options give.

    Raises:
        InputError: an option is invalid.
    """
    max_bytes = _check(parsed)
    from cropping.smiles.model import SHIPPED
    from cropping.smiles.settings import SmileSettings

    return SmileSettings(
        frames=parsed.frames,
        style=parsed.style,
        size_px=parsed.size,
        max_bytes=max_bytes,
        format=parsed.format,
        model=parsed.model or SHIPPED,
        threads=parsed.threads,
        force=parsed.force,
    )


# --- the report -------------------------------------------------------------------------------


def _report(summaries: Sequence[SmileSummary]) -> list[str]:
    """Return the lines of the final report."""
    lines = []
    for summary in summaries:
        before = " (already done)" if summary.already_done else ""
        damage = f"; {summary.damage}" if summary.damage else ""
        people = counted(len(summary.people), "person", "people")
        lines += [f"{summary.name}: {people}{before}{damage}"]
        lines += _people_lines(summary)
        if summary.removed:
            files = first_names(summary.removed)
            reason = "now too few smiles, or no tracks"
            lines += [f"warning: removed {files}: {reason}"]
    done = all(summary.already_done for summary in summaries)
    took_s = sum(summary.took_s for summary in summaries)
    lines += [outcome(took_s, up_to_date=done)]
    return lines


def _people_lines(summary: SmileSummary) -> list[str]:
    width = max((len(person.name) for person in summary.people), default=0)
    lines = []
    for person in summary.people:
        if person.file is None:
            smiles = counted(person.smiles, "clear and distinct smile")
            text = f"no animation: {smiles} found, {person.needed} needed"
        else:
            text = f"{counted(person.smiles, 'smile')}  {shown(person.file)}"
        lines += [f"  {person.name:<{width}}  {text}"]
    return lines


if __name__ == "__main__":
    sys.exit(main())
