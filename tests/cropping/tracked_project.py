"""A project whose footage is tracked already, as if by track-people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.project.project import Project
from data.project.stages import TRACKS
from data.sample.truth import Truth
from data.tables.timeline import Timeline
from data.tables.tracks import BODY, FACE, FILLED, Tracks, write_csv
from data.video.footage import probe
from tests.records import tracks_record
from tests.tracking.coloured import add_people

SEEN = 0.5
"""Smallest visible share of a drawn face that is found."""


def write_project(
    folder: Path, footage: Path, tracks: Tracks, names: Mapping[int, str], timeline: Timeline
) -> Project:
    """Write a project as cluster-faces and track-people would."""
    project = Project(folder)
    project.save()
    add_footage(project, footage, tracks, names, timeline)
    add_people(project, names)
    return project


def add_footage(
    project: Project, path: Path, tracks: Tracks, names: Mapping[int, str], timeline: Timeline
) -> str:
    footage = probe(path)
    name = project.add_footage(
        path,
        size_bytes=footage.size_bytes,
        duration_s=footage.duration_s,
        rate=footage.rate,
        frame_wh=(footage.width, footage.height),
    ).name
    write_csv(project.tracks_file(name), tracks, names)
    np.savez(
        project.detections_file(name),
        frame_index=timeline.frame_index,
        time_s=timeline.time_s,
        cuts=timeline.cuts,
    )
    project.finish(TRACKS, tracks_record(names), name)
    return name


def timeline_of(times_s: Sequence[float] | NDArray[np.float64], *cuts: int) -> Timeline:
    times = np.array(times_s, np.float64)
    return Timeline(np.arange(len(times)), times, np.array(cuts, np.int64))


def at_rate(frames: int, *cuts: int, rate: float = 25.0) -> Timeline:
    return timeline_of(np.arange(frames) / rate, *cuts)


def tracks_of(
    timeline: Timeline,
    rows: Mapping[int, Mapping[int, Sequence[float]]],
    *,
    filled: Sequence[tuple[int, int]] = (),
    bodies: Mapping[int, Sequence[float]] | None = None,
    turned: Collection[int] = (),
) -> Tracks:
    """Return tracks of boxes by person and frame.

    Args:
        timeline: frames of the footage.
        rows: boxes of each person's face by frame.
        filled: pairs of frame and person that are interpolated.
        bodies: boxes of the bodies by frame, of the only person.
        turned: frames in which only the body is detected.
    """
    bodies = bodies or {}
    listed = [
        (frame, person, box) for person, found in rows.items() for frame, box in found.items()
    ]
    frame = np.array([frame for frame, _, _ in listed], np.int64)

    def source_of(frame: int, person: int) -> int:
        if (frame, person) in filled:
            return FILLED
        return BODY if frame in turned else FACE

    return Tracks.ordered(
        frame_index=frame,
        time_s=timeline.time_s[timeline.rows(frame)],
        person_id=np.array([person for _, person, _ in listed], np.int64),
        xyxy=np.array([box for _, _, box in listed], np.float32).reshape(-1, 4),
        confidence=np.ones(len(listed), np.float32),
        source=np.array([source_of(f, p) for f, p, _ in listed], np.int8),
        body_xyxy=np.array([bodies.get(f, [np.nan] * 4) for f, _, _ in listed], np.float32).reshape(
            -1, 4
        ),
    )


def box(x: float, y: float, side: float = 24) -> tuple[float, float, float, float]:
    """Return a square box around a point."""
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def truth_tracks(truth: Truth) -> tuple[Tracks, dict[int, str], Timeline]:
    """Return the tracks that a perfect tracker would find in a drawn film."""
    names = dict(enumerate(truth.people, start=1))
    number = {name: person for person, name in names.items()}
    seen = truth.visible >= SEEN
    frames = np.arange(truth.frame_count)
    tracks = Tracks.ordered(
        frame_index=truth.frame_index[seen],
        time_s=truth.time_s[seen],
        person_id=np.array([number[name] for name in truth.person[seen].tolist()], np.int64),
        xyxy=truth.xyxy[seen],
        confidence=np.ones(int(seen.sum()), np.float32),
        source=np.zeros(int(seen.sum()), np.int8),
    )
    return tracks, names, Timeline(frames, frames / float(truth.fps), truth.cuts)
