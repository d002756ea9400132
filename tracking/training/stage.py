"""The stage train-tracker: from a project's dataset to tracker/best.pt and its report."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_json
from data.core.errors import InputError
from data.core.progress import Progress
from data.project.project import Project
from data.tables.people import open_people
from tracking.detection.ultralytics_env import quiet_ultralytics
from tracking.detection.weights import DEFAULT_WEIGHTS, Weights, find_weights, load_weights
from tracking.training.confusion import confusion_matrix
from tracking.training.examples import Example, Examples, read_examples, subset
from tracking.training.learning_curve import (
    CURVE_FILE,
    CURVE_PICTURE,
    LEAST_STEPS,
    SHARES,
    CurvePoint,
    read_curve,
    write_curve,
)
from tracking.training.report import (
    PAGE_FILE,
    RESULT_FILE,
    Result,
    read_result,
    write_report,
    write_result,
)

if TYPE_CHECKING:
    from tracking.detection.weights import StartingPoint
    from tracking.training.trainer import DetectorTraining, TrainedDetector

STAGE = "tracker"
VERSION = 1
"""Raised whenever the same inputs would give another detector."""
MODEL_FILE = "best.pt"
REPORT = "report"
TRAINING_FOLDER = "training"  # of a training that is under way
_STARTED = "started.json"


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What a user may choose."""

    weights: str = DEFAULT_WEIGHTS
    epochs: int | None = None
    imgsz: int | None = None
    batch: int | None = None
    device: str = "auto"
    seed: int = 0
    learning_curve: bool = False
    resume: bool = False  # insist on going on
    force: bool = False


@dataclass(frozen=True, eq=False)
class TrackerSummary:
    """What came of it."""

    result: Result
    curve: tuple[CurvePoint, ...]
    model: Path
    report: Path
    up_to_date: bool


def train_tracker(
    project: Project, settings: TrackerSettings, *, progress: Progress
) -> TrackerSummary:
    """Train the project's detector, unless it is trained already.

    Args:
        project: with a dataset.
        settings: how to train.
        progress: makes a bar of a name, a number of batches, and how many are done.

    Raises:
        InputError: nothing to train on, or nothing to train with; nothing was written then.
    """
    examples = read_examples(project.dataset_folder)
    person_id = _person_ids(project, examples.names)
    folder = project.tracker_folder
    weights = find_weights(settings.weights, folder / "weights")
    inputs = _inputs(examples, person_id, weights, settings)
    if settings.force:
        done, curve_done = False, False
    else:
        done = project.finished(STAGE, inputs) and _there(folder, MODEL_FILE, RESULT_FILE)
        curve_done = done and (folder / REPORT / CURVE_FILE).exists()
    if settings.resume and not done and _started(folder / TRAINING_FOLDER) != inputs:
        message = "no stopped training with this dataset and these settings to go on with"
        raise InputError(f"{project.folder}: {message}; leave --resume out")
    todo_curve = settings.learning_curve and not curve_done
    if not done or todo_curve:
        quiet_ultralytics()
        start = _load(weights, settings)
        work = _Work(project, folder, examples, start, settings, inputs, progress)
        if not done:
            work.train(person_id)
        if todo_curve:
            work.learning_curve()
        shutil.rmtree(folder / TRAINING_FOLDER, ignore_errors=True)
    return _summary(folder, up_to_date=done and not todo_curve)


def _person_ids(project: Project, names: Sequence[str]) -> list[int]:
    """Whom each class of the dataset is."""
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it; run cluster-faces first")
    with open_people(project.people_file) as people:
        known = {name: person for person, name in people.names().items()}
    strangers = [name for name in names if name not in known]
    if strangers:
        message = f"the dataset names {strangers[0]!r}, whom the project does not know"
        raise InputError(f"{project.folder}: {message}; run cluster-faces again")
    return [known[name] for name in names]


def _inputs(
    examples: Examples, person_id: Sequence[int], weights: Weights, settings: TrackerSettings
) -> dict[str, Any]:
    """Everything that the detector depends on; not the names, which a person may change."""
    return {
        "version": VERSION,
        "person_id": list(person_id),
        "dataset": examples.key,
        "weights": weights.key,
        "epochs": settings.epochs,
        "imgsz": settings.imgsz,
        "batch": settings.batch,
        "seed": settings.seed,
    }


def _there(folder: Path, model: str, result: str) -> bool:
    return (folder / model).exists() and (folder / REPORT / result).exists()


