"""Erasure of a person from the videos, GIFs, timelines and smiles tables."""

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
from data.tables.crop_files import crop_files
from data.tables.smiles import Smiles
from data.tables.timeline_json import TIMELINE_FILE, read_timeline_json, timeline_json


def erase_crops(project: Project, person_id: int) -> int:
    """Remove a person's videos and GIFs, and erase the person from the timelines and smiles.

    Other people's videos are kept, and may show the person in the background. The caller holds the
    project's lock, and erases the person's name afterwards. An interrupted erasure can be repeated.

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
    files = _person_files(project, footage, person_id)
    removed = _remove_gifs(project, footage, files) + _remove_videos(folder, files, person_id)
    _erase_smiles(project, footage, person_id)
    return removed


def _person_files(project: Project, footage: str, person_id: int) -> set[str]:
    """Return the names of the person's files, listed or possible under former names.

    An unfinished file may show the person too.
    """
    from data.tables.people import open_people

    folder = project.crops_folder(footage)
    listed = OutputFolder(folder).keys()
    files = crop_files(folder, listed, project.record(GIFS, footage))
    record = project.record(TRACKS, footage)
    tracked = {} if record is None else dict(record.names)
    with open_people(project.people_file) as people:
        current = {p: name for p, name in people.names().items() if p in tracked}
    all_bases = [person_file_names(names) for names in (tracked, {**tracked, **current})]
    bases = {of_person[person_id] for of_person in all_bases if person_id in of_person}
    possible = {kind.file_name(base) for base in bases for kind in CropKind}
    return files.all_of(person_id) | (possible - files.owners.keys()) | files.unfinished


def _remove_gifs(project: Project, footage: str, files: set[str]) -> int:
    keys = (project.record(GIFS, footage) or GifsRecord()).keys
    gifs = files & set(keys)
    for name in sorted(gifs):
        (project.crops_folder(footage) / name).unlink(missing_ok=True)
    if gifs:
        kept = {name: key for name, key in keys.items() if name not in gifs}
        record = project.record(GIFS, footage) or GifsRecord()
        project.finish(GIFS, replace(record, keys=kept), footage)
    return len(gifs)


def _remove_videos(folder: Path, files: set[str], person_id: int) -> int:
    outputs = OutputFolder(folder)
    kept = {path: OutputFile(key, _refuse) for path, key in outputs.keys().items() if key}
    timeline = folder / TIMELINE_FILE
    if timeline.exists() and TIMELINE_FILE in kept:
        times = read_timeline_json(timeline)
        people = tuple(person for person in times.people if person.person_id != person_id)
        kept[TIMELINE_FILE] = OutputFile.content(timeline_json(replace(times, people=people)))
    kept = {
        path: output
        for path, output in kept.items()
        if path not in files and _is_kept(folder, path)
    }
    return outputs.sync(kept).removed


def _is_kept(folder: Path, path: str) -> bool:
    """Return whether to keep a file: files that the user has removed are not restored."""
    return path == TIMELINE_FILE or (folder / path).exists()


def _refuse(path: Path) -> None:
    raise ValueError(f"{path} must exist")


def _erase_smiles(project: Project, footage: str, person_id: int) -> None:
    project.unfinish(SMILES, footage)
    file = project.smiles_file(footage)
    if file.exists():
        smiles = Smiles.read(file)
        with overwriting(file):
            smiles.take(smiles.person_id != person_id).write(file)
