"""A footage of people drawn as coloured squares, and a network that detects them by colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.project.project import Project
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.projection import store_clustering
from tests.clips.encoding import encode
from tests.clustering.labelled_footage import table
from tests.renames import rename
from tracking.detection.export import ModelMetadata

WIDTH, HEIGHT, SIDE = 160, 96, 24
FRAMES, CUT, RATE = 40, 24, 25
NAMES = {5: "Anna", 9: "Ben, the 2nd"}
COLOURS = ((220, 40, 40), (40, 60, 220))
HIDDEN = range(10, 16)
"""Frames without Anna."""
FACTS = ModelMetadata(("Anna", "old name"), tuple(NAMES), WIDTH, "key")


def picture(frame: int) -> NDArray[np.uint8]:
    """Draw Anna moving right and Ben standing still; Ben takes her position after the cut."""
    grey = 110 if frame < CUT else 180
    image = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    anna, ben = (10 + frame, 110) if frame < CUT else (110, 10 + CUT)
    places = [(anna, COLOURS[0])] if frame not in HIDDEN else []
    for left, colour in [*places, (ben, COLOURS[1])]:
        image[40 : 40 + SIDE, left : left + SIDE] = colour
    return image


def write_footage(path: Path, frames: int = FRAMES) -> Path:
    encode(path, [picture(frame) for frame in range(frames)], rate=RATE)
    return path


def write_project(folder: Path, names: Mapping[int, str] = NAMES) -> Project:
    """Write a project with people, with a tracker that a test must stub, and without footage."""
    project = Project(folder)
    project.save()
    project.tracker_file.parent.mkdir()
    project.tracker_file.write_bytes(b"a stub")
    add_people(project, names)
    return project


def add_people(project: Project, names: Mapping[int, str]) -> None:
    """Add people to a project, each with one face in an unrelated footage."""
    faces = table(
        Faces, len(names), frame_index=np.arange(len(names)), time_s=np.arange(len(names))
    )
    with open_people(project.people_file) as people:
        store_clustering(
            people, {"elsewhere": faces}, {"elsewhere": np.array(list(names), np.int64)}
        )
    rename(project, names)


class ColourNetwork:
    """A network that detects each person by colour, with score 0.9."""

    def __init__(self, colours: Sequence[tuple[int, int, int]] = COLOURS) -> None:
        self._colours = np.array(colours, np.int64)
        self.images = 0

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.images += len(images)
        return np.stack([self._output(image) for image in images])

    def _output(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        people = len(self._colours)
        output = np.zeros((4 + people, people), np.float32)
        for person, colour in enumerate(self._colours):
            near = np.abs(image.astype(np.int64) - colour).max(axis=2) < 40
            rows, columns = np.nonzero(near)
            if len(rows) < 50:
                continue
            x1, x2 = np.quantile(columns, [0.02, 0.98])
            y1, y2 = np.quantile(rows, [0.02, 0.98])
            output[:4, person] = (x1 + x2 + 1) / 2, (y1 + y2 + 1) / 2, x2 - x1 + 1, y2 - y1 + 1
            output[4 + person, person] = 0.9
        return output
