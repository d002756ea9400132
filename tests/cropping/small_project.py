"""A tracked project of two people in a short clip, cropped with quick settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cropping.render.encoder import EncoderSettings
from cropping.render.settings import CropSettings
from cropping.stage import CropsSummary, crop_people
from data.execution.context import RunContext
from data.project.project import Project
from data.tables.tracks import Tracks
from data.video.reader import read_frames
from tests.bars import no_bar
from tests.cropping.tracked_project import (
    add_footage,
    at_rate,
    box,
    timeline_of,
    tracks_of,
    write_project,
)

NAMES = {1: "Anna", 2: "Ben"}
QUICK = EncoderSettings(preset="ultrafast")


def small_project(folder: Path, footage: Path) -> Project:
    """Write a project with Anna in the middle of all frames, and Ben in the first half of them."""
    frames = list(read_frames(footage))
    timeline = replace(
        timeline_of([frame.time_s for frame in frames]),
        frame_index=np.array([frame.index for frame in frames], np.int64),
    )
    height, width = frames[0].image.shape[:2]
    anna = {frame.index: box(width / 2, height / 2) for frame in frames}
    ben = {frame.index: box(20, 40) for frame in frames[: len(frames) // 2]}
    tracks = tracks_of(timeline, {1: anna, 2: ben})
    return write_project(folder, footage, tracks, NAMES, timeline)


def add_tracks(project: Project, tracks: Tracks, frames: int = 40) -> None:
    """Replace the tracks of the footage."""
    path = project.footages["film"].path
    add_footage(project, path, tracks, NAMES, at_rate(frames))


def crop(project: Project, **settings: object) -> CropsSummary:
    """Crop the only footage, without smiles unless ``settings`` include them."""
    chosen = replace(CropSettings(encoder=QUICK, smiles=False), **settings)  # type: ignore[arg-type]
    (summary,) = crop_people(Project(project.folder), [], chosen, context=RunContext(no_bar))
    return summary


def contents(project: Project) -> dict[str, bytes]:
    """Return the content of each written file, by name."""
    folder = project.crops_folder("film")
    shown = (file for file in folder.glob("*.*") if file.is_file() and file.name[0] != ".")
    return {file.name: file.read_bytes() for file in shown}
