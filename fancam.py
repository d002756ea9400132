"""The front door: all stages by one command, and what else one does with a project."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.command import Parser, require_range, run, say_failed
from data.errors import InputError

if TYPE_CHECKING:
    from data.failures import Failures
    from data.overall import Overall, Step
    from data.progress import Progress
    from data.project import Project

NAME = "fancam"
FILM = "film.mp4"
_EXPORTS = ("coco", "label-studio", "mot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _COMMANDS:
        command = _COMMANDS[given[0]]
        parser = Parser(prog=f"{NAME} {given[0]}", description=command.does)
        command.add_options(parser)
        return run(NAME, lambda: command.work(parser.parse_args(given[1:])))
    return run(NAME, lambda: _run(_parser().parse_args(given)))


# --- all stages -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _COMMANDS))
    others = "\n".join(f"  {NAME} {name:<{width}}  {c.does}" for name, c in _COMMANDS.items())
    parser = Parser(
        prog=NAME,
        description="From raw footage to a video of each person, and a page to watch them on.",
        epilog=f"A run that was stopped goes on where it was when it is given again.\n\n{others}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("footage", nargs="+", type=Path, help="videos, or folders of them")
    add("--project", type=Path, metavar="DIR", help="project folder (default: FOOTAGE.fancam here)")
    add(
        "--weights",
        default="yolo11n.pt",
        metavar="FILE",
        help="what the tracker starts from, as in train-tracker (default: yolo11n.pt)",
    )
    add("--no-review", action="store_true", help="do not wait for names after people were found")
    add("--open", action="store_true", help="serve the page at the end and open it in the browser")
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    return parser


def _run(parsed: argparse.Namespace) -> int:
    require_range("--threads", parsed.threads, low=0, high=256)
    from data.failures import Failures
    from data.footage_paths import footage_paths, project_for
    from data.overall import overall

    footages = footage_paths(parsed.footage)
    project = project_for(parsed.project, parsed.footage, footages)
    failures = Failures()
    _refuse_early(project, footages, parsed.weights)
    review = not parsed.no_review and sys.stdin.isatty() and sys.stderr.isatty()
    stages = _Stages(project, footages, parsed.weights, parsed.threads, failures)
    with overall(NAME, stages.steps()) as line:
        with line.step(0) as progress:
            stages.find_people(progress, line)
        if review:
            _review(project, line)
        for number, stage in enumerate(stages.after_review(), start=1):
            with line.step(number) as progress:
                stage(progress, line)
    print(f"\nwatch   serve-people {_shown(project.folder)} --open")
    print(f"videos  {_shown(project.folder / 'crops')}")
    failed = say_failed(NAME, failures.lines)
    return _serve(project) if parsed.open else failed


def _refuse_early(project: Project, footages: Sequence[Path], weights: str) -> None:
    """Refuse what would fail late: weights that are not there, no encoder, a disk too small."""
    from cropping.encoding import check_encoder
    from data.disk_space import require_space, space_needed
    from data.footage import probe
    from tracking.weights import find_weights

    find_weights(weights, project.tracker_folder / "weights")
    check_encoder("libx264")
    readable = []
    for path in footages:
        try:
            readable.append(probe(path))
        except InputError:
            if len(footages) == 1:
                raise  # else it is named at the end, with its reason
    if not project.folder.exists():
        require_space(project.folder, space_needed(readable))
