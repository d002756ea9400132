"""Train the expression network, with a checkpoint after every epoch."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cropping.expressions.augmentation import augment, plain_patch
from cropping.expressions.labelled_faces import LabelledFaces
from cropping.expressions.metrics import best_temperature, evaluate, log_loss
from cropping.expressions.network import ExpressionNetwork
from cropping.expressions.patch import PATCH_PX, Patches
from data.core.atomic import atomic_write
from data.core.progress import Bar

BATCH: Final = 128
_LEARNING_RATE: Final = 4e-3
_WARM_UP: Final = 0.15  # share of the steps
_WEIGHT_DECAY: Final = 0.02
_SMOOTHING: Final = 0.05  # label smoothing: some labels are wrong
_PATIENCE: Final = 0.35  # epochs without improvement after which training stops, as a share
_MAX_OVERSAMPLING: Final = 5.0  # of a rare label, relative to the most frequent of its class
_MIN_STEPS: Final = 40  # per epoch; small sets are repeated


@dataclass(frozen=True, slots=True)
class ExpressionTraining:
    """Settings of a training run.

    Args:
        epochs: maximum number of passes over the faces.
        seed: random seed.
        threads: processor cores to use. More than one gain little, and cost much on a busy machine.
    """

    epochs: int = 24
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """Losses and ROC AUC of one pass over the faces."""

    train_loss: float  # nats, on augmented faces
    val_loss: float  # nats, on unaugmented faces
    val_auc: float  # mean over the classes


@dataclass(frozen=True, eq=False)
class TrainedExpressions:
    """Result of a training run."""

    network: ExpressionNetwork  # weights of the best epoch, in evaluation mode
    temperature: float  # divisor of the logits
    epochs: tuple[Epoch, ...]
    best: int  # index of the best epoch, 0-based


def train(
    faces: LabelledFaces,
    val: LabelledFaces,
    settings: ExpressionTraining,
    *,
    bar: Bar,
    checkpoint: TrainingCheckpoint | None = None,
) -> TrainedExpressions:
    """Train on ``faces``, and select the best epoch and the calibration on ``val``.

    The result is reproducible on the same machine, even if the training was resumed.

    Args:
        faces: training part.
        val: validation part, with the same classes.
        settings: settings of the training.
        bar: advances by one step per batch, at most `max_steps`.
        checkpoint: checkpoint to resume from and to write.
    """
    previous_threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            return _TrainingRun(faces, val, settings, bar).train(checkpoint)
    finally:
        torch.set_num_threads(previous_threads)


def max_steps(faces: int, settings: ExpressionTraining) -> int:
    """Return the maximum number of batches of a training run on ``faces`` faces."""
    return settings.epochs * _steps_per_epoch(faces)


def predict_logits(network: ExpressionNetwork, patches: Patches) -> NDArray[np.float32]:
    """Return the logits, ``(n, classes)`` float32, of grey patches, ``(n, 64, 64)``."""
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(patches), 4 * BATCH):
            parts.append(network(_tensor(patches[start : start + 4 * BATCH])).float())
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def sampling_weights(faces: LabelledFaces) -> NDArray[np.float64]:
    """Return the sampling weight of each face, ``(n,)`` float64, mean 1.

    A class may merge frequent and rare labels: few faces of the class "no smile" are crying. Rare
    labels are sampled more often, by the square root of their rarity. The frequencies of the
    classes do not change.
    """
    weights = np.ones(len(faces))
    for label in np.unique(faces.label):
        rows = np.flatnonzero(faces.label == label)
        _, inverse, counts = np.unique(
            faces.source_label[rows], return_inverse=True, return_counts=True
        )
        factors = np.minimum(np.sqrt(counts.max() / counts), _MAX_OVERSAMPLING)[inverse]
        weights[rows] = factors / factors.mean()
    return weights


def systematic_sample(
    weights: NDArray[np.float64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return a systematic sample of rows in proportion to their weights, in random order.

    Args:
        weights: ``(n,)``, 0 or more.
        count: number of rows to return.
        random: source of randomness.

    Returns:
        ``(count,)`` row indices, 0..n-1.

    Source: Baker, "Reducing bias and inefficiency in the selection algorithm", 1987.
    """
    positions = (np.arange(count) + random.random()) / count * weights.sum()
    rows = np.searchsorted(np.cumsum(weights), positions, side="right")
    return np.asarray(random.permutation(np.minimum(rows, len(weights) - 1)), np.int64)


