# mypy: disable-error-code="no-untyped-call"
"""One training: ultralytics' own loop, with this job's data, recipe and files around it."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.data.dataset import YOLODataset
from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator

from data.core.atomic import whole_file
from data.core.errors import InputError
from data.core.progress import Bar
from tracking.detection.ultralytics_env import cores
from tracking.detection.weights import StartingPoint, network_of, read_checkpoint
from tracking.training.confusion import Judged
from tracking.training.examples import Example, repeats

LAST, BEST = "last.pt", "best.pt"

# Sizes by device: image size in px (the longer side) and images a batch.
_CPU_IMGSZ, _CPU_BATCH = 416, 8
_GPU_IMGSZ, _GPU_BATCH = 640, 16
# Images shown in all: some minutes of a laptop at 416 px. Real footage from trained weights gained
# nothing after half of them; the drawn film from scratch still did.
_SHOWN_CPU, _SHOWN_GPU = 6_000, 20_000
_EPOCHS = (12, 100)  # at least, at most
_PATIENCE_SHARE = 0.35  # of the epochs without any gain, after which training stops

# What differs from ultralytics' defaults, which are made for 100,000 pictures of the world:
_RECIPE: dict[str, Any] = {
    # Identity is in clothes, hair and skin: colours stay near what they are.
    "hsv_h": 0.005,
    "hsv_s": 0.3,
    "hsv_v": 0.3,
    # Every frame is of the same few scenes: mosaics of four cost detail, and width, for nothing.
    "mosaic": 0.0,
    "scale": 0.4,
    "translate": 0.15,
    "degrees": 5.0,
    "fliplr": 0.5,
    # Who it is matters as much as where.
    "cls": 1.0,
    "optimizer": "AdamW",
    "weight_decay": 0.0005,
    "momentum": 0.9,
    "cos_lr": True,
    "lrf": 0.05,
    "warmup_bias_lr": 0.0,
}
_LEARNING_RATE_TRAINED, _LEARNING_RATE_SCRATCH = 0.001, 0.002
_WARMUP_STEPS = 60


@dataclass(frozen=True, slots=True)
class DetectorTraining:
    """How to train; ``None`` chooses by the device and the number of images."""

    epochs: int | None = None
    imgsz: int | None = None  # px of the longer side
    batch: int | None = None
    device: str = "auto"  # auto, cpu, mps, cuda or cuda:N
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """What a training came to; its best network is in the file."""

    file: Path
    epochs: int  # shown in all
    imgsz: int
    judged: tuple[Judged, ...]  # the best network's finds on every image of val
    ap50: NDArray[np.float64]  # (people,) NaN where val does not show them
    ap50_95: NDArray[np.float64]  # (people,)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Everything that the loop needs, decided."""

    folder: Path
    names: tuple[str, ...]
    train: tuple[Example, ...]  # rare people's repeated
    val: tuple[Example, ...]
    start: StartingPoint
    epochs: int
    imgsz: int
    batch: int
    device: str
    seed: int
    bar: Callable[[int, int], AbstractContextManager[Bar]]
    resumed: dict[str, Any] | None  # the state to go on from

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return math.ceil(len(self.train) / self.batch)


def train(
    folder: Path,
    names: Sequence[str],
    splits: tuple[Sequence[Example], Sequence[Example]],
    start: StartingPoint,
    settings: DetectorTraining,
    *,
    like: tuple[Sequence[Example], float] | None = None,
    bar: Callable[[int, int], AbstractContextManager[Bar]] | None = None,
) -> TrainedDetector:
    """Train a detector, going on from where a training in ``folder`` was stopped.

    Args:
        folder: for checkpoints; one that holds a stopped training must be of this one.
        names: by class index.
        splits: the images for training and for validation.
        start: the network to start from; not modified.
        settings: how to train.
        like: train for as many batches as these examples would ask for, times the factor.
        bar: makes a progress bar of a number of batches, and how many were shown before.

    Raises:
        InputError: the device is not there, or its memory is too small.
    """
    plan = _plan(folder, names, splits, start, settings, like, bar)
    with _calm(), _seen_progress(plan) as show:
        training = _Training(plan, show)
        try:
            training.train()
        except torch.OutOfMemoryError as error:
            message = "not enough memory on the device; give a smaller --batch or --imgsz"
            raise InputError(message) from error
        except RuntimeError as error:
            if "NaN" not in str(error):
                raise
            message = "the training came to nothing: its loss is no number any more"
            raise InputError(f"{message}; give another --seed or other --weights") from error
        return training.result()


