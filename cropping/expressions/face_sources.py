"""Sources of labelled faces: a folder of class folders, a CSV file, or a zip of either."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from data.core.disk_space import readable
from data.core.errors import InputError, unreadable
from data.core.file_types import SUFFIXES

LABEL_COLUMNS: Final = ("label", "expression", "class", "emotion")
FILE_COLUMN: Final = "file"
SUBJECT_COLUMN: Final = "subject"
MAX_CSV_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True)
class FaceEntry:
    """One face listed by a source."""

    file: str  # name within the source
    label: str
    subject: str  # name of the person, empty if unknown


class FaceFiles(Protocol):
    """Files of a folder or zip. Names are relative paths with ``/``."""

    def names(self) -> list[str]:
        """Return the sorted names of all files."""
        ...

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the content of a file.

        Raises:
            InputError: the file is too large or unreadable. The message does not name the file.
        """
        ...


def open_source(source: Path) -> tuple[FaceFiles, list[FaceEntry]]:
    """Return the files of a source, and its labelled faces.

    Raises:
        InputError: the source is unreadable, has no faces, or lists a missing file.
    """
    if source.is_dir():
        files: FaceFiles = _Folder(source)
        tables = [name for name in files.names() if _is_table(name)]
    elif source.suffix.lower() == ".csv":
        files, tables = _Folder(source.parent), [source.name]
    elif source.suffix.lower() == ".zip":
        files = _Zip(source)
        tables = [name for name in files.names() if _is_table(name)]
    else:
        message = (
            "give a folder with one folder per class, a CSV file with labels, or a zip of either"
        )
        raise InputError(f"{source}: {message}" if source.exists() else f"{source}: no such file")
    entries = _table_entries(source, files, tables) if tables else _folder_entries(source, files)
    if not entries:
        message = "no faces; give one folder of pictures per class, or a CSV file with labels"
        raise InputError(f"{source}: {message}")
    return files, entries


def _is_table(name: str) -> bool:
    return PurePosixPath(name).name.lower() == "labels.csv"


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _folder_entries(source: Path, files: FaceFiles) -> list[FaceEntry]:
    """Return all pictures, labelled with the name of their folder."""
    pictures = [PurePosixPath(name) for name in files.names() if _is_picture(name)]
    if any(len(path.parts) < 2 for path in pictures):
        message = "pictures outside the class folders; give one folder per class, or labels.csv"
        raise InputError(f"{source}: {message}")
    return [FaceEntry(str(path), path.parent.name, "") for path in pictures]


def _table_entries(source: Path, files: FaceFiles, tables: list[str]) -> list[FaceEntry]:
    """Return the rows of all CSV files."""
    entries: list[FaceEntry] = []
    find = _FileFinder(files.names())
    for table in tables:
        where = str(source) if source.name == table else f"{source}/{table}"
        try:
            content = files.read(table, MAX_CSV_BYTES)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        folder = PurePosixPath(table).parent
        for number, row in enumerate(_rows(where, content), start=2):
            file = find(folder, row[FILE_COLUMN])
            if file is None:
                missing = f"{where}: line {number} lists {row[FILE_COLUMN]!r}, which does not exist"
                raise InputError(f"{missing}; put the pictures next to the CSV file")
            entries.append(FaceEntry(file, row["label"], row[SUBJECT_COLUMN]))
    return entries


def _rows(where: str, content: bytes) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a CSV file with the columns file, label and subject."""
    try:
        # Spreadsheets write a byte order mark when they save a file as UTF-8.
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        columns = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
        label = next((columns[name] for name in LABEL_COLUMNS if name in columns), None)
        if label is None or FILE_COLUMN not in columns:
            message = (
                "the first line must name the columns 'file', 'label' and, if known, 'subject'"
            )
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


class _FileFinder:
    """Finds the pictures listed in a CSV file, next to it or in a folder below."""

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)
        self._by_name: dict[str, list[str]] = {}
        for name in names:
            self._by_name.setdefault(PurePosixPath(name).name, []).append(name)

    def __call__(self, folder: PurePosixPath, file: str) -> str | None:
        path = file.replace("\\", "/")
        sibling = str(folder / path)
        if sibling in self._names:
            return sibling
        # Only names listed by the folder or zip are opened, so "../" cannot leave it.
        same_name = self._by_name.get(PurePosixPath(path).name, [])
        matches = [name for name in same_name if name.endswith(path)]
        return matches[0] if len(matches) == 1 else None


class _Folder:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        try:
            paths = [path for path in self._folder.rglob("*") if path.is_file()]
        except OSError as error:
            raise InputError(f"{self._folder}: {unreadable(error)}") from error
        return sorted(path.relative_to(self._folder).as_posix() for path in paths)

    def read(self, name: str, max_bytes: int) -> bytes:
        path = self._folder / name
        try:
            if path.stat().st_size > max_bytes:
                raise _too_large(max_bytes)
            return path.read_bytes()
        except OSError as error:
            raise InputError(unreadable(error)) from error


class _Zip:
    """Files of a zip, which are read into memory and never extracted to disk."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            message = f"not a readable zip ({_reason(error)}); create it again"
            raise InputError(f"{path}: {message}") from error
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}

    def names(self) -> list[str]:
        return sorted(self._infos)

    def read(self, name: str, max_bytes: int) -> bytes:
        try:
            with self._zip.open(self._infos[name]) as file:
                # Limit the unpacked bytes, since the size in the zip's header may be wrong.
                content = file.read(max_bytes + 1)
        except _ZIP_ERRORS as error:
            reason = f"cannot be unpacked ({_reason(error)}); create the zip again"
            raise InputError(reason) from error
        if len(content) > max_bytes:
            raise _too_large(max_bytes)
        return content


# zipfile raises RuntimeError for an encrypted zip or an unknown compression method.
_ZIP_ERRORS: Final = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


def _too_large(max_bytes: int) -> InputError:
    return InputError(f"larger than {readable(max_bytes)}; give a smaller file")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or "damaged"
