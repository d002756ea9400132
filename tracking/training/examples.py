"""Training examples: read the dataset, oversample rare people, choose subsets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import PEOPLE
from data.tables.dataset import (
    DATA_FILE,
    DatasetFile,
    ImageLabels,
    label_path,
    read_data_file,
    read_labels,
)
from data.tables.people import People
from data.video.pictures.images import picture_wh

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_MAX_REPEATS = 4  # of one image per epoch; more would overfit


@dataclass(frozen=True, eq=False)
class Example:
    """One image of the dataset and its labels."""

    path: Path
    frame_wh: tuple[int, int]  # px
    labels: ImageLabels


@dataclass(frozen=True, eq=False)
class Examples:
    """The people of a dataset and the images of both splits."""

    names: tuple[str, ...]  # by class index
    train: tuple[Example, ...]
    val: tuple[Example, ...]
    key: str  # digest of images and labels, without the names

    def faces(self, split: Sequence[Example]) -> NDArray[np.int64]:
        """Count each person's labelled faces in ``split``, ``(people,)`` by class index."""
        columns = [example.labels.class_index for example in split]
        classes = np.concatenate(columns) if columns else np.zeros(0, np.int64)
        return np.bincount(classes, minlength=len(self.names)).astype(np.int64)


def read_examples(folder: Path, *, of_pictures: bool = False) -> Examples:
    """Read the dataset that cluster-faces wrote.

    Args:
        folder: folder of the dataset.
        of_pictures: the project has no video, which changes the advice.

    Raises:
        InputError: it is missing, damaged, or has too few people or faces to train on.
    """
    file = folder / DATA_FILE
    if not file.exists():
        raise InputError(f"{folder.parent}: no dataset to train on; run cluster-faces first")
    content = read_data_file(file)
    splits = {split: _read_split(folder, content, split) for split in ("train", "val")}
    key = _key(folder, [*splits["train"], *splits["val"]])
    examples = Examples(content.names, splits["train"], splits["val"], key)
    _check(folder, examples, of_pictures=of_pictures)
    return examples


def ids_in_dataset(project: Project, people: People) -> dict[str, int]:
    """Return the person ids by name, with the names that people had when the dataset was written.

    People may have been renamed, merged or removed since.
    """
    record = project.record(PEOPLE)
    written = {} if record is None else record.names
    return {
        **{name: person for person, name in people.names().items()},
        **{name: person for person, name in written.items()},
    }


def repeats(examples: Sequence[Example], people: int, *, seed: int) -> NDArray[np.int64]:
    """Return how often each example occurs per epoch, ``(n,)``: more often for rare people.

    A person on a share f of the images gets the factor sqrt(f_max / f), where f_max is the share
    of the most common person. An image gets the factor of its rarest person (Gupta, Dollar,
    Girshick: "LVIS", 2019, section 4.2). Background images are not repeated.

    Args:
        examples: examples of one split.
        people: number of classes.
        seed: seed for rounding the factors at random.
    """
    present = np.zeros((len(examples), people), bool)
    for row, example in enumerate(examples):
        present[row, example.labels.class_index] = True
    images = np.maximum(present.sum(axis=0), 1)
    needed = np.clip(np.sqrt(images.max(initial=1) / images), 1, _MAX_REPEATS)
    factor = np.max(np.where(present, needed, 1.0), axis=1, initial=1.0)
    # The fractional part of a factor is the probability of one more repeat.
    chance = np.random.default_rng(seed).random(len(examples))
    return np.asarray(np.floor(factor) + (chance < factor % 1), np.int64)


def subset(examples: Sequence[Example], share: float, *, seed: int) -> tuple[Example, ...]:
    """Choose a share of the examples at random; keep their order.

    With the same seed, a larger share contains the smaller ones. Every person keeps at least one
    example.

    Args:
        examples: the examples to choose from.
        share: share to choose, 0 to 1.
        seed: seed of the random choice.
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
    images = folder / (content.train if split == "train" else content.val)
    files = sorted(file for file in images.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return tuple(_read_example(folder, file, content) for file in files)


def _read_example(folder: Path, file: Path, content: DatasetFile) -> Example:
    frame_wh = picture_wh(file)
    label_file = folder / label_path(file.relative_to(folder).as_posix())
    # ultralytics' convention: an image without a label file is background.
    labels = read_labels(label_file, frame_wh) if label_file.exists() else ImageLabels.empty()
    if labels.class_index.max(initial=-1) >= len(content.names):
        highest = int(labels.class_index.max())
        message = f"class {highest} in it, but data.yaml names {len(content.names)} people"
        raise InputError(f"{label_file}: {message}; run cluster-faces --project PROJECT --force")
    return Example(file, frame_wh, labels)


def _key(folder: Path, examples: Sequence[Example]) -> str:
    """Return a digest of all images and labels; by content, since copies change file times."""
    sha = hashlib.sha256()
    for example in examples:
        sha.update(f"{example.path.relative_to(folder).as_posix()}\n".encode())
        sha.update(hashlib.sha256(example.path.read_bytes()).digest())
        sha.update(example.labels.class_index.tobytes() + example.labels.xyxy.tobytes())
    return sha.hexdigest()[:16]


def _check(folder: Path, examples: Examples, *, of_pictures: bool) -> None:
    """Reject datasets that a detector cannot be trained on."""
    advice = "add footage, or examine more frames with a smaller cluster-faces --every"
    if of_pictures:
        advice = "add pictures"
    if not examples.train:
        raise InputError(
            f"{folder}: no images to train on; run cluster-faces --project PROJECT --force"
        )
    if not examples.val:
        raise InputError(f"{folder}: no images to validate on; {advice}")
    known = int((examples.faces(examples.train) > 0).sum())
    if known < 2:
        who = "only one person" if known == 1 else "nobody"
        message = f"{who} has training images, but training needs two people"
        raise InputError(f"{folder}: {message}; {advice}")
    if not examples.faces(examples.val).any():
        raise InputError(f"{folder}: no faces to validate on; {advice}")