class TrainingCheckpoint:
    """File with the state of a training run after its last completed epoch."""

    def __init__(self, path: Path, *, key: str) -> None:
        """Create a checkpoint at a path; ``key`` identifies all inputs of the training."""
        self._path, self._key = path, key

    def read(self) -> dict[str, Any] | None:
        """Return the state, None if the file is missing, damaged or of another training."""
        try:
            content = torch.load(self._path, weights_only=True)  # never unpickle code
        except Exception:  # missing or damaged; torch raises many types
            return None
        matches = isinstance(content, dict) and content.get("key") == self._key
        return content["state"] if matches else None

    def write(self, state: dict[str, Any]) -> None:
        """Write the state atomically."""
        with atomic_write(self._path) as partial:
            torch.save({"key": self._key, "state": state}, partial)

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


class _TrainingRun:
    """State of a running training."""

    def __init__(
        self, faces: LabelledFaces, val: LabelledFaces, settings: ExpressionTraining, bar: Bar
    ) -> None:
        self._faces, self._settings, self._bar = faces, settings, bar
        self._random = np.random.default_rng(settings.seed)
        self._val = np.stack([plain_patch(image) for image in val.images])
        self._val_label = val.label
        self._sampling = sampling_weights(faces)
        # Channels last and bfloat16 measured four times faster on a CPU, without loss of quality.
        network = ExpressionNetwork(len(faces.classes))
        self._network = network.to(memory_format=torch.channels_last)
        self._loss = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            _LEARNING_RATE,
            total_steps=max_steps(len(faces), settings) + 1,
            pct_start=_WARM_UP,
        )
        self._epochs: list[Epoch] = []
        self._best, self._best_weights = 0, self._weights()

    def train(self, checkpoint: TrainingCheckpoint | None) -> TrainedExpressions:
        if checkpoint is not None and (state := checkpoint.read()):
            self._resume(state)
        while not self._done():
            self._epochs.append(self._epoch())
            if self._epochs[-1].val_loss <= self._epochs[self._best].val_loss:
                self._best, self._best_weights = len(self._epochs) - 1, self._weights()
            self._bar.set_postfix_str(f"AUC {self._epochs[-1].val_auc:.3f}")
            if checkpoint is not None:
                checkpoint.write(self._state())
        self._network.load_state_dict(self._best_weights)
        logits = predict_logits(self._network, self._val)
        temperature = best_temperature(logits, self._val_label)
        return TrainedExpressions(
            self._network.eval(), temperature, tuple(self._epochs), self._best
        )

    def _done(self) -> bool:
        patience = max(_PATIENCE * self._settings.epochs, 3)
        epochs_since_best = len(self._epochs) - 1 - self._best
        return len(self._epochs) >= self._settings.epochs or epochs_since_best >= patience

    def _state(self) -> dict[str, Any]:
        """Return all state that the next epoch depends on."""
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "random": json.dumps(self._random.bit_generator.state),
            "torch_random": torch.get_rng_state(),
            "epochs": [astuple(epoch) for epoch in self._epochs],
            "best": self._best,
            "best_weights": self._best_weights,
        }

    def _resume(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._random.bit_generator.state = json.loads(state["random"])
        torch.set_rng_state(state["torch_random"])
        self._epochs = [Epoch(*values) for values in state["epochs"]]
        self._best, self._best_weights = state["best"], state["best_weights"]
        self._bar.update(len(self._epochs) * _steps_per_epoch(len(self._faces)))

    def _epoch(self) -> Epoch:
        self._network.train()
        losses = [self._step(rows) for rows in self._batches()]
        logits = predict_logits(self._network, self._val)
        # Calibrate before the evaluation, since the best epoch may be miscalibrated.
        logits = logits / best_temperature(logits, self._val_label)
        metrics = evaluate(_softmax(logits), self._val_label)
        return Epoch(float(np.mean(losses)), log_loss(logits, self._val_label), metrics.mean_auc)

    def _batches(self) -> list[NDArray[np.int64]]:
        count = _steps_per_epoch(len(self._faces)) * BATCH
        return list(systematic_sample(self._sampling, count, self._random).reshape(-1, BATCH))

    def _step(self, rows: NDArray[np.int64]) -> float:
        patches = [augment(self._faces.images[row], self._random) for row in rows.tolist()]
        label = torch.from_numpy(self._faces.label[rows])
        with torch.autocast("cpu", torch.bfloat16):
            logits = self._network(_tensor(np.stack(patches)))
        loss = self._loss(logits.float(), label)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        self._bar.update(1)
        return float(loss.item())

    def _weights(self) -> dict[str, Any]:
        return {name: value.clone() for name, value in self._network.state_dict().items()}


def _steps_per_epoch(faces: int) -> int:
    return max(faces // BATCH, _MIN_STEPS)


def _tensor(patches: Patches) -> Tensor:
    pixels = np.ascontiguousarray(patches).reshape(-1, 1, PATCH_PX, PATCH_PX)
    scaled = torch.from_numpy(pixels).float() / 255
    return scaled.to(memory_format=torch.channels_last)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.special import softmax

    return np.asarray(softmax(logits, axis=1), np.float32)
