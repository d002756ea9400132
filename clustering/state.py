"""Whether the faces, the people and their dataset are up to date; nothing is done or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clustering.pairing import pair_options_of
from clustering.settings import VERSION
from clustering.writing import PEOPLE_STAGE, faces_stage, folders_exist, is_sorted, is_written
from data.footage import size_on_disk
from data.people import open_people
from data.project import FootageEntry, Project
from data.state import State


def states(project: Project) -> list[State]:
    """How the faces of every footage stand, and then the people.

    Raises:
        InputError: the people cannot be read.
    """
    faces = [_of_faces(project, entry) for entry in project.footages.values()]
    return [*faces, _of_people(project)]


def faces_done(project: Project, name: str, inputs: dict[str, Any]) -> bool:
    """Whether the faces of a footage were found, with just these inputs."""
    return project.finished(faces_stage(name), inputs) and not _lost_tables(project, name)


def _lost_tables(project: Project, name: str) -> list[Path]:
    files = (project.faces_file(name), project.frames_file(name))
    return [file for file in files if not file.exists()]


def _of_faces(project: Project, entry: FootageEntry) -> State:
    named = pair_options_of(project, entry.name) or (str(entry.path),)
    again = ("cluster-faces", "--project", str(project.folder), *named)
    record, size = project.stages.get(faces_stage(entry.name)), size_on_disk(entry.path)
    if size is None:
        return State("faces", entry.name, "missing", f"no footage at {entry.path}; put it back")
    if record is None:
        return State("faces", entry.name, "missing", "not all of it was looked at", again)
    if lost := _lost_tables(project, entry.name):
        return State("faces", entry.name, "missing", f"{lost[0].name} is gone", again)
    # All else of what is noted are settings.
    if faces_done(project, entry.name, {**record, "version": VERSION, "size_bytes": size}):
        return State("faces", entry.name)
    changed = size != record["size_bytes"]
    why = "the footage has changed" if changed else "found by another version"
    return State("faces", entry.name, "stale", why, (*again, "--force") if changed else again)


def _of_people(project: Project) -> State:
    again = ("cluster-faces", "--project", str(project.folder))
    record = project.stages.get(PEOPLE_STAGE)
    if record is None or not project.people_file.exists():
        return State("people", "", "missing", "the faces are not sorted yet", again)
    if not is_sorted(project):
        return State("people", "", "stale", "faces were found since", again)
    if not folders_exist(project):
        return State("people", "", "missing", "people/ or dataset/ is gone", again)
    with open_people(project.people_file) as people:
        decided = not is_written(project, people)
    if decided:
        why = "somebody decided who is who since, or writing was stopped"
        return State("people", "", "stale", why, again)
    if record.get("version") != VERSION:
        return State("people", "", "stale", "sorted by another version", again)
    return State("people", "")
