"""The command `fancam FOOTAGE...`: run all stages in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clustering.pairing.options import with_pairs
from clustering.pairing.settings import PairingSettings
from clustering.settings import ClusterSettings
from data.command.command import naming_left_out, report_failures, runnable
from data.core.errors import InputError, ends_run
from data.core.streams import DEFAULT_STREAMS, StreamChoice
from data.project.project import absolute
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from clustering.faces.backends import BackendSettings
    from clustering.faces.known_folder import KnownFolder
    from data.core.progress import Progress
    from data.execution.failures import Failures
    from data.execution.tasks import Runner
    from data.execution.total_progress import ProgressStep, TotalProgress
    from data.project.project import Project
    from data.project.stages import Stage
    from data.remote.sync import ProjectSync
    from data.video.footage import Footage
    from data.video.pictures.media_folder import LeftOut
    from fancam.api.project import FancamProject

NAME = "fancam"
_TO_TRAIN: Final = "then press Enter here to train."


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Options of `fancam FOOTAGE...`.

    Args:
        project: project folder; None for one named after the footage.
        weights: initial weights of the tracker.
        training: False to follow bodies and recognised faces without a trained tracker.
        body_weights: weights that detect people, see `find_body_model`.
        known: pictures of known people, whose names the people get.
        review: wait for the user to name the people after clustering; only on a terminal.
        open_page: serve the page at the end, and open it in the browser.
        threads: number of processor cores to use; 0 for all.
        streams: streams of the footages that the user chose.
        pairing: pairs of recordings of one lesson.
        models: folder of face models; None for that of the environment, or fancam's cache.
        offline: fetch no face models.
        ray: address of a Ray cluster; see `data.remote.runners.runner_at`.
        syncs: sync of the project if it is at an address, else empty.
    """

    project: Path | None = None
    weights: str = "yolo11n.pt"
    training: bool = True
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
    from fancam.api.faces import best_backend
    from fancam.api.project import FancamProject

    found = footage_paths(paths, left_out)
    footages = with_pairs(found, found, settings.pairing)
    paths = with_pairs(paths, found, settings.pairing)
    api = FancamProject(project_for(paths, footages, folder=settings.project).folder)
    project = api.project
    failures = Failures(project.logs_folder)
    _check_requirements(project, footages, settings)
    backend = best_backend(
        models=settings.models, offline=settings.offline, threads=settings.threads
    )
    review = settings.review and sys.stdin.isatty() and sys.stderr.isatty()
    with runner_at(settings.ray, settings.syncs) as runner:
        stages = _Stages(api, footages, settings, backend, failures, runner)
        with total_progress(NAME, stages.steps()) as line:
            for number, stage in enumerate(stages.in_order()):
                with line.step(number) as progress:
                    for text in stage(progress):
                        line.say(text)
                if number == 0 and review:
                    _review(project, line)
    watch = command_line(runnable("serve-people"), project.folder, "--open")
    print(f"videos  {shown(project.folder)}/crops\nwatch   {watch}", flush=True)
    code = report_failures(NAME, sorted(set(failures.lines)))
    return (_serve(project) or code) if settings.open_page else code


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of one run; each yields lines about its result."""

    api: FancamProject
    footages: list[Path]
    settings: RunSettings
    backend: BackendSettings
    failures: Failures
    runner: Runner

    @property
    def project(self) -> Project:
        """The project's records."""
        return self.api.project

    def steps(self) -> list[ProgressStep]:
        """Return the stages with their estimated durations on a laptop with two cores."""
        from data.execution.tasks import LocalRunner
        from data.execution.total_progress import ProgressStep

        seconds = 0.0
        for path in self.footages:
            with suppress(Exception):  # reported by cluster-faces
                seconds += _probed(self.project, path, self.settings.streams).duration_s
        count = max(len(self.footages), 1)
        bars = count if isinstance(self.runner, LocalRunner) else 1  # Ray: one for all footages
        others = 2 * len(self.settings.pairing.pairs) + (self.settings.known is not None)
        training = ProgressStep("train-tracker", 60 + min(4 * seconds, 500))
        return [
            ProgressStep("cluster-faces", 5 + 0.5 * seconds, bars=bars + others),
            *([training] if self.settings.training else []),
            ProgressStep("track-people", 5 + 1.0 * seconds, bars=bars),
            ProgressStep("crop-people", 5 + 1.0 * seconds, bars=bars),
            ProgressStep("smile-gifs", 10 + 0.3 * seconds, bars=2 * count),
        ]

    def in_order(self) -> list[Callable[[Progress], Iterator[str]]]:
        """Return the stages as functions of their progress."""
        training = [self._train] if self.settings.training else []
        return [self._cluster, *training, self._track, self._crop, self._smile]

    def _cluster(self, progress: Progress) -> Iterator[str]:
        from clustering.pairing.lesson import lesson_lines
        from clustering.summary import missed_lines
        from data.execution.context import RunContext
        from data.execution.failures import Failures

        settings = ClusterSettings(
            backend=self.backend,
            pairing=self.settings.pairing,
            known=self.settings.known,
            keep_backend=True,
            streams=self.settings.streams,
        )
        # Separate failures: later stages receive only the footages that this stage could use.
        failures = Failures(self.project.logs_folder)
        context = RunContext(progress, failures, self.runner)
        summary = self.api.cluster(*self.footages, settings=settings, context=context)
        self.failures.add(failures)
        yield from context.notes
        faces = sum(person.faces for person in summary.people)
        names = ", ".join(person.name for person in summary.people)
        yield f"cluster-faces  {len(summary.people)} people in {faces} faces: {names}"
        for one in summary.footages:
            if one.damage:
                yield f"warning: {one.name}: {one.damage}"
        for lesson in summary.lessons:
            yield from lesson_lines(lesson)
        yield from (f"warning: {line}" for line in (*missed_lines(summary), *summary.skipped))
        if not summary.people:
            raise InputError("too few similar faces to make a person; see cluster-faces --help")

    def _train(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext
        from tracking.training.stage import TrackerSettings
        from tracking.training.usefulness import recognised, weakness_lines

        settings = TrackerSettings(weights=self.settings.weights)
        result = self.api.train(settings, context=RunContext(progress)).result
        found = recognised(result)
        yield f"train-tracker  {result.epochs} epochs, recognises {found} validation faces"
        yield from weakness_lines(result, self.project.folder)

    def _track(self, progress: Progress) -> Iterator[str]:
        from data.execution.context import RunContext
        from tracking.stage import TrackSettings

        settings = TrackSettings(
            threads=self.settings.threads,
            body_weights=self.settings.body_weights,
            training=self.settings.training,
        )
        context = RunContext(progress, self.failures, self.runner)
        tracked = self.api.track(*self._usable(), settings=settings, context=context)
        rows = sum(person.detected + person.filled for entry in tracked for person in entry.people)
        frames = sum(entry.frames for entry in tracked)
        yield f"track-people   {rows} positions of people in {frames} frames"
        yield from (f"warning: {note}" for note in context.notes)
        yield from (f"warning: {one.name}: {note}" for one in tracked for note in one.notes)

    def _crop(self, progress: Progress) -> Iterator[str]:
        from cropping.render.settings import CropSettings
        from data.execution.context import RunContext

        if not self._has_video():
            yield "crop-people    no video among the footages, only pictures"
            return
        settings = CropSettings(threads=self.settings.threads)
        context = RunContext(progress, self.failures, self.runner)
        done = self.api.crop(*self._tracked(), settings=settings, context=context)
        yield f"crop-people    {sum(len(entry.people) for entry in done)} videos"
        for entry in done:
            yield from (f"warning: {entry.name}: {note}" for note in (*entry.sound, *entry.notes))

    def _smile(self, progress: Progress) -> Iterator[str]:
        from cropping.smiles.settings import SmileSettings
        from data.execution.context import RunContext

        settings = SmileSettings(threads=self.settings.threads)
        context = RunContext(progress, self.failures)  # smile-gifs has no --ray
        done = self.api.smile_gifs(*self._tracked(), settings=settings, context=context)
        people = [person for entry in done for person in entry.people]
        made = sum(person.file is not None for person in people)
        few = f"; {len(people) - made} people smile too seldom" if made < len(people) else ""
        yield f"smile-gifs     {'1 GIF' if made == 1 else f'{made} GIFs'}{few}"

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


def _check_requirements(project: Project, footages: Sequence[Path], settings: RunSettings) -> None:
    """Check for weights, encoder and disk space before the run, instead of failing late.

    Raises:
        InputError: one of them is missing, or the only footage is unreadable.
    """
    from cropping.render.encoder import EncoderSettings, check_encoder
    from data.core.disk_space import require_space
    from tracking.detection.body_weights import find_body_model
    from tracking.detection.weights import STARTING_FOLDER, find_weights

    readable = []
    for path in footages:
        try:
            readable.append(_probed(project, path, settings.streams))
        except Exception as error:
            is_only = len(footages) == 1 and isinstance(error, InputError)
            if is_only or ends_run(error):
                raise  # any other failure is reported at the end
    folder = project.tracker_folder / STARTING_FOLDER
    if settings.training:
        find_weights(settings.weights, folder)
    if settings.body_weights is not None:
        find_body_model(settings.body_weights, folder, download=False)
    check_encoder(EncoderSettings())
    require_space(project.folder, _space_needed(project, readable))


def _space_needed(project: Project, footages: Sequence[Footage]) -> dict[str, int]:
    """Return the number of bytes that each stage has yet to write, by command."""
    from data.execution.space_needed import space_needed
    from data.project.stages import CROPS, FACES, TRACKER, TRACKS

    def undone(stage: Stage[Any]) -> list[Footage]:
        done = {entry.path for entry in project.footages_with(stage)}
        return [footage for footage in footages if absolute(footage.path) not in done]

    stages: tuple[Stage[Any], ...] = (FACES, TRACKS, CROPS)
    needed = {stage.command: space_needed(undone(stage))[stage.command] for stage in stages}
    trained = project.has_record(TRACKER)
    return {**needed, "train-tracker": 0 if trained else space_needed([])["train-tracker"]}


def _review(project: Project, line: TotalProgress) -> None:
    """Wait for the user to name people, and rewrite the dataset if names changed."""
    from clustering.output.write import pending_changes, write_people
    from data.core.progress import bars
    from data.tables.people import open_people
    from web.core.settings import ServerSettings
    from web.serving import serve_in_background

    with open_people(project.people_file) as people:
        count = len(people.names())
    with line.paused():
        with serve_in_background([project.folder], ServerSettings(port=0)) as address:
            found = "1 person" if count == 1 else f"{count} people"
            lines = (f"Found {found}. Name them at", f"  {address}people", _TO_TRAIN)
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
