"""A person is taken out of the tracker and the tracks."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from data.core.atomic import overwriting
from data.project.cleanup import remove
from data.project.project import Project
from data.project.stages import DETECTIONS, TRACKER, TRACKS
from data.tables.tracks import read_tracks, write_csv, write_mot
from tracking.detection.detections import Detections, FootageDetections
from tracking.state import tracker


def forget_tracks(project: Project, person_id: int) -> bool:
    """Take a person out of the tracks of all footages, and remove the tracker, which knows them.

    The others' tracks stay. The caller holds the project's lock. Stopped anywhere, it goes on when
    it is called again.

    Returns:
        Whether there was a tracker: it must be trained again.

    Raises:
        InputError: tracks that are there cannot be read.
    """
    had_one = _remove_tracker(project)
    for entry in project.footages_with(TRACKS):
        _forget_in_footage(project, entry.name, person_id)
    return had_one


def _remove_tracker(project: Project) -> bool:
    had_one = project.tracker_file.exists() or project.has_record(TRACKER)
    remove(project, tracker(project))
    return had_one


def _forget_in_footage(project: Project, footage: str, person_id: int) -> None:
    tracks, names = read_tracks(project, footage)
    names.pop(person_id, None)
    left = tracks.take(tracks.person_id != person_id)
    csv_file = project.tracks_file(footage)
    mot_file = csv_file.with_suffix(".txt")
    with overwriting(csv_file):
        write_csv(csv_file, left, names)
    if mot_file.exists():
        with overwriting(mot_file):
            write_mot(mot_file, left)
    csv_file.with_suffix(".mp4").unlink(missing_ok=True)  # the overlay shows their name
    shutil.rmtree(csv_file.with_suffix(".parts"), ignore_errors=True)
    _forget_detections(csv_file.with_suffix(".npz"))
    project.unfinish(DETECTIONS, footage)
    _forget_name(project, footage, names)


def _forget_detections(file: Path) -> None:
    """Leave the frames and cuts, which others' videos need, and nothing that was found."""
    if file.exists():
        found = FootageDetections.read(file)
        with overwriting(file):
            dataclasses.replace(found, detections=Detections.empty(0)).write(file)


def _forget_name(project: Project, footage: str, names: Mapping[int, str]) -> None:
    record = project.require_record(TRACKS, footage)
    project.finish(TRACKS, dataclasses.replace(record, names=names), footage)