def device_of(name: str) -> str:
    """Return the device that ``auto`` means here, or ``name`` if it is here.

    Raises:
        InputError: it is not here.
    """
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if mps else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) < torch.cuda.device_count():
        return f"cuda:{number or 0}"
    if name == "cpu" or (name == "mps" and mps):
        return name
    raise InputError(f"--device {name}: not on this machine; leave it out, or give --device cpu")


def _plan(
    folder: Path,
    names: Sequence[str],
    splits: tuple[Sequence[Example], Sequence[Example]],
    start: StartingPoint,
    settings: DetectorTraining,
    like: tuple[Sequence[Example], float] | None,
    bar: Callable[[int, int], AbstractContextManager[Bar]] | None,
) -> _Plan:
    train_split, val_split = splits
    device = device_of(settings.device)
    gpu = device != "cpu"
    shown = _shown(train_split, len(names), settings.seed)
    batch = min(settings.batch or (_GPU_BATCH if gpu else _CPU_BATCH), len(shown))
    epochs = settings.epochs or _epochs(len(shown), gpu=gpu)
    if like is not None:
        others = len(_shown(like[0], len(names), settings.seed))
        whole = settings.epochs or _epochs(others, gpu=gpu)
        epochs = max(round(like[1] * whole * others / len(shown)), 1)
    return _Plan(
        folder=folder,
        names=tuple(names),
        train=shown,
        val=tuple(val_split),
        start=start,
        epochs=epochs,
        imgsz=settings.imgsz or (_GPU_IMGSZ if gpu else _CPU_IMGSZ),
        batch=batch,
        device=device,
        seed=settings.seed,
        bar=bar or (lambda _total, _done: nullcontext(_NoBar())),
        resumed=_stopped(folder / LAST, epochs),
    )


def _shown(examples: Sequence[Example], people: int, seed: int) -> tuple[Example, ...]:
    """Return the examples with those of rare people repeated."""
    times = repeats(examples, people, seed=seed)
    return tuple(e for e, n in zip(examples, times, strict=True) for _ in range(n))


def _epochs(images: int, *, gpu: bool) -> int:
    shown = _SHOWN_GPU if gpu else _SHOWN_CPU
    low, high = _EPOCHS
    return min(max(round(shown / images), low), high)


def _stopped(last: Path, epochs: int) -> dict[str, Any] | None:
    """The state of a training that was stopped, if it can be gone on from."""
    if not last.exists() or epochs < 2:
        return None
    with suppress(InputError):
        checkpoint = read_checkpoint(last)
        # One that was stopped after its last epoch does that one again, and ends as usual.
        checkpoint["epoch"] = min(int(checkpoint["epoch"]), epochs - 2)
        return checkpoint
    return None


class _NoBar:
    def update(self, n: int) -> None:
        pass

    def set_postfix_str(self, s: str) -> None:
        pass


@contextmanager
def _calm() -> Iterator[None]:
    """Keep warnings in, and this process as it was: threads, OpenCV, deterministic torch."""
    threads, opencv = torch.get_num_threads(), cv2.getNumThreads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cv2.setNumThreads(0)  # the loaders' processes must not start threads
            yield
        finally:
            torch.set_num_threads(threads)
            cv2.setNumThreads(opencv)


class _ShownProgress:
    """How far a training is, on a bar."""

    def __init__(self, bar: Bar, total: int, done: int) -> None:
        self._bar, self._left = bar, total - done

    def __call__(self, training: _Training, batches: int) -> None:
        batches = min(batches, self._left)
        self._left -= batches
        self._bar.set_postfix_str(training.state())
        self._bar.update(batches)

    def finish(self) -> None:
        """Fill the bar: a training that gains nothing any more ends early."""
        self._bar.update(self._left)


