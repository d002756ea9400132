"""A synthetic project of the size of a two-hour concert: many people and faces."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.project.stages import FACES
from data.tables.faces import Faces, Frames
from data.tables.people import open_people
from data.tables.projection import store_clustering
from data.video.pictures.jpeg import write_jpeg
from tests.clustering.crowd import embeddings
from tests.clustering.labelled_footage import table
from tests.records import faces_record

EVERY_S = 1.0


def crowd_project(
    folder: Path, *, people: int = 20, faces: int = 20_000, unknown: int = 500
) -> Project:
    """Create the project; the last faces are unknown, a person's portraits are one picture."""
    project = Project(folder)
    in_frame = 4
    frames = faces // in_frame
    project.add_footage(
        folder.parent / "concert.mp4",
        size_bytes=1000,
        duration_s=frames * EVERY_S,
        rate=Fraction(25),
        frame_wh=(640, 360),
    )
    project.finish(FACES, faces_record(every_s=EVERY_S), "concert")
    random = np.random.default_rng(0)
    frame_index = np.repeat(np.arange(frames) * 25, in_frame)
    person = np.concatenate([random.choice(people, in_frame, replace=False) for _ in range(frames)])
    points = embeddings(person.tolist(), seed=1)
    left = np.tile(np.arange(in_frame, dtype=np.float32) * 150, frames)
    found = table(
        Faces,
        len(person),
        frame_index=frame_index,
        time_s=frame_index / 25,
        xyxy=np.stack([left, left * 0 + 80, left + 100, left * 0 + 180], axis=1),
        score=1,
        sharpness=0.5,
        embedding=points,
        embedding_mirrored=points,
        tracklet=-1,
    )
    sampled = table(
        Frames,
        frames,
        frame_index=np.arange(frames) * 25,
        time_s=np.arange(frames) * EVERY_S,
        frame_wh=(640, 360),
    )
    found.write(project.faces_file("concert"))
    sampled.write(project.frames_file("concert"))
    _write_portraits(project, frame_index, person)
    labels = person + 1
    labels[-unknown:] = UNKNOWN
    with open_people(project.people_file) as file:
        store_clustering(file, {"concert": found}, {"concert": labels})
    return project


def _write_portraits(
    project: Project, frame_index: NDArray[np.int64], person: NDArray[np.int64]
) -> None:
    random = np.random.default_rng(2)
    drawn = {}
    for identifier in np.unique(person).tolist():
        drawn[identifier] = project.folder / "faces" / f"{identifier}.jpg"
        noise = random.integers(-12, 12, (500, 400, 1))
        colour = random.integers(40, 216, 3)
        write_jpeg(drawn[identifier], np.clip(noise + colour, 0, 255).astype(np.uint8))
    folder = project.portrait_file("concert", 0, 0).parent
    folder.mkdir()
    number, before = 0, -1
    for index, identifier in zip(frame_index.tolist(), person.tolist(), strict=True):
        number = number + 1 if index == before else 0
        before = index
        os.link(drawn[identifier], project.portrait_file("concert", index, number))
