"""Extract the text of fancam's own files where a name may be, without fancam's own words."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final

from data.erasure.names import EXTENSIONS
from data.project import stages
from data.project.record import Record
from data.tables.decisions import NOTE_WORDS
from data.tables.labels import ANSWER_COLUMNS
from data.tables.labels import COLUMNS as LABEL_COLUMNS
from data.tables.tracks import CSV_COLUMNS

_RECORDS: Final = tuple(
    kind
    for kind in vars(stages).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
)
_PLACES: Final = frozenset(
    {"name", "names", "video", "footage", "path", "people", "footages", "labels"}
)
"""Keys of our JSON and YAML files whose values may hold a name."""
_KEYED: Final = frozenset({"files", "keys"})
"""Keys whose value maps file names to keys of caches."""
_OPAQUE: Final = frozenset({"grouping", "naming", "settings"})
_KEYS: Final = (
    _PLACES
    | _KEYED
    | _OPAQUE
    | {field.name for kind in _RECORDS for field in fields(kind)}
    | {"schema", "stages", "size_bytes", "duration_s", "rate", "width", "height", "version"}
    | {"frames", "size_wh", "person_id", "seen", "body", "filled", "absent", "smiling", "note"}
    | {"train", "val", "tracker"}
    | {"recordings", "second_begins_later_s", "first_frames_apart_s", "common_s", "disconnects"}
    | {"off_s", "back_s", "lasts_s", "begun", "common", "looked_at", "looked_at_s"}
)
"""All keys of our JSON and YAML files."""
_STAGE: Final = re.compile(
    rf"^(?:{'|'.join(s.name for s in vars(stages).values() if isinstance(s, stages.Stage))})"
)
_SKIPPED_CELLS: Final = {
    "tracks": frozenset(CSV_COLUMNS) - {"person"},
    "labels": frozenset(LABEL_COLUMNS + ANSWER_COLUMNS) - {"file", "label", "by"},
}
_ALL: Final = re.compile(r"(?s).+")
SKIPPED_COLUMNS: Final = {
    "kind": _ALL,
    "state": _ALL,
    "made_at": _ALL,
    "concerned": _ALL,
    "note": NOTE_WORDS,
}
"""By column of people.sqlite, what are our words, and numbers as text."""
_LAYOUT: Final = re.compile(
    r"people/(?:montage|unknown)|people|dataset/(?:images|labels)/(?:train|val)"
    r"|dataset/(?:images|labels)|dataset|faces|tracks|tracker(?:/(?:report|training))?|crops"
    r"|labels(?:/[^/]+/faces)?|export|logs|pairs|\.web"
)
"""Folders of a project."""
_FIXED: Final = frozenset(
    {"project.json", "people.sqlite", "data.yaml", "set.json", "timeline.json"}
    | {"labels.csv", "answers.csv"}
    | {"smiles.parquet", "best.pt", "best.onnx", "report.html", "people.csv"}
    | {"coco.zip", "label-studio.zip", ".generated.json", ".lock"}
)
_LISTED_FOLDERS: Final = frozenset(
    {"images/train", "images/val", "labels/train", "labels/val", "montage", "unknown"}
)
_SUFFIX: Final = re.compile(r"(?:\.(?:best|loop|frames|parts))?\.(\w{1,7})$")


def own_reader(path: PurePosixPath) -> Callable[[str], Iterator[str] | None] | None:
    """Return the function for the texts of a file that fancam writes; None for other files.

    The function returns None for a damaged file.

    Args:
        path: path of the file, relative to the project.
    """
    place = path.parts[0] if len(path.parts) > 1 else ""
    if path.name in ("project.json", ".generated.json", "timeline.json", "set.json"):
        return _json_texts
    if place == "pairs" and path.suffix == ".json":
        return _json_texts
    if path.as_posix() == "dataset/data.yaml":
        return _yaml_texts
    if place in _SKIPPED_CELLS and path.suffix == ".csv":
        return partial(_csv_texts, skipped=_SKIPPED_CELLS[place])
    return None


def is_own_place(path: PurePosixPath) -> bool:
    """Return whether a path is in one of fancam's folders, or a file whose text fancam writes."""
    folder = _LAYOUT.fullmatch(path.parts[0]) is not None and len(path.parts) > 1
    return folder or path.as_posix() in ("project.json", "people.sqlite")


def is_own_archive(path: PurePosixPath) -> bool:
    """Return whether a file is one of fancam's archives of arrays, whose entries have our names."""
    return path.suffix == ".npz" and path.parts[0] in ("tracks", "faces") and len(path.parts) > 1


def free_name(path: PurePosixPath) -> str | None:
    """Return the last component of a path without suffix; None if fancam gives that name.

    Args:
        path: path of a file or folder, relative to the project.
    """
    if _LAYOUT.fullmatch(path.as_posix()) or path.name in _FIXED:
        return None
    return without_suffix(path.name)


def without_suffix(name: str) -> str:
    """Return a file's name without a suffix that is the name of a format."""
    suffix = _SUFFIX.search(name)
    return name[: suffix.start()] if suffix and suffix[1].lower() in EXTENSIONS else name


def _json_texts(text: str) -> Iterator[str] | None:
    try:
        return iter(list(_walk(json.loads(text), searched=True)))
    except (ValueError, RecursionError):
        return None


def _yaml_texts(text: str) -> Iterator[str] | None:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return iter(list(_walk(yaml.safe_load(text), searched=True)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _walk(value: Any, *, searched: bool) -> Iterator[str]:
    """Yield the strings of a value, and all strings under keys that are not ours.

    Args:
        value: value of a JSON file.
        searched: whether a string or a list of strings is text.
    """
    if isinstance(value, str):
        yield from (value,) if searched else ()
    elif isinstance(value, list):
        for entry in value:
            yield from _walk(entry, searched=searched)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _walk_entry(str(key), entry)


def _walk_entry(key: str, entry: Any) -> Iterator[str]:
    if key == "options" and isinstance(entry, dict):  # by command and option, whose names are ours
        for options in entry.values():
            for value in options.values() if isinstance(options, dict) else (options,):
                yield from _walk(value, searched=True)
        return
    if key in _KEYED and isinstance(entry, dict):
        yield from (without_suffix(part) for name in entry for part in _listed(name))
        return
    if key not in _KEYS and not key.isdigit():
        yield _STAGE.sub("", key)
    if key in _OPAQUE:
        return
    if key == "video" and isinstance(entry, str):
        yield without_suffix(entry)
        return
    yield from _walk(entry, searched=key in _PLACES or key not in _KEYS)


def _listed(name: str) -> tuple[str, ...]:
    """Return the free components of a file's path in a list of generated files."""
    head, _, tail = name.rpartition("/")
    folders = () if not head or head in _LISTED_FOLDERS else tuple(head.split("/"))
    return folders if tail in _FIXED else (*folders, tail)


def _csv_texts(text: str, skipped: frozenset[str]) -> Iterator[str] | None:
    rows = csv.reader(text.splitlines(keepends=True))
    try:
        header = next(rows, [])
        known = skipped | {"person", "file", "label", "by"}
        found = {name for name in header if name not in known}
        columns = [name if name in known else "" for name in header]
        for row in rows:
            for number, cell in enumerate(row):
                if number >= len(columns) or columns[number] not in skipped:
                    found.add(without_suffix(cell.removeprefix("faces/")))
    except csv.Error:
        return None
    return iter(sorted(found))
