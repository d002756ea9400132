"""The files that a footage's crops folder must contain, as crop-people and the status decide it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cropping.render.job import Person
from data.core.digest import digest
from data.project.filenames import CropKind
from data.tables.crop_files import CropFiles, same_key, video_manifest_key
from data.tables.smiles import Smiles


@dataclass(frozen=True, slots=True, eq=False)
class WantedFile:
    """A video or best-of that the folder must contain."""

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
    """Return the videos and best-ofs of the folder by path, each best-of after its video.

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
        video = files.of_person(person.person_id, CropKind.VIDEO)
        best = files.of_person(person.person_id, CropKind.BEST)
        if person.person_id in chosen:
            key = video_manifest_key(person.person_id, person.key)
            keys = {CropKind.VIDEO: key}
            if only_present or best is not None:
                keys[CropKind.BEST] = f"{key}-best"
        else:
            own = {CropKind.VIDEO: video, CropKind.BEST: best if video else None}
            keys = {kind: listed[file] for kind, file in own.items() if file is not None}
        for kind, key in keys.items():
            path, existing = kind.file_name(person.file), {CropKind.VIDEO: video}.get(kind, best)
            wanted[path] = _wanted(person, kind, key, path, existing, listed)
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


def timeline_key(footage: str, wanted: Mapping[str, WantedFile], smiles: Smiles) -> str:
    """Return the key of the timeline, from its videos, people and smiles."""
    people = {file.person.person_id: file.person for file in wanted.values()}
    inputs = [f"{path} {file.key} {footage}" for path, file in wanted.items()]
    inputs += [f"{person.person_id} {person.name}" for person in people.values()]
    return digest(*inputs, digest(smiles.smile.tobytes()))
