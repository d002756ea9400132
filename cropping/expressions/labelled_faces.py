"""Faces and what a person says they express: from a folder, a CSV file or a zip of either."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.augmentation import fitted
from data.core.arrays import Image
from data.core.errors import InputError
from data.core.file_types import SUFFIXES
from data.core.progress import Progress

KEPT_PX: Final = 112
"""Longer side of a face as it is kept: half as much again as the network looks at."""

LABEL_COLUMNS: Final = ("label", "expression", "class", "emotion")
FILE_COLUMN: Final = "file"
SUBJECT_COLUMN: Final = "subject"

# Larger is a mistake or an attack: 200,000 faces are 2.5 GB.
MAX_FACES: Final = 200_000
MAX_FILE_BYTES: Final = 32 * 2**20
MAX_CSV_BYTES: Final = 256 * 2**20
MAX_FACE_SIDE_PX: Final = 8192
MAX_CLASSES: Final = 100

_BLACK: Final = 20  # brightness up to which a border was filled in, as JPEG gives it back
_LEAST_SIDE_PX: Final = 8
_MOST_SKIPPED: Final = 0.2  # of the faces: more are not a few bad files but something else


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Faces with their labels, in the order of their names."""

    names: tuple[str, ...]  # (n,) what a person would know the face by
    images: tuple[Image, ...]  # (n,) each (h, w) grey, at most KEPT_PX, without black borders
    label: NDArray[np.int64]  # (n,) which of the classes
    kind: NDArray[np.str_]  # (n,) the label as it was given: a class may be several
    subject: NDArray[np.str_]  # (n,) who it is; empty where nobody said
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()  # one line a picture that cannot be read

    def __post_init__(self) -> None:
        n = len(self.names)
        columns = (self.images, self.label, self.kind, self.subject)
        if any(len(column) != n for column in columns):
            raise ValueError(f"images, label, kind and subject must have {n} entries, one a name")
        if n and not (self.label.min() >= 0 and self.label.max() < len(self.classes)):
            raise ValueError(f"label must be one of {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.names)

    def counts(self) -> NDArray[np.int64]:
        """Faces of each class, ``(classes,)``."""
        return np.bincount(self.label, minlength=len(self.classes))

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> LabelledFaces:
        """Return the chosen faces."""
        chosen = np.arange(len(self))[rows].tolist()
        return LabelledFaces(
            names=tuple(self.names[row] for row in chosen),
            images=tuple(self.images[row] for row in chosen),
            label=self.label[chosen],
            kind=self.kind[chosen],
            subject=self.subject[chosen],
            classes=self.classes,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One face that a source names."""

    file: str
    label: str
    subject: str


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """One face that was read."""

    name: str
    image: Image
    label: str  # its class
    kind: str
    subject: str


class _Files(Protocol):
    """Where the files of a source are: in a folder or a zip; names have ``/`` between parts."""

    def names(self) -> list[str]:
        """Return every file's name, in order."""
        ...

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return what a file holds.

        Raises:
            InputError: it is too large, or cannot be read; without its name.
        """
        ...


def read_labelled_faces(
    sources: Sequence[Path],
    *,
    progress: Progress,
    merge: Callable[[str], str] = str,
    order: Sequence[str] = (),
) -> LabelledFaces:
    """Read the faces of all ``sources`` together; pictures that are damaged are skipped and named.

    A source is a folder with one folder of pictures a class; a CSV file with a header and the
    columns ``file`` (beside the CSV, or in a folder beside it), ``label`` (or ``expression``) and,
    where it is known, ``subject``; or a zip of either.

    Args:
        sources: paths.
        progress: shows how far it is.
        merge: the class that a label stands for.
        order: of the classes; by name where none is given.

    Raises:
        InputError: a source cannot be read, names files that are not there, holds one class only
            or too many faces, or too many of its pictures are damaged.
    """
    opened = [(source, *_listed(source)) for source in sources]
    total = sum(len(entries) for _, _, entries in opened)
    if total > MAX_FACES:
        raise InputError(f"{total} faces are too many; give at most {MAX_FACES}")
    read: list[_Read] = []
    skipped: list[str] = []
    with progress("reading", total, 0) as bar:
        for source, files, entries in opened:
            for entry in entries:
                name = f"{source.name}/{entry.file}"
                try:
                    image = _face(files.read(entry.file, MAX_FILE_BYTES))
                except InputError as error:
                    skipped.append(f"{name}: {error}")
                else:
                    label = merge(entry.label)
                    read.append(_Read(name, image, label, entry.label, entry.subject))
                bar.update(1)
    if len(skipped) > _MOST_SKIPPED * total:
        message = f"{len(skipped)} of {total} pictures cannot be read; the first: {skipped[0]}"
        raise InputError(message)
    return _faces(read, order, skipped)


def _faces(read: list[_Read], order: Sequence[str], skipped: list[str]) -> LabelledFaces:
    found = {face.label for face in read}
    classes = tuple(name for name in order if name in found) or tuple(sorted(found))
    if len(classes) < 2:
        shown = f'only the class "{classes[0]}"' if classes else "no faces"
        raise InputError(f"{shown}: training needs faces of at least two classes")
    if len(classes) > MAX_CLASSES:
        raise InputError(f"{len(classes)} classes are too many; give at most {MAX_CLASSES}")
    number = {name: i for i, name in enumerate(classes)}
    return LabelledFaces(
        names=tuple(face.name for face in read),
        images=tuple(face.image for face in read),
        label=np.array([number[face.label] for face in read], np.int64),
        kind=np.array([face.kind for face in read], np.str_),
        subject=np.array([face.subject for face in read], np.str_),
        classes=classes,
        skipped=tuple(skipped),
    )


# --- pictures -----------------------------------------------------------------------------------


def _face(content: bytes) -> Image:
    """Return the grey face of a picture file's bytes.

    Raises:
        InputError: it is damaged, too large, or too small.
    """
    from PIL import Image as Pictures
    from PIL import ImageFile, ImageOps

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition switches it on for the process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are checked below
            picture = Pictures.open(io.BytesIO(content))
            if max(picture.size) > MAX_FACE_SIDE_PX:
                raise InputError("too large for a face")
            grey = np.array(ImageOps.exif_transpose(picture).convert("L"), np.uint8)
    # Where ultralytics is loaded, Pillow looks for a plugin then, which is not there.
    except (
        OSError,
        ValueError,
        SyntaxError,
        ImportError,
        Pictures.DecompressionBombError,
    ) as error:
        raise InputError("not a picture, or a damaged one") from error
    return kept(grey)


def kept(grey: Image) -> Image:
    """Return a grey face without black borders, its longer side at most ``KEPT_PX``.

    Raises:
        InputError: nothing is left of it.
    """
    face = without_border(grey)
    if min(face.shape) < _LEAST_SIDE_PX:
        raise InputError(f"less than {_LEAST_SIDE_PX} px of face")
    if max(face.shape) <= KEPT_PX:
        return face
    return fitted(face, KEPT_PX)


def without_border(grey: Image) -> Image:
    """Return what is inside a black border, as data sets have it to make all faces one size."""
    rows, columns = ((grey > _BLACK).sum(axis=axis) > 2 for axis in (1, 0))
    if not (rows.any() and columns.any()):
        return grey[:0, :0]
    y, x = np.flatnonzero(rows), np.flatnonzero(columns)
    return np.ascontiguousarray(grey[y[0] : y[-1] + 1, x[0] : x[-1] + 1])


# --- sources ------------------------------------------------------------------------------------


def _listed(source: Path) -> tuple[_Files, list[_Entry]]:
    """Return the files of a source, and the faces that it names."""
    if source.is_dir():
        files: _Files = _Folder(source)
        tables = [name for name in files.names() if _is_table(name)]
    elif source.suffix.lower() == ".csv":
        files, tables = _Folder(source.parent), [source.name]
    elif source.suffix.lower() == ".zip":
        files = _Zip(source)
        tables = [name for name in files.names() if _is_table(name)]
    else:
        message = "give a folder with one folder a class, a CSV file with labels, or a zip of those"
        raise InputError(f"{source}: {message}" if source.exists() else f"{source}: no such file")
    entries = _by_tables(source, files, tables) if tables else _by_folders(source, files)
    if not entries:
        message = "no faces; give one folder of pictures a class, or a CSV file with labels"
        raise InputError(f"{source}: {message}")
    return files, entries


def _is_table(name: str) -> bool:
    return PurePosixPath(name).name.lower() == "labels.csv"


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _by_folders(source: Path, files: _Files) -> list[_Entry]:
    """The pictures, each of the class that its folder is called."""
    pictures = [PurePosixPath(name) for name in files.names() if _is_picture(name)]
    if any(len(path.parts) < 2 for path in pictures):
        message = "pictures outside any class; give one folder of pictures a class, or labels.csv"
        raise InputError(f"{source}: {message}")
    return [_Entry(str(path), path.parent.name, "") for path in pictures]


def _by_tables(source: Path, files: _Files, tables: list[str]) -> list[_Entry]:
    entries: list[_Entry] = []
    find = _Finder(files.names())
    for table in tables:
        where = str(source) if source.name == table else f"{source}/{table}"
        try:
            content = files.read(table, MAX_CSV_BYTES)
        except InputError as error:
            raise InputError(f"{where}: {error}; give labelled faces") from error
        folder = PurePosixPath(table).parent
        for number, row in enumerate(_rows(where, content), start=2):
            file = find(folder, row[FILE_COLUMN])
            if file is None:
                missing = f"{where}: line {number} names {row[FILE_COLUMN]!r}, which is not there"
                raise InputError(f"{missing}; put the pictures beside the CSV file")
            entries.append(_Entry(file, row["label"], row[SUBJECT_COLUMN]))
    return entries


def _rows(where: str, content: bytes) -> Iterator[Mapping[str, str]]:
    """The lines of a CSV file, with the columns file, label and subject."""
    try:
        # Spreadsheets put a mark in front when they save a file as UTF-8.
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        columns = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
        label = next((columns[name] for name in LABEL_COLUMNS if name in columns), None)
        if label is None or FILE_COLUMN not in columns:
            message = "its first line must name the columns file, label and, where known, subject"
            raise InputError(f"{where}: {message}")
        subject = columns.get(SUBJECT_COLUMN)
        for number, row in enumerate(reader, start=2):
            values = {
                FILE_COLUMN: (row[columns[FILE_COLUMN]] or "").strip(),
                "label": (row[label] or "").strip(),
                SUBJECT_COLUMN: ((row[subject] if subject else "") or "").strip(),
            }
            if not (values[FILE_COLUMN] and values["label"]):
                raise InputError(f"{where}: line {number} has no file or no label; complete it")
            yield values
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where}: not a readable CSV file ({error}); save it as UTF-8") from error


class _Finder:
    """Finds the pictures that a table names: beside it, or in any one folder below."""

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)
        self._by_name: dict[str, list[str]] = {}
        for name in names:
            self._by_name.setdefault(PurePosixPath(name).name, []).append(name)

    def __call__(self, folder: PurePosixPath, file: str) -> str | None:
        path = file.replace("\\", "/")
        beside = str(folder / path)
        if beside in self._names:
            return beside
        # Only names that the folder or zip lists are ever opened: "../" leads nowhere.
        below = [n for n in self._by_name.get(PurePosixPath(path).name, []) if n.endswith(path)]
        return below[0] if len(below) == 1 else None


class _Folder:
    """The files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        try:
            found = [path for path in self._folder.rglob("*") if path.is_file()]
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be read ({_reason(error)})") from error
        return sorted(path.relative_to(self._folder).as_posix() for path in found)

    def read(self, name: str, most_bytes: int) -> bytes:
        path = self._folder / name
        try:
            if path.stat().st_size > most_bytes:
                raise InputError("too large")
            return path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read ({_reason(error)})") from error


class _Zip:
    """The files of a zip; read into memory one at a time, so that none can land anywhere."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            message = f"not a readable zip ({_reason(error)}); pack it anew"
            raise InputError(f"{path}: {message}") from error
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}

    def names(self) -> list[str]:
        return sorted(self._infos)

    def read(self, name: str, most_bytes: int) -> bytes:
        try:
            with self._zip.open(self._infos[name]) as file:
                # What it unpacks to, whatever the zip says that would be.
                content = file.read(most_bytes + 1)
        except _ZIP_ERRORS as error:
            raise InputError(f"cannot be unpacked ({_reason(error)})") from error
        if len(content) > most_bytes:
            raise InputError("too large")
        return content


# RuntimeError: it is encrypted, or packed some new way.
_ZIP_ERRORS: Final = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or "damaged"
