"""Read and write manually labelled faces: one folder per label set, with CSV files and pictures.

    labels/smile/set.json      name of the set, and its labels
    labels/smile/labels.csv    file,label,by,created_at,person: the current label of each face
    labels/smile/answers.csv   file,label,by,created_at,decided: the label of each labeller and face
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from data.core.atomic import write_json, write_text
from data.core.errors import InputError

LABELS_FILE: Final = "labels.csv"
ANSWERS_FILE: Final = "answers.csv"
SET_FILE: Final = "set.json"
FACES_FOLDER: Final = "faces"
_SHARED_COLUMNS: Final = ("file", "label", "by", "created_at")
COLUMNS: Final = (*_SHARED_COLUMNS, "person")
ANSWER_COLUMNS: Final = (*_SHARED_COLUMNS, "decided")
MAX_LABELS: Final = 40
MAX_LETTERS: Final = 60
MAX_SETS: Final = 200

_SET_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WAIT_S: Final = 20
_DECIDED: Final = "yes"


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A question about faces, and its possible answers."""

    id: str  # name of its folder: lower-case letters, digits and hyphens
    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _GivenLabel:
    """Label that a labeller gave a face."""

    file: str  # name of the picture in faces/
    label: str
    by: str  # name of the labeller
    created_at: str  # ISO 8601, UTC

    def cells(self) -> list[str]:
        """Return the cells of the columns that both files have."""
        return [f"{FACES_FOLDER}/{self.file}", self.label, self.by, self.created_at]


@dataclass(frozen=True, slots=True)
class FaceLabel(_GivenLabel):
    """Label of one face."""

    person: str  # person id; empty if unknown


@dataclass(frozen=True, slots=True)
class Answer(_GivenLabel):
    """Latest label that one labeller gave one face."""

    decided: bool = False  # settles a disagreement of the labellers


Answers: TypeAlias = dict[tuple[str, str], Answer]
"""Answers by file and labeller, earliest first."""


