"""Drawn people who smile in chosen frames, and a tracked footage of two of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.project.project import Project
from data.project.stages import TRACKS
from data.sample.cast import CAST
from data.sample.film import BOX_BOTTOM, BOX_HALF_WIDTH, BOX_TOP
from data.sample.head import Figure, Pose, origin_px
from data.sample.look import Look
from data.tables.tracks import Tracks, write_csv
from tests.clips.encoding import encode
from tests.records import tracks_record
from tests.tracking.coloured import add_people

SIDE, SCALE = 120, 30.0  # px of a portrait, px per unit of the drawing
WIDTH, HEIGHT = 2 * SIDE, SIDE
RATE, FRAMES = 10, 120
NAMES = {3: "Leila / Ł", 7: "Bruno"}
SMILING = (range(15, 40), range(55, 75), range(85, 110))
"""Frames in which Leila smiles; Bruno never does."""


def look_of(name: str) -> Look:
    return next(look for look in CAST if look.name == name)


@cache
def portrait(name: str, *, smile: float = 0.0, yaw_deg: float = 0.0) -> Image:
    """Return ``(SIDE, SIDE, 3)`` RGB with a face in the middle; `box` is its box."""
    sprite = Figure(look_of(name)).draw(Pose(yaw_deg=yaw_deg, smile=smile), scale=SCALE)
    x, y = origin_px(SCALE)
    move = np.array([[1.0, 0, SIDE / 2 - x], [0, 1.0, 0.48 * SIDE - y]])
    placed = cv2.warpAffine(sprite, move, (SIDE, SIDE)).astype(np.float64)
    background = np.full((SIDE, SIDE, 3), (150, 165, 175), np.float64)
    return np.asarray(placed[..., :3] + background * (1 - placed[..., 3:] / 255), np.uint8)


def box(name: str, *, left: float = 0.0) -> NDArray[np.float32]:
    """Return the box that dlib finds, ``(4,)`` px."""
    look = look_of(name)
    top, bottom = BOX_TOP * look.crown * SCALE, BOX_BOTTOM * look.chin * SCALE
    x, y = SIDE / 2 + left, 0.48 * SIDE
    half = BOX_HALF_WIDTH * SCALE
    return np.array([x - half, y + top, x + half, y + bottom], np.float32)


def smiles_at(frame: int) -> bool:
    return any(frame in frames for frames in SMILING)


def picture(frame: int) -> Image:
    """Return a frame with Leila on the left and Bruno on the right."""
    left = portrait("Leila", smile=float(smiles_at(frame)))
    return np.hstack([left, portrait("Bruno")])


def tracks(frames: int = FRAMES) -> Tracks:
    index = np.repeat(np.arange(frames), 2)
    boxes = [box("Leila"), box("Bruno", left=SIDE)]
    return Tracks.ordered(
        frame_index=index,
        time_s=index / RATE,
        person_id=np.tile(np.array(list(NAMES), np.int64), frames),
        xyxy=np.tile(np.stack(boxes), (frames, 1)),
        confidence=np.full(2 * frames, 0.9, np.float32),
        source=np.zeros(2 * frames, np.int8),
    )


def write_project(folder: Path, *, frames: int = FRAMES) -> Project:
    """Write footage ``film.mp4`` in ``folder``, and its tracked project next to it."""
    film = folder / "film.mp4"
    encode(film, [picture(frame) for frame in range(frames)], rate=RATE)
    project = Project(folder / "film.fancam")
    project.add_footage(
        film,
        size_bytes=film.stat().st_size,
        duration_s=frames / RATE,
        rate=None,
        frame_wh=(WIDTH, HEIGHT),
    )
    add_people(project, NAMES)
    write_tracks(project, tracks(frames))
    return project


def write_tracks(project: Project, found: Tracks) -> None:
    write_csv(project.tracks_file("film"), found, NAMES)
    project.finish(TRACKS, tracks_record(NAMES), "film")
