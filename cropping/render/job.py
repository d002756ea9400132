"""Crop job of one footage, and its plan with tracks and people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cropping.render.cache_keys import video_keys
from cropping.render.settings import CropSettings
from data.core.boxes import expand
from data.core.digest import digest
from data.core.errors import InputError
from data.project.filenames import CropKind, person_file_names
from data.project.manifest import OutputFolder
from data.project.paths import WORK_FOLDER, ProjectFolder
from data.tables.timeline import Timeline, read_timeline
from data.tables.tracked_people import merged_tracks
from data.tables.tracks import Tracks, read_csv
from data.video.footage import Footage


@dataclass(frozen=True, slots=True)
class CropJob:
    """Inputs of `crop-people` for one footage, without its tracks.

    Args:
        paths: paths of the project.
        name: name of the footage in the project.
        footage: the video.
        settings: settings of `crop-people`.
        tracked: person ids, and the names when the footage was tracked.
        names: person ids after all merges, and the current names.
        merged_into: ids of merged people, and their ids after all merges.
        smiles: cache key of the footage's smiles table.
        smiles_current: whether the smiles table is up to date.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    settings: CropSettings
    tracked: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]
    merged_into: tuple[tuple[int, int], ...]
    smiles: str
    smiles_current: bool

    @property
    def folder(self) -> OutputFolder:
        """Folder of the videos."""
        return OutputFolder(self.paths.crops_folder(self.name))

    @property
    def work(self) -> Path:
        """Work directory for chunks, sound and records of finished segments."""
        return self.folder.folder / WORK_FOLDER

    @property
    def frame_wh(self) -> tuple[int, int]:
        """Size of the footage in px."""
        return self.footage.width, self.footage.height

    @property
    def video_wh(self) -> tuple[int, int]:
        """Size of the videos in px."""
        return self.settings.window.video_wh(self.frame_wh)

    @property
    def video_key(self) -> str:
        """Text of the settings and the conversion of frames, for the videos' cache keys."""
        return self.settings.video_key() + self.footage.form.key


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person in a footage. Files are relative to the footage's crops folder."""

    person_id: int
    name: str
    file: str  # base name, without suffix
    tracks: Tracks
    key: str  # cache key of the video

    @property
    def video(self) -> str:
        """File of the full-length video."""
        return CropKind.VIDEO.file_name(self.file)

    @property
    def small(self) -> str:
        """File of the small rendition of the full-length video."""
        return CropKind.SMALL.file_name(self.file)

    @property
    def best(self) -> str:
        """File of the best-of, with only the intervals that show the person."""
        return CropKind.BEST.file_name(self.file)


@dataclass(frozen=True, slots=True, eq=False)
class CropPlan:
    """A crop job with its tracks and people."""

    job: CropJob
    tracks: Tracks  # with all merges applied
    scored: Tracks  # with the ids of the tracking, which the smiles table keeps
    timeline: Timeline
    people: tuple[Person, ...]  # people with tracks
    never_seen: tuple[str, ...]  # names of people without tracks

    @property
    def name(self) -> str:
        """Name of the footage."""
        return self.job.name

    @property
    def footage(self) -> Footage:
        """The source video."""
        return self.job.footage

    @property
    def settings(self) -> CropSettings:
        """Settings of `crop-people`."""
        return self.job.settings

    @property
    def chosen(self) -> list[Person]:
        """People selected by the settings."""
        names = self.settings.people
        return [person for person in self.people if not names or person.name in names]

    def chunk_folder(self, person: Person) -> Path:
        """Return the folder of a person's chunks."""
        return self.job.work / f"{person.person_id}-{person.key}"

    def renamed_file(self, path: str, key: str) -> Path:
        """Return the link to a renamed person's finished file with this key for ``path``."""
        return self.job.work / f"renamed-{digest(path, key)}.mp4"


def read_plan(job: CropJob) -> CropPlan:
    """Read the tracks of a footage, and plan its videos.

    Raises:
        InputError: the tracks belong to another footage, or a selected person has none.
    """
    scored = read_csv(job.paths.tracks_file(job.name), dict(job.tracked))
    timeline = read_timeline(job.paths.detections_file(job.name))
    _check_tracks(job, scored, timeline)
    tracks = merged_tracks(scored, dict(job.merged_into))
    names, settings = dict(job.names), job.settings
    keys = video_keys(
        tracks,
        timeline,
        size_bytes=job.footage.size_bytes,
        streams=job.footage.streams,
        settings=job.video_key,
        blurred=settings.others == "blur",
    )
    people = people_of(names, tracks, keys)
    seen = {person.person_id for person in people}
    never_seen = tuple(name for person, name in names.items() if person not in seen)
    if unknown := [name for name in settings.people if name not in names.values()]:
        listed = ", ".join(sorted(names.values()))
        raise InputError(f"{unknown[0]}: no person of this name; the project has {listed}")
    if unseen := [name for name in settings.people if name in never_seen]:
        raise InputError(f"{unseen[0]}: never seen in {job.name}; choose another person")
    return CropPlan(job, tracks, scored, timeline, people, never_seen)


def _check_tracks(job: CropJob, tracks: Tracks, timeline: Timeline) -> None:
    file, footage = job.paths.tracks_file(job.name), job.footage
    try:
        timeline.rows(tracks.frame_index)
    except ValueError as error:
        message = f"does not belong to this footage ({error}); run track-people again"
        raise InputError(f"{file}: {message}") from error
    # Smoothing may move a face at the edge of the frame slightly outside.
    tolerated = expand(tracks.xyxy, 1.0)
    inside = (tolerated[:, 2:] >= 0).all(axis=1)
    inside &= (tolerated[:, :2] <= (footage.width, footage.height)).all(axis=1)
    if (outside := ~inside).any():
        frame = int(tracks.frame_index[int(np.argmax(outside))])
        size = f"{footage.width}x{footage.height}"
        message = f"frame {frame} ({size}) has a face outside the picture; run track-people again"
        raise InputError(f"{file}: {message}")


def people_of(
    names: Mapping[int, str], tracks: Tracks, keys: Mapping[int, str]
) -> tuple[Person, ...]:
    """Return the people with tracks, sorted by id.

    Args:
        names: names of people, by id.
        tracks: tracks of all people in the footage.
        keys: key of each person's video, by id; see `video_keys`.
    """
    files = person_file_names(names)
    people = []
    for person in sorted(keys.keys() & names.keys()):
        own = tracks.take(tracks.person_id == person)
        people.append(Person(person, names[person], files[person], own, keys[person]))
    return tuple(people)
