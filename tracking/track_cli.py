"""The command `track-people`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from data.command.command import (
    limit_threads,
    log_to,
    naming_left_out,
    outcome,
    report,
    report_failures,
    run,
    say,
    say_all,
    with_next,
    with_projects,
)
from data.command.parser import (
    Parser,
    add_device_option,
    add_offline_option,
    add_project_argument,
    add_ray_option,
    require_device,
    require_range,
)
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.addresses import footage_path
from data.storage.shown import shown

if TYPE_CHECKING:
    from data.video.pictures.media_folder import LeftOut
    from tracking.stage import TrackSettings, TracksSummary

NAME = "track-people"
_MAX_THREADS = 256
_MAX_GAP_S = 1.0
_SMOOTH_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _track))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Track each person through every frame, by their body and face, and write one "
        "line per person and frame to PROJECT/tracks/FOOTAGE.csv.",
        epilog="Run the same command again to resume a stopped run.",
    )
    add = parser.add_argument
    add_project_argument(parser)
    add(
        "footage",
        nargs="*",
        type=footage_path,
        help="videos, images, or folders of them (default: all footage of the project)",
    )
    add(
        "--force",
        action="store_true",
        help="redo finished work, and accept footage whose file has changed",
    )
    _add_detection(parser)
    _add_smoothing(parser)
    _add_output(parser)
    return parser


def _add_detection(parser: argparse.ArgumentParser) -> None:
    detection = parser.add_argument_group("detection")
    add = detection.add_argument
    add(
        "--every-nth",
        type=int,
        default=1,
        metavar="N",
        help="detect in every Nth frame only",
    )
    add("--no-faces", action="store_true", help="ignore the faces that cluster-faces recognised")
    add(
        "--training",
        action=argparse.BooleanOptionalAction,
        help="name people with the detector trained by train-tracker; --no-training: only by the "
        "faces that cluster-faces recognised (default: the detector, if there is one that "
        "recognises the people)",
    )
    add(
        "--body-weights",
        metavar="FILE",
        help="YOLO weights that detect people, to follow them where their face is hidden, or the "
        "word none, to track faces only (default: yolo11n.pt, downloaded unless a detector "
        "trained by train-tracker is used)",
    )
    add_offline_option(detection)
    add_device_option(detection)
    add(
        "--runtime",
        choices=("auto", "onnxruntime", "openvino"),
        default="auto",
        help="runtime of the detector on a CPU (default: auto)",
    )
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add_ray_option(parser)


def _add_smoothing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("interpolation and smoothing").add_argument
    add(
        "--max-gap",
        type=float,
        default=_MAX_GAP_S,
        metavar="SECONDS",
        help=f"longest gap in a track to interpolate (default: {_MAX_GAP_S:g})",
    )
    add(
        "--smooth",
        type=float,
        default=_SMOOTH_S,
        metavar="SECONDS",
        help=f"smoothing window of positions and sizes; 0: off (default: {_SMOOTH_S:g})",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("output").add_argument
    add(
        "--format",
        choices=("csv", "mot"),
        default="csv",
        help="mot: also write MOTChallenge's format, as FOOTAGE.txt",
    )
    add(
        "--overlay",
        action="store_true",
        help="also write FOOTAGE.mp4 with boxes and names",
    )


def _track(parsed: argparse.Namespace) -> int:
    with naming_left_out(NAME) as left_out:
        return _track_named(parsed, left_out)


def _track_named(parsed: argparse.Namespace, left_out: LeftOut) -> int:
    from data.command.remembered import stage_options
    from data.project.project import Project, require_project

    require_project(parsed.project)
    project = Project(parsed.project)
    options = stage_options(make_parser(), parsed, project)
    settings = track_settings(parsed)
    say_all(NAME, options.lines)
    from data.command.inputs import footage_paths

    if parsed.dry_run:
        from data.command.dry_run import stage_plan
        from tracking.state import states

        paths = footage_paths(parsed.footage, left_out)
        report(stage_plan(states(project, tracking=settings), project, paths, options))
        return 0
    log_to(project, options.remembered)
    limit_threads(parsed.threads)
    from data.core.progress import bars
    from data.execution.context import RunContext
    from data.execution.failures import Failures
    from data.remote.runners import runner_at
    from tracking.stage import track_people

    with runner_at(parsed.ray, parsed.syncs) as runner:
        failures = Failures()
        context = RunContext(
            bars(NAME), failures, runner, say=partial(say, NAME), options=options.remembered
        )
        paths = footage_paths(parsed.footage, left_out)
        summaries = track_people(project, paths, settings, context=context)
    lines = with_next(_report(summaries), "crop-people", parsed.project)
    report((*context.notes, *lines))
    return report_failures(NAME, context.failures.lines)


def _check(parsed: argparse.Namespace) -> None:
    """Reject invalid options before anything is loaded or written."""
    require_device(parsed.device)
    if parsed.training is False and parsed.no_faces:
        raise InputError("--no-training names people by their faces; leave out --no-faces")
    require_range("--every-nth", parsed.every_nth, low=1, high=10_000)
    require_range("--threads", parsed.threads, low=0, high=_MAX_THREADS)
    require_range("--max-gap", parsed.max_gap, low=0, high=3600, unit=" seconds")
    require_range("--smooth", parsed.smooth, low=0, high=60, unit=" seconds")


def track_settings(parsed: argparse.Namespace) -> TrackSettings:
    """Return the settings that options give.

    Raises:
        InputError: an option is invalid.
    """
    _check(parsed)
    from tracking.stage import TrackSettings
    from tracking.tracks import LinkSettings

    return TrackSettings(
        every_nth=parsed.every_nth,
        linking=LinkSettings(max_gap_s=parsed.max_gap, smooth_s=parsed.smooth),
        faces=not parsed.no_faces,
        overlay=parsed.overlay,
        mot=parsed.format == "mot",
        device=parsed.device,
        runtime=parsed.runtime,
        threads=parsed.threads,
        force=parsed.force,
        body_weights=parsed.body_weights,
        training=parsed.training,
        offline=parsed.offline,
    )


# --- the report -------------------------------------------------------------------------------


def _report(summaries: Sequence[TracksSummary]) -> list[str]:
    """Return the lines that the command prints at its end."""
    lines = []
    for summary in summaries:
        lines += [_footage_line(summary), *_people_lines(summary)]
        lines += [f"warning: {summary.name}: {note}" for note in summary.notes]
        lines += [f"tracks   {shown(file)}" for file in summary.files]
    done = all(summary.already_done for summary in summaries)
    took_s = sum(summary.took_s for summary in summaries)
    lines += [outcome(took_s, up_to_date=done)]
    return lines


def _footage_line(summary: TracksSummary) -> str:
    done = " (already done)" if summary.already_done else ""
    damage = f"; {summary.damage}" if summary.damage else ""
    counts = f"{counted(summary.frames, 'frame')}, {counted(summary.cuts, 'cut')}"
    return f"{summary.name}: {counts}{done}{damage}"


def _people_lines(summary: TracksSummary) -> list[str]:
    width = max((len(p.name) for p in summary.people), default=0)
    lines = [
        f"  {p.name:<{width}}  detected in {counted(p.detected, 'frame', width=6)}"
        + (f", in {p.bodies} of them by the body alone" if p.bodies else "")
        + f", interpolated in {p.filled}"
        for p in summary.people
    ]
    return lines or ["  none of the project's people was found"]


if __name__ == "__main__":
    sys.exit(main())
