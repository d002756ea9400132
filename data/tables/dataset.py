"""The YOLO dataset format: label files and data.yaml, as Ultralytics reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_text
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
    """Content of data.yaml: the folders of images, and the name of each class."""

    train: str  # relative to the folder of data.yaml, with / between its parts, or absolute
    val: str
    names: tuple[str, ...]  # by class index


def image_path(split: str, name: str) -> str:
    """Path of an image in the dataset; ``split`` is train or val, ``name`` has no suffix."""
    return f"images/{split}/{name}.jpg"


def label_path(image: str) -> str:
    """Path of an image's labels: Ultralytics replaces the last ``images`` of the path."""
    head, found, tail = f"/{image}".rpartition("/images/")
    if not found:
        raise ValueError(f"image must lie in a folder named images, got {image!r}")
    return str(PurePosixPath(f"{head}/labels/{tail}").with_suffix(".txt"))[1:]


def format_labels(labels: ImageLabels, frame_wh: tuple[int, int]) -> str:
    """Return lines ``class cx cy w h`` in shares of the image, clipped to it."""
    xyxy = clamp(labels.xyxy, frame_wh).astype(np.float64) / np.array([*frame_wh, *frame_wh])
    cxcywh = np.hstack([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]])
    lines = (
        f"{index} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n"
        for index, (cx, cy, w, h) in zip(labels.class_index, cxcywh, strict=True)
    )
    return "".join(lines)


def parse_labels(text: str, frame_wh: tuple[int, int]) -> ImageLabels:
    """Parse the lines of a label file; boxes are returned in px of ``frame_wh``.

    Raises:
        ValueError: a line is not ``class cx cy w h``; it is named by its number.
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
        InputError: the file is missing, or a line of it is not ``class cx cy w h``.
    """
    try:
        return parse_labels(path.read_text(encoding="utf-8-sig"), frame_wh)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a label file ({error}); mend or remove it") from error


def format_data_file(content: DatasetFile) -> str:
    """Return the text of data.yaml, any name quoted as YAML needs it.

    There is no ``path``: Ultralytics then takes the folder of data.yaml, from any working directory
    and after the project was moved. It resolves a relative one (also ``path: .``) from the working
    directory, and then from its own datasets folder.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    names = dict(enumerate(content.names))
    entries = {"train": content.train, "val": content.val, "names": names}
    # width: names stay on one line. allow_unicode: and readable.
    return str(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=10_000))


def write_data_file(path: Path, content: DatasetFile) -> None:
    """Write data.yaml atomically."""
    write_text(path, format_data_file(content))


def read_data_file(path: Path) -> DatasetFile:
    """Read a data.yaml; a ``path`` in it is prepended to its folders.

    Raises:
        InputError: the file is missing, is not YAML, or lacks train, val or names.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return _parse_data_file(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        message = f"{path}: not a YOLO dataset ({reason}); run cluster-faces again"
        raise InputError(message) from error


def _parse_data_file(entries: Any) -> DatasetFile:
    if not isinstance(entries, dict):
        raise TypeError("no 'train', 'val' and 'names' in it")
    missing = [key for key in ("train", "val", "names") if not entries.get(key)]
    if missing:
        raise ValueError(f"no {missing[0]!r} in it")
    names = entries["names"]
    by_index = dict(enumerate(names)) if isinstance(names, list) else dict(names)
    if sorted(by_index) != list(range(len(by_index))):
        raise ValueError(f"names must be numbered from 0, got {list(by_index)}")
    root = Path(entries.get("path") or "")
    train, val = ((root / str(entries[key])).as_posix() for key in ("train", "val"))
    return DatasetFile(train, val, tuple(str(by_index[i]) for i in range(len(by_index))))
