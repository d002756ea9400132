"""State of the stages faces and people, and their removable files; read-only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from clustering import settings
from clustering.faces import settings as faces_settings
from clustering.faces.stage import faces_done, faces_inputs, missing_tables
from clustering.naming import may_name
from clustering.output.write import all_faces_clustered, folders_exist, is_written
from clustering.pairing.match import analysed_intervals, known_lessons, pair_options_of
from data.project.cleanup import Removable, existing_files, files_under
from data.project.manifest import OutputFolder
from data.project.project import FootageEntry, Project
from data.project.stages import FACES, PEOPLE
from data.project.status import OTHER_OPTIONS, StageStatus
from data.tables.people import open_people
from data.video.footage import gone_line, is_gone, probe
from data.video.pictures.media_folder import size_on_disk

_ANOTHER_VERSION = "the faces were found by another version of fancam"


def states(project: Project, chosen: settings.ClusterSettings | None = None) -> list[StageStatus]:
    """Return the state of every footage's faces, and the state of the people.

    Args:
        project: the project.
        chosen: settings of the next run; None for those of the last one.

    Raises:
        InputError: the people or a footage cannot be read.
    """
    faces = [_faces_state(project, entry, chosen) for entry in project.footages.values()]
    return [*faces, _people_state(project, chosen)]


def _faces_state(
    project: Project, entry: FootageEntry, chosen: settings.ClusterSettings | None
) -> StageStatus:
    named = pair_options_of(project, entry.name) or (str(entry.path),)
    command = ("cluster-faces", "--project", str(project.folder), *named)
    record, size = project.record(FACES, entry.name), size_on_disk(entry.path)
    if is_gone(entry):
        return StageStatus("faces", entry.name, "missing", gone_line(entry))
    if size is None:  # not in the cache: it is fetched when it is needed
        size = entry.size_bytes
    if not project.has_record(FACES, entry.name):
        return StageStatus(
            "faces", entry.name, "missing", "not analysed yet, or only in part", command
        )
    if missing := missing_tables(project, entry.name):
        return StageStatus("faces", entry.name, "missing", f"{missing[0].name} is gone", command)
    if record is None:
        return StageStatus("faces", entry.name, "stale", _ANOTHER_VERSION, command)
    intervals = analysed_intervals(known_lessons(project)).get(entry.name)
    if chosen is not None and size == record.size_bytes and entry.path.exists():
        footage = probe(entry.path, chosen.streams.or_else(entry.streams))
        if record != faces_inputs(project, entry.name, footage, chosen, intervals):
            return StageStatus("faces", entry.name, "stale", OTHER_OPTIONS, command)
    spans = None if intervals is None else tuple((b, e) for b, e in intervals.tolist())
    if record.spans != spans:
        return StageStatus(
            "faces", entry.name, "stale", "its --pair, or the other recording, has changed", command
        )
    # The other fields of the record are settings.
    current = dataclasses.replace(record, version=faces_settings.VERSION, size_bytes=size)
    if faces_done(project, entry.name, current):
        return StageStatus("faces", entry.name)
    changed = size != record.size_bytes
    reason = "the footage has changed" if changed else _ANOTHER_VERSION
    return StageStatus(
        "faces", entry.name, "stale", reason, (*command, "--force") if changed else command
    )


def _people_state(project: Project, chosen: settings.ClusterSettings | None) -> StageStatus:
    command = ("cluster-faces", "--project", str(project.folder))
    record = project.record(PEOPLE)
    if not project.footages:
        return StageStatus("people", "", "missing", "the faces are not clustered yet")
    if record is None or not project.people_file.exists():
        return StageStatus("people", "", "missing", "the faces are not clustered yet", command)
    if not all_faces_clustered(project):
        return StageStatus("people", "", "stale", "new faces have been found since", command)
    if not folders_exist(project):
        return StageStatus("people", "", "missing", "people/ or dataset/ is gone", command)
    with open_people(project.people_file) as people:
        outdated = not is_written(project, people)
        known = None if chosen is None else chosen.known
        compared = known is not None and may_name(people, known)
    if outdated:
        reason = "people have been reviewed since, or writing was stopped"
        return StageStatus("people", "", "stale", reason, command)
    if record.version != settings.VERSION:
        return StageStatus("people", "", "stale", "clustered by another version of fancam", command)
    if chosen is not None:
        grouping = dataclasses.asdict(chosen.grouping)
        wanted = dataclasses.replace(record, grouping=grouping, label_margin=chosen.label_margin)
        if wanted != record:
            return StageStatus("people", "", "stale", OTHER_OPTIONS, command)
    if compared:
        return StageStatus(
            "people", "", "stale", "--known may match people without a name", command
        )
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
