"""The command `fancam FOOTAGE...`: run all stages in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clustering.pairing.options import with_pairs
from clustering.pairing.settings import PairingSettings
from data.command.command import (
    log_line,
    log_to,
    naming_left_out,
    report,
    report_failures,
    runnable,
    say,
    with_next,
)
from data.core.counts import counted
from data.core.errors import InputError, ends_run
from data.core.streams import DEFAULT_STREAMS, StreamChoice
from data.project.project import absolute
from data.storage.shown import command_line, shown
from fancam import stage_options

if TYPE_CHECKING:
    from clustering.faces.known_folder import KnownFolder
    from clustering.settings import ClusterSettings
    from cropping.render.settings import CropSettings
    from cropping.smiles.settings import SmileSettings
    from data.command.remembered import StageOptions
    from data.core.progress import Progress
    from data.execution.failures import Failures
    from data.execution.tasks import Runner
    from data.execution.total_progress import ProgressStep, TotalProgress
    from data.project.project import Project
    from data.project.record import Scalar
    from data.project.stages import Stage
    from data.remote.sync import ProjectSync
    from data.video.footage import Footage
    from data.video.pictures.media_folder import LeftOut
    from fancam.api.project import FancamProject
    from tracking.stage import TrackSettings
    from tracking.training.stage import TrackerSettings

NAME = "fancam"
_TO_GO_ON: Final = "then press Enter here to {}."


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Options of `fancam FOOTAGE...`.

    Args:
        project: project folder; None for one named after the footage.
        weights: initial weights of the tracker; None for those of `train-tracker`.
        training: True to train a detector and track with it, False to track without one even if
            the project has one, None to train none.
        body_weights: weights that detect people, see `find_body_model`.
        known: pictures of known people, whose names the people get.
        review: wait for the user to name the people after clustering; only on a terminal.
        open_page: serve the page at the end, and open it in the browser.
        threads: number of processor cores to use; 0 for all.
        streams: streams of the footages that the user chose.
        pairing: pairs of recordings of one lesson.
        models: folder of face models; None for that of the environment, or fancam's cache.
        offline: do not download models or weights.
        ray: address of a Ray cluster; see `data.remote.runners.runner_at`.
        syncs: sync of the project if it is at an address, else empty.
        dry_run: print what would run, and run nothing.
    """

    project: Path | None = None
    weights: str | None = None
    training: bool | None = None
    body_weights: str | None = None
    known: KnownFolder | None = None
    review: bool = True
    open_page: bool = False
    threads: int = 0
    streams: StreamChoice = DEFAULT_STREAMS
    pairing: PairingSettings = field(default_factory=PairingSettings)
    models: Path | None = None
    offline: bool = False
    ray: str | None = None
    syncs: Sequence[ProjectSync] = ()
    dry_run: bool = False


def run_stages(paths: Sequence[Path], settings: RunSettings) -> int:
    """Run all stages on footages and folders of footages; return the exit code.

    Raises:
        InputError: a stage failed on all footages, or is certain to fail later.
    """
    with naming_left_out(NAME) as left_out:
        return _run_stages(paths, settings, left_out)


def _run_stages(paths: Sequence[Path], settings: RunSettings, left_out: LeftOut) -> int:
    from data.command.inputs import footage_paths, project_for
    from data.execution.failures import Failures
    from data.execution.total_progress import total_progress
    from data.remote.runners import runner_at
    from fancam.api.project import FancamProject

    found = footage_paths(paths, left_out)
    footages = with_pairs(found, found, settings.pairing)
    paths = with_pairs(paths, found, settings.pairing)
    api = FancamProject(project_for(paths, footages, folder=settings.project).folder)
    project = api.project
    options = _StageSettings.of(project, settings)
    if settings.dry_run:
        report(_plan(project, footages, settings, options))
        return 0
    log_to(project)
    failures = Failures()
    _check_requirements(project, footages, settings, options)
    clustering = _cluster_settings(project, settings)
    log_to(project, clustering[1].remembered, *options.remembered(training=settings.training))
    review = settings.review and sys.stdin.isatty() and sys.stderr.isatty()
    with runner_at(settings.ray, settings.syncs) as runner:
        stages = _Stages(api, footages, settings, clustering, options, failures, runner)
        with total_progress(NAME, stages.steps()) as line:
            for number, stage in enumerate(replace(stages, say=line.say).in_order()):
                with line.step(number) as progress:
                    for text in stage(progress):
                        line.say(text)
                        log_line(text)
                if number == 0 and review:
                    _review(project, line, "train" if settings.training else "go on")
    lines = [f"videos  {shown(project.folder)}/crops"]
    report(with_next(lines, runnable("serve-people"), project.folder, "--open"))
    code = report_failures(NAME, sorted(set(failures.lines)))
    return (_serve(project) or code) if settings.open_page else code


