"""The files that a footage's crops folder must contain, as crop-people and the status decide it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cropping.render.job import Person
from cropping.smiles.table import smiling_intervals
from data.core.digest import digest
from data.core.errors import InputError
from data.core.intervals import Interval
from data.project.filenames import VIDEO_KINDS, CropKind
from data.tables.crop_files import CropFiles, same_key, video_manifest_key
from data.tables.smiles import Smiles
from data.tables.timeline_json import read_timeline_json


@dataclass(frozen=True, slots=True, eq=False)
class WantedFile:
    """A video, small rendition or best-of that the folder must contain."""

    person: Person
    kind: CropKind
    key: str  # in the manifest
    source: str | None  # listed file with the same content, under the person's earlier name


def wanted_files(
    people: Sequence[Person],
    chosen: Collection[int],
    listed: Mapping[str, str],
    files: CropFiles,
    *,
    only_present: bool,
) -> dict[str, WantedFile]:
    """Return the videos of the folder by path: each person's video, small rendition and best-of.

    People who are not chosen keep their files. A person with a best-of keeps having one.

    Args:
        people: people with tracks.
        chosen: ids of the people whose files are brought up to date.
        listed: keys of the existing files, by path.
        files: owners of the existing files.
        only_present: write a best-of of each chosen person.
    """
    wanted: dict[str, WantedFile] = {}
    for person in people:
        own = {kind: files.of_person(person.person_id, kind) for kind in VIDEO_KINDS}
        if person.person_id in chosen:
            key = video_manifest_key(person.person_id, person.key)
            keys = {CropKind.VIDEO: key, CropKind.SMALL: f"{key}-small"}
            if only_present or own[CropKind.BEST] is not None:
                keys[CropKind.BEST] = f"{key}-best"
        else:
            keys = {kind: listed[file] for kind, file in own.items() if file is not None}
        for kind, key in keys.items():
            path = kind.file_name(person.file)
            wanted[path] = _wanted(person, kind, key, path, own[kind], listed)
    return wanted


def _wanted(
    person: Person,
    kind: CropKind,
    key: str,
    path: str,
    existing: str | None,
    listed: Mapping[str, str],
) -> WantedFile:
    has_content = existing is not None and same_key(listed.get(existing), key)
    if existing == path and has_content:
        return WantedFile(person, kind, listed[path], None)  # may be a key of an earlier version
    return WantedFile(person, kind, key, existing if has_content else None)


def timeline_key(footage: str, wanted: Mapping[str, WantedFile]) -> str:
    """Return the key of the timeline, from its videos and people; see also `has_smiles`."""
    inputs = [f"{path} {file.key} {footage}" for path, file in wanted.items()]
    inputs += [f"{person.person_id} {person.name}" for person in people_with_video(wanted)]
    return digest(*inputs)


def people_with_video(wanted: Mapping[str, WantedFile]) -> tuple[Person, ...]:
    """Return the people of the timeline."""
    return tuple(file.person for file in wanted.values() if file.kind is CropKind.VIDEO)


def has_smiles(timeline: Path, smiles: Smiles) -> bool:
    """Return whether a timeline has the smiles of a table, with all merges applied.

    They are no part of its key: crop-people and smile-gifs both write them into the file.
    """
    try:
        people = read_timeline_json(timeline).people
    except InputError:
        return False
    return all(
        _rounded(person.smiling) == _rounded(smiling_intervals(smiles, person.person_id))
        for person in people
    )


def _rounded(intervals: Iterable[Interval]) -> list[tuple[float, float]]:
    return [(round(begin, 4), round(end, 4)) for begin, end in intervals]
