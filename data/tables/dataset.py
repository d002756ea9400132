"""Read and write YOLO datasets as Ultralytics defines them: label files and data.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import clamp
from data.core.errors import InputError
from data.core.table import Column, Table

DATA_FILE = "data.yaml"


@dataclass(frozen=True, eq=False)
class ImageLabels(Table):
    """The labelled boxes of one image."""

    class_index: NDArray[np.int64]  # (n,) index into the dataset's names, from 0
    xyxy: NDArray[np.float32]  # (n, 4) px of the image

    COLUMNS: ClassVar[dict[str, Column]] = {
        "class_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
    }


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """Content of data.yaml: the image folders, and the name of each class."""

    train: str  # absolute, or relative to the folder of data.yaml; separated by /
    val: str  # as train
    names: tuple[str, ...]  # by class index


def image_path(split: str, name: str) -> str:
    """Return the path of an image in the dataset; ``split`` is train or val, ``name`` a stem."""
    return f"images/{split}/{name}.jpg"


def label_path(image: str) -> str:
    """Return the path of an image's labels: Ultralytics replaces its last ``images`` folder."""
    head, found, tail = f"/{image}".rpartition("/images/")
    if not found:
        raise ValueError(f"image must be in a folder named images, got {image!r}")
    return str(PurePosixPath(f"{head}/labels/{tail}").with_suffix(".txt"))[1:]


def format_labels(labels: ImageLabels, frame_wh: tuple[int, int]) -> str:
    """Return lines ``class cx cy w h``, in fractions of the image and clipped to it."""
    xyxy = clamp(labels.xyxy, frame_wh).astype(np.float64) / np.array([*frame_wh, *frame_wh])
    cxcywh = np.hstack([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]])
    lines = (
        f"{index} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n"
        for index, (cx, cy, w, h) in zip(labels.class_index, cxcywh, strict=True)
    )
    return "".join(lines)


def parse_labels(text: str, frame_wh: tuple[int, int]) -> ImageLabels:
    """Parse the lines of a label file; boxes are in px of an image of size ``frame_wh``.

    Raises:
        ValueError: a line is not ``class cx cy w h``; the message has its number.
    """
    numbered = ((n, line.split()) for n, line in enumerate(text.splitlines(), start=1))
    rows = [_parse_line(number, fields) for number, fields in numbered if fields]
    values = np.array(rows, np.float64).reshape(-1, 5)
    half = values[:, 3:] / 2
    corners = np.hstack([values[:, 1:3] - half, values[:, 1:3] + half])
    return ImageLabels(
        class_index=values[:, 0].astype(np.int64),
        xyxy=(corners * np.array([*frame_wh, *frame_wh])).astype(np.float32),
    )


def _parse_line(number: int, fields: list[str]) -> list[float]:
    try:
        row = [int(fields[0]), *(float(field) for field in fields[1:])]
    except ValueError:
        row = []
    if len(row) != 5 or row[0] < 0 or not np.all(np.isfinite(row)):
        raise ValueError(f"line {number} must be 'class cx cy w h', got {' '.join(fields)!r}")
    return row


def read_labels(path: Path, frame_wh: tuple[int, int]) -> ImageLabels:
    """Read a label file.

    Raises:
        InputError: the file is missing, or one of its lines is not ``class cx cy w h``.
    """
    try:
        return parse_labels(path.read_text(encoding="utf-8-sig"), frame_wh)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a label file ({error}); correct or remove it") from error


def format_data_file(content: DatasetFile) -> str:
    """Return the text of data.yaml.

    It has no ``path``: Ultralytics then uses the folder of data.yaml, whatever the working
    directory and wherever the project was moved. A relative one (even ``path: .``) would be
    resolved from the working directory, then from Ultralytics' own datasets folder.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    names = dict(enumerate(content.names))
    entries = {"train": content.train, "val": content.val, "names": names}
    # width keeps each name on one line, allow_unicode keeps it readable.
    return str(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=10_000))


def read_data_file(path: Path) -> DatasetFile:
    """Read a data.yaml; its ``path``, if any, is prepended to its folders.

    Raises:
        InputError: the file is missing, is not YAML, or lacks train, val or names.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return _parse_data_file(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        message = f"{path}: not a YOLO dataset ({reason}); run cluster-faces --project PROJECT"
        raise InputError(message) from error


def _parse_data_file(entries: Any) -> DatasetFile:
    if not isinstance(entries, dict):
        raise TypeError("it has no 'train', 'val' or 'names'")
    missing = [key for key in ("train", "val", "names") if not entries.get(key)]
    if missing:
        raise ValueError(f"it has no {missing[0]!r}")
    names = entries["names"]
    by_index = dict(enumerate(names)) if isinstance(names, list) else dict(names)
    if sorted(by_index) != list(range(len(by_index))):
        raise ValueError(f"names must be numbered from 0, got {list(by_index)}")
    root = Path(entries.get("path") or "")
    train, val = ((root / str(entries[key])).as_posix() for key in ("train", "val"))
    return DatasetFile(train, val, tuple(str(by_index[i]) for i in range(len(by_index))))
