"""The command `fancam remove`: drop a footage from a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import confirmed
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from data.project.project import FootageEntry, Project

NAME = "fancam"


def remove_footage(project: Project, footage: Path, *, yes: bool) -> int:
    """Drop a footage and everything that was made from it; return the exit code.

    Args:
        project: project to change.
        footage: path of the footage, also after a move, or its name in the project.
        yes: drop it without asking.

    Raises:
        InputError: the project has no such footage, or there is no terminal for the question.
    """
    entry = _entry(project, footage)
    question = (
        f"Remove {entry.name} from {project.folder.name}, with its faces, the decisions and labels "
        "about them, its tracks and its videos?"
    )
    if not confirmed(question, yes=yes):
        return 0
    with project.lock():
        rewrite = _remove(project, _entry(project, footage))
    print(f"{entry.name} removed; the footage itself is unchanged: {shown(entry.path)}")
    if rewrite:
        _write_people(project)
    print(f"next: {command_line(NAME, 'status', project.folder)}")
    return 0


def _entry(project: Project, footage: Path) -> FootageEntry:
    from data.project.project import absolute
    from data.video.content import moved_footages

    entries = list(project.footages.values())
    by_path = [entry for entry in entries if entry.path == absolute(footage)]
    by_name = [entry for entry in entries if entry.name == str(footage)]
    by_file = [entry for entry in entries if entry.path.name == str(footage)]
    for found in (by_path, by_name, by_file):
        if len(found) == 1:
            return found[0]
    for name in moved_footages(project, [footage]):
        return project.footages[name]
    names = ", ".join(entry.name for entry in entries) or "no footage"
    raise InputError(f"{footage} is not in this project, which contains {names}")


def _remove(project: Project, entry: FootageEntry) -> bool:
    """Remove the files and records of a footage; return whether the dataset must be rewritten.

    After an interruption, a second call completes the removal.
    """
    from clustering.output.write import all_faces_clustered, mark_stopped
    from clustering.pairing.match import remove_pairs_of
    from clustering.state import footage_files as face_files
    from clustering.state import removable as clustering_files
    from cropping.state import footage_files as crop_files
    from data.erasure.footage import erase_footage
    from data.project.cleanup import Removable, remove
    from data.project.stages import PEOPLE
    from data.tables.people import open_people
    from tracking.state import footage_files as track_files

    name, record = entry.name, project.record(PEOPLE)
    clustered = record is not None and all_faces_clustered(project)
    if record is not None:
        mark_stopped(project, record)
    _remove_labels(project, name)
    files = [*crop_files(project, name), *track_files(project, name), *face_files(project, name)]
    remove(project, Removable("footage", "cluster-faces", tuple(files)))
    if project.people_file.exists():
        with open_people(project.people_file) as people:
            erase_footage(people, name)
    remove_pairs_of(project, [name])
    project.drop_footage(name)
    if not project.footages:
        project.unfinish(PEOPLE)
        for removable in clustering_files(project):
            remove(project, removable)
        return False
    if record is not None:
        faces = {key: value for key, value in record.faces.items() if key != name}
        mark_stopped(project, replace(record, faces=faces))
    return clustered


def _remove_labels(project: Project, footage: str) -> None:
    """Remove the labelled pictures of a footage: another one may get its name."""
    from clustering.faces.labelled import numbers_in_frame
    from data.tables.faces import Faces
    from data.tables.labels import LabelFolder, picture_file

    file = project.faces_file(footage)
    if not file.exists():
        return
    frames = Faces.read(file).frame_index
    pairs = zip(frames.tolist(), numbers_in_frame(frames).tolist(), strict=True)
    pictures: dict[str, str | None] = {picture_file(footage, *pair): None for pair in pairs}
    LabelFolder(project.labels_folder).rename_pictures(pictures)


def _write_people(project: Project) -> None:
    from clustering.output.write import write_people
    from data.core.progress import bars

    changes = write_people(project, progress=bars(NAME))
    print(f"dataset  {shown(project.dataset_folder)}  ({counted(changes.images, 'image')})")
