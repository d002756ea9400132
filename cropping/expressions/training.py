"""One training: faces in, the best network of all epochs out."""

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
from cropping.expressions.figures import best_temperature, evaluate, log_loss
from cropping.expressions.labelled_faces import LabelledFaces
from cropping.expressions.network import ExpressionNetwork
from cropping.expressions.patch import PATCH_PX
from data.core.atomic import whole_file
from data.core.progress import Bar

BATCH: Final = 128
_LEARNING_RATE: Final = 4e-3
_WARM_UP: Final = 0.15  # of the steps
_WEIGHT_DECAY: Final = 0.02
_SMOOTHING: Final = 0.05  # of the labels: some are wrong
_PATIENCE: Final = 0.35  # of the epochs without any gain, after which training stops
_MOST_OFTEN: Final = 5.0  # that a rare label is shown, against the commonest of its class
_MIN_STEPS: Final = 40  # an epoch: few faces are shown several times


@dataclass(frozen=True, slots=True)
class ExpressionTraining:
    """How to train.

    Args:
        epochs: rounds over all faces, at most.
        seed: another number gives another training.
        threads: processor cores to use; several gain little, and lose much on a busy machine.
    """

    epochs: int = 24
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """One round over all faces."""

    train_loss: float  # of changed faces, in nats
    val_loss: float  # of faces as they are
    val_auc: float  # mean over the classes


@dataclass(frozen=True, eq=False)
class TrainedExpressions:
    """What a training came to."""

    network: ExpressionNetwork  # of the best epoch, ready to use
    temperature: float  # what its logits are to be divided by
    epochs: tuple[Epoch, ...]
    best: int  # epoch, from 0


def train(
    faces: LabelledFaces,
    val: LabelledFaces,
    settings: ExpressionTraining,
    *,
    bar: Bar,
    kept: TrainingCheckpoint | None = None,
) -> TrainedExpressions:
    """Train on ``faces``; ``val`` chooses the best epoch and the calibration.

    The same faces and settings give the same network on the same machine, stopped between or not.

    Args:
        faces: to train on.
        val: other faces of the same classes.
        settings: how.
        bar: gets one step a batch; see `steps_in`.
        kept: where a training that is stopped is gone on with.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            return _TrainingRun(faces, val, settings, bar).train(kept)
    finally:
        torch.set_num_threads(before)


def steps_in(faces: int, settings: ExpressionTraining) -> int:
    """Return how many batches a training on so many faces has, at most."""
    return settings.epochs * _steps_an_epoch(faces)


def logits(network: ExpressionNetwork, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a network says of ``(n, 64, 64)`` patches, ``(n, classes)``."""
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(patches), 4 * BATCH):
            parts.append(network(_tensor(patches[start : start + 4 * BATCH])).float())
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def sampling_weights(faces: LabelledFaces) -> NDArray[np.float64]:
    """Return how often each face is shown, ``(n,)``, 1 on the average.

    A class may be made of several labels, of which a common one would hide the rare: nobody who
    does not smile is mostly crying. So the rare ones are shown more often, by the root of how rare
    they are; the classes stay as frequent as they were.
    """
    share = np.ones(len(faces))
    for label in np.unique(faces.label):
        rows = np.flatnonzero(faces.label == label)
        _, inverse, counts = np.unique(
            faces.source_label[rows], return_inverse=True, return_counts=True
        )
        rare = np.minimum(np.sqrt(counts.max() / counts), _MOST_OFTEN)[inverse]
        share[rows] = rare / rare.mean()
    return share