def _started(run: Path) -> dict[str, Any] | None:
    """The inputs of the training that is under way in a folder."""
    import json

    try:
        content = json.loads((run / _STARTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _load(weights: Weights, settings: TrackerSettings) -> StartingPoint:
    """Load the network and look for the device, before anything is written."""
    from tracking.training.trainer import device_of

    device_of(settings.device)
    return load_weights(weights)


def _summary(folder: Path, *, up_to_date: bool) -> TrackerSummary:
    report = folder / REPORT
    curve = read_curve(report / CURVE_FILE) if (report / CURVE_FILE).exists() else []
    result = read_result(report)
    return TrackerSummary(result, tuple(curve), folder / MODEL_FILE, report / PAGE_FILE, up_to_date)


@dataclass(frozen=True, eq=False)
class _Work:
    """The trainings of one run of the stage."""

    project: Project
    folder: Path
    examples: Examples
    start: StartingPoint
    settings: TrackerSettings
    inputs: dict[str, Any]
    progress: Progress

    def train(self, person_id: Sequence[int]) -> None:
        """Train on all examples; the detector before stays in place until the new one is whole."""
        from tracking.training.trainer import write_network

        run = self._run_folder("all")
        began = time.monotonic()
        trained = self._train(run, self.examples.train, "training", None)
        result = _result(self.examples, trained, time.monotonic() - began)
        self.project.unfinish(STAGE)
        report = self.folder / REPORT
        for old in (CURVE_FILE, CURVE_PICTURE):
            (report / old).unlink(missing_ok=True)  # it was the old detector's
        about = {"person_id": list(person_id), "names": list(self.examples.names)}
        write_network(trained, self.folder / MODEL_FILE, about)
        write_result(report, result)
        write_report(report, result, [])
        self.project.finish(STAGE, self.inputs)

    def learning_curve(self) -> None:
        """Train on shares of the examples; points that are known already stay."""
        report = self.folder / REPORT
        whole = read_result(report)
        partial_file = self._run_folder("curve").parent / CURVE_FILE
        curve = read_curve(partial_file) if partial_file.exists() else []
        for share in SHARES[len(curve) :]:
            curve.append(self._point(share))
            write_curve(partial_file, curve)
        curve.append(CurvePoint(1.0, whole.train_images, whole.map50, whole.map50_95))
        write_curve(report / CURVE_FILE, curve)
        write_report(report, whole, curve)

    def _point(self, share: float) -> CurvePoint:
        chosen = subset(self.examples.train, share, seed=self.settings.seed)
        name = f"training on {share:.0%}"
        run = self._run_folder(f"{share:.0%}".rstrip("%"))
        trained = self._train(run, chosen, name, max(share, LEAST_STEPS))
        result = _result(self.examples, trained, 0.0)
        return CurvePoint(share, len(chosen), result.map50, result.map50_95)

    def _run_folder(self, name: str) -> Path:
        """The folder of one training; emptied where it holds one with other inputs."""
        run = self.folder / TRAINING_FOLDER
        again = self.settings.force and name == "all"
        if again or _started(run) != self.inputs:
            shutil.rmtree(run, ignore_errors=True)
        folder = run / name
        folder.mkdir(parents=True, exist_ok=True)
        write_json(run / _STARTED, self.inputs)
        return folder

    def _train(
        self, run: Path, train: Sequence[Example], name: str, steps_share: float | None
    ) -> TrainedDetector:
        from tracking.training.trainer import train as train_network

        return train_network(
            run,
            self.examples.names,
            (train, self.examples.val),
            self.start,
            _training_settings(self.settings),
            like=None if steps_share is None else (self.examples.train, steps_share),
            bar=partial(self.progress, name),
        )


def _training_settings(settings: TrackerSettings) -> DetectorTraining:
    from tracking.training.trainer import DetectorTraining

    names = {field.name for field in dataclasses.fields(DetectorTraining)}
    return DetectorTraining(**{name: getattr(settings, name) for name in names})


def _result(examples: Examples, trained: TrainedDetector, took_s: float) -> Result:
    counts = confusion_matrix(trained.judged, len(examples.names))
    return Result(
        names=examples.names,
        train_images=len(examples.train),
        val_images=len(examples.val),
        train_faces=tuple(examples.faces(examples.train).tolist()),
        val_faces=tuple(examples.faces(examples.val).tolist()),
        ap50=_known(trained.ap50),
        ap50_95=_known(trained.ap50_95),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        epochs=trained.epochs,
        imgsz=trained.imgsz,
        took_s=took_s,
    )


def _known(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), 4) for value in values)
