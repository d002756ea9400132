"""When people are in view: intervals of each person in each footage, from tracks or faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.core.digest import file_key
from data.core.errors import InputError
from data.core.intervals import Intervals, as_intervals, intersection
from data.project.filenames import CropKind
from data.project.project import Project
from data.project.stages import FACES, TRACKS
from data.tables.tracked_people import tracked_people
from data.tables.tracks import read_csv
from web.core.library import OpenProject, title_of
from web.people.snapshot import PeopleSnapshot
from web.watch.crops import FootageCrops, PersonCrop, current_crops

SHORTEST_ABSENCE_S: Final = 1.0
"""A person who is out of view for less is in view without a break."""
_FRAME_S: Final = 0.04  # of tracks with a single frame

Source: TypeAlias = Literal["tracks", "faces"]


@dataclass(frozen=True, eq=False)
class Moment:
    """A time at which everybody asked for is in view."""

    start_s: float
    end_s: float
    face: str | None  # id of a face of the first person in it; None without one
    url: str | None  # of the Watch page at its start; None without videos


@dataclass(frozen=True, eq=False)
class FootageMoments:
    """The moments of one footage."""

    number: int  # from 1
    title: str
    sources: tuple[Source, ...]  # where the times come from, without repetition
    moments: tuple[Moment, ...]
    crops: FootageCrops | None  # None without videos

    @property
    def length_s(self) -> float:
        """Sum of the moments, in seconds."""
        return sum(moment.end_s - moment.start_s for moment in self.moments)

    def video(self, person: int) -> PersonCrop | None:
        """Return a person with a video in this footage; None without one."""
        found = self.crops.person(person) if self.crops is not None else None
        return found if found is not None and has_video(found) else None


def has_video(person: PersonCrop) -> bool:
    """Return whether the person's video exists."""
    return person.file(CropKind.VIDEO) is not None


def moments_together(
    project: OpenProject, snapshot: PeopleSnapshot, people: Sequence[int]
) -> list[FootageMoments]:
    """Return the moments in which all of ``people`` are in view, by footage.

    A footage without any is left out, unless it has a video of the only person.

    Args:
        project: the project.
        snapshot: its people and faces.
        people: at least one person id.

    Raises:
        InputError: the project is damaged.
    """
    found = []
    read = project.read()
    for number, name in enumerate(read.footages, start=1):
        tracked = _tracked(read, name)
        crops = shown_crops(read, name)
        in_view: list[Intervals] = []
        sources: list[Source] = []
        for person in people:
            if person in tracked:
                sources.append("tracks")
                in_view.append(tracked[person])
            else:
                sources.append("faces")
                in_view.append(_of_faces(read, snapshot, name, number, person))
        together = reduce(intersection, in_view)
        footage = FootageMoments(
            number=number,
            title=title_of(name),
            sources=tuple(dict.fromkeys(sources)),
            moments=tuple(_moments(project, snapshot, number, people, together, crops)),
            crops=crops,
        )
        if footage.moments or (len(people) == 1 and footage.video(people[0]) is not None):
            found.append(footage)
    return found


def shown_crops(project: Project, footage: str) -> FootageCrops | None:
    """Return the videos of a footage; None if there are none, or they cannot be read."""
    try:
        crops = current_crops(project, footage)
    except InputError:
        return None
    return crops if crops is not None and any(map(has_video, crops.people)) else None


def watch_url(
    project: OpenProject, number: int, time_s: float, people: Sequence[int], crops: FootageCrops
) -> str:
    """Return the URL of the Watch page at a time, with the first of ``people`` who has a video."""
    shown = [p for p in people if (crop := crops.person(p)) is not None and has_video(crop)]
    person = f"&person={shown[0]}" if shown else ""
    return f"/watch/{project.id}/{number}#t={round(time_s, 2):g}{person}"


def presence(time_s: NDArray[np.float64], step_s: float) -> Intervals:
    """Return when somebody is in view, ``(k, 2)`` seconds.

    Args:
        time_s: ``(n,)`` times at which they were found, in any order.
        step_s: interval of the frames that were searched; each time stands for one.
    """
    times = np.unique(time_s)
    away = np.diff(times) > step_s + SHORTEST_ABSENCE_S
    starts = times[np.append(True, away)[: len(times)]]
    ends = times[np.append(away, True)[: len(times)]] + step_s
    return as_intervals(np.stack([starts, ends], axis=1))


def _of_faces(
    project: Project, snapshot: PeopleSnapshot, name: str, number: int, person: int
) -> Intervals:
    record = project.record(FACES, name)
    rows = (snapshot.person_id == person) & (snapshot.faces.footage == number)
    step_s = record.every_s if record is not None else 0.0
    found = presence(snapshot.faces.time_s[rows], max(step_s, _FRAME_S))
    return _within(found, project.footages[name].duration_s)


def _within(found: Intervals, duration_s: float) -> Intervals:
    """Return intervals that end with the footage; its stated duration may be too short, or 0."""
    last = found[:, :1].max(initial=duration_s) + _FRAME_S
    return intersection(found, np.array([[0.0, max(duration_s, last)]]))


def _tracked(project: Project, footage: str) -> dict[int, Intervals]:
    """Return when each tracked person is in view, by id after all merges; empty without tracks."""
    file = project.tracks_file(footage)
    if project.record(TRACKS, footage) is None or not file.is_file():
        return {}
    try:
        people = tracked_people(project, footage)
        tracked = _in_tracks(file, file_key(file), tuple(people.tracked.items()))
    except InputError:
        return {}  # the faces are still there
    current: dict[int, list[Intervals]] = {}
    for person in people.tracked:
        into = people.merged_into.get(person, person)
        current.setdefault(into, []).append(tracked.get(person, np.zeros((0, 2))))
    duration_s = project.footages[footage].duration_s
    return {
        person: _within(as_intervals(np.concatenate(parts)), duration_s)
        for person, parts in current.items()
    }


@lru_cache(maxsize=64)
def _in_tracks(file: Path, key: str, names: tuple[tuple[int, str], ...]) -> Mapping[int, Intervals]:
    """Return when each person is in view, by the id of the tracking."""
    del key  # part of the cache key only: it changes with the file
    tracks = read_csv(file, dict(names))
    steps = np.diff(np.unique(tracks.time_s))
    step_s = float(np.median(steps)) if len(steps) else _FRAME_S
    return {
        person: presence(tracks.time_s[tracks.person_id == person], step_s) for person, _ in names
    }


def _moments(
    project: OpenProject,
    snapshot: PeopleSnapshot,
    number: int,
    people: Sequence[int],
    together: Intervals,
    crops: FootageCrops | None,
) -> Iterator[Moment]:
    faces = snapshot.faces
    rows = np.flatnonzero((snapshot.person_id == people[0]) & (faces.footage == number))
    for start_s, end_s in together.tolist():
        seen = rows[(faces.time_s[rows] >= start_s) & (faces.time_s[rows] < end_s)]
        face = faces.ids(seen[len(seen) // 2 :][:1])
        url = watch_url(project, number, start_s, people, crops) if crops is not None else None
        yield Moment(start_s, end_s, face[0] if face else None, url)
