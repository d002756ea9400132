"""A small project with every kind of output, as by all stages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fancam.cli
from clustering import cli as clustering_cli
from clustering.faces import tasks
from clustering.faces.labelled import numbers_in_frame
from clustering.output.label_pictures import write_face_picture
from cropping.render.settings import CropSettings
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.stage import crop_people
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import TRACKER, TRACKS
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.labels import LabelFolder, picture_file
from data.tables.people import open_people
from data.tables.tracks import write_csv
from tests.bars import no_bar
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector, CornerEmbedder
from tests.cropping.small_project import QUICK
from tests.cropping.tracked_project import at_rate, box, tracks_of
from tests.records import tracker_record, tracks_record
from tracking.detection.detections import Detections, FootageDetections

FRAMES = 75
CROPS = CropSettings(encoder=QUICK, only_present=True)


class UnlikeEmbedder(CornerEmbedder):
    """Embedder that gives no two faces equal embeddings."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return approximately one axis per colour."""
        noise = self._random.normal(0, 0.005, (len(chips), 128))
        return (super().embed(chips) + noise).astype(np.float32)


def make_project(clip: Path, replace: Callable[[Any, str, Any], None]) -> Project:
    """Make ``clip.fancam`` of ``clip.mp4`` in the working directory.

    Args:
        clip: clip with the coloured corners.
        replace: function like ``setattr`` that replaces the networks by cheap ones.
    """
    shutil.copy(clip, "clip.mp4")
    install_fakes(replace, CornerDetector())
    replace(tasks, "load_embedder", lambda _settings: UnlikeEmbedder())
    assert clustering_cli.main(["clip.mp4"]) == 0
    project = Project(Path("clip.fancam"))
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(1, "Zoë O'Brien")
        DecisionLog(people).rename(1, "Anna Karenina")
    assert clustering_cli.main(["--project", "clip.fancam"]) == 0
    project = Project(project.folder)
    _add_tracks(project)
    crop_people(project, [], CROPS, context=RunContext(no_bar))
    smile_gifs(project, [], SmileSettings(), context=RunContext(no_bar))
    _add_tracker(project)
    _add_labels(project)
    _add_cache(project)
    assert fancam.cli.main(["export", "clip.fancam"]) == 0
    return project


def _add_tracks(project: Project) -> None:
    with open_people(project.people_file) as people:
        names = people.names()
    timeline = at_rate(FRAMES)
    rows = {person: {f: box(40 + 20 * person, 48) for f in range(60)} for person in names}
    write_csv(project.tracks_file("clip"), tracks_of(timeline, rows), names)
    project.tracks_file("clip").with_suffix(".mp4").write_bytes(b"Anna Karenina in every frame")
    found = Detections.empty(len(names))
    FootageDetections(timeline, found).write(project.detections_file("clip"))
    project.finish(TRACKS, tracks_record(names), "clip")
    part = project.folder / "tracks" / "clip.parts" / "x-000000.npz"
    _write(part)


def _add_tracker(project: Project) -> None:
    folder = project.tracker_folder
    for name in ("best.pt", "best.onnx", "report/report.html", "report/people.csv"):
        _write(folder / name)
    _write(folder / "training" / "all" / "last.pt")
    project.finish(TRACKER, tracker_record())


def _add_labels(project: Project) -> None:
    """Label every face, as on the page."""
    folder = LabelFolder(project.labels_folder)
    smiles = folder.add("Smile", ["yes", "no"])
    faces = Faces.read(project.faces_file("clip"))
    numbers = numbers_in_frame(faces.frame_index)
    with open_people(project.people_file) as people:
        person_id = people.assignments("clip").person_id
    labels = []
    for row, (frame, number) in enumerate(zip(faces.frame_index, numbers, strict=True)):
        portrait = project.portrait_file("clip", int(frame), int(number))
        file = picture_file("clip", int(frame), int(number))
        place = folder.faces_folder(smiles) / file
        write_face_picture(portrait, faces.xyxy[row], (160, 96), place)
        labels.append((file, "yes", f"{person_id[row]}"))
    folder.save(smiles, labels, by="me")


def _add_cache(project: Project) -> None:
    """Add a portrait of the first person to the pages' cache."""
    faces = Faces.read(project.faces_file("clip"))
    place = project.folder / ".web" / "ab" / "abcd.jpg"
    place.parent.mkdir(parents=True)
    shutil.copy(project.portrait_file("clip", int(faces.frame_index[0]), 0), place)


def _write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"of Anna Karenina, and others")