def disagreements(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return the answers in force to each face whose labellers disagree, by file.

    Args:
        answers: answers of one label set, earliest first; a decided one replaces the earlier ones.
    """
    in_force: dict[str, list[Answer]] = {}
    for answer in answers:
        given = in_force.setdefault(answer.file, [])
        if answer.decided:
            given.clear()
        given.append(answer)
    return {file: given for file, given in in_force.items() if len({a.label for a in given}) > 1}


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
        name = _line("a name", name)
        answers = tuple(_line("an answer", label) for label in labels)
        if not 2 <= len(answers) <= MAX_LABELS:
            raise InputError(f"{name}: give 2 to {MAX_LABELS} answers")
        if len({answer.casefold() for answer in answers}) < len(answers):
            raise InputError(f"{name}: two answers are the same; change one")
        with self._lock():
            existing = self.sets()
            if name.casefold() in (label_set.name.casefold() for label_set in existing):
                raise InputError(
                    f"{name}: there is already a question with this name; choose another name"
                )
            if len(existing) >= MAX_SETS:
                raise InputError(
                    f"there are already {MAX_SETS} questions, the maximum;"
                    f" move a folder out of {self._folder.name}/"
                )
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

    def answers(self, label_set: LabelSet) -> list[Answer]:
        """Read the answers of all labellers, earliest first.

        Raises:
            InputError: a CSV file cannot be read.
        """
        return list(self._answers(label_set, self.labels(label_set)).values())

    def folder(self, label_set: LabelSet) -> Path:
        """Return the folder of a set."""
        return self._folder / label_set.id

    def faces_folder(self, label_set: LabelSet) -> Path:
        """Return the folder of a set's pictures."""
        return self._folder / label_set.id / FACES_FOLDER

    def save(
        self,
        label_set: LabelSet,
        given: Iterable[tuple[str, str, str]],
        *,
        by: str,
        decided: bool = False,
    ) -> dict[str, FaceLabel]:
        """Save labels atomically; return all labels of the set.

        Args:
            label_set: an existing set.
            given: file name of the picture, label and person of each face; an empty label removes
                the face's label and the answers to it. The pictures must exist.
            by: name of the labeller.
            decided: the labels settle a disagreement of the labellers.

        Raises:
            InputError: the set does not have a label, or the CSV file cannot be read.
        """
        by = _line("the labeller's name", by)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock():
            labels = self.labels(label_set)
            answers = self._answers(label_set, labels)
            removed = set()
            for file, label, person in given:
                if label and label not in label_set.labels:
                    raise InputError(f"{label}: not an answer to {label_set.name}; reload the page")
                labels.pop(file, None)
                before = answers.pop((file, by), None)
                if label:
                    labels[file] = FaceLabel(file, label, by, at, person)
                    # Saved again unchanged, a decision stays one.
                    again = before is not None and before.decided and before.label == label
                    answers[file, by] = Answer(file, label, by, at, decided or again)
                else:
                    removed.add(file)
            kept = [answer for answer in answers.values() if answer.file not in removed]
            self._write(label_set, labels.values(), kept)
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
                answers = self._answers(label_set, labels).values()
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
                if answers:
                    names = ((answer, renamed.get(answer.file, answer.file)) for answer in answers)
                    moved = [dataclasses.replace(a, file=f) for a, f in names if f is not None]
                    self._write(label_set, kept.values(), moved)
        return erased

    def _answers(self, label_set: LabelSet, labels: Mapping[str, FaceLabel]) -> Answers:
        """Read the answers; a current label that is not among them is an answer too.

        Sets of earlier versions have only current labels, and people edit the file of these.
        """
        answers = _read_answers(self._folder / label_set.id / ANSWERS_FILE)
        for face in labels.values():
            given = answers.get((face.file, face.by))
            if given is None or given.label != face.label:
                answers.pop((face.file, face.by), None)
                answers[face.file, face.by] = Answer(
                    face.file, face.label, face.by, face.created_at
                )
        return answers

    def _write(
        self, label_set: LabelSet, labels: Iterable[FaceLabel], answers: Iterable[Answer]
    ) -> None:
        folder = self._folder / label_set.id
        given = [[*answer.cells(), _DECIDED if answer.decided else ""] for answer in answers]
        write_text(folder / ANSWERS_FILE, _format(ANSWER_COLUMNS, given))
        current = [[*face.cells(), face.person] for face in labels]
        write_text(folder / LABELS_FILE, _format(COLUMNS, current))

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
        raise InputError(f"enter {field}")
    if len(text) > MAX_LETTERS:
        raise InputError(f"{text[:20]}...: {field} can have at most {MAX_LETTERS} characters")
    # Zero-width joiners are not printable, but some scripts and emoji need them.
    if not re.sub("[\u200c\u200d]", "", text).isprintable():
        raise InputError(
            f"{field} must be one line of text; remove the characters that cannot be printed"
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
    rows = _read_rows(file, COLUMNS)
    return {name: FaceLabel(name, *values) for name, *values in rows}


def _read_answers(file: Path) -> Answers:
    return {
        (name, by): Answer(name, label, by, at, decided == _DECIDED)
        for name, label, by, at, decided in _read_rows(file, ANSWER_COLUMNS)
    }


def _read_rows(file: Path, columns: Sequence[str]) -> list[list[str]]:
    """Read the cells of ``columns``; the first is the file name of a picture, the second a label.

    Raises:
        InputError: the CSV file cannot be read.
    """
    try:
        # Spreadsheets save UTF-8 with a byte order mark.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            cells = list(csv.DictReader(lines, strict=True))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not readable ({error}); correct it or move it away") from error
    rows = []
    for row in cells:
        name, label, *others = [(row.get(column) or "").strip() for column in columns]
        name = name.removeprefix(f"{FACES_FOLDER}/")
        if not (name and label):
            message = "a line has no file or no label; correct it or move it away"
            raise InputError(f"{file}: {message}")
        rows.append([name, label, *others])
    return rows


def _format(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
