"""List the pictures of known people: a folder with one folder per person, named as the person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.core.errors import InputError, unreadable
from data.tables.decision_log import check_name
from data.tables.decisions import default_name
from data.video.pictures.media_folder import left_out_of_pictures, pictures_in

_DEFAULT_NAME: Final = re.compile(re.escape(default_name(0)).replace("0", r"\d+"), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """Pictures of known people."""

    pictures: Mapping[str, tuple[Path, ...]]  # by name of the person
    skipped: tuple[str, ...]  # one line per folder that cannot be used


def list_known(folder: Path) -> KnownFolder:
    """List the pictures of each person; hidden folders and other files are ignored.

    Raises:
        InputError: there is no such folder, or no folder of a person in it.
    """
    people = _folders_in(folder)
    if not people:
        raise InputError(f"{folder}: no people in it; make a folder of pictures for each person")
    pictures: dict[str, tuple[Path, ...]] = {}
    first: dict[str, Path] = {}
    skipped: list[str] = []
    for path in people:
        name = unicodedata.normalize("NFC", path.name).strip()
        try:
            if (same := first.setdefault(name.casefold(), path)) is not path:
                raise InputError(f"{path}: has the same name as {same.name}; choose another name")
            pictures[name] = _pictures_of(path, name)
            skipped += [f"{path}: {line}" for line in left_out_of_pictures(path).lines()]
        except InputError as error:
            skipped.append(f"skipped {error}")
    return KnownFolder(pictures, tuple(skipped))


def is_default_name(name: str) -> bool:
    """Whether a name has the form of those that fancam gives to unknown people."""
    return _DEFAULT_NAME.fullmatch(name) is not None


def _folders_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder with a folder for each person")
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: {unreadable(error)}") from error


def _pictures_of(folder: Path, name: str) -> tuple[Path, ...]:
    """Return the pictures in a person's folder.

    Raises:
        InputError: the name is invalid, or there are no pictures.
    """
    if is_default_name(name):
        reason = "fancam uses such names for people without a name"
        raise InputError(f"{folder}: {reason}; rename the folder to the person's name")
    try:
        check_name(name)
        pictures = tuple(pictures_in(folder, animated=True))
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    except OSError as error:
        raise InputError(f"{folder}: {unreadable(error)}") from error
    if not pictures:
        raise InputError(f"{folder}: no pictures in it")
    return pictures
