"""The command `fancam forget`: erase a person from a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from data.command.command import confirmed, report_failures
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.shown import command_line, shown

if TYPE_CHECKING:
    from clustering.erasure import ErasedFaces
    from data.erasure.residue_scan import Needle, Residue
    from data.project.project import Project
    from data.tables.people import People

NAME = "fancam"


def forget(project: Project, name: str, *, yes: bool) -> int:
    """Erase a person from all files, scan for residues, and return the exit code.

    Args:
        project: project to change.
        name: current name of the person.
        yes: erase without asking.

    Raises:
        InputError: no person has this name, or there is no terminal for the question.
    """
    from data.erasure.people import all_names, merged_people, other_names
    from data.erasure.residue_scan import Needle
    from data.tables.people import open_people

    with open_people(project.people_file) as people:
        person_id = _person_id(people, name)
        others = other_names(people, person_id)
        names = all_names(people, person_id) - others
        person_ids = sorted(merged_people(people, person_id))
    if not confirmed(f"Forget {name}? This cannot be undone.", yes=yes):
        return 0
    erased, had_tracker = _erase(project, person_id, person_ids)
    print(f"{name}: {counted(erased.faces, 'face')} erased, and masked in the stored frames")
    if had_tracker:
        print(
            "the detector was trained on their faces and has been deleted:"
            " run train-tracker and track-people again"
        )
    print(
        f"other people's videos may still show {name}: check the videos; crop-people --others blur"
        f" no longer knows {name}, so it cannot blur {name}'s face"
    )
    print(f"the folder people/unknown may still show {name}: check it, too")
    repeat = command_line("cluster-faces", "--project", project.folder, "--force")
    print(f"the footage itself is unchanged: {repeat} would find them again")
    needle = Needle(names, erased.embeddings, erased.portraits, erased.frames, kept=others)
    return _report_residues(project, needle)


def _report_residues(project: Project, needle: Needle) -> int:
    """Scan a project for residues, list them, and return the exit code."""
    from data.erasure.names import NameSearch
    from data.erasure.residue_scan import find_residues

    search = NameSearch(needle.names, needle.kept)
    footages = [footage for footage in project.footages if search.in_value(footage)]
    residues = find_residues(project.folder, replace(needle, footages=footages))
    lines = [
        f"{footage}: the file name of the footage contains their name, and the project still uses"
        " it; rename the video and make a new project"
        for footage in footages
    ]
    if search.in_value(project.folder.name):
        lines.append(
            f"{project.folder.name}: the name of the folder contains their name; rename it"
        )
    count = counted(len(residues), "trace")
    print(f"searched every file of {shown(project.folder)}: {count} left")
    return report_failures(NAME, [*lines, *map(_line, residues)])


def _line(residue: Residue) -> str:
    from data.erasure.residue_scan import FRAME, UNREADABLE

    if residue.kind == UNREADABLE:
        return f"{residue.path}: not readable, so not searched; check it"
    what = "a frame that shows them" if residue.kind == FRAME else f"their {residue.kind}"
    return f"{residue.path}: still contains {what}; take it out, or delete the file"


def _person_id(people: People, name: str) -> int:
    """Return the id of the person with this current name.

    Raises:
        InputError: no person has this name.
    """
    from data.erasure.people import all_names

    names = people.names()
    found = next((person for person, current in names.items() if current == name), None)
    if found is not None:
        return found
    if renamed := [
        current for person, current in names.items() if name in all_names(people, person)
    ]:
        raise InputError(f"{name} is now called {renamed[0]}; give that name to forget them")
    people_names = ", ".join(names.values()) or "no people"
    raise InputError(f"{name}: no person of that name; the project has {people_names}")


def _erase(project: Project, person_id: int, person_ids: Sequence[int]) -> tuple[ErasedFaces, bool]:
    """Erase a person from the files of all stages.

    Args:
        project: project to change.
        person_id: id of the person.
        person_ids: ids of the person and of all people merged into them: tracks and videos may be
            older than the merge.

    Returns:
        The erased faces, and whether a tracker was erased.
    """
    from clustering.erasure import erase_faces, renamed_pictures
    from clustering.output.write import clustered_record
    from cropping.erasure import erase_crops
    from data.core.progress import bars
    from data.project.cleanup import remove
    from data.tables.labels import LabelFolder
    from fancam.clean import cache, exports, logs
    from tracking.erasure import erase_tracks

    with project.lock():
        clustered_record(project)  # fails for an unfinished project, before anything is erased
        remove(project, exports(project))
        remove(project, cache(project))
        remove(project, logs(project))  # may name them
        for number in person_ids:
            erase_crops(project, number)
        had_tracker = [erase_tracks(project, number) for number in person_ids]
        LabelFolder(project.labels_folder).rename_pictures(renamed_pictures(project, person_id))
        return erase_faces(project, person_id, progress=bars(NAME, unit="files")), any(had_tracker)