def _plan(
    project: Project, footages: Sequence[Path], settings: RunSettings, options: _StageSettings
) -> list[str]:
    """Return what ``--dry-run`` prints."""
    from clustering.state import states as clustering_states
    from cropping.state import states as cropping_states
    from data.command.dry_run import run_plan
    from tracking.state import states as tracking_states

    clustering, _ = _cluster_settings(project, replace(settings, offline=True))
    statuses = [
        *clustering_states(project, clustering),
        *tracking_states(project, options.train[0], options.track[0]),
        *cropping_states(project, options.crop[0], options.smile[0]),
    ]
    return run_plan(
        statuses,
        project,
        footages,
        training=bool(settings.training),
        every_s=clustering.every_s,
    )


def _cluster_settings(
    project: Project, settings: RunSettings
) -> tuple[ClusterSettings, StageOptions]:
    """Return the settings of `cluster-faces` in a run, with its options.

    Raises:
        InputError: an option of the stage is invalid, or a face model is missing.
    """
    threads = ["--threads", str(settings.threads)] if settings.threads else []
    models = ["--models", str(settings.models)] if settings.models else []
    offline = ["--offline"] if settings.offline else []
    stage, options = stage_options.clustering(project, *threads, *models, *offline)
    chosen = replace(
        stage,
        pairing=settings.pairing,
        known=settings.known or stage.known,
        streams=settings.streams or stage.streams,
    )
    return chosen, options


