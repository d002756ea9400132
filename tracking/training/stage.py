"""The stage train-tracker: train a project's detector (tracker/best.pt) and write its report."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_json
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import PEOPLE, TRACKER, TrackerRecord
from data.storage.shown import command_line
from data.tables.people import open_people
from data.video.footage import only_pictures
from tracking.detection.ultralytics_env import set_ultralytics_offline
from tracking.detection.weights import (
    DEFAULT_WEIGHTS,
    Weights,
    find_weights,
    load_weights,
)
from tracking.training.confusion import confusion_matrix
from tracking.training.examples import (
    Example,
    Examples,
    ids_in_dataset,
    read_examples,
    subset,
)
from tracking.training.learning_curve import (
    CURVE_FILE,
    CURVE_PICTURE,
    MIN_BATCH_SHARE,
    SHARES,
    CurvePoint,
    read_curve,
    write_curve,
)
from tracking.training.report import (
    PAGE_FILE,
    REPORT,
    RESULT_FILE,
    TrainingResult,
    read_result,
    write_report,
    write_result,
)

if TYPE_CHECKING:
    from tracking.detection.weights import StartingPoint
    from tracking.training.plan import DetectorTraining
    from tracking.training.trainer import TrainedDetector

VERSION = 1
"""Incremented when the same inputs would give a different detector."""
TRAINING_FOLDER = "training"  # for unfinished training runs
_INPUTS_FILE = "started.json"  # in TRAINING_FOLDER


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Options of `train-tracker`; ``None`` chooses by the device and the number of images."""

    weights: str = DEFAULT_WEIGHTS  # a .pt file, an official name, or an architecture (.yaml)
    epochs: int | None = None
    imgsz: int | None = None  # px of the longer side
    batch: int | None = None
    device: str = "auto"  # auto, cpu, mps, cuda or cuda:N
    seed: int = 0
    learning_curve: bool = False
    resume: bool = False  # fail if there is no stopped training run to resume
    force: bool = False  # train again even if up to date
    offline: bool = False  # do not download weights


@dataclass(frozen=True, eq=False)
class TrackerSummary:
    """Result of one run of the stage."""

    result: TrainingResult
    curve: tuple[CurvePoint, ...]
    model: Path
    report: Path
    up_to_date: bool  # nothing was trained
    removed_curve: bool = False  # the learning curve of an earlier detector was removed


def train_tracker(
    project: Project, settings: TrackerSettings, *, context: RunContext
) -> TrackerSummary:
    """Train the project's detector, unless it is up to date.

    Args:
        project: project with a dataset.
        settings: training options.
        context: progress bars, which count batches.

    Raises:
        InputError: the dataset, weights or device cannot be used; nothing is written in that case.
    """
    with project.lock():
        summary = _train_tracker(project, settings, context.progress, context.say)
        context.remember_options(project)
        return summary


def _train_tracker(
    project: Project,
    settings: TrackerSettings,
    progress: Progress,
    say: Callable[[str], None],
) -> TrackerSummary:
    examples = read_examples(project.dataset_folder, of_pictures=only_pictures(project))
    person_id = person_ids(project, examples.names)
    folder = project.tracker_folder
    unfinished = _unfinished_inputs(folder / TRAINING_FOLDER)
    if settings.resume and unfinished is None and not project.has_record(TRACKER):
        raise InputError(f"{project.folder}: no stopped training run to resume; leave out --resume")
    weights = find_weights(settings.weights, offline=settings.offline, say=say)
    inputs = _inputs(examples, person_id, weights, settings)
    if settings.force:
        done, curve_done = False, False
    else:
        done = project.is_finished(TRACKER, inputs) and _files_exist(project)
        curve_done = done and (folder / REPORT / CURVE_FILE).exists()
    if settings.resume and not done and unfinished != inputs.to_json():
        message = "no stopped training run with this dataset and these settings to resume"
        raise InputError(f"{project.folder}: {message}; leave out --resume")
    todo_curve = settings.learning_curve and not curve_done
    removed_curve = False
    if not done or todo_curve:
        set_ultralytics_offline()
        start = _load(weights, settings)
        run = _TrackerTraining(project, folder, examples, start, settings, inputs, progress)
        if not done:
            removed_curve = run.train(person_id)
        if todo_curve:
            run.learning_curve()
        shutil.rmtree(folder / TRAINING_FOLDER, ignore_errors=True)
    summary = _summary(project, up_to_date=done and not todo_curve)
    return dataclasses.replace(summary, removed_curve=removed_curve and not todo_curve)


def person_ids(project: Project, names: Sequence[str]) -> list[int]:
    """Return the person id of each class of the dataset.

    Raises:
        InputError: there are no people, or the dataset names one who is gone.
    """
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it; run cluster-faces first")
    again = command_line("cluster-faces", "--project", project.folder)
    record = project.record(PEOPLE)
    if record is not None and record.stopped:
        message = "writing the dataset was stopped"
        raise InputError(f"{project.folder}: {message}; run {again}")
    with open_people(project.people_file) as people:
        ids, current = ids_in_dataset(project, people), people.names()
    unknown = [name for name in names if ids.get(name) not in current]
    if unknown:
        message = f"the dataset names {unknown[0]!r}, who is not a person of the project"
        raise InputError(f"{project.folder}: {message}; run {again}")
    return [ids[name] for name in names]


def _inputs(
    examples: Examples, person_id: Sequence[int], weights: Weights, settings: TrackerSettings
) -> TrackerRecord:
    """Return everything that the detector depends on; excludes names, which users may change."""
    return TrackerRecord(
        version=VERSION,
        person_id=tuple(person_id),
        dataset=examples.key,
        weights=weights.key,
        epochs=settings.epochs,
        imgsz=settings.imgsz,
        batch=settings.batch,
        seed=settings.seed,
    )


