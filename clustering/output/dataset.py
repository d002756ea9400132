"""Plan the YOLO dataset: images, labels, and the split into train and val."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.faces.labelled import LabelledFootage
from clustering.output.masking import COVER_VERSION, cover
from clustering.output.split import GAP, TRAIN, VAL, TimedFrames, split_frames
from data.core.boxes import Boxes, areas, expand, sizes_wh
from data.core.digest import digest, file_key
from data.project.manifest import OutputFile
from data.tables.dataset import (
    DATA_FILE,
    DatasetFile,
    ImageLabels,
    format_data_file,
    format_labels,
    image_path,
    label_path,
)
from data.video.pictures.jpeg import encode_jpeg, read_jpeg

LABEL_MARGIN = 0.15  # share of the face's size, on each side
VAL_SHARE = 0.2
BACKGROUND_SHARE = 0.1  # share of all images; Ultralytics recommends 0 to 10 %
_SPLITS = {TRAIN: "train", VAL: "val"}
_MIN_LABEL_PX = 2  # minimum width and height of a label inside the frame
_MAX_HIDDEN_SHARE = 0.15  # maximum share of a known face's label under a mask

StillFile = Callable[[str, int], Path]
"""Function that returns the path of a full-size still, given footage and frame index."""


@dataclass(frozen=True, eq=False)
class PlannedImage:
    """An image of the dataset: a full sampled frame."""

    footage: str  # name
    frame_index: int
    frame_wh: tuple[int, int]  # px
    split: str  # train or val
    labels: ImageLabels  # all known faces; empty for a background image
    covered: Boxes  # (m, 4) px of the frame: faces of unknown people, to be masked


@dataclass(frozen=True, eq=False)
class DatasetPlan:
    """Content of the dataset."""

    person_id: tuple[int, ...]  # by class index, in ascending order
    names: tuple[str, ...]  # by class index
    images: tuple[PlannedImage, ...]  # in order of footage and frame
    too_few: tuple[int, ...]  # people who are not in both train and val
    left_out: Mapping[str, int]  # number of unused frames, by reason


@dataclass(frozen=True, eq=False)
class _SampledFrame:
    """A sampled frame that may become an image of the dataset."""

    footage: int  # index of the footage
    row: int  # row in the frames table
    known: NDArray[np.int64]  # (k,) rows of the known faces in the faces table
    labels: Boxes  # (k, 4) px of the frame
    covered: Boxes  # (m, 4) px of the frame


def plan_dataset(
    footages: Sequence[LabelledFootage],
    names: Mapping[int, str],
    *,
    label_margin: float = LABEL_MARGIN,
    val_share: float = VAL_SHARE,
    background_share: float = BACKGROUND_SHARE,
) -> DatasetPlan:
    """Choose the images, their labels and their split, deterministically.

    Every sampled frame with a known person is an image, with every known face labelled and every
    other face masked (see `clustering.output.masking`). Frames without faces are background images.
    Frames are left out if all their faces are unknown, if a mask would hide a known face, or if
    they are too close in time to the other split.

    Args:
        footages: all footages of the project.
        names: names by person id.
        label_margin: margin of a label on each side, as a share of the face's size.
        val_share: share of the images for validation, 0 to 1.
        background_share: maximum share of background images, 0 to 1.

    Raises:
        ValueError: a person has no name.
    """
    counts = {"only unknown faces": 0, "known face would be covered": 0}
    usable, background = [], []
    for index, footage in enumerate(footages):
        frames, without_faces = _usable_frames(index, footage, names, label_margin, counts)
        usable += frames
        background += without_faces
    people = sorted({int(p) for f in usable for p in footages[f.footage].person_id[f.known]})
    class_of = {person: index for index, person in enumerate(people)}
    candidates = sorted(usable + background, key=lambda f: (f.footage, f.row))
    split = split_frames(_timed_frames(candidates, footages, class_of), val_share=val_share)
    counts["too near to the other split"] = int(
        sum(s == GAP and len(f.known) > 0 for f, s in zip(candidates, split, strict=True))
    )
    chosen = _choose(candidates, split, background_share)
    images = tuple(_image(candidates[i], int(split[i]), footages, class_of) for i in chosen)
    return DatasetPlan(
        person_id=tuple(people),
        names=tuple(names[person] for person in people),
        images=images,
        too_few=_too_few(people, images, names, footages),
        left_out=counts,
    )


def _usable_frames(
    index: int,
    footage: LabelledFootage,
    names: Mapping[int, str],
    label_margin: float,
    counts: dict[str, int],
) -> tuple[list[_SampledFrame], list[_SampledFrame]]:
    """Return the usable frames with a known person, and the frames without faces."""
    nameless = set(footage.person_id.tolist()) - names.keys() - {-1}
    if nameless:
        raise ValueError(f"names must contain every person, but lacks {sorted(nameless)}")
    rows = footage.frame_rows()
    frame_wh = footage.frames.frame_wh[rows].astype(np.float32)
    boxes = expand(footage.faces.xyxy, label_margin)
    boxes = np.clip(boxes, 0, np.tile(frame_wh, 2)).astype(np.float32)
    visible = sizes_wh(boxes).min(axis=1, initial=np.inf) >= _MIN_LABEL_PX
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(len(footage.frames) + 1))
    usable, background = [], []
    for row in range(len(footage.frames)):
        faces = order[starts[row] : starts[row + 1]]
        faces = faces[visible[faces]]
        is_known = footage.person_id[faces] >= 0
        known, unknown = faces[is_known], faces[~is_known]
        frame = _SampledFrame(index, row, known, boxes[known], boxes[unknown])
        if not len(faces):
            background.append(frame)
        elif not len(known):
            counts["only unknown faces"] += 1
        elif _hides(frame.covered, frame.labels):
            counts["known face would be covered"] += 1
        else:
            usable.append(frame)
    return usable, background


def _hides(covered: Boxes, labels: Boxes) -> bool:
    """Whether a mask would hide too much of a label."""
    if not len(covered):
        return False
    upper_left = np.maximum(covered[:, None, :2], labels[None, :, :2])
    lower_right = np.minimum(covered[:, None, 2:], labels[None, :, 2:])
    shared = np.prod(np.maximum(lower_right - upper_left, 0), axis=2)
    return bool((shared / areas(labels)[None, :] > _MAX_HIDDEN_SHARE).any())


def _timed_frames(
    candidates: Sequence[_SampledFrame],
    footages: Sequence[LabelledFootage],
    class_of: Mapping[int, int],
) -> TimedFrames:
    frames = [(footages[f.footage].frames, f.row) for f in candidates]
    classes = [
        sorted({class_of[int(person)] for person in footages[f.footage].person_id[f.known]})
        for f in candidates
    ]
    columns = np.array([number for row in classes for number in row], np.int64)
    starts = np.cumsum([0, *map(len, classes)])
    shape = (len(candidates), len(class_of))
    people = csr_array((np.ones(len(columns), np.int8), columns, starts), shape=shape)
    return TimedFrames(
        footage=np.array([f.footage for f in candidates], np.int64),
        shot=np.array([table.shot[row] for table, row in frames], np.int64),
        time_s=np.array([table.time_s[row] for table, row in frames], np.float64),
        people=people,
    )


def _choose(
    candidates: Sequence[_SampledFrame], split: NDArray[np.int8], background_share: float
) -> NDArray[np.int64]:
    """Return the rows of the images: all frames with people, and background evenly in time."""
    has_people = np.array([len(f.known) > 0 for f in candidates], np.bool_)
    used = split != GAP
    with_people, background = np.flatnonzero(has_people & used), np.flatnonzero(~has_people & used)
    share = min(background_share, 0.99)
    count = min(int(len(with_people) * share / (1 - share) + 1e-9), len(background))
    # Take the middle of equal parts, to avoid the fade-in and the fade-out.
    middle = ((np.arange(count) + 0.5) * len(background) / max(count, 1)).astype(np.int64)
    return np.sort(np.concatenate([with_people, background[middle]]))


def _image(
    frame: _SampledFrame,
    split: int,
    footages: Sequence[LabelledFootage],
    class_of: Mapping[int, int],
) -> PlannedImage:
    footage = footages[frame.footage]
    width, height = footage.frames.frame_wh[frame.row].tolist()
    classes = [class_of[int(person)] for person in footage.person_id[frame.known]]
    return PlannedImage(
        footage=footage.name,
        frame_index=int(footage.frames.frame_index[frame.row]),
        frame_wh=(width, height),
        split=_SPLITS[split],
        labels=ImageLabels(np.array(classes, np.int64), frame.labels),
        covered=frame.covered,
    )


def _too_few(
    people: Sequence[int],
    images: Sequence[PlannedImage],
    names: Mapping[int, str],
    footages: Sequence[LabelledFootage],
) -> tuple[int, ...]:
    seen: dict[str, set[int]] = {"train": set(), "val": set()}
    for image in images:
        seen[image.split] |= {people[index] for index in image.labels.class_index.tolist()}
    all_people = {
        int(p) for footage in footages for p in np.unique(footage.person_id)
    } & names.keys()
    return tuple(sorted(all_people - (seen["train"] & seen["val"])))


def dataset_files(plan: DatasetPlan, still_file: StillFile) -> dict[str, OutputFile]:
    """List the files of the dataset folder; empty if the plan has no image.

    If val has no image, it is set to train, because Ultralytics rejects a dataset without val.

    Args:
        plan: images and labels of the dataset.
        still_file: see `StillFile`.

    Raises:
        InputError: a still is missing.
    """
    if not plan.images:
        return {}
    val = "val" if any(image.split == "val" for image in plan.images) else "train"
    content = DatasetFile(train="images/train", val=f"images/{val}", names=plan.names)
    files = {DATA_FILE: OutputFile.content(format_data_file(content).encode())}
    for image in plan.images:
        path = image_path(image.split, f"{image.footage}-{image.frame_index:08d}")
        labels = format_labels(image.labels, image.frame_wh).encode()
        files[path] = _image_file(image, still_file(image.footage, image.frame_index))
        files[label_path(path)] = OutputFile.content(labels)
    return files


def _image_file(image: PlannedImage, still: Path) -> OutputFile:
    if not len(image.covered):
        return OutputFile.link(still)
    boxes = (image.covered.tobytes(), image.labels.xyxy.tobytes())
    key = f"covered {digest(COVER_VERSION, file_key(still), *boxes)}"
    return OutputFile(key, partial(_write_covered, still, image.covered, image.labels.xyxy))


def _write_covered(still: Path, covered: Boxes, keep: Boxes, path: Path) -> None:
    path.write_bytes(encode_jpeg(cover(read_jpeg(still), covered, keep=keep)))
