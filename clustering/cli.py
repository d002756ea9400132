"""The command `cluster-faces`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clustering.pairing.options import add_pair_options, pairing_of, with_pairs
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
    add_model_options,
    add_ray_option,
    add_stream_options,
    require_range,
    stream_choice,
)
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.addresses import footage_path, project_path
from data.storage.shown import shown

if TYPE_CHECKING:
    from clustering.faces.coverage import Coverage
    from clustering.faces.stage import FacesSummary
    from clustering.settings import ClusterSettings
    from clustering.summary import ClusterSummary
    from data.command.remembered import StageOptions
    from data.project.project import Project
    from data.video.pictures.media_folder import LeftOut

NAME = "cluster-faces"
_MAX_THREADS = 256
_MAX_UPSAMPLE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _cluster))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Find every face in the footage, group the faces into people, and write a "
        "folder for each person and a YOLO dataset.",
        epilog="Run the same command again to resume a stopped run.",
    )
    add = parser.add_argument
    add(
        "footage",
        nargs="*",
        type=footage_path,
        help="videos, images, or folders of them",
    )
    add(
        "--project",
        type=project_path,
        metavar="DIR",
        help="project folder (default: FOOTAGE.fancam in the current folder)",
    )
    add(
        "--force",
        action="store_true",
        help="redo finished work, and accept footage whose file has changed",
    )
    _add_sampling(parser)
    add_pair_options(parser)
    _add_detection(parser)
    _add_clustering(parser)
    _add_output(parser)
    return parser


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    reading = parser.add_argument_group("reading")
    add = reading.add_argument
    add(
        "--every",
        type=float,
        metavar="SECONDS",
        help="seconds from one examined frame to the next (default: 1; down to 0.2 in "
        "footage of less than 10 minutes)",
    )
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    add_ray_option(parser)
    add_stream_options(reading)


def _add_detection(parser: argparse.ArgumentParser) -> None:
    finding = parser.add_argument_group("finding faces")
    add = finding.add_argument
    scale = finding.add_mutually_exclusive_group()
    scale.add_argument(
        "--min-face",
        type=float,
        metavar="PX",
        help="smallest face to detect (default: 14 px in a 720p frame; with dlib's detectors, a "
        "twelfth of the frame's height)",
    )
    scale.add_argument(
        "--upsample",
        type=int,
        metavar="N",
        help="double the size of the frame N times before searching it, for dlib's detectors",
    )
    add(
        "--detector",
        choices=("auto", "centerface", "cnn", "hog"),
        default="auto",
        help="auto: CenterFace if it is installed, else dlib's CNN; hog: dlib's older detector",
    )
    add(
        "--embedder",
        choices=("auto", "sface", "dlib"),
        default="auto",
        help="auto: SFace if it and CenterFace are installed, else dlib's",
    )
    add(
        "--backend",
        choices=("fast", "face_recognition"),
        default="fast",
        help="face_recognition runs dlib's own code (for a dlib built with CUDA)",
    )
    add(
        "--runtime",
        choices=("auto", "onnxruntime", "openvino"),
        default="auto",
        help="runtime of the fast backend; the results are the same",
    )
    add_model_options(parser)


def _add_clustering(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("sorting into people").add_argument
    add(
        "--eps",
        type=float,
        default=0.5,
        help="how different two faces of one person may be, from 0.01 to 2; smaller values "
        "separate more people (default: 0.5)",
    )
    add(
        "--min-samples",
        type=int,
        metavar="N",
        help="number of similar faces that make a person (default: 3 to 5, depending on the "
        "length of the footage; 2 for pictures)",
    )
    add("--plain", action="store_true", help="use DBSCAN alone, for comparison")
    add(
        "--known",
        type=Path,
        metavar="DIR",
        help="recognise and name people by these pictures: a folder with one folder of pictures "
        "per person, named after the person",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument_group("writing").add_argument(
        "--label-margin",
        type=float,
        default=0.15,
        metavar="SHARE",
        help="margin of each dataset box around the face, on each side, as a fraction of the face "
        "size (default: 0.15)",
    )


def _cluster(parsed: argparse.Namespace) -> int:
    with naming_left_out(NAME) as left_out:
        return _cluster_named(parsed, left_out)


def _cluster_named(parsed: argparse.Namespace, left_out: LeftOut) -> int:
    _check(parsed)
    limit_threads(parsed.threads)
    from clustering.stage import cluster_faces
    from data.command.inputs import footage_paths, project_for
    from data.command.remembered import stage_options
    from data.core.progress import bars
    from data.execution.context import RunContext
    from data.execution.failures import Failures
    from data.remote.runners import runner_at
    from data.storage.addresses import footage_address
    from data.video.footage import probe

    pairing = pairing_of(parsed)
    named = footage_paths(parsed.footage, left_out)
    footages = with_pairs(named, named, pairing)
    paths = with_pairs(parsed.footage, named, pairing)
    project = project_for(paths, footages, folder=parsed.project)
    options = stage_options(make_parser(), parsed, project)
    has_footage = bool(footages or project.footages)
    _require(has_footage, f"{project.folder}: no project yet; give a video, such as concert.mp4")
    if parsed.dry_run:
        report(_plan(parsed, project, footages, options))
        return 0
    log_to(project, options.remembered)
    with runner_at(parsed.ray, parsed.syncs) as runner:
        if len(footages) == 1 and footage_address(footages[0]) is None:
            # Refuses a mistyped name before models are fetched.
            probe(footages[0], stream_choice(parsed).or_else(project.streams_of(footages[0])))
        settings = cluster_settings(parsed)
        say_all(NAME, options.lines)
        failures = Failures()
        context = RunContext(bars(NAME), failures, runner, options=options.remembered)
        summary = cluster_faces(project, footages, settings, context=context)
    report((*context.notes, *_report(project, summary)))
    return report_failures(NAME, summary.failed)


def _plan(
    parsed: argparse.Namespace, project: Project, footages: Sequence[Path], options: StageOptions
) -> list[str]:
    """Return what ``--dry-run`` prints."""
    from clustering.state import states
    from data.command.dry_run import stage_plan

    statuses = states(project, cluster_settings(parsed))
    return stage_plan(statuses, project, footages, options, every_s=parsed.every)


def _check(parsed: argparse.Namespace) -> None:
    """Reject invalid options before anything is loaded or written."""
    named = parsed.footage or parsed.project or parsed.pairs
    _require(bool(named), "give a video, such as concert.mp4")
    require_range("--every", parsed.every, low=0.001, high=3600, unit=" seconds")
    require_range("--min-face", parsed.min_face, low=4, high=4000, unit=" px")
    require_range("--upsample", parsed.upsample, low=0, high=_MAX_UPSAMPLE)
    require_range("--threads", parsed.threads, low=0, high=_MAX_THREADS)
    require_range("--eps", parsed.eps, low=0.01, high=2)
    require_range("--min-samples", parsed.min_samples, low=1, high=10_000)
    require_range("--label-margin", parsed.label_margin, low=0, high=2)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


def cluster_settings(parsed: argparse.Namespace, name: str = NAME) -> ClusterSettings:
    """Return the settings that options give; fetch missing face models first.

    Args:
        parsed: the options.
        name: name of the command, for messages about models.

    Raises:
        InputError: an option is invalid, or a model is missing.
    """
    _check(parsed)
    from clustering.faces.backends import BackendSettings
    from clustering.faces.choice import choose_backend
    from clustering.faces.known_folder import list_known
    from clustering.grouping.footage import GroupingSettings
    from clustering.settings import ClusterSettings
    from data.inference.models.store import use_models

    known = list_known(parsed.known) if parsed.known is not None else None
    use_models(parsed.models)
    backend = BackendSettings(
        backend=parsed.backend,
        min_face_px=parsed.min_face,
        upsample=parsed.upsample,
        runtime=parsed.runtime,
        threads=parsed.threads,
    )
    return ClusterSettings(
        every_s=parsed.every,
        backend=choose_backend(
            backend,
            parsed.detector,
            parsed.embedder,
            offline=parsed.offline or parsed.dry_run,
            say=lambda line: say(name, line),
        ),
        kept=_kept(parsed.given),
        grouping=GroupingSettings(
            eps=parsed.eps, min_samples=parsed.min_samples, plain=parsed.plain
        ),
        pairing=pairing_of(parsed),
        known=known,
        streams=stream_choice(parsed),
        label_margin=parsed.label_margin,
        force=parsed.force,
    )


def _kept(given: Collection[str]) -> frozenset[str]:
    """Return the settings of a finished table that it keeps, as their options are not given."""
    networks, scale = {"detector", "embedder"}, {"min_face_px", "upsample"}
    kept = set() if "every" in given else {"every_s"}
    kept |= set() if networks & {*given} else networks
    kept |= set() if {"min-face", "upsample"} & {*given} else scale
    return frozenset(kept if "backend" in given else {*kept, "backend"})


# --- the report -------------------------------------------------------------------------------


def _report(project: Project, summary: ClusterSummary) -> list[str]:
    """Return the closing lines of the output."""
    from clustering.pairing.lesson import lesson_lines
    from clustering.summary import missed_lines, people_lines
    from data.video.footage import only_pictures

    lines = [_footage_line(one, summary.coverage.get(one.name)) for one in summary.footages]
    lines += [f"warning: {line}" for line in missed_lines(summary, project)]
    lines += [line for lesson in summary.lessons for line in lesson_lines(lesson)]
    lines += [f"warning: {line}" for line in summary.left_out]
    lines += [f"warning: {line}" for line in summary.skipped]
    people = people_lines(summary.people, summary.unknown_faces)
    lines += [counted(len(summary.people), "person", "people"), *people]
    lines += [f"renamed  {line.removeprefix('Renamed ')}" for line in summary.named]
    folder = shown(project.folder)
    if summary.people:
        images = (
            f"{counted(summary.train_images, 'image')} for training, "
            f"{summary.val_images} for validation"
        )
        lines += [
            f"faces    {folder}/people  (check the montages in {folder}/people/montage)",
            f"dataset  {folder}/dataset/data.yaml  ({images})",
        ]
    else:
        lines += [
            f"faces    {folder}/people/unknown",
            "warning: too few similar faces to make a person; try --min-samples 1",
        ]
    lines += _too_few_lines(summary.too_few, of_pictures=only_pictures(project))
    lines += [outcome(summary.took_s, up_to_date=summary.up_to_date)]
    return with_next(lines, "track-people", project.folder) if summary.people else lines


def _too_few_lines(names: Iterable[str], *, of_pictures: bool) -> list[str]:
    """Return a warning for each person who is missing from a part of the dataset."""
    samples, advice = "frames", "add footage, or examine more frames with a smaller --every"
    if of_pictures:
        samples, advice = "pictures", "add pictures"
    few = f"in too few {samples} for both training and validation"
    result = "so a trained detector may not recognise them"
    return [f"warning: {name} is {few}, {result}; {advice}" for name in names]


def _footage_line(footage: FacesSummary, covered: Coverage | None) -> str:
    damage = f"; {footage.damage}" if footage.damage else ""
    if footage.kind == "video":
        sampled = f"examined {counted(footage.frames, 'frame')} ({_pace(footage.every_s)})"
    else:
        sampled = counted(footage.frames, "picture")
    faces = counted(footage.faces, "face") + (_sizes(covered) if covered else "")
    done = " (already done)" if footage.already_done else ""
    return f"{footage.name}: {sampled}, {faces}{done}{damage}"


def _pace(every_s: float) -> str:
    """Format an interval in seconds as a person would say it."""
    if every_s > 1:
        return f"one every {every_s:g} s"
    rounded = round(1 / every_s, 1)
    about = "" if math.isclose(rounded, 1 / every_s) else "about "
    return f"{about}{rounded:g} a second"


def _sizes(covered: Coverage) -> str:
    """Format the range of face sizes, and the number of frames without faces."""
    low, middle, high = (f"{px:.0f}" for px in covered.smallest_median_largest_px)
    sizes = f" of {low} px" if low == high else f" of {low} to {high} px, median {middle}"
    unit = covered.sample
    empty = f", no face in {counted(covered.empty_frames, unit)}" if covered.empty_frames else ""
    return sizes + empty if covered.faces else ""


if __name__ == "__main__":
    sys.exit(main())