@dataclass(frozen=True, slots=True)
class _StageSettings:
    """Settings of the later stages of a run, each with its options."""

    train: tuple[TrackerSettings, StageOptions]
    track: tuple[TrackSettings, StageOptions]
    crop: tuple[CropSettings, StageOptions]
    smile: tuple[SmileSettings, StageOptions]

    def remembered(self, *, training: bool | None) -> list[tuple[str, Mapping[str, Scalar]]]:
        """Return command and options of each stage that runs."""
        stages = [self.train] if training else []
        return [one.remembered for _, one in (*stages, self.track, self.crop, self.smile)]

    @classmethod
    def of(cls, project: Project, settings: RunSettings) -> _StageSettings:
        """Return the settings of a run in a project.

        Raises:
            InputError: an option of a stage is invalid.
        """
        threads = ["--threads", str(settings.threads)] if settings.threads else []
        weights = ["--weights", settings.weights] if settings.weights else []
        bodies = ["--body-weights", settings.body_weights] if settings.body_weights else []
        offline = ["--offline"] if settings.offline else []
        # After a training, a detector that recognises nobody is not used.
        without = ["--no-training"] if settings.training is False else []
        return cls(
            stage_options.training(project, *weights, *offline),
            stage_options.tracking(project, *threads, *bodies, *offline, *without),
            stage_options.cropping(project, *threads),
            stage_options.smiling(project, *threads),
        )


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of one run; each yields lines about its result."""

    api: FancamProject
    footages: list[Path]
    settings: RunSettings
    clustering: tuple[ClusterSettings, StageOptions]
    options: _StageSettings
    failures: Failures
    runner: Runner
    say: Callable[[str], None] = lambda _: None

    @property
    def project(self) -> Project:
        """The project's records."""
        return self.api.project

    def steps(self) -> list[ProgressStep]:
        """Return the stages with their estimated durations."""
        from data.execution.tasks import LocalRunner
        from data.execution.time_needed import time_needed
        from data.execution.total_progress import ProgressStep

        probed = []
        for path in self.footages:
            with suppress(Exception):  # reported by cluster-faces
                probed.append(_probed(self.project, path, self.settings.streams))
        needed = time_needed(probed, every_s=self.clustering[0].every_s)
        count = max(len(self.footages), 1)
        bars = count if isinstance(self.runner, LocalRunner) else 1  # Ray: one for all footages
        others = 2 * len(self.settings.pairing.pairs) + (self.settings.known is not None)
        shown = {
            "cluster-faces": bars + others,
            **({"train-tracker": 1} if self.settings.training else {}),
            "track-people": bars,
            "crop-people": bars,
            "smile-gifs": 2 * count,
        }
        return [ProgressStep(name, needed[name], bars=number) for name, number in shown.items()]

    def in_order(self) -> list[Callable[[Progress], Iterator[str]]]:
        """Return the stages as functions of their progress."""
        training = [self._train] if self.settings.training else []
        return [self._cluster, *training, self._track, self._crop, self._smile]

    def _cluster(self, progress: Progress) -> Iterator[str]:
        from clustering.pairing.lesson import lesson_lines
        from clustering.summary import missed_lines
        from data.execution.context import RunContext
        from data.execution.failures import Failures

        settings, options = self.clustering
        yield from options.lines
        # Separate failures: later stages receive only the footages that this stage could use.
        failures = Failures()
        context = RunContext(progress, failures, self.runner, options=options.remembered)
        summary = self.api.cluster(*self.footages, settings=settings, context=context)
        self.failures.add(failures)
        yield from context.notes
        people = counted(len(summary.people), "person", "people")
        faces = counted(sum(person.faces for person in summary.people), "face")
        names = ", ".join(person.name for person in summary.people)
        yield f"cluster-faces  {faces} of {people}: {names}"
        for one in summary.footages:
            if one.damage:
                yield f"warning: {one.name}: {one.damage}"
        for lesson in summary.lessons:
            yield from lesson_lines(lesson)
        missed = missed_lines(summary, self.project)
        yield from (f"warning: {line}" for line in (*missed, *summary.skipped))
        if not summary.people:
            command = ("cluster-faces", "--project", self.project.folder, "--min-samples", "1")
            advice = f"try {command_line(*command)}"
            raise InputError(f"too few similar faces to make a person; {advice}")

    def _train(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext
        from tracking.training.usefulness import recognised, weakness_lines

        settings, options = self.options.train
        yield from options.lines
        context = RunContext(progress, options=options.remembered)
        result = self.api.train(settings, context=context).result
        found = recognised(result)
        epochs = counted(result.epochs, "epoch")
        yield f"train-tracker  {epochs}, recognises {found} validation faces"
        yield from weakness_lines(result, self.project.folder)

    def _track(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext

        settings, options = self.options.track
        yield from options.lines
        context = RunContext(
            progress, self.failures, self.runner, say=self.say, options=options.remembered
        )
        tracked = self.api.track(*self._usable(), settings=settings, context=context)
        rows = sum(person.detected + person.filled for entry in tracked for person in entry.people)
        frames = sum(entry.frames for entry in tracked)
        positions = counted(rows, "position")
        yield f"track-people   {positions} of people in {counted(frames, 'frame')}"
        yield from (f"warning: {note}" for note in context.notes)
        yield from (f"warning: {one.name}: {note}" for one in tracked for note in one.notes)

    def _crop(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext

        if not self._has_video():
            yield "crop-people    the footage holds no video, only pictures"
            return
        settings, options = self.options.crop
        yield from options.lines
        context = RunContext(progress, self.failures, self.runner, options=options.remembered)
        done = self.api.crop(*self._tracked(), settings=settings, context=context)
        yield f"crop-people    {counted(sum(len(entry.people) for entry in done), 'video')}"
        for entry in done:
            yield from (f"warning: {entry.name}: {note}" for note in (*entry.sound, *entry.notes))

    def _smile(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext

        settings, options = self.options.smile
        yield from options.lines
        # smile-gifs has no --ray.
        context = RunContext(progress, self.failures, options=options.remembered)
        done = self.api.smile_gifs(*self._tracked(), settings=settings, context=context)
        people = [person for entry in done for person in entry.people]
        made = sum(person.file is not None for person in people)
        others = counted(len(people) - made, "person", "people")
        few = f"; {others} with too few clear smiles" if made < len(people) else ""
        yield f"smile-gifs     {counted(made, 'animation')}{few}"

    def _usable(self) -> list[Path]:
        """Return the footages on which no stage has failed so far.

        Raises:
            InputError: there is none.
        """
        known = {entry.path for entry in self.project.footages.values()}
        usable = [path for path in self.footages if absolute(path) in known]
        left = [path for path in usable if not self.failures.includes(path)]
        if not left and self.failures.lines:
            raise self.failures.summary()
        return left

    def _has_video(self) -> bool:
        from data.video.footage import holds_pictures

        return not all(map(holds_pictures, self.project.footages.values()))

    def _tracked(self) -> list[Path]:
        """Return the tracked videos."""
        from data.project.stages import TRACKS
        from data.video.footage import holds_pictures

        entries = self.project.footages_with(TRACKS)
        paths = {entry.path for entry in entries if not holds_pictures(entry)}
        return [path for path in self._usable() if absolute(path) in paths]


def _probed(project: Project, path: Path, streams: StreamChoice) -> Footage:
    from data.storage.fetch import fetch_footage
    from data.video.footage import probe

    return probe(fetch_footage(path), streams.or_else(project.streams_of(path)))


def _check_requirements(
    project: Project,
    footages: Sequence[Path],
    settings: RunSettings,
    options: _StageSettings,
) -> None:
    """Check for weights, encoder and disk space before the run, instead of failing late.

    Raises:
        InputError: one of them is missing, or the only footage is unreadable.
    """
    from cropping.render.encoder import check_encoder
    from data.core.disk_space import require_space
    from tracking.detection.body_weights import BODIES_FOLDER, find_body_model
    from tracking.detection.weights import find_weights

    readable = []
    for path in footages:
        try:
            readable.append(_probed(project, path, settings.streams))
        except Exception as error:
            is_only = len(footages) == 1 and isinstance(error, InputError)
            if is_only or ends_run(error):
                raise  # any other failure is reported at the end
    announce = partial(say, NAME)
    if settings.training:
        find_weights(options.train[0].weights, offline=settings.offline, say=announce)
    if (bodies := options.track[0].body_weights) is not None:
        folder = project.tracker_folder / BODIES_FOLDER
        find_body_model(bodies, folder, offline=True, say=announce)
    check_encoder(options.crop[0].encoder)
    require_space(
        project.folder, _space_needed(project, readable, training=bool(settings.training))
    )


def _space_needed(
    project: Project, footages: Sequence[Footage], *, training: bool
) -> dict[str, int]:
    """Return the number of bytes that each stage has yet to write, by command."""
    from data.execution.space_needed import space_needed
    from data.project.stages import CROPS, FACES, GIFS, TRACKER, TRACKS

    def undone(stage: Stage[Any]) -> list[Footage]:
        done = {entry.path for entry in project.footages_with(stage)}
        return [footage for footage in footages if absolute(footage.path) not in done]

    stages: tuple[Stage[Any], ...] = (FACES, TRACKS, CROPS, GIFS)
    needed = {stage.command: space_needed(undone(stage))[stage.command] for stage in stages}
    trains = training and not project.has_record(TRACKER)
    return {**needed, "train-tracker": space_needed([])["train-tracker"] if trains else 0}


def _review(project: Project, line: TotalProgress, then: str) -> None:
    """Wait for the user to name people, and rewrite the dataset if names changed.

    Args:
        project: project with people.
        line: progress of the run.
        then: what the run does next, such as ``train``.
    """
    from clustering.output.write import pending_changes, write_people
    from data.core.progress import bars
    from data.tables.people import open_people
    from web.core.settings import ServerSettings
    from web.serving import serve_in_background

    with open_people(project.people_file) as people:
        count = len(people.names())
    with line.paused():
        with serve_in_background([project.folder], ServerSettings(port=0)) as address:
            found = counted(count, "person", "people")
            lines = (f"Found {found}. Name them at", f"  {address}people", _TO_GO_ON.format(then))
            print(*lines, sep="\n", file=sys.stderr, flush=True)  # not a part of the output
            try:
                input()
            except EOFError:  # Ctrl-D
                raise KeyboardInterrupt from None
        if not pending_changes(project).up_to_date:
            write_people(project, progress=bars(NAME))


def _serve(project: Project) -> int:
    from web.core.settings import ServerSettings
    from web.serving import serve

    return serve([project.folder], ServerSettings(), open_page=True)
