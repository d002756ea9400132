"""Name people of a project after known people, as decisions that a user can undo."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from clustering.faces.backends import BackendSettings
from clustering.faces.known_folder import KnownFolder, is_default_name
from clustering.faces.known_photos import KnownFaces, read_known
from clustering.grouping.arrays import Labels
from clustering.grouping.known_people import match_known
from clustering.output.write import clustered_record, identified_footages, read_tables
from data.core.arrays import UNKNOWN
from data.core.errors import InputError, OutdatedError
from data.core.progress import Progress
from data.project.project import Project
from data.storage.shown import command_line
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces
from data.tables.people import People, open_people


@dataclass(frozen=True, slots=True)
class Naming:
    """Result of naming people after known people."""

    named: tuple[str, ...] = ()  # one line per person who got a name
    skipped: tuple[str, ...] = ()  # one line per folder or picture that cannot be used


def name_from_folder(
    people: People,
    tables: Mapping[str, Faces],
    known: KnownFolder,
    *,
    eps: float,
    backend: BackendSettings,
    progress: Progress,
) -> Naming:
    """Name people after the known people in a folder of pictures.

    The pictures are read only if there is an unnamed person and a name that no person has.

    Args:
        people: the project's people; names are added.
        tables: faces of every footage, by name.
        known: pictures of known people.
        eps: scale of all distances, as in `GroupingSettings`.
        backend: detector and embedder of the pictures.
        progress: makes the bar that counts pictures.
    """
    if not may_name(people, known):
        return Naming(skipped=known.skipped)
    faces, skipped = read_known(known.pictures, backend, progress)
    named = name_known(people, tables, faces, eps=eps)
    return Naming(tuple(named), (*known.skipped, *skipped))


def may_name(people: People, known: KnownFolder) -> bool:
    """Whether there is an unnamed person, and a known one whose name no person has."""
    return bool(_unnamed(people) and _free(people, known.pictures))


def name_known(
    people: People, tables: Mapping[str, Faces], known: KnownFaces, *, eps: float
) -> list[str]:
    """Name the people who are clearly one of the known people.

    People whom a user has named keep their names. A name is not used if another person has it, or
    if a user has undone it for the same person.

    Args:
        people: the project's people; names are added.
        tables: faces of every footage, by name.
        known: faces of known people.
        eps: scale of all distances, as in `GroupingSettings`.

    Returns:
        One line per person who got a name.
    """
    seen, free, log = people.revision(), _free(people, known.names), DecisionLog(people)
    assigned = [(faces, people.assignments(name).person_id) for name, faces in tables.items()]
    with_faces = {int(p) for _, person_id in assigned for p in np.unique(person_id)}
    # Match named people too: a known person who matches one of them matches no other person.
    present = [person for person in people.names() if person in with_faces]
    unnamed = set(_unnamed(people))
    rows, known_tables = _numbered(known.tables)
    matched = match_known(
        [(faces, _rows(person_id, present)) for faces, person_id in assigned],
        known_tables,
        eps=eps,
    )
    notes = []
    for person, row in zip(present, matched.tolist(), strict=True):
        name = known.names[rows[row]] if row != UNKNOWN else ""
        if person in unnamed and name in free and not log.has_undone_name(person, name):
            decision = Decision(DecisionKind.RENAME, person, name=name)
            # Skip a person whom a user has renamed or changed meanwhile.
            with suppress(InputError, OutdatedError):
                notes.append(log.decide(decision, seen=seen).note)
    return notes


def known_in_project(project: Project) -> KnownFaces:
    """Return the faces of the people of a project whom a user has named.

    Raises:
        InputError: the project is not clustered, or no person has a name.
    """
    clustered_record(project)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people, people.reading():
        names = {p: n for p, n in _named(people).items() if not is_default_name(n)}
        footages = identified_footages(people, tables).footages
    if not names:
        pages = command_line("serve-people", project.folder, "--open")
        raise InputError(f"{project.folder}: nobody in it has a name yet; give them names: {pages}")
    ids = list(names)
    return KnownFaces(
        tuple(names.values()),
        tuple((footage.faces, _rows(footage.person_id, ids)) for footage in footages),
    )


def _named(people: People) -> dict[int, str]:
    """Return the names that users gave, by person id."""
    named = people.reviewed({}, {}).names.keys()
    return {person: name for person, name in people.names().items() if person in named}


def _unnamed(people: People) -> list[int]:
    named = _named(people)
    return [person for person in people.names() if person not in named]


def _free(people: People, names: Collection[str]) -> set[str]:
    """Return the names that no person of the project has, ignoring case."""
    taken = {name.casefold() for name in people.names().values()}
    return {name for name in names if name.casefold() not in taken}


def _rows(person_id: Labels, people: Sequence[int]) -> Labels:
    """Return the row in ``people``, ascending, of each face's person, ``(n,)``; -1 none."""
    if not people:
        return np.full(len(person_id), UNKNOWN, np.int64)
    row = np.minimum(np.searchsorted(people, person_id), len(people) - 1)
    return np.where(np.asarray(people)[row] == person_id, row, UNKNOWN)


def _numbered(
    tables: Sequence[tuple[Faces, Labels]],
) -> tuple[list[int], list[tuple[Faces, Labels]]]:
    """Renumber the groups without gaps; return the old number of each, and the tables."""
    labels = np.concatenate([np.zeros(0, np.int64), *(label for _, label in tables)])
    present = np.unique(labels[labels != UNKNOWN]).tolist()
    return present, [(faces, _rows(label, present)) for faces, label in tables]
