"""Run the commands on one clip with the coloured corners as faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clustering import cli as clustering_cli
from cropping.stage import CropsSummary
from data.core.arrays import Image
from data.project.project import Project
from data.tables.faces import Faces
from data.tables.people import open_people
from data.video.pictures.jpeg import read_jpeg
from data.video.reader import read_frames
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector
from tests.cropping.small_project import crop, small_project


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """Result of `cluster-faces`."""

    faces: Faces
    people: int
    portraits: list[Image]


def clustered(clip: Path, replace: Callable[[Any, str, Any], None]) -> Clustered:
    """Cluster the corners of a clip."""
    install_fakes(replace, CornerDetector())
    folder = clip.with_suffix(".fancam")
    arguments = [str(clip), "--project", str(folder), "--min-samples", "1"]
    assert clustering_cli.main(arguments) == 0
    project = Project(folder)
    with open_people(project.people_file) as people:
        count = len(people.names())
    pictures = sorted(folder.rglob("*.jpg"))
    return Clustered(
        Faces.read(project.faces_file(clip.stem)), count, list(map(read_jpeg, pictures))
    )


def cropped(clip: Path, folder: Path, **settings: object) -> tuple[CropsSummary, list[Image]]:
    """Crop the middle of a clip; return the summary and the frames of the first video."""
    (folder / "footage").mkdir(parents=True)
    film = folder / "footage" / f"film{clip.suffix}"
    film.write_bytes(clip.read_bytes())
    project = small_project(folder / "film.fancam", film)
    summary = crop(project, **settings)
    video = next(file for person in summary.people for file in person.files)
    return summary, [frame.image for frame in read_frames(video)]


def images_of(clip: Path) -> list[Image]:
    """Read all frames."""
    return [frame.image for frame in read_frames(clip)]


def mean(images: list[Image]) -> float:
    return float(np.mean([image.mean() for image in images]))
