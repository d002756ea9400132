"""Erase a person from the tracker and the tracks."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from data.core.atomic import overwriting
from data.project.cleanup import remove
from data.project.project import Project
from data.project.stages import DETECTIONS, TRACKER, TRACKS
from data.tables.mot import write_mot
from data.tables.tracks import read_tracks, write_csv
from tracking.detection.detections import Detections, FootageDetections
from tracking.state import removable_tracker


def erase_tracks(project: Project, person_id: int) -> bool:
    """Delete a person's tracks in all footages, and the tracker, which was trained on the person.

    Other people's tracks are kept. The caller must hold the project's lock. To resume after an
    interruption, call again.

    Returns:
        Whether a tracker was deleted and must be trained again.

    Raises:
        InputError: a tracks file is unreadable.
    """
    had_tracker = _remove_tracker(project)
    for entry in project.footages_with(TRACKS):
        _erase_in_footage(project, entry.name, person_id)
    return had_tracker


def _remove_tracker(project: Project) -> bool:
    had_tracker = project.tracker_file.exists() or project.has_record(TRACKER)
    remove(project, removable_tracker(project))
    return had_tracker


def _erase_in_footage(project: Project, footage: str, person_id: int) -> None:
    tracks, names = read_tracks(project, footage)
    names.pop(person_id, None)
    remaining = tracks.take(tracks.person_id != person_id)
    csv_file = project.tracks_file(footage)
    mot_file = csv_file.with_suffix(".txt")
    with overwriting(csv_file):
        write_csv(csv_file, remaining, names)
    if mot_file.exists():
        with overwriting(mot_file):
            write_mot(mot_file, remaining)
    csv_file.with_suffix(".mp4").unlink(missing_ok=True)  # the overlay shows the name
    shutil.rmtree(csv_file.with_suffix(".parts"), ignore_errors=True)
    _erase_detections(csv_file.with_suffix(".npz"))
    project.unfinish(DETECTIONS, footage)
    _erase_name(project, footage, names)


def _erase_detections(file: Path) -> None:
    """Delete all boxes; keep frames and cuts, which other people's videos need."""
    if file.exists():
        footage = FootageDetections.read(file)
        with overwriting(file):
            dataclasses.replace(footage, detections=Detections.empty(0)).write(file)


def _erase_name(project: Project, footage: str, names: Mapping[int, str]) -> None:
    record = project.require_record(TRACKS, footage)
    project.finish(TRACKS, dataclasses.replace(record, names=names), footage)
