from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cropping.expressions.augmentation import plain_patch
from cropping.expressions.labelled_faces import LabelledFaces
from cropping.expressions.metrics import roc_auc
from cropping.expressions.network import ExpressionNetwork, count_parameters
from cropping.expressions.training import (
    ExpressionTraining,
    TrainingCheckpoint,
    max_steps,
    predict_logits,
    sampling_weights,
    systematic_sample,
    train,
)
from tests.bars import SilentBar
from tests.cropping.drawn_faces import face

CLASSES = ("frown", "smile")
SETTINGS = ExpressionTraining(epochs=2)


def drawn_faces(subjects: range, variants: int = 2) -> LabelledFaces:
    rows = [
        (label, person, variant)
        for label in (0, 1)
        for person in subjects
        for variant in range(variants)
    ]
    label = np.array([row[0] for row in rows], np.int64)
    return LabelledFaces(
        names=tuple(f"{label}-{person}-{variant}" for label, person, variant in rows),
        images=tuple(face(CLASSES[label], person, variant) for label, person, variant in rows),
        label=label,
        source_label=np.array(CLASSES)[label],
        subject=np.array([str(person) for _, person, _ in rows]),
        classes=CLASSES,
    )


def test_training_generalises_to_other_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cropping.expressions.training._MIN_STEPS", 20)
    bar = SilentBar()
    faces, strangers = drawn_faces(range(16)), drawn_faces(range(30, 40))
    trained = train(faces, drawn_faces(range(20, 26)), SETTINGS, bar=bar)
    logits = predict_logits(
        trained.network, np.stack([plain_patch(image) for image in strangers.images])
    )
    assert roc_auc(logits[:, 1] - logits[:, 0], strangers.label == 1) > 0.9
    assert len(trained.epochs) == 2
    assert bar.done == max_steps(len(faces), SETTINGS)
    assert 0 <= trained.best < 2
    assert trained.temperature > 0


def test_the_same_seed_gives_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cropping.expressions.training._MIN_STEPS", 3)
    faces, val = drawn_faces(range(4)), drawn_faces(range(20, 22))
    settings = ExpressionTraining(epochs=1, seed=3)
    before = torch.get_rng_state()
    first, second = (train(faces, val, settings, bar=SilentBar()).network for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(torch.get_rng_state(), before)


class Stopping(SilentBar):
    """Bar that stops the training after some batches."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def update(self, n: int) -> None:
        super().update(n)
        if self.done > self._after:
            raise KeyboardInterrupt


def test_a_resumed_training_gives_the_same_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cropping.expressions.training._MIN_STEPS", 3)
    faces, val = drawn_faces(range(4)), drawn_faces(range(20, 22))
    settings = ExpressionTraining(epochs=3)
    uninterrupted = train(faces, val, settings, bar=SilentBar())
    checkpoint = TrainingCheckpoint(tmp_path / "a.pt", key="k")
    with pytest.raises(KeyboardInterrupt):
        train(faces, val, settings, bar=Stopping(7), checkpoint=checkpoint)
    bar = SilentBar()
    resumed = train(faces, val, settings, bar=bar, checkpoint=checkpoint)
    assert resumed.epochs == uninterrupted.epochs
    assert resumed.best == uninterrupted.best
    assert bar.done == max_steps(len(faces), settings)
    for a, b in zip(uninterrupted.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(a, b)
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"damaged"], ids=["none", "empty", "damaged"])
def test_an_unreadable_checkpoint_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.pt").write_bytes(content)
    assert TrainingCheckpoint(tmp_path / "a.pt", key="k").read() is None


def test_a_checkpoint_of_another_training_is_none(tmp_path: Path) -> None:
    TrainingCheckpoint(tmp_path / "a.pt", key="k").write({"epochs": []})
    assert TrainingCheckpoint(tmp_path / "a.pt", key="other").read() is None
    assert TrainingCheckpoint(tmp_path / "a.pt", key="k").read() == {"epochs": []}


def test_the_network_is_small() -> None:
    assert count_parameters(ExpressionNetwork(17)) < 300_000


def test_rare_labels_of_a_class_are_sampled_more_often() -> None:
    label = np.array([0] * 100 + [1] * 100, np.int64)
    kind = np.array(["calm"] * 90 + ["crying"] * 10 + ["smile"] * 100)
    faces = LabelledFaces(
        names=("x",) * 200,
        images=(np.zeros((8, 8), np.uint8),) * 200,
        label=label,
        source_label=kind,
        subject=np.array([""] * 200),
        classes=("no", "smile"),
    )
    share = sampling_weights(faces)
    assert share[95] / share[0] == pytest.approx(3)
    assert share[:100].mean() == pytest.approx(1)
    assert (share[100:] == 1).all()
    rows = systematic_sample(share, 2000, np.random.default_rng(0))
    assert (label[rows] == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert (kind[rows] == "crying").mean() == pytest.approx(10 * share[95] / 200, abs=0.01)