def systematic_sample(
    share: NDArray[np.float64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Rows in a random order, each as often as its share, ``(count,)``.

    Source: Baker, "Reducing bias and inefficiency in the selection algorithm", 1987.
    """
    places = (np.arange(count) + random.random()) / count * share.sum()
    rows = np.searchsorted(np.cumsum(share), places, side="right")
    return np.asarray(random.permutation(np.minimum(rows, len(share) - 1)), np.int64)


class TrainingCheckpoint:
    """A file with the state of a training after its last whole epoch."""

    def __init__(self, path: Path, *, key: str) -> None:
        """Say where it is, and the key of what the training depends on."""
        self._path, self._key = path, key

    def read(self) -> dict[str, Any] | None:
        """Return the state; None where there is none, or of another training, or damaged."""
        try:
            content = torch.load(self._path, weights_only=True)  # nothing that runs is read
        except Exception:  # there is none, or one of torch's many ways to call it damaged
            return None
        matches = isinstance(content, dict) and content.get("key") == self._key
        return content["state"] if matches else None

    def write(self, state: dict[str, Any]) -> None:
        """Keep the state, whole."""
        with whole_file(self._path) as partial:
            torch.save({"key": self._key, "state": state}, partial)

    def remove(self) -> None:
        """Remove the file: the training is over."""
        self._path.unlink(missing_ok=True)


class _TrainingRun:
    """The state of a training."""

    def __init__(
        self, faces: LabelledFaces, val: LabelledFaces, settings: ExpressionTraining, bar: Bar
    ) -> None:
        self._faces, self._settings, self._bar = faces, settings, bar
        self._random = np.random.default_rng(settings.seed)
        self._val = np.stack([plain_patch(image) for image in val.images])
        self._val_label = val.label
        self._share = sampling_weights(faces)
        # Channels last and bfloat16: measured four times as fast on a CPU, as good a network.
        network = ExpressionNetwork(len(faces.classes))
        self._network = network.to(memory_format=torch.channels_last)
        self._loss = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            _LEARNING_RATE,
            total_steps=steps_in(len(faces), settings) + 1,
            pct_start=_WARM_UP,
        )
        self._epochs: list[Epoch] = []
        self._best, self._best_weights = 0, self._weights()

    def train(self, kept: TrainingCheckpoint | None) -> TrainedExpressions:
        if kept is not None and (before := kept.read()):
            self._go_on(before)
        while not self._done():
            self._epochs.append(self._epoch())
            if self._epochs[-1].val_loss <= self._epochs[self._best].val_loss:
                self._best, self._best_weights = len(self._epochs) - 1, self._weights()
            self._bar.set_postfix_str(f"AUC {self._epochs[-1].val_auc:.3f}")
            if kept is not None:
                kept.write(self._state())
        self._network.load_state_dict(self._best_weights)
        said = logits(self._network, self._val)
        temperature = best_temperature(said, self._val_label)
        return TrainedExpressions(
            self._network.eval(), temperature, tuple(self._epochs), self._best
        )

    def _done(self) -> bool:
        patience = max(_PATIENCE * self._settings.epochs, 3)
        waited = len(self._epochs) - 1 - self._best
        return len(self._epochs) >= self._settings.epochs or waited >= patience

    def _state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
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

    def _go_on(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._random.bit_generator.state = json.loads(state["random"])
        torch.set_rng_state(state["torch_random"])
        self._epochs = [Epoch(*values) for values in state["epochs"]]
        self._best, self._best_weights = state["best"], state["best_weights"]
        self._bar.update(len(self._epochs) * _steps_an_epoch(len(self._faces)))

    def _epoch(self) -> Epoch:
        self._network.train()
        losses = [self._step(rows) for rows in self._batches()]
        said = logits(self._network, self._val)
        # Calibrated first, as it will be: else an epoch is blamed for what is mended later.
        said = said / best_temperature(said, self._val_label)
        figures = evaluate(_softmax(said), self._val_label)
        return Epoch(float(np.mean(losses)), log_loss(said, self._val_label), figures.mean_auc)

    def _batches(self) -> list[NDArray[np.int64]]:
        wanted = _steps_an_epoch(len(self._faces)) * BATCH
        return list(systematic_sample(self._share, wanted, self._random).reshape(-1, BATCH))

    def _step(self, rows: NDArray[np.int64]) -> float:
        patches = [augment(self._faces.images[row], self._random) for row in rows.tolist()]
        label = torch.from_numpy(self._faces.label[rows])
        with torch.autocast("cpu", torch.bfloat16):
            said = self._network(_tensor(np.stack(patches)))
        loss = self._loss(said.float(), label)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        self._bar.update(1)
        return float(loss.item())

    def _weights(self) -> dict[str, Any]:
        return {name: value.clone() for name, value in self._network.state_dict().items()}


def _steps_an_epoch(faces: int) -> int:
    return max(faces // BATCH, _MIN_STEPS)


def _tensor(patches: NDArray[np.uint8]) -> Tensor:
    pixels = np.ascontiguousarray(patches).reshape(-1, 1, PATCH_PX, PATCH_PX)
    scaled = torch.from_numpy(pixels).float() / 255
    return scaled.to(memory_format=torch.channels_last)


def _softmax(said: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.special import softmax

    return np.asarray(softmax(said, axis=1), np.float32)