def _files_exist(project: Project) -> bool:
    report = project.tracker_folder / REPORT
    return project.tracker_file.exists() and (report / RESULT_FILE).exists()


def _unfinished_inputs(folder: Path) -> dict[str, Any] | None:
    """Read the inputs of the unfinished training runs in a folder; None if there are none."""
    try:
        content = json.loads((folder / _INPUTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _load(weights: Weights, settings: TrackerSettings) -> StartingPoint:
    """Load the network and check the device, before anything is written."""
    from tracking.detection.devices import resolve_device

    resolve_device(settings.device)
    return load_weights(weights)


def _summary(project: Project, *, up_to_date: bool) -> TrackerSummary:
    report = project.tracker_folder / REPORT
    curve = read_curve(report / CURVE_FILE) if (report / CURVE_FILE).exists() else []
    result = read_result(report)
    model, page = project.tracker_file, report / PAGE_FILE
    return TrackerSummary(result, tuple(curve), model, page, up_to_date)


@dataclass(frozen=True, eq=False)
class _TrackerTraining:
    """All training runs of one execution of the stage."""

    project: Project
    folder: Path
    examples: Examples
    start: StartingPoint
    settings: TrackerSettings
    inputs: TrackerRecord
    progress: Progress

    def train(self, person_id: Sequence[int]) -> bool:
        """Train on all examples; return whether an earlier learning curve was removed.

        The previous detector is kept until the new one is complete.
        """
        from tracking.training.checkpoint import write_network

        folder = self._training_folder("all")
        started = time.monotonic()
        trained = self._train(folder, self.examples.train, "training", None)
        result = dataclasses.replace(
            _result(self.examples, trained, time.monotonic() - started),
            project=self.project.folder.name,
            weights=Path(self.settings.weights).name,
            finished=datetime.now().astimezone().isoformat(timespec="minutes"),
        )
        self.project.unfinish(TRACKER)
        report = self.folder / REPORT
        had_curve = (report / CURVE_FILE).exists()
        for file in (CURVE_FILE, CURVE_PICTURE):  # of the previous detector
            (report / file).unlink(missing_ok=True)
        metadata = {"person_id": list(person_id), "names": list(self.examples.names)}
        model = self.project.tracker_file
        write_network(trained.file, model, imgsz=trained.imgsz, metadata=metadata)
        write_result(report, result)
        write_report(report, result, [])
        self.project.finish(TRACKER, self.inputs)
        return had_curve

    def learning_curve(self) -> None:
        """Train on shares of the examples; reuse the points of a stopped run."""
        report = self.folder / REPORT
        result = read_result(report)
        partial_file = self._training_folder("curve").parent / CURVE_FILE
        curve = read_curve(partial_file) if partial_file.exists() else []
        for share in SHARES[len(curve) :]:
            curve.append(self._point(share))
            write_curve(partial_file, curve)
        curve.append(CurvePoint(1.0, result.train_images, result.map50, result.map50_95))
        write_curve(report / CURVE_FILE, curve)
        write_report(report, result, curve)

    def _point(self, share: float) -> CurvePoint:
        chosen = subset(self.examples.train, share, seed=self.settings.seed)
        name = f"training on {share:.0%}"
        folder = self._training_folder(f"{share:.0%}".rstrip("%"))
        trained = self._train(folder, chosen, name, max(share, MIN_BATCH_SHARE))
        result = _result(self.examples, trained, 0.0)
        return CurvePoint(share, len(chosen), result.map50, result.map50_95)

    def _training_folder(self, name: str) -> Path:
        """Create the folder of a training run; delete unfinished ones with other inputs."""
        parent = self.folder / TRAINING_FOLDER
        restart = self.settings.force and name == "all"
        if restart or _unfinished_inputs(parent) != self.inputs.to_json():
            shutil.rmtree(parent, ignore_errors=True)
        folder = parent / name
        folder.mkdir(parents=True, exist_ok=True)
        write_json(parent / _INPUTS_FILE, self.inputs.to_json())
        return folder

    def _train(
        self, folder: Path, train: Sequence[Example], name: str, batch_share: float | None
    ) -> TrainedDetector:
        from tracking.training.plan import plan_training
        from tracking.training.trainer import train as train_network

        plan = plan_training(
            folder,
            self.examples.names,
            (train, self.examples.val),
            self.start,
            _training_settings(self.settings),
            batch_budget=None if batch_share is None else (self.examples.train, batch_share),
            bar=partial(self.progress, name),
        )
        return train_network(plan)


def _training_settings(settings: TrackerSettings) -> DetectorTraining:
    from tracking.training.plan import DetectorTraining

    names = {field.name for field in dataclasses.fields(DetectorTraining)}
    return DetectorTraining(**{name: getattr(settings, name) for name in names})


def _result(examples: Examples, trained: TrainedDetector, took_s: float) -> TrainingResult:
    counts = confusion_matrix(trained.validation, len(examples.names))
    return TrainingResult(
        names=examples.names,
        train_images=len(examples.train),
        val_images=len(examples.val),
        train_faces=tuple(examples.faces(examples.train).tolist()),
        val_faces=tuple(examples.faces(examples.val).tolist()),
        ap50=_rounded(trained.ap50),
        ap50_95=_rounded(trained.ap50_95),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        epochs=trained.epochs,
        planned_epochs=trained.planned_epochs,
        history=trained.history,
        imgsz=trained.imgsz,
        took_s=took_s,
    )


def _rounded(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), 4) for value in values)
