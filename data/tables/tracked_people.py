"""Tracks of a footage under the people's current ids and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.tables.people import open_people
from data.tables.smiles import Smiles
from data.tables.tracks import Tracks, read_unchanged_csv, tracked_names


@dataclass(frozen=True, slots=True)
class TrackedPeople:
    """People of one footage.

    Args:
        tracked: names when the footage was tracked, by id.
        names: unique current names, by id after all merges.
        merged_into: id after all merges, by id of each merged person in ``tracked``.
    """

    tracked: Mapping[int, str]
    names: Mapping[int, str]
    merged_into: Mapping[int, int]

    def merged_ids(self, person_id: int) -> tuple[int, ...]:
        """Return the ids of the tracked people who were merged into a person, in order."""
        return tuple(sorted(p for p, into in self.merged_into.items() if into == person_id))


def tracked_people(project: Project, footage: str) -> TrackedPeople:
    """Return the people of a tracked footage.

    Raises:
        InputError: the footage is not tracked yet, or the people cannot be read.
    """
    tracked = tracked_names(project, footage)
    if not project.people_file.exists():
        return TrackedPeople(tracked, tracked, {})
    with open_people(project.people_file) as people, people.reading():
        current, merges = people.names(), people.merged_into()
    # A merged person who has a name again was found again by a later clustering.
    merged = {p: merges[p] for p in tracked if p in merges and p not in current}
    return TrackedPeople(tracked, _current_names(tracked, current, merged), merged)


def _current_names(
    tracked: Mapping[int, str], current: Mapping[int, str], merged: Mapping[int, int]
) -> dict[int, str]:
    ids = sorted({merged.get(person, person) for person in tracked})
    names = {person: current[person] for person in ids if person in current}
    taken = {*current.values()}
    for person in ids:
        if person not in names:  # no longer a person, and the name may be another person's
            base = name = tracked.get(person, f"Person {person}")
            number = 2
            while name in taken:
                name, number = f"{base} ({number})", number + 1
            names[person] = name
        taken.add(names[person])
    return dict(sorted(names.items()))


def read_current_tracks(project: Project, footage: str) -> tuple[Tracks, TrackedPeople]:
    """Read the finished tracks of a footage with all merges applied, and its people.

    Raises:
        InputError: the footage is not tracked yet, or a file cannot be read.
    """
    people = tracked_people(project, footage)
    tracks = read_unchanged_csv(project.tracks_file(footage), people.tracked)
    return merged_tracks(tracks, people.merged_into), people


def merged_tracks(tracks: Tracks, merged_into: Mapping[int, int]) -> Tracks:
    """Return tracks with the ids after all merges.

    Of two rows of one person in a frame, the one of the better source stays, of one source the more
    confident one; the other is unknown.

    Args:
        tracks: rows with the ids of the tracking.
        merged_into: id after all merges, by id of each merged person.
    """
    if not merged_into or not np.isin(tracks.person_id, list(merged_into)).any():
        return tracks
    person = _mapped(tracks.person_id, merged_into)
    better_first = np.lexsort((-tracks.confidence, tracks.source, person, tracks.frame_index))
    columns = {name: getattr(tracks, name) for name in Tracks.COLUMNS}
    columns["person_id"] = _once_per_frame(person, tracks.frame_index, better_first)
    return Tracks.ordered(**columns)


def merged_smiles(smiles: Smiles, merged_into: Mapping[int, int]) -> Smiles:
    """Return smiles with the ids after all merges, in the same rows.

    The second row of one person in a frame is unknown.

    Args:
        smiles: rows with the ids of the tracking.
        merged_into: id after all merges, by id of each merged person.
    """
    if not merged_into or not np.isin(smiles.person_id, list(merged_into)).any():
        return smiles
    person = _mapped(smiles.person_id, merged_into)
    in_order = np.lexsort((np.arange(len(person)), person, smiles.frame_index))
    return replace(smiles, person_id=_once_per_frame(person, smiles.frame_index, in_order))


def _mapped(person_id: NDArray[np.int64], merged_into: Mapping[int, int]) -> NDArray[np.int64]:
    mapped = person_id.copy()
    for person, into in merged_into.items():
        mapped[person_id == person] = into
    return mapped


def _once_per_frame(
    person_id: NDArray[np.int64], frame_index: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the ids, ``(n,)``, with -1 for all but a person's first row of a frame.

    Args:
        person_id: ``(n,)`` ids.
        frame_index: ``(n,)`` frames.
        order: ``(n,)`` rows ordered by frame, person and preference.
    """
    person, frame = person_id[order], frame_index[order]
    again = np.zeros(len(order), np.bool_)
    again[1:] = (person[1:] == person[:-1]) & (frame[1:] == frame[:-1])
    result = person_id.copy()
    result[order[again]] = UNKNOWN
    return result
