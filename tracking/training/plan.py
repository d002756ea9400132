"""Plan a training run: device, image size, batch size, epochs and the recipe for ultralytics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data.core.cores import available_cores
from data.core.progress import Bar
from tracking.detection.devices import resolve_device
from tracking.detection.weights import StartingPoint
from tracking.training.checkpoint import LAST, resume_state
from tracking.training.examples import Example, repeats

# Image size (px of the longer side) and images per batch, by device.
_CPU_IMGSZ, _CPU_BATCH = 416, 8
_GPU_IMGSZ, _GPU_BATCH = 640, 16
# Training images over all epochs: a few minutes on a laptop at 416 px. Starting from trained
# weights, real footage gained nothing after half of them; from scratch, the drawn film still did.
_CPU_IMAGES, _GPU_IMAGES = 6_000, 20_000
_EPOCHS = (12, 100)  # minimum, maximum
_PATIENCE_SHARE = 0.35  # share of the epochs without any gain after which training stops

# Differences from ultralytics' defaults, which are tuned for COCO's 100,000 images:
_RECIPE: dict[str, Any] = {
    # Clothes, hair and skin distinguish people: keep colours close to the original.
    "hsv_h": 0.005,
    "hsv_s": 0.3,
    "hsv_v": 0.3,
    # All frames show the same few scenes: mosaics of four cost resolution and add no variety.
    "mosaic": 0.0,
    "scale": 0.4,
    "translate": 0.15,
    "degrees": 5.0,
    "fliplr": 0.5,
    # Identity matters as much as position.
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

MakeBar = Callable[[int, int], AbstractContextManager[Bar]]
"""Make a progress bar from the total number of batches and the number already done."""


@dataclass(frozen=True, slots=True)
class DetectorTraining:
    """Training options; ``None`` chooses by the device and the number of images."""

    epochs: int | None = None
    imgsz: int | None = None  # px of the longer side
    batch: int | None = None
    device: str = "auto"  # auto, cpu, mps, cuda or cuda:N
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """Every parameter of one training, resolved."""

    folder: Path  # for checkpoints
    names: tuple[str, ...]  # by class index
    train: tuple[Example, ...]  # images of rare people are repeated
    val: tuple[Example, ...]
    start: StartingPoint
    epochs: int
    imgsz: int  # px of the longer side
    batch: int
    device: str
    seed: int
    bar: MakeBar
    resumed: dict[str, Any] | None  # checkpoint to resume from

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return math.ceil(len(self.train) / self.batch)


def plan_training(
    folder: Path,
    names: Sequence[str],
    splits: tuple[Sequence[Example], Sequence[Example]],
    start: StartingPoint,
    settings: DetectorTraining,
    *,
    batch_budget: tuple[Sequence[Example], float] | None = None,
    bar: MakeBar | None = None,
) -> TrainingPlan:
    """Resolve the options of a training run.

    Args:
        folder: folder for checkpoints; a stopped training in it must have had the same arguments.
        names: names of the people, by class index.
        splits: images for training, and images for validation.
        start: the network to start from; not modified.
        settings: training options.
        batch_budget: examples and a factor: train for as many batches as these examples would get,
            times the factor. None: the batches of the training images.
        bar: makes the progress bar; None for no bar.

    Raises:
        InputError: this machine does not have the device.
    """
    train_split, val_split = splits
    device = resolve_device(settings.device)
    gpu = device != "cpu"
    train_images = _with_repeats(train_split, len(names), settings.seed)
    epochs = settings.epochs or _default_epochs(len(train_images), gpu=gpu)
    if batch_budget is not None:
        examples, factor = batch_budget
        full_images = len(_with_repeats(examples, len(names), settings.seed))
        full_epochs = settings.epochs or _default_epochs(full_images, gpu=gpu)
        epochs = max(round(factor * full_epochs * full_images / len(train_images)), 1)
    return TrainingPlan(
        folder=folder,
        names=tuple(names),
        train=train_images,
        val=tuple(val_split),
        start=start,
        epochs=epochs,
        imgsz=settings.imgsz or (_GPU_IMGSZ if gpu else _CPU_IMGSZ),
        batch=min(settings.batch or (_GPU_BATCH if gpu else _CPU_BATCH), len(train_images)),
        device=device,
        seed=settings.seed,
        bar=bar or (lambda _total, _done: nullcontext(_NoBar())),
        resumed=resume_state(folder / LAST, epochs),
    )


def ultralytics_arguments(plan: TrainingPlan) -> dict[str, Any]:
    """Return the arguments of ultralytics' trainer for a plan."""
    trained = plan.start.trained
    return {
        **_RECIPE,
        "model": "network.yaml",  # a placeholder that is never read
        "data": "",
        "save_dir": str(plan.folder),
        "resume": plan.resumed is not None,
        "epochs": plan.epochs,
        "imgsz": plan.imgsz,
        "batch": plan.batch,
        # Step after every batch: ultralytics accumulates 64 images, so 200 images make three steps.
        "nbs": plan.batch,
        "device": plan.device,
        "workers": min(available_cores(), 8),
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
        # bf16 needs no test run; for fp16, ultralytics would download another network for one.
        "amp": "bf16" if _supports_bf16(plan.device) else False,
    }


def _with_repeats(examples: Sequence[Example], people: int, seed: int) -> tuple[Example, ...]:
    times = repeats(examples, people, seed=seed)
    return tuple(e for e, n in zip(examples, times, strict=True) for _ in range(n))


def _default_epochs(images: int, *, gpu: bool) -> int:
    low, high = _EPOCHS
    return min(max(round((_GPU_IMAGES if gpu else _CPU_IMAGES) / images), low), high)


def _supports_bf16(device: str) -> bool:
    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)


class _NoBar:
    def update(self, n: int) -> None:
        pass

    def set_postfix_str(self, s: str) -> None:
        pass
