# mypy: disable-error-code="no-untyped-call"
"""Train a detector with ultralytics' training loop."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.models.yolo.detect import DetectionTrainer

from data.core.cores import available_cores
from data.core.errors import InputError
from data.core.progress import Bar
from tracking.detection.weights import network_of, read_checkpoint
from tracking.training.checkpoint import BEST, LAST
from tracking.training.confusion import LabelledDetections
from tracking.training.history import TrainingHistory, read_history
from tracking.training.plan import TrainingPlan, ultralytics_arguments
from tracking.training.ultralytics_dataset import ExampleDataset
from tracking.training.validation import RecordingValidator


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """A finished training and the scores of its best network."""

    file: Path  # checkpoint of the best network
    epochs: int  # number of trained epochs
    planned_epochs: int  # more than ``epochs`` if training stopped early
    history: TrainingHistory
    imgsz: int  # px of the longer side
    validation: tuple[LabelledDetections, ...]  # by the best network, one per image of val
    ap50: NDArray[np.float64]  # (people,) 0 to 1, NaN for people without labels in val
    ap50_95: NDArray[np.float64]  # (people,) 0 to 1, NaN for people without labels in val


def train(plan: TrainingPlan) -> TrainedDetector:
    """Train a detector, or resume a stopped training.

    Raises:
        InputError: the device has too little memory, or the loss became NaN.
    """
    with _process_state_restored(), _progress_bar(plan) as progress:
        training = _TrainingLoop(plan, progress)
        try:
            training.train()
        except torch.OutOfMemoryError as error:
            remedy = "use train-tracker with a smaller --batch or --imgsz"
            raise InputError(f"not enough memory on the device; {remedy}") from error
        except RuntimeError as error:
            if "NaN" not in str(error):
                raise
            remedy = "use train-tracker with another --seed or other --weights"
            message = f"the training diverged (its loss is NaN); {remedy}"
            raise InputError(message) from error
        return training.result()


@contextmanager
def _process_state_restored() -> Iterator[None]:
    """Suppress warnings; restore the thread counts of torch and OpenCV at the end."""
    threads, opencv = torch.get_num_threads(), cv2.getNumThreads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cv2.setNumThreads(0)  # the data loader's processes must not start threads
            yield
        finally:
            torch.set_num_threads(threads)
            cv2.setNumThreads(opencv)


class _TrainingProgress:
    """Show the progress of a training run on a bar."""

    def __init__(self, bar: Bar, total: int, done: int) -> None:
        self._bar, self._left = bar, total - done

    def __call__(self, training: _TrainingLoop, batches: int) -> None:
        batches = min(batches, self._left)
        self._left -= batches
        self._bar.set_postfix_str(training.status())
        self._bar.update(batches)

    def finish(self) -> None:
        """Fill the bar: early stopping may have skipped batches."""
        self._bar.update(self._left)


@contextmanager
def _progress_bar(plan: TrainingPlan) -> Iterator[_TrainingProgress]:
    steps = plan.steps
    done = (plan.resumed["epoch"] + 1) * steps if plan.resumed else 0
    with plan.bar(plan.epochs * steps, done) as bar:
        progress = _TrainingProgress(bar, plan.epochs * steps, done)
        yield progress
        progress.finish()


# Not named ...Trainer: ultralytics adds callbacks of its online services to classes of such names.
class _TrainingLoop(DetectionTrainer):
    """ultralytics' training loop for a plan, with all files in the plan's folder."""

    model: Any
    ema: Any
    validator: Any

    def __init__(self, plan: TrainingPlan, progress: _TrainingProgress) -> None:
        self.plan = plan
        self.progress = progress
        super().__init__(overrides=ultralytics_arguments(plan))
        self.callbacks = defaultdict(list, _callbacks())
        self.wdir = plan.folder
        self.last, self.best = plan.folder / LAST, plan.folder / BEST

    # --- overrides of ultralytics' methods ---

    def check_resume(self, _: Mapping[str, Any]) -> None:
        self.resume = self.plan.resumed is not None

    def get_dataset(self) -> dict[str, Any]:
        names = dict(enumerate(self.plan.names))
        return {"train": "train", "val": "val", "names": names, "nc": len(names), "channels": 3}

    def setup_model(self) -> dict[str, Any] | None:
        resumed = self.plan.resumed
        start = self.plan.start.network
        network: Any = network_of(resumed, self.last) if resumed else start
        pretrained = network if resumed or self.plan.start.trained else None
        self.model = self.get_model(cfg=network.yaml, weights=pretrained, verbose=False)
        return resumed

    def build_dataset(self, _: str, mode: str = "train", batch: int | None = None) -> Any:
        training = mode == "train"
        return ExampleDataset(
            self.plan.train if training else self.plan.val,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=True,
            cache=None,
            stride=int(self.model.stride.max()),
            pad=0.0 if training else 0.5,
            task="detect",
            data=self.data,
        )

    def get_validator(self) -> RecordingValidator:
        arguments = copy(self.args)
        return RecordingValidator(
            self.test_loader, save_dir=self.save_dir, args=arguments, _callbacks=self.callbacks
        )

    def save_model(self) -> bool:
        """Write both checkpoints atomically: a killed run leaves the previous ones intact."""
        last, best = self.last, self.best
        self.last, self.best = (path.with_suffix(".partial") for path in (last, best))
        try:
            super().save_model()
            for partial, path in ((self.best, best), (self.last, last)):
                if partial.exists():
                    partial.replace(path)
        finally:
            for partial in (self.last, self.best):
                partial.unlink(missing_ok=True)
            self.last, self.best = last, best
        return True

    def final_eval(self) -> None:
        """Validate the best network again, and record its detections."""
        checkpoint = read_checkpoint(self.best)
        best = network_of(checkpoint, self.best)
        self.ema.ema.load_state_dict(best.state_dict())
        self.validator.recorded = []
        self.validator(self)

    # --- progress and result ---

    def status(self) -> str:
        """Return the epoch and the share of the faces found in it, for the progress bar."""
        line = f"epoch {self.epoch + 1}/{self.epochs}"
        if self.fitness is None:  # nothing validated yet
            return line
        return f"{line}: {self.metrics['metrics/recall(B)']:.0%} of the faces found"

    def result(self) -> TrainedDetector:
        metrics = self.validator.metrics
        ap50, ap50_95 = (np.full(len(self.plan.names), np.nan) for _ in range(2))
        ap50[metrics.ap_class_index] = metrics.box.ap50
        ap50_95[metrics.ap_class_index] = metrics.box.ap
        return TrainedDetector(
            file=self.best,
            epochs=self.epoch + 1,
            planned_epochs=self.epochs,
            history=read_history(self.csv, self.epoch + 1),
            imgsz=int(self.args.imgsz),
            validation=tuple(self.validator.recorded or ()),
            ap50=ap50,
            ap50_95=ap50_95,
        )


def _callbacks() -> dict[str, list[Callable[[_TrainingLoop], None]]]:
    return {
        "on_train_start": [lambda _: torch.set_num_threads(available_cores())],
        "on_train_batch_end": [lambda training: training.progress(training, 1)],
        "on_fit_epoch_end": [lambda training: training.progress(training, 0)],
    }