@contextmanager
def _seen_progress(plan: _Plan) -> Iterator[_ShownProgress]:
    steps = plan.steps
    done = (plan.resumed["epoch"] + 1) * steps if plan.resumed else 0
    with plan.bar(plan.epochs * steps, done) as bar:
        shown = _ShownProgress(bar, plan.epochs * steps, done)
        yield shown
        shown.finish()


class _Images(YOLODataset):
    """The examples as ultralytics reads them: no cache files, one shape for every image."""

    def __init__(self, examples: Sequence[Example], **options: Any) -> None:
        self.examples = examples
        super().__init__(img_path="", **options)

    def get_img_files(self, _: object) -> list[str]:
        return [str(example.path) for example in self.examples]

    def get_labels(self) -> list[dict[str, Any]]:
        return [_as_ultralytics(example) for example in self.examples]

    def set_rectangle(self) -> None:
        """Give every batch the shape that holds all images: half the work of squares for films.

        ultralytics sorts by shape instead, and then shows the images in that order.
        """
        sizes = np.array([example.frame_wh for example in self.examples], float)
        largest = (sizes / sizes.max(axis=1, keepdims=True)).max(axis=0)[::-1]  # h, w
        shape = np.ceil(largest * self.imgsz / self.stride + self.pad).astype(int) * self.stride
        self.batch_shapes = shape[None]
        self.batch = np.zeros(self.ni, int)


def _as_ultralytics(example: Example) -> dict[str, Any]:
    width, height = example.frame_wh
    xyxy = example.labels.xyxy / np.array([width, height, width, height], np.float32)
    cxcywh = np.hstack([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]])
    return {
        "im_file": str(example.path),
        "shape": (height, width),
        "cls": example.labels.class_index[:, None].astype(np.float32),
        "bboxes": cxcywh.astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }


class _Validation(DetectionValidator):
    """ultralytics' validation, which can also keep what it found."""

    judged: list[Judged] | None = None

    def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
        super().update_metrics(preds, batch)
        if self.judged is None:
            return
        for index, found in enumerate(preds):
            truth = self._prepare_batch(index, batch)
            self.judged.append(
                Judged(
                    truth_xyxy=truth["bboxes"].cpu().numpy().reshape(-1, 4).astype(np.float32),
                    truth=truth["cls"].cpu().numpy().astype(np.int64),
                    found_xyxy=found["bboxes"].cpu().numpy().reshape(-1, 4).astype(np.float32),
                    found=found["cls"].cpu().numpy().astype(np.int64),
                    score=found["conf"].cpu().numpy().astype(np.float32),
                )
            )


