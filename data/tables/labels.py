"""Read and write manually labelled faces: one folder per label set, with a CSV file and pictures.

    labels/smile/set.json      name of the set, and its labels
    labels/smile/labels.csv    file,label,by,created_at,person: the current label of each face
    labels/smile/faces/...jpg  pictures; paths to them are relative: the folder can be moved

train-smiles and train-expressions train on such a folder.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from data.core.atomic import write_json, write_text
from data.core.errors import InputError

LABELS_FILE: Final = "labels.csv"
SET_FILE: Final = "set.json"
FACES_FOLDER: Final = "faces"
COLUMNS: Final = ("file", "label", "by", "created_at", "person")
MAX_LABELS: Final = 40
MAX_LETTERS: Final = 60
MAX_SETS: Final = 200

_SET_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WAIT_S: Final = 20


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A question about faces, and its possible answers."""

    id: str  # name of its folder: lower-case letters, digits and hyphens
    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaceLabel:
    """Label of one face."""

    file: str  # name of the picture in faces/
    label: str
    by: str  # name of the labeller
    created_at: str  # ISO 8601, UTC
    person: str  # person id; empty if unknown


def picture_file(footage: str, frame_index: int, number: int) -> str:
    """Return the file name of a frame's ``number``-th face, from 0."""
    return f"{footage}-{frame_index:08d}-{number}.jpg"


