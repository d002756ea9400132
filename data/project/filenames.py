"""File names of people, valid on every platform, and the suffixes of their crop files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

UNKNOWN_FOLDER = "unknown"
MONTAGE_FOLDER = "montage"

_NAME_BYTES = 120  # the limit is 255 for a file name and 260 for a Windows path
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{d}{n}" for d in ("com", "lpt") for n in "123456789"
}
_JOINERS = "\u200c\u200d"  # invisible, but letters of some scripts and emoji need them


def person_file_name(name: str) -> str:
    """Return a person's name as a file name that Windows, macOS and Linux allow.

    Letters of every script are kept. Different names may result in the same file name; see
    `person_file_names`.
    """
    visible = (c for c in unicodedata.normalize("NFC", name) if _is_visible(c))
    text = _FORBIDDEN.sub("_", " ".join("".join(visible).split()))
    text = text.encode()[:_NAME_BYTES].decode(errors="ignore")
    text = text.lstrip(". ").rstrip(". ") or "Person"
    stem = text.split(".")[0].rstrip().casefold()
    reserved = stem in _WINDOWS_DEVICES or text.casefold() in {UNKNOWN_FOLDER, MONTAGE_FOLDER}
    return f"_{text}" if reserved else text


def _is_visible(character: str) -> bool:
    if character in _JOINERS or character.isspace():
        return True
    return not unicodedata.category(character).startswith("C")


def person_file_names(names: Mapping[int, str]) -> dict[int, str]:
    """Return a file name without suffix per person, unique on disks that ignore case.

    Args:
        names: names by person id.
    """
    files: dict[int, str] = {}
    taken: set[str] = set()
    for person in sorted(names):
        base = file = person_file_name(names[person])
        number = 2
        while file.casefold() in taken:
            file, number = f"{base} ({number})", number + 1
        taken.add(file.casefold())
        files[person] = file
    return files


class CropKind(StrEnum):
    """Kind of a person's file in the crops of a footage; its value is part of the page's URLs."""

    suffix: str

    def __new__(cls, value: str, suffix: str) -> CropKind:
        """Create a kind with the suffix of its files."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.suffix = suffix
        return kind

    VIDEO = "video", ".mp4"
    BEST = "best", ".best.mp4"  # only the intervals with the person
    SMALL = "small", ".small.m4v"  # small rendition without sound; no video is named so
    GIF = "gif", ".gif"
    WEBP = "webp", ".webp"
    LOOP = "loop", ".loop.mp4"

    def file_name(self, base: str) -> str:
        """Return the name of the file of this kind.

        Args:
            base: file name without suffix; see `person_file_names`.
        """
        return f"{base}{self.suffix}"

    def base(self, file_name: str) -> str:
        """Return the name of a file of this kind without its suffix."""
        return file_name.removesuffix(self.suffix)


VIDEO_KINDS: Final = (CropKind.VIDEO, CropKind.SMALL, CropKind.BEST)
"""Kinds of files that crop-people writes; smile-gifs writes all others."""


def crop_kind(file_name: str, *, among: Iterable[CropKind] = CropKind) -> CropKind | None:
    """Return the kind of a person's file by its longest matching suffix; None if no suffix matches.

    The video of "Ann.loop" and the loop of "Ann" have the same file name: restrict ``among`` to the
    kinds that the writer of the file produces.
    """
    matching = [kind for kind in among if file_name.endswith(kind.suffix)]
    return max(matching, key=lambda kind: len(kind.suffix), default=None)
