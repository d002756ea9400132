"""A person is taken out of a project for good: what `fancam forget` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.command.command import confirmed, say_failed, shown
from data.core.errors import InputError

if TYPE_CHECKING:
    from clustering.erasure import ForgottenFaces
    from data.project.project import Project
    from data.tables.people import People

NAME = "fancam"


def forget(project: Project, name: str, *, yes: bool) -> int:
    """Take a person out of everything, search for what is left, and return the exit code.

    Args:
        project: that knows them.
        name: of the person.
        yes: do not ask.

    Raises:
        InputError: nobody has this name, or there is nobody to ask.
    """
    from data.erasure.residue_scan import Needle, find_residues
    from data.tables.people import open_people
    from data.tables.people_erasure import all_names, merged_people

    with open_people(project.people_file) as people:
        person_id = _person_called(people, name)
        names = all_names(people, person_id) - (set(people.names().values()) - {name})
        numbers = sorted(merged_people(people, person_id))
    if not confirmed(f"Forget {name}? This cannot be undone.", yes=yes):
        return 0
    gone, had_tracker = _forget(project, person_id, numbers)
    print(f"{name}: {gone.faces} faces taken out, covered in the frames that were kept")
    if had_tracker:
        print("the tracker knew them and is gone: run train-tracker and track-people again")
    print("others' videos may show them in the background: crop-people --others blur --force")
    print("people/unknown may hold faces that were not known to be theirs: look through it")
    print("the footage itself is as it was: cluster-faces --force would find them again")
    sought = Needle(names, gone.embeddings, gone.portraits, gone.frames)
    traces = find_residues(project.folder, sought)
    lines = [f"{trace.path}: their {trace.what} is still in it; remove it" for trace in traces]
    print(f"searched every byte of {shown(project.folder)}: {len(traces)} traces left")
    return say_failed(NAME, lines)


def _person_called(people: People, name: str) -> int:
    """The number of a person.

    Raises:
        InputError: nobody has this name by now.
    """
    from data.tables.people_erasure import all_names

    names = people.names()
    found = next((person for person, called in names.items() if called == name), None)
    if found is not None:
        return found
    if now := [called for person, called in names.items() if name in all_names(people, person)]:
        raise InputError(f"{name}: is called {now[0]} by now; give that name to forget them")
    known = ", ".join(names.values()) or "nobody"
    raise InputError(f"{name}: nobody of that name; the project knows {known}")


def _forget(
    project: Project, person_id: int, numbers: Sequence[int]
) -> tuple[ForgottenFaces, bool]:
    """Take a person out of everything; the second is whether there was a tracker.

    ``numbers`` are theirs and those of everybody who was merged into them: tracks and videos may be
    from before that.
    """
    from clustering.erasure import forget_faces, renamed_pictures
    from clustering.output.write import sorted_record
    from cropping.erasure import forget_crops
    from data.core.progress import bars
    from data.project.cleanup import remove
    from data.tables.labels import LabelFolder
    from fancam.clean import cache, exports
    from tracking.erasure import forget_tracks

    with project.lock():
        sorted_record(project)  # refuses what could not be finished, before anything is gone
        remove(project, exports(project))
        remove(project, cache(project))
        for number in numbers:
            forget_crops(project, number)
        had_tracker = [forget_tracks(project, number) for number in numbers]
        LabelFolder(project.labels_folder).rename_pictures(renamed_pictures(project, person_id))
        return forget_faces(project, person_id, progress=bars(NAME, unit="files")), any(had_tracker)
