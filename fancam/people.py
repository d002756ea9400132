"""The command `fancam people`: list a project's people, or name them after another project's."""

from __future__ import annotations

from data.core.counts import counted
from data.core.errors import InputError
from data.project.project import Project
from data.storage.shown import shown


def list_people(project: Project) -> int:
    """Print a line for each person; return the exit code.

    Raises:
        InputError: the project is not clustered.
    """
    from clustering.output.write import clustered_record, identified_footages, read_tables
    from clustering.summary import count_faces, people_lines
    from data.tables.people import open_people

    clustered_record(project)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people:
        identified = identified_footages(people, tables)
    for line in people_lines(*count_faces(project, identified)):
        print(line.strip())
    return 0


def name_people(project: Project, other: Project) -> int:
    """Name the people of a project after those of another one; return the exit code.

    Raises:
        InputError: a project is not clustered, another run is using the project, no person of the
            other project has a name, or the two projects are one.
    """
    from clustering.naming import known_in_project, name_known
    from clustering.output.write import clustered_record, read_tables, write_people
    from data.core.progress import bars
    from data.tables.people import open_people

    if project.folder.resolve() == other.folder.resolve():
        raise InputError(f"{other.folder}: the same project; give another one with --from")
    eps = clustered_record(project).grouping["eps"]
    known = known_in_project(other)
    with project.lock():
        tables = {name: read_tables(project, name)[1] for name in project.footages}
        with open_people(project.people_file) as people:
            named = name_known(people, tables, known, eps=float(str(eps)))
    if not named:
        print(
            "nothing to do: no person without a name clearly matches anyone in "
            f"{shown(other.folder)}"
        )
        return 0
    for line in named:
        print(line)
    changes = write_people(project, progress=bars("fancam"))
    print(f"dataset  {shown(project.dataset_folder)}  ({counted(changes.images, 'image')})")
    return 0
