"""Erasure of a person from the crops: videos, GIFs, timelines and smiles tables."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from data.core.atomic import overwriting
from data.project.filenames import CropKind, person_file_names
from data.project.manifest import OutputFile, OutputFolder
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import GIFS, SMILES, TRACKS, GifsRecord
from data.tables.smiles import Smiles
from data.tables.timeline_json import TIMELINE_FILE, read_timeline_json, timeline_json


def erase_crops(project: Project, person_id: int) -> int:
    """Remove a person's videos and GIFs, and erase the person from the timelines and smiles.

    Other people's videos stay; they may show the person in the background. The caller holds the
    project's lock, and erases the person's name afterwards. A stopped erasure is completed by the
    next call.

    Returns:
        Number of removed files.

    Raises:
        InputError: a timeline or table is damaged.
    """
    return sum(_erase_in_footage(project, name, person_id) for name in project.footages)


def _erase_in_footage(project: Project, footage: str, person_id: int) -> int:
    folder = project.crops_folder(footage)
    if not folder.is_dir():
        return 0
    shutil.rmtree(folder / WORK_FOLDER, ignore_errors=True)
    theirs = _their_files(project, footage, person_id)
    removed = _remove_gifs(project, footage, theirs) + _remove_videos(folder, theirs, person_id)
    _erase_smiles(project, footage, person_id)
    return removed


def _their_files(project: Project, footage: str, person_id: int) -> set[str]:
    """Return all possible names of the person's files: of the current name and of earlier ones."""
    from data.tables.people import open_people

    record = project.record(TRACKS, footage)
    tracked = {} if record is None else dict(record.names)
    with open_people(project.people_file) as people:
        current = {p: name for p, name in people.names().items() if p in tracked}
    files = [person_file_names(names) for names in (tracked, {**tracked, **current})]
    bases = {names[person_id] for names in files if person_id in names}
    videos = _in_timeline(project.crops_folder(footage), person_id)
    bases |= {CropKind.VIDEO.base(video) for video in videos}
    return {kind.file_name(base) for base in bases for kind in CropKind}


def _in_timeline(folder: Path, person_id: int) -> list[str]:
    file = folder / TIMELINE_FILE
    if not file.exists():
        return []
    people = read_timeline_json(file).people
    return [person.video for person in people if person.person_id == person_id]


def _remove_gifs(project: Project, footage: str, theirs: set[str]) -> int:
    keys = (project.record(GIFS, footage) or GifsRecord()).keys
    ours = theirs & set(keys)
    for name in sorted(ours):
        (project.crops_folder(footage) / name).unlink(missing_ok=True)
    if ours:
        left = {name: key for name, key in keys.items() if name not in ours}
        project.finish(GIFS, GifsRecord(left), footage)
    return len(ours)


def _remove_videos(folder: Path, theirs: set[str], person_id: int) -> int:
    outputs = OutputFolder(folder)
    known = outputs.keys()
    wanted = {path: OutputFile(key, _never) for path, key in known.items() if key}
    file = folder / TIMELINE_FILE
    if file.exists() and TIMELINE_FILE in wanted:
        times = read_timeline_json(file)
        people = tuple(person for person in times.people if person.person_id != person_id)
        wanted[TIMELINE_FILE] = OutputFile.content(timeline_json(replace(times, people=people)))
    left = {path: one for path, one in wanted.items() if path not in theirs}
    return outputs.sync({path: one for path, one in left.items() if _stays(folder, path)}).removed


def _stays(folder: Path, path: str) -> bool:
    """Whether a file is kept; one that the user has removed is not written again."""
    return path == TIMELINE_FILE or (folder / path).exists()


def _never(path: Path) -> None:
    raise ValueError(f"{path} must exist already")


def _erase_smiles(project: Project, footage: str, person_id: int) -> None:
    project.unfinish(SMILES, footage)
    file = project.smiles_file(footage)
    if file.exists():
        smiles = Smiles.read(file)
        with overwriting(file):
            smiles.take(smiles.person_id != person_id).write(file)
