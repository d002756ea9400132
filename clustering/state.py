"""State of the stages faces and people, and their removable files; read-only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from clustering import settings
from clustering.faces import settings as faces_settings
from clustering.faces.stage import faces_done, missing_tables
from clustering.output.write import all_faces_clustered, folders_exist, is_written
from clustering.pairing.match import analysed_intervals, known_lessons, pair_options_of
from data.project.cleanup import Removable, existing_files, files_under
from data.project.manifest import OutputFolder
from data.project.project import FootageEntry, Project
from data.project.stages import FACES, PEOPLE
from data.project.status import StageStatus
from data.storage.addresses import footage_address
from data.tables.people import open_people
from data.video.pictures.media_folder import size_on_disk


def states(project: Project) -> list[StageStatus]:
    """Return the state of every footage's faces, and the state of the people.

    Raises:
        InputError: the people cannot be read.
    """
    faces = [_faces_state(project, entry) for entry in project.footages.values()]
    return [*faces, _people_state(project)]


def _faces_state(project: Project, entry: FootageEntry) -> StageStatus:
    named = pair_options_of(project, entry.name) or (str(entry.path),)
    command = ("cluster-faces", "--project", str(project.folder), *named)
    record, size = project.record(FACES, entry.name), size_on_disk(entry.path)
    if size is None and footage_address(entry.path) is not None:
        size = entry.size_bytes  # not in the cache: it is fetched when it is needed
    if size is None:
        why = f"no footage at {entry.path}; put it back, or name its new place to cluster-faces"
        return StageStatus("faces", entry.name, "missing", why)
    if not project.has_record(FACES, entry.name):
        return StageStatus(
            "faces", entry.name, "missing", "it is not analysed yet, or only in part", command
        )
    if missing := missing_tables(project, entry.name):
        return StageStatus("faces", entry.name, "missing", f"{missing[0].name} is gone", command)
    if record is None:
        return StageStatus("faces", entry.name, "stale", "found by another version", command)
    intervals = analysed_intervals(known_lessons(project)).get(entry.name)
    spans = None if intervals is None else tuple((b, e) for b, e in intervals.tolist())
    if record.spans != spans:
        return StageStatus("faces", entry.name, "stale", "its pair has changed since", command)
    # The other fields of the record are settings.
    current = dataclasses.replace(record, version=faces_settings.VERSION, size_bytes=size)
    if faces_done(project, entry.name, current):
        return StageStatus("faces", entry.name)
    changed = size != record.size_bytes
    reason = "the footage has changed" if changed else "found by another version"
    return StageStatus(
        "faces", entry.name, "stale", reason, (*command, "--force") if changed else command
    )


def _people_state(project: Project) -> StageStatus:
    command = ("cluster-faces", "--project", str(project.folder))
    record = project.record(PEOPLE)
    if not project.footages:
        return StageStatus("people", "", "missing", "the faces are not clustered yet")
    if record is None or not project.people_file.exists():
        return StageStatus("people", "", "missing", "the faces are not clustered yet", command)
    if not all_faces_clustered(project):
        return StageStatus("people", "", "stale", "faces were found since", command)
    if not folders_exist(project):
        return StageStatus("people", "", "missing", "people/ or dataset/ is gone", command)
    with open_people(project.people_file) as people:
        outdated = not is_written(project, people)
    if outdated:
        reason = "there are later review decisions, or writing was stopped"
        return StageStatus("people", "", "stale", reason, command)
    if record.version != settings.VERSION:
        return StageStatus("people", "", "stale", "clustered by another version", command)
    return StageStatus("people", "")


def removable(project: Project) -> list[Removable]:
    """Return the files of the people folder and the dataset.

    Faces and their frames are kept: decisions and labels refer to them, and a new detection would
    find erased people again. The stage stays finished: the people are known, and the next run
    rewrites missing folders.

    Raises:
        InputError: a manifest is damaged.
    """
    folders = (project.people_folder, project.dataset_folder)
    files = [file for folder in folders for file in OutputFolder(folder).files()]
    return [Removable("dataset", "cluster-faces", tuple(files))]


def footage_files(project: Project, footage: str) -> list[Path]:
    """Return the existing files of the faces of a footage."""
    pictures = project.still_file(footage, 0).parent
    tables = existing_files(project.faces_file(footage), project.frames_file(footage))
    return [*files_under(pictures, project.parts_folder(footage)), *tables]