# Not named ...Trainer: by that name ultralytics would add the callbacks of its online services.
class _Training(DetectionTrainer):
    """ultralytics' training, with nothing taken from or left in places of its own."""

    model: Any
    ema: Any
    validator: Any

    def __init__(self, plan: _Plan, show: _ShownProgress) -> None:
        self.plan = plan
        self.show = show
        super().__init__(overrides=_overrides(plan))
        self.callbacks = defaultdict(list, _callbacks())
        self.wdir = plan.folder
        self.last, self.best = plan.folder / LAST, plan.folder / BEST

    # --- what ultralytics asks for ---

    def check_resume(self, _: Mapping[str, Any]) -> None:
        self.resume = self.plan.resumed is not None

    def get_dataset(self) -> dict[str, Any]:
        names = dict(enumerate(self.plan.names))
        return {"train": "train", "val": "val", "names": names, "nc": len(names), "channels": 3}

    def setup_model(self) -> dict[str, Any] | None:
        # Read again: what the file holds is changed by going on.
        resumed = self.plan.resumed
        start = self.plan.start.network
        network: Any = network_of(resumed, self.last) if resumed else start
        known = network if resumed or self.plan.start.trained else None
        self.model = self.get_model(cfg=network.yaml, weights=known, verbose=False)
        return resumed

    def build_dataset(self, _: str, mode: str = "train", batch: int | None = None) -> Any:
        training = mode == "train"
        return _Images(
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

    def get_validator(self) -> _Validation:
        arguments = copy(self.args)
        return _Validation(
            self.test_loader, save_dir=self.save_dir, args=arguments, _callbacks=self.callbacks
        )

    def save_model(self) -> bool:
        """Write both checkpoints whole: a run that is killed leaves the ones before."""
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
        """Look once more with the best network, keeping what it finds."""
        checkpoint = read_checkpoint(self.best)
        best = network_of(checkpoint, self.best)
        self.ema.ema.load_state_dict(best.state_dict())
        self.validator.judged = []
        self.validator(self)

    # --- what becomes of it ---

    def state(self) -> str:
        """How it goes, in a few words."""
        losses: Mapping[str, Any] = self.tloss or {}
        loss = "  ".join(f"{name} {float(value):.2f}" for name, value in losses.items())
        said = f"epoch {self.epoch + 1}/{self.epochs}  {loss}"
        if self.fitness is None:  # nothing validated yet
            return said
        return f"{said}  mAP50 {self.metrics['metrics/mAP50(B)']:.2f}"

    def result(self) -> TrainedDetector:
        metrics = self.validator.metrics
        ap50, ap50_95 = (np.full(len(self.plan.names), np.nan) for _ in range(2))
        ap50[metrics.ap_class_index] = metrics.box.ap50
        ap50_95[metrics.ap_class_index] = metrics.box.ap
        return TrainedDetector(
            file=self.best,
            epochs=self.epoch + 1,
            imgsz=int(self.args.imgsz),
            judged=tuple(self.validator.judged or ()),
            ap50=ap50,
            ap50_95=ap50_95,
        )


def _callbacks() -> dict[str, list[Callable[[_Training], None]]]:
    return {
        "on_train_start": [lambda _: torch.set_num_threads(cores())],
        "on_train_batch_end": [lambda training: training.show(training, 1)],
        "on_fit_epoch_end": [lambda training: training.show(training, 0)],
    }


def _overrides(plan: _Plan) -> dict[str, Any]:
    trained = plan.start.trained
    return {
        **_RECIPE,
        "model": "network.yaml",  # a name that nothing is read from
        "data": "",
        "save_dir": str(plan.folder),
        "resume": plan.resumed is not None,
        "epochs": plan.epochs,
        "imgsz": plan.imgsz,
        "batch": plan.batch,
        # A step after every batch: ultralytics gathers 64 images, and 200 make but three steps.
        "nbs": plan.batch,
        "device": plan.device,
        "workers": min(cores(), 8),
        "seed": plan.seed,
        "deterministic": True,
        "lr0": _LEARNING_RATE_TRAINED if trained else _LEARNING_RATE_SCRATCH,
        "warmup_epochs": min(_WARMUP_STEPS / plan.steps, plan.epochs / 5),
        "patience": max(round(_PATIENCE_SHARE * plan.epochs), 5),
        "close_mosaic": 0,
        "rect": True,
        "cls_remap": False,
        "plots": False,
        "verbose": False,
        # bf16 needs no test run: for that ultralytics would fetch another network.
        "amp": "bf16" if _halves(plan.device) else False,
    }


def _halves(device: str) -> bool:
    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)


def write_network(trained: TrainedDetector, path: Path, about: Mapping[str, Any]) -> None:
    """Write the best network as ultralytics keeps them, whole, and without the way there.

    Its checkpoints tell of the folders, the git repository and the time they were made in.

    Args:
        trained: what to write.
        path: the .pt file.
        about: what else to keep in it: numbers, text, lists and dictionaries of them.
    """
    network = network_of(read_checkpoint(trained.file), trained.file).half()
    for parameter in network.parameters():
        parameter.requires_grad = False
    arguments = {"imgsz": trained.imgsz, "task": "detect"}
    kept: dict[str, Any] = {"args": arguments, "criterion": None, "pt_path": path.name}
    vars(network).update(kept)
    checkpoint = {
        "model": network,
        "epoch": -1,
        "train_args": arguments,
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
        "fancam": dict(about),
    }
    with whole_file(path) as partial:
        torch.save(checkpoint, partial)
