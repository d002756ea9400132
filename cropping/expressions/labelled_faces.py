"""Labelled faces: grey pictures with an expression label and, if known, a subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.augmentation import letterbox
from cropping.expressions.face_sources import open_source
from data.core.arrays import Image
from data.core.errors import InputError
from data.core.name_list import first_names
from data.core.progress import Progress
from data.video.pictures.images import read_face

STORED_PX: Final = 112
"""Longer side of a stored face: 1.75 times the network's input."""
MAX_FACE_SIDE_PX: Final = 8192

_MAX_BLACK: Final = 20  # brightness of a black border after JPEG compression
_MIN_SIDE_PX: Final = 8
_MAX_SKIPPED_SHARE: Final = 0.2  # of the faces; above it the source is probably broken


@dataclass(frozen=True, slots=True)
class FaceLimits:
    """Maximum size of the input. Anything larger is a mistake or an attack."""

    faces: int = 200_000  # 2.5 GB in memory
    classes: int = 100
    file_bytes: int = 32 * 2**20


DEFAULT_LIMITS: Final = FaceLimits()


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Faces with labels, in the order of their sources."""

    names: tuple[str, ...]  # (n,) source and file, for messages
    images: tuple[Image, ...]  # (n,) each (h, w) grey, at most STORED_PX, without black borders
    label: NDArray[np.int64]  # (n,) index into classes
    source_label: NDArray[np.str_]  # (n,) label in the source; a class may merge several
    subject: NDArray[np.str_]  # (n,) name of the person shown, empty if unknown
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()  # one line per unreadable picture

    def __post_init__(self) -> None:
        n = len(self.names)
        columns = (self.images, self.label, self.source_label, self.subject)
        if any(len(column) != n for column in columns):
            columns_named = "images, label, source_label and subject"
            raise ValueError(f"{columns_named} must have {n} entries, one per name")
        if n and not (self.label.min() >= 0 and self.label.max() < len(self.classes)):
            raise ValueError(f"label must be one of {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.names)

    def counts(self) -> NDArray[np.int64]:
        """Return the number of faces per class, ``(classes,)``."""
        return np.bincount(self.label, minlength=len(self.classes))

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> LabelledFaces:
        """Return the faces of ``rows``, which are ``(m,)`` indices or an ``(n,)`` mask."""
        chosen = np.arange(len(self))[rows].tolist()
        return LabelledFaces(
            names=tuple(self.names[row] for row in chosen),
            images=tuple(self.images[row] for row in chosen),
            label=self.label[chosen],
            source_label=self.source_label[chosen],
            subject=self.subject[chosen],
            classes=self.classes,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _FaceRow:
    """One decoded face of a source."""

    name: str
    image: Image  # (h, w) grey
    label: str  # class
    source_label: str
    subject: str


def read_labelled_faces(
    sources: Sequence[Path],
    *,
    progress: Progress,
    merge: Callable[[str], str] = str,
    order: Sequence[str] = (),
    limits: FaceLimits = DEFAULT_LIMITS,
) -> LabelledFaces:
    """Read the faces of all ``sources``, skipping and reporting damaged pictures.

    A source is a folder with one folder of pictures per class, a CSV file, or a zip of either. The
    CSV file has a header and the columns ``file`` (relative to it, or unique below its folder),
    ``label`` (or ``expression``) and, if known, ``subject``.

    Args:
        sources: paths of the sources.
        progress: advances by one step per face.
        merge: maps a label to its class.
        order: order of the classes, empty to sort them by name.
        limits: maximum size of the input.

    Raises:
        InputError: a source cannot be read or lists missing files, there are fewer than two classes
            or too many faces, or too many pictures are damaged.
    """
    opened = [(source, *open_source(source)) for source in sources]
    total = sum(len(entries) for _, _, entries in opened)
    if total > limits.faces:
        raise InputError(f"{total} faces are too many; give at most {limits.faces}")
    rows: list[_FaceRow] = []
    skipped: list[str] = []
    with progress("reading", total, 0) as bar:
        for source, files, entries in opened:
            for entry in entries:
                name = f"{source.name}/{entry.file}"
                try:
                    image = _decode_face(files.read(entry.file, limits.file_bytes))
                except InputError as error:
                    skipped.append(f"{name}: {error}")
                else:
                    label = merge(entry.label)
                    rows.append(_FaceRow(name, image, label, entry.label, entry.subject))
                bar.update(1)
    if len(skipped) > _MAX_SKIPPED_SHARE * total:
        message = f"{len(skipped)} of {total} pictures cannot be read; the first: {skipped[0]}"
        raise InputError(message)
    return _as_faces(rows, order, skipped, limits)


def _as_faces(
    rows: list[_FaceRow], order: Sequence[str], skipped: list[str], limits: FaceLimits
) -> LabelledFaces:
    labels = {row.label for row in rows}
    classes = tuple(name for name in order if name in labels) or tuple(sorted(labels))
    if len(classes) < 2:
        raise InputError(_one_class(rows))
    if len(classes) > limits.classes:
        raise InputError(f"{len(classes)} classes are too many; give at most {limits.classes}")
    number = {name: i for i, name in enumerate(classes)}
    return LabelledFaces(
        names=tuple(row.name for row in rows),
        images=tuple(row.image for row in rows),
        label=np.array([number[row.label] for row in rows], np.int64),
        source_label=np.array([row.source_label for row in rows], np.str_),
        subject=np.array([row.subject for row in rows], np.str_),
        classes=classes,
        skipped=tuple(skipped),
    )


def _one_class(rows: Sequence[_FaceRow]) -> str:
    """Return the message that the faces do not have labels of two classes."""
    given = sorted({row.source_label for row in rows})
    if not given:
        return "no faces; give faces with at least two labels"
    if len(given) == 1:
        return f'all faces have the label "{given[0]}"; give faces with at least two labels'
    shown = first_names([f'"{label}"' for label in given])
    remedy = "name the labels of smiles with --smile, or add faces with other labels"
    return f'the labels {shown} all count as "{rows[0].label}"; {remedy}'


# --- pictures -----------------------------------------------------------------------------------


def _decode_face(content: bytes) -> Image:
    """Return the face in a picture file, ``(h, w)`` grey.

    Raises:
        InputError: the picture is damaged, too large or too small.
    """
    grey = read_face(content, max_side_px=MAX_FACE_SIDE_PX)
    return trimmed_face(grey)


def trimmed_face(grey: Image) -> Image:
    """Return a grey face, ``(h, w)``, without black borders, scaled to at most ``STORED_PX``.

    Raises:
        InputError: less than 8 px remain without the borders.
    """
    face = trim_border(grey)
    if min(face.shape) < _MIN_SIDE_PX:
        raise InputError(f"the face is smaller than {_MIN_SIDE_PX} px")
    if max(face.shape) <= STORED_PX:
        return face
    return letterbox(face, STORED_PX)


def trim_border(grey: Image) -> Image:
    """Return a grey image, ``(h, w)``, without a black border, which pads some data sets."""
    rows, columns = ((grey > _MAX_BLACK).sum(axis=axis) > 2 for axis in (1, 0))
    if not (rows.any() and columns.any()):
        return grey[:0, :0]
    y, x = np.flatnonzero(rows), np.flatnonzero(columns)
    return np.ascontiguousarray(grey[y[0] : y[-1] + 1, x[0] : x[-1] + 1])