class LabelFolder:
    """All label sets of a project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sets(self) -> list[LabelSet]:
        """List all sets, in alphabetical order.

        Raises:
            InputError: a set is damaged.
        """
        files = sorted(self._folder.glob(f"*/{SET_FILE}"))
        label_sets = [_read_set(file) for file in files if _SET_ID.fullmatch(file.parent.name)]
        return sorted(label_sets, key=lambda label_set: (label_set.name.casefold(), label_set.id))

    def set(self, set_id: str) -> LabelSet | None:
        """Read the set with an id; None if it does not exist.

        Raises:
            InputError: the set is damaged.
        """
        file = self._folder / set_id / SET_FILE
        return _read_set(file) if _SET_ID.fullmatch(set_id) and file.is_file() else None

    def add(self, name: str, labels: Iterable[str]) -> LabelSet:
        """Create a set.

        Raises:
            InputError: the name is taken, or there are not 2 to `MAX_LABELS` different labels.
        """
        name = _line("the name", name)
        answers = tuple(_line("a label", label) for label in labels)
        if not 2 <= len(answers) <= MAX_LABELS:
            raise InputError(f"{name}: give 2 to {MAX_LABELS} labels")
        if len({answer.casefold() for answer in answers}) < len(answers):
            raise InputError(f"{name}: two labels are the same; give each another word")
        with self._lock():
            existing = self.sets()
            if name.casefold() in (label_set.name.casefold() for label_set in existing):
                raise InputError(
                    f"{name}: there is a set of this name already; choose another name"
                )
            if len(existing) >= MAX_SETS:
                raise InputError(f"there are {MAX_SETS} sets already; move one away")
            created = LabelSet(self._free_id(name), name, answers)
            content = {"version": 1, "name": name, "labels": list(answers)}
            write_json(self._folder / created.id / SET_FILE, content)
        return created

    def labels(self, label_set: LabelSet) -> dict[str, FaceLabel]:
        """Read the label of each face, by the file name of its picture.

        Raises:
            InputError: the CSV file cannot be read.
        """
        return _read_labels(self._folder / label_set.id / LABELS_FILE)

    def folder(self, label_set: LabelSet) -> Path:
        """Return the folder of a set."""
        return self._folder / label_set.id

    def faces_folder(self, label_set: LabelSet) -> Path:
        """Return the folder of a set's pictures."""
        return self._folder / label_set.id / FACES_FOLDER

    def save(
        self, label_set: LabelSet, given: Iterable[tuple[str, str, str]], *, by: str
    ) -> dict[str, FaceLabel]:
        """Save labels atomically; return all labels of the set.

        Args:
            label_set: an existing set.
            given: file name of the picture, label and person of each face; an empty label removes
                the face's label. The pictures must exist.
            by: name of the labeller.

        Raises:
            InputError: the set does not have a label, or the CSV file cannot be read.
        """
        by = _line("the labeller's name", by)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock():
            labels = self.labels(label_set)
            for file, label, person in given:
                if label and label not in label_set.labels:
                    raise InputError(f"{label}: not a label of {label_set.name}; look again")
                labels.pop(file, None)
                if label:
                    labels[file] = FaceLabel(file, label, by, at, person)
            write_text(self._folder / label_set.id / LABELS_FILE, _format(labels.values()))
        return labels

    def rename_pictures(self, renamed: Mapping[str, str | None]) -> int:
        """Rename the pictures of renumbered faces, and delete the pictures of erased faces.

        Args:
            renamed: new file name by old file name, None for an erased face; ordered so that no
                new name is in use by a file that is renamed later.

        Returns:
            Number of labelled faces that were erased.

        Raises:
            InputError: a set or its CSV file cannot be read.
        """
        erased = 0
        for label_set in self.sets():
            with self._lock():
                labels, folder = self.labels(label_set), self.faces_folder(label_set)
                kept: dict[str, FaceLabel] = {}
                for file, label in labels.items():
                    new_file = renamed.get(file, file)
                    if new_file is None:
                        erased += 1
                    else:
                        kept[new_file] = dataclasses.replace(label, file=new_file)
                for file, new_file in renamed.items():
                    if new_file is None:
                        (folder / file).unlink(missing_ok=True)
                    elif (folder / file).exists():
                        (folder / file).replace(folder / new_file)
                if labels:
                    write_text(self._folder / label_set.id / LABELS_FILE, _format(kept.values()))
        return erased

    def _free_id(self, name: str) -> str:
        ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:30].strip("-") or "labels"
        set_id, number = base, 2
        while (self._folder / set_id).exists():
            set_id, number = f"{base}-{number}", number + 1
        return set_id

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Serialise writers: two browsers may label at the same time."""
        import filelock

        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self._folder / ".lock", timeout=_WAIT_S):
                yield
        except filelock.Timeout as error:
            message = "another program is writing labels; wait and try again"
            raise InputError(f"{self._folder}: {message}") from error


def _line(field: str, text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise InputError(f"{field} must have at least one letter")
    if len(text) > MAX_LETTERS:
        raise InputError(f"{text[:20]}...: {field} has at most {MAX_LETTERS} letters")
    # Zero-width joiners are not printable, but some scripts and emoji need them.
    if not re.sub("[\u200c\u200d]", "", text).isprintable():
        raise InputError(
            f"{field} is one line of text; remove the characters that cannot be printed"
        )
    return text


def _read_set(file: Path) -> LabelSet:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        labels = tuple(str(label) for label in content["labels"])
        return LabelSet(file.parent.name, str(content["name"]), labels)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged ({error}); move its folder away") from error


def _read_labels(file: Path) -> dict[str, FaceLabel]:
    try:
        # Spreadsheets save UTF-8 with a byte order mark.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, strict=True))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not readable ({error}); mend it or move it away") from error
    labels = {}
    for row in rows:
        values = [(row.get(column) or "").strip() for column in COLUMNS]
        name = values[0].removeprefix(f"{FACES_FOLDER}/")
        if not (name and values[1]):
            message = "a line has no file or no label; mend it or move it away"
            raise InputError(f"{file}: {message}")
        labels[name] = FaceLabel(name, *values[1:])
    return labels


def _format(labels: Iterable[FaceLabel]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for face in labels:
        file = f"{FACES_FOLDER}/{face.file}"
        writer.writerow([file, face.label, face.by, face.created_at, face.person])
    return text.getvalue()
