"""The dataset in memory: what is learnt from, how often, and how much of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.tables.dataset import (
    DATA_FILE,
    DatasetFile,
    ImageLabels,
    label_path,
    read_data_file,
    read_labels,
)
from data.video.images import picture_wh

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_MOST_REPEATS = 4  # of one image in an epoch; more would be learnt by heart


@dataclass(frozen=True, eq=False)
class Example:
    """One image of the dataset and the people on it."""

    path: Path
    frame_wh: tuple[int, int]  # px
    labels: ImageLabels


@dataclass(frozen=True, eq=False)
class Examples:
    """A dataset: the people by class index, and the images of both splits."""

    names: tuple[str, ...]
    train: tuple[Example, ...]
    val: tuple[Example, ...]
    key: str  # another one means another content; the names are no part of it

    def faces(self, split: Sequence[Example]) -> NDArray[np.int64]:
        """How many labelled faces each person has in ``split``, ``(people,)``."""
        found = [example.labels.class_index for example in split]
        classes = np.concatenate(found) if found else np.zeros(0, np.int64)
        return np.bincount(classes, minlength=len(self.names)).astype(np.int64)


def read_examples(folder: Path) -> Examples:
    """Read the dataset that cluster-faces wrote.

    Raises:
        InputError: there is none, it is damaged, or nobody can learn from it.
    """
    file = folder / DATA_FILE
    if not file.exists():
        raise InputError(f"{folder.parent}: no dataset to train on; run cluster-faces first")
    content = read_data_file(file)
    splits = {split: _read_split(folder, content, split) for split in ("train", "val")}
    key = _key(folder, [*splits["train"], *splits["val"]])
    examples = Examples(content.names, splits["train"], splits["val"], key)
    _check(folder, examples)
    return examples


def repeats(examples: Sequence[Example], people: int, *, seed: int) -> NDArray[np.int64]:
    """Return how often each example is shown in an epoch, ``(n,)``: rare people more often.

    A person on a share f of the images is shown sqrt(most / f) times as often, ``most`` being the
    share of the most common person, and an image as often as its rarest person needs (Gupta,
    Dollar, Girshick: "LVIS", 2019, section 4.2). Background images are shown once.
    """
    present = np.zeros((len(examples), people), bool)
    for row, example in enumerate(examples):
        present[row, example.labels.class_index] = True
    images = np.maximum(present.sum(axis=0), 1)
    needed = np.clip(np.sqrt(images.max(initial=1) / images), 1, _MOST_REPEATS)
    wanted = np.max(np.where(present, needed, 1.0), axis=1, initial=1.0)
    # A share of a repeat becomes the chance of one.
    chance = np.random.default_rng(seed).random(len(examples))
    return np.asarray(np.floor(wanted) + (chance < wanted % 1), np.int64)


def subset(examples: Sequence[Example], share: float, *, seed: int) -> tuple[Example, ...]:
    """Return a share of the examples, in their order: the same seed gives ever larger supersets.

    Every person keeps one example at least.
    """
    order = np.random.default_rng(seed).permutation(len(examples))
    chosen = set(order[: max(round(share * len(examples)), 1)].tolist())
    seen = {int(c) for i in chosen for c in examples[i].labels.class_index}
    for i in order.tolist():
        new = set(examples[i].labels.class_index.tolist()) - seen
        if new:
            chosen.add(i)
            seen |= new
    return tuple(examples[i] for i in sorted(chosen))


def _read_split(folder: Path, content: DatasetFile, split: str) -> tuple[Example, ...]:
    place = folder / (content.train if split == "train" else content.val)
    files = sorted(file for file in place.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return tuple(_read_example(folder, file, content) for file in files)


def _read_example(folder: Path, file: Path, content: DatasetFile) -> Example:
    frame_wh = picture_wh(file)
    place = folder / label_path(file.relative_to(folder).as_posix())
    # As Ultralytics has it: an image without labels shows nobody.
    labels = read_labels(place, frame_wh) if place.exists() else ImageLabels.empty()
    if labels.class_index.max(initial=-1) >= len(content.names):
        highest = int(labels.class_index.max())
        message = f"class {highest} in it, but data.yaml names {len(content.names)} people"
        raise InputError(f"{place}: {message}; run cluster-faces --force")
    return Example(file, frame_wh, labels)


def _key(folder: Path, examples: Sequence[Example]) -> str:
    """A key of all images and labels, by content: a project may be copied and unpacked."""
    sha = hashlib.sha256()
    for example in examples:
        sha.update(f"{example.path.relative_to(folder).as_posix()}\n".encode())
        sha.update(hashlib.sha256(example.path.read_bytes()).digest())
        sha.update(example.labels.class_index.tobytes() + example.labels.xyxy.tobytes())
    return sha.hexdigest()[:16]


def _check(folder: Path, examples: Examples) -> None:
    """Refuse what no detector of people could be trained on."""
    again = "look more often with cluster-faces --every, or add footage"
    if not examples.train:
        raise InputError(f"{folder}: no images to train on; run cluster-faces --force")
    if not examples.val:
        raise InputError(f"{folder}: no images to validate on; {again}")
    known = int((examples.faces(examples.train) > 0).sum())
    if known < 2:
        people = "one person" if known == 1 else "nobody"
        raise InputError(f"{folder}: {people} in it, and it takes two to tell apart; {again}")
    if not examples.faces(examples.val).any():
        raise InputError(f"{folder}: no faces to validate on; {again}")
