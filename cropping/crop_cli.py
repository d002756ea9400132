"""Command `crop-people`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
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
from data.command.parser import Parser, add_project_argument, add_ray_option, require_range
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.addresses import footage_path
from data.storage.shown import shown

if TYPE_CHECKING:
    from cropping.camera.window import WindowSettings
    from cropping.render.settings import CropSettings
    from cropping.stage import CropsSummary
    from data.video.pictures.media_folder import LeftOut

NAME = "crop-people"
_ENCODER = "libx264"
_CRF = 21.0
_PRESET = "veryfast"
_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
_ASPECT = "9:16"
_SIDE_RANGE_PX = (16, 8192)
_MAX_THREADS = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _crop))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Write a video of each person into PROJECT/crops/FOOTAGE, with the same "
        "length and sound as the footage. The camera follows the person.",
        epilog="Run the same command again to resume a stopped run.",
    )
    add = parser.add_argument
    add_project_argument(parser)
    add(
        "footage",
        nargs="*",
        type=footage_path,
        help="videos, or folders of them (default: all videos of the project)",
    )
    add(
        "--person",
        action="append",
        default=[],
        metavar="NAME",
        help="crop only this person; may be repeated",
    )
    add(
        "--only-present",
        action="store_true",
        help="also write a shorter video of only the parts that show the person",
    )
    add("--no-smiles", action="store_true", help="do not score smiles while cropping")
    add("--force", action="store_true", help="render finished videos again")
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add_ray_option(parser)
    _add_window(parser)
    _add_encoding(parser)
    return parser


def _add_window(parser: Parser) -> None:
    add = parser.add_argument_group("picture").add_argument
    parser.add_alternatives("size", "aspect", "zoom", "height")
    add(
        "--size",
        metavar="WxH",
        help="fixed size of the part to cut out, in pixels of the footage, such as 200x630",
    )
    add("--aspect", metavar="W:H", help=f"shape of the video (default: {_ASPECT})")
    add(
        "--zoom",
        choices=("face", "bust", "body"),
        help="how much of the person to show; body: the whole body, where bodies are tracked "
        "(default: bust)",
    )
    add(
        "--height",
        type=int,
        metavar="PX",
        help="height of the video (default: the footage's, at most 1080)",
    )
    add(
        "--camera",
        choices=("steady", "average"),
        default="steady",
        help="average: a moving average of the face's position, for comparison (default: steady)",
    )
    add(
        "--absent",
        choices=("wide", "bars", "hold", "black"),
        default="wide",
        help="what to show while the person is absent; wide: the whole picture over a blurred "
        "enlargement, bars: the whole picture with black bars, hold: the place where the person "
        "was last seen, black: a black picture (default: wide)",
    )
    add(
        "--others",
        choices=("show", "blur"),
        default="show",
        help="blur: blur the faces of the project's other people; unknown people stay visible "
        "(default: show)",
    )


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("encoding").add_argument
    add("--crf", type=float, default=_CRF, help=f"quality from 0 (best) to 51 (default: {_CRF:g})")
    add("--preset", choices=_PRESETS, default=_PRESET, help=f"preset of x264 (default: {_PRESET})")
    add(
        "--encoder",
        default=_ENCODER,
        metavar="NAME",
        help=f"H.264 encoder of libav, such as h264_nvenc (default: {_ENCODER})",
    )


def _crop(parsed: argparse.Namespace) -> int:
    with naming_left_out(NAME) as left_out:
        return _crop_named(parsed, left_out)


def _crop_named(parsed: argparse.Namespace, left_out: LeftOut) -> int:
    from data.command.remembered import stage_options
    from data.project.project import Project, require_project

    require_project(parsed.project)
    project = Project(parsed.project)
    options = stage_options(make_parser(), parsed, project)
    settings = crop_settings(parsed)
    say_all(NAME, options.lines)
    from data.command.inputs import footage_paths

    if parsed.dry_run:
        from cropping.state import states
        from data.command.dry_run import stage_plan

        paths = footage_paths(parsed.footage, left_out, pictures=False)
        report(stage_plan(states(project, cropping=settings), project, paths, options))
        return 0
    log_to(project, options.remembered)
    from cropping.stage import crop_people
    from data.core.progress import bars
    from data.execution.context import RunContext
    from data.execution.failures import Failures
    from data.remote.runners import runner_at

    with runner_at(parsed.ray, parsed.syncs) as runner:
        failures = Failures()
        context = RunContext(bars(NAME), failures, runner, options=options.remembered)
        paths = footage_paths(parsed.footage, left_out, pictures=False)
        summaries = crop_people(project, paths, settings, context=context)
    lines = with_next(_report(summaries), "smile-gifs", parsed.project)
    report((*context.notes, *lines))
    return report_failures(NAME, context.failures.lines)


def _check(parsed: argparse.Namespace) -> None:
    """Validate the options before anything is loaded or written."""
    require_range("--threads", parsed.threads, low=0, high=_MAX_THREADS)
    require_range("--crf", parsed.crf, low=0, high=51)
    require_range(
        "--height", parsed.height, low=_SIDE_RANGE_PX[0], high=_SIDE_RANGE_PX[1], unit=" pixels"
    )
    if parsed.size is not None:
        for option in ("aspect", "zoom", "height"):
            if getattr(parsed, option) is not None:
                raise InputError(f"--size and --{option} cannot be combined; leave one of them out")


def crop_settings(parsed: argparse.Namespace) -> CropSettings:
    """Return the settings that options give.

    Raises:
        InputError: an option is invalid.
    """
    _check(parsed)
    from cropping.camera.follow import CameraSettings
    from cropping.render.encoder import EncoderSettings
    from cropping.render.settings import CropSettings

    return CropSettings(
        window=_window(parsed),
        camera=CameraSettings(name=parsed.camera),
        absent=parsed.absent,
        others=parsed.others,
        encoder=EncoderSettings(parsed.encoder, parsed.crf, parsed.preset),
        only_present=parsed.only_present,
        smiles=not parsed.no_smiles,
        people=tuple(parsed.person),
        threads=parsed.threads,
        force=parsed.force,
    )


def _window(parsed: argparse.Namespace) -> WindowSettings:
    from cropping.camera.window import WindowSettings

    aspect = Fraction(*_pair("--aspect", parsed.aspect or _ASPECT, ":", low=1, high=1000))
    if not Fraction(1, 10) <= aspect <= 10:
        raise InputError(
            f"--aspect {parsed.aspect}: give a shape from 1:10 to 10:1, such as {_ASPECT}"
        )
    size = None
    if parsed.size is not None:
        size = _pair("--size", parsed.size, "x", low=_SIDE_RANGE_PX[0], high=_SIDE_RANGE_PX[1])
    return WindowSettings(size, aspect, parsed.zoom or "bust", parsed.height)


def _pair(option: str, value: str, separator: str, *, low: int, high: int) -> tuple[int, int]:
    parts = value.lower().split(separator)
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        first, second = int(parts[0]), int(parts[1])
        if low <= first <= high and low <= second <= high:
            return first, second
    example = "200x630" if separator == "x" else _ASPECT
    raise InputError(f"{option} {value}: give two numbers from {low} to {high}, such as {example}")


# --- the report -------------------------------------------------------------------------------


def _report(summaries: Sequence[CropsSummary]) -> list[str]:
    """Return the lines of the final report."""
    lines = []
    for summary in summaries:
        lines += [_footage_line(summary), *_people_lines(summary)]
        lines += [f"warning: {summary.name}: {note}" for note in (*summary.sound, *summary.notes)]
    done = all(summary.already_done for summary in summaries)
    took_s = sum(summary.took_s for summary in summaries)
    lines += [outcome(took_s, up_to_date=done)]
    return lines


def _footage_line(summary: CropsSummary) -> str:
    done = " (already done)" if summary.already_done else ""
    damage = f"; {summary.damage}" if summary.damage else ""
    made = f"{counted(summary.frames, 'frame')}, {counted(len(summary.people), 'video')}"
    return f"{summary.name}: {made}{done}{damage}"


def _people_lines(summary: CropsSummary) -> list[str]:
    width = max((len(person.name) for person in summary.people), default=0)
    lines = []
    for person in summary.people:
        share = person.frames / max(summary.frames, 1)
        files = ", ".join(shown(file) for file in person.files)
        lines.append(f"  {person.name:<{width}}  {share:4.0%} of the time  {files}")
    if summary.never_seen:
        lines.append(f"  never seen: {', '.join(summary.never_seen)}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
