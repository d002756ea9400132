"""Export tracks as MOTChallenge archives: a sequence with ground truth, and a tracker's results.

CVAT ("MOT 1.1") and datumaro (``mot_seq``) read the ground truth, whose classes are the people.
TrackEval and motmetrics read both.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.atomic import atomic_write
from data.project.project import FootageEntry, Project
from data.tables.archives import write_entry
from data.tables.mot import BoxesName, result_lines, truth_lines, with_boxes
from data.tables.people import open_people
from data.tables.timeline import read_timeline
from data.tables.tracked_people import read_current_tracks
from data.tables.tracks import Tracks
from data.video.container import ASSUMED_RATE

IMAGE_FOLDER = "img1"
"""Folder for the frames, ``000001.jpg`` and on; readers require its name even without frames."""


@dataclass(frozen=True, slots=True)
class MotSequence:
    """A footage and its tracks.

    Args:
        name: name of the footage.
        frames: number of frames.
        rate: frames per second; None if unknown.
        frame_wh: size of a frame in px.
        tracks: tracks of the known people.
        names: names of the people, by id.
    """

    name: str
    frames: int
    rate: Fraction | None
    frame_wh: tuple[int, int]
    tracks: Tracks
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class LeftOutRows:
    """Numbers of rows that a sequence lacks."""

    people: int  # of unknown or hidden people
    boxes: int  # of known people whose body was not detected


def read_sequence(
    project: Project, entry: FootageEntry, boxes: BoxesName = "face"
) -> tuple[MotSequence, LeftOutRows]:
    """Read the tracks of a footage's people, under their current names.

    Args:
        project: project of the footage.
        entry: the footage.
        boxes: boxes of the sequence.

    Returns:
        The sequence, and the numbers of rows left out.

    Raises:
        InputError: tracks or detections are missing or damaged.
    """
    tracks, tracked = read_current_tracks(project, entry.name)
    with open_people(project.people_file) as people:
        hidden = people.hidden()
    kept = tracks.take(~np.isin(tracks.person_id, [UNKNOWN, *hidden]))
    shown = with_boxes(kept, boxes)
    timeline = read_timeline(project.detections_file(entry.name))
    sequence = MotSequence(
        name=entry.name,
        frames=int(timeline.frame_index[-1]) + 1 if len(timeline) else 0,
        rate=entry.rate,
        frame_wh=(entry.width, entry.height),
        tracks=shown,
        names={person: name for person, name in tracked.names.items() if person not in hidden},
    )
    return sequence, LeftOutRows(len(tracks) - len(kept), len(kept) - len(shown))


def export_truth(sequence: MotSequence, archive: Path) -> int:
    """Write ``gt/gt.txt``, ``gt/labels.txt``, ``seqinfo.ini`` and ``people.json``.

    Line n of ``labels.txt`` names class n. ``people.json`` maps ids to names.

    Args:
        sequence: tracks of one footage.
        archive: the zip file, written atomically.

    Returns:
        Number of boxes.
    """
    people = sorted(sequence.names)
    classes = {person: number for number, person in enumerate(people, start=1)}
    lines = truth_lines(sequence.tracks, classes)
    labels = _distinct([sequence.names[person] for person in people])
    by_id = {str(person): sequence.names[person] for person in people}
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        write_entry(target, "gt/gt.txt", "".join(lines))
        write_entry(target, "gt/labels.txt", "".join(f"{label}\n" for label in labels))
        write_entry(target, "seqinfo.ini", _sequence_file(sequence))
        write_entry(target, "people.json", json.dumps(by_id, ensure_ascii=False, indent=1))
    return len(lines)


def export_results(sequence: MotSequence, archive: Path) -> int:
    """Write the results of tracking, as ``FOOTAGE.txt``.

    Args:
        sequence: tracks of one footage.
        archive: the zip file, written atomically.

    Returns:
        Number of boxes.
    """
    lines = result_lines(sequence.tracks)
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        write_entry(target, f"{sequence.name}.txt", "".join(lines))
    return len(lines)


def _sequence_file(sequence: MotSequence) -> str:
    """Return ``seqinfo.ini``: datumaro requires exactly these keys, and a whole frame rate."""
    rate = sequence.rate or ASSUMED_RATE
    entries = {
        "name": _one_line(sequence.name),
        "imDir": IMAGE_FOLDER,
        "frameRate": max(1, round(rate)),
        "seqLength": sequence.frames,
        "imWidth": sequence.frame_wh[0],
        "imHeight": sequence.frame_wh[1],
        "imExt": ".jpg",
    }
    lines = "".join(f"{key}={value}\n" for key, value in entries.items())
    return f"[Sequence]\n; exact frame rate: {rate}\n{lines}"


def _distinct(names: list[str]) -> list[str]:
    """Return names as labels: one line each, none twice, none empty."""
    labels: list[str] = []
    for name in names:
        base = label = _one_line(name) or "Person"
        number = 2
        while label in labels:
            label, number = f"{base} ({number})", number + 1
        labels.append(label)
    return labels


def _one_line(text: str) -> str:
    return " ".join(text.split())
