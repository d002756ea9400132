"""Find the crop files of each person by id: a file keeps its name until it is written again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.core.errors import InputError
from data.project.filenames import VIDEO_KINDS, CropKind, crop_kind
from data.project.stages import GifsRecord
from data.tables.timeline_json import TIMELINE_FILE, read_timeline_json


@dataclass(frozen=True, slots=True)
class CropFiles:
    """The listed crop files of a footage.

    Args:
        owners: person id of each file, by name.
        kinds: kind of each file, by name.
        unfinished: names of the files that a stopped run may have replaced: they show anybody.
    """

    owners: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, CropKind] = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()

    def of_person(self, person_id: int, kind: CropKind) -> str | None:
        """Return the name of a person's file of a kind; None if none is listed."""
        own = (file for file, person in self.owners.items() if person == person_id)
        return next((file for file in own if self.kinds[file] is kind), None)

    def all_of(self, person_id: int) -> set[str]:
        """Return the names of all files of a person."""
        return {file for file, person in self.owners.items() if person == person_id}


def video_manifest_key(person_id: int, key: str) -> str:
    """Return the key of a person's video in the manifest of the crops folder."""
    return f"{person_id} {key}"


def same_key(listed: str | None, key: str) -> bool:
    """Whether a listed key equals ``key``; those of earlier versions lack the person's id."""
    return listed is not None and listed.split()[-1:] == key.split()[-1:]


def crop_files(folder: Path, listed: Mapping[str, str], gifs: GifsRecord | None) -> CropFiles:
    """Return the listed files of a crops folder with the people they show.

    Args:
        folder: see `ProjectPaths.crops_folder`.
        listed: key of each file in the folder's manifest, by name.
        gifs: record of smile-gifs.
    """
    owners: dict[str, int] = {}
    kinds: dict[str, CropKind] = {}
    for file, key in listed.items():
        kind = crop_kind(file, among=VIDEO_KINDS)
        person = _person_in(key)
        if kind is not None and person is not None:
            owners[file], kinds[file] = person, kind
    keys = {**listed, **(gifs or GifsRecord()).keys}
    unfinished = frozenset(file for file, key in keys.items() if not key)
    unowned = listed.keys() - owners.keys() - unfinished - {TIMELINE_FILE}
    if unowned:
        _add_by_timeline(folder, unowned, owners, kinds)
    for file, key in (gifs or GifsRecord()).keys.items():
        kind, person = crop_kind(file), _person_in(key)
        if kind is not None and person is not None:
            owners[file], kinds[file] = person, kind
    return CropFiles(owners, kinds, unfinished)


def _add_by_timeline(
    folder: Path, files: Collection[str], owners: dict[str, int], kinds: dict[str, CropKind]
) -> None:
    """Add the owners of files of earlier versions, whose keys have no ids."""
    try:
        people = read_timeline_json(folder / TIMELINE_FILE).people
    except InputError:
        return
    by_base = {CropKind.VIDEO.base(person.video): person.person_id for person in people}
    for file in files:
        kind = crop_kind(file, among=VIDEO_KINDS)
        if kind is not None and kind.base(file) in by_base:
            owners[file], kinds[file] = by_base[kind.base(file)], kind


def _person_in(key: str) -> int | None:
    first, *others = key.split() or [""]
    return int(first) if others and first.isdecimal() else None
