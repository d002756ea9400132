"""The front door: what one can type after `fancam`; what it does stands in `fancam_*.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clustering.pairing.options import add_pair_options, pairing_of
from data.command.command import Parser, add_ray_option, require_range, run, with_projects
from data.core.errors import InputError
from data.storage.addresses import footage_place, project_place

if TYPE_CHECKING:
    from data.project.project import Project

NAME = "fancam"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _COMMANDS:
        command = _COMMANDS[given[0]]
        parser = Parser(prog=f"{NAME} {given[0]}", description=command.help)
        command.add_options(parser)
        return run(NAME, lambda: with_projects(NAME, parser.parse_args(given[1:]), command.work))
    return run(NAME, lambda: with_projects(NAME, _parser().parse_args(given), _run))


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
    add("footage", nargs="*", type=footage_place, help="videos, or folders of them")
    add(
        "--project",
        type=project_place,
        metavar="DIR",
        help="project folder (default: FOOTAGE.fancam here)",
    )
    add(
        "--weights",
        default="yolo11n.pt",
        metavar="FILE",
        help="what the tracker starts from, as in train-tracker (default: yolo11n.pt)",
    )
    add("--no-review", action="store_true", help="do not wait for names after people were found")
    add("--open", action="store_true", help="serve the page at the end and open it in the browser")
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add_ray_option(parser)
    add_pair_options(parser)
    return parser


def _run(parsed: argparse.Namespace) -> int:
    require_range("--threads", parsed.threads, low=0, high=256)
    if not (parsed.footage or parsed.pairs):
        raise InputError("name a footage, such as concert.mp4")
    from fancam.run import RunSettings, run_stages

    settings = RunSettings(
        project=parsed.project,
        weights=parsed.weights,
        review=not parsed.no_review,
        open_page=parsed.open,
        threads=parsed.threads,
        pairing=pairing_of(parsed),
        ray=parsed.ray,
        syncs=parsed.syncs,
    )
    return run_stages(parsed.footage, settings)


# --- what else one does with a project --------------------------------------------------------


def _project_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "project", type=project_place, help="project folder, such as concert.fancam"
    )


def _existing(folder: Path) -> Project:
    from data.project.project import Project, require_project

    require_project(folder)
    return Project(folder)


def _status_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument("--json", action="store_true", help="for programs: a list, one row a line")


def _status(parsed: argparse.Namespace) -> int:
    from fancam.status import say_status

    return say_status(_existing(parsed.project), as_json=parsed.json)


def _clean_options(parser: argparse.ArgumentParser) -> None:
    from fancam.clean import KINDS

    _project_options(parser)
    add = parser.add_argument
    add("--only", choices=KINDS, action="append", help="only this; may be repeated (default: all)")
    add("--yes", action="store_true", help="do not ask")


def _clean(parsed: argparse.Namespace) -> int:
    from fancam.clean import KINDS, clean

    return clean(_existing(parsed.project), parsed.only or KINDS, yes=parsed.yes)


def _forget_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument("person", help="name of the person, as the project has it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _forget(parsed: argparse.Namespace) -> int:
    from fancam.forget import forget

    return forget(_existing(parsed.project), parsed.person, yes=parsed.yes)


def _export_options(parser: argparse.ArgumentParser) -> None:
    from fancam.export import FORMATS

    _project_options(parser)
    add = parser.add_argument
    add("--format", choices=FORMATS, action="append", help="only this (default: all)")
    add("--out", type=Path, metavar="DIR", help="where to (default: PROJECT/export)")


def _export(parsed: argparse.Namespace) -> int:
    from fancam.export import export

    return export(_existing(parsed.project), parsed.format or [], out=parsed.out)


def _demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=Path("demo"), help="where to put it all (default: demo)"
    )


def _demo(parsed: argparse.Namespace) -> int:
    from fancam.demo import demo

    return demo(parsed.folder)


@dataclass(frozen=True, slots=True)
class _Command:
    """One of the other commands."""

    work: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None]
    does: str
    more: str = ""

    @property
    def help(self) -> str:
        """What its --help begins with."""
        return f"{self.does[0].upper()}{self.does[1:]}.{self.more}"


_COMMANDS = {
    "status": _Command(
        _status,
        _status_options,
        "say what of a project is done, out of date or missing",
        " Each with the command that brings it up to date. Nothing is written.",
    ),
    "export": _Command(_export, _export_options, "write dataset and tracks for other tools"),
    "clean": _Command(
        _clean,
        _clean_options,
        "remove what fancam can make again from the footage",
        " Kept are the faces that were found, who is who and everything that people decided or"
        " labelled, and every file that fancam did not write.",
    ),
    "forget": _Command(
        _forget,
        _forget_options,
        "take a person out of a project for good",
        " Faces, portraits, labels, tracks, videos, GIFs, decisions and the tracker go; others'"
        " videos stay.",
    ),
    "demo": _Command(_demo, _demo_options, "draw a short film and run every stage on it"),
}


if __name__ == "__main__":
    sys.exit(main())
