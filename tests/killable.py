"""Run `fancam` in a process that kills itself: ``python -m tests.killable DEATH ARGUMENTS...``

Parts, chunks and the training are small. A network trained so briefly detects no person, so
tracking uses one that returns the ground truth of the drawn film.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import iou
from data.project.project import Project
from data.sample.truth import Truth, read_truth
from data.tables.people import open_people
from data.video.footage import probe
from data.video.reader import read_frames
from tests import ROOT
from tests.clustering.child import Death, arm
from tracking.detection.detector import Letterbox
from tracking.detection.export import ModelMetadata, exported_model

PART_FRAMES = 4
"""Sampled frames per part of cluster-faces."""
TRACKED_FRAMES = 20
"""Frames per part of track-people, and per chunk of crop-people."""
EPOCHS = 3


def fancam_until(folder: Path, *arguments: str, death: Death | None) -> tuple[int, str]:
    """Run the command in ``folder``; return its exit code and output."""
    death_json = json.dumps(asdict(death) if death else None)
    command = [sys.executable, "-m", "tests.killable", death_json, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


class FilmNetwork:
    """Network that recognises the frames of drawn films and returns their ground truth."""

    def __init__(self, films: Sequence[Path], people: Sequence[str], image_px: int) -> None:
        """Read films of one size with their truth; ``people`` is the cast member of each class."""
        self._people = list(people)
        self._letterbox = Letterbox.fit((probe(films[0]).width, probe(films[0]).height), image_px)
        frames, self._answers = [], []
        for film in films:
            truth = read_truth(film)
            for frame in read_frames(film):
                frames.append(self._fitted(frame.image).ravel().astype(np.float32))
                self._answers.append(self._answer(truth, frame.index))
        self._frames = np.stack(frames)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the people in each image, in YOLO's output format."""
        apart = (np.abs(self._frames - image.ravel()).sum(axis=1) for image in images)
        return np.stack([self._answers[int(each.argmin())] for each in apart])

    def _fitted(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height = self._letterbox.input_wh
        fitted = np.full((height, width, 3), 114, np.uint8)
        self._letterbox.paste(image, fitted)
        return fitted

    def _answer(self, truth: Truth, frame: int) -> NDArray[np.float32]:
        box = self._letterbox
        ratio = np.tile(np.array(box.scaled_wh) / np.array(box.image_wh), 2)
        output = np.zeros((4 + len(self._people), len(self._people)), np.float32)
        for row in np.flatnonzero((truth.frame_index == frame) & (truth.visible >= 0.5)):
            if (name := str(truth.person[row])) in self._people:
                person = self._people.index(name)
                x1, y1, x2, y2 = truth.xyxy[row] * ratio + np.tile(box.offset, 2)
                output[:4, person] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
                output[4 + person, person] = 0.9
        return output


def drawn_person(project: Project, person_id: int) -> str:
    """Return the member of the drawn cast that a person is, by their first face."""
    with open_people(project.people_file) as people:
        for name, entry in project.footages.items():
            faces = people.assignments(name)
            for row in np.flatnonzero(faces.person_id == person_id)[:1].tolist():
                truth = read_truth(entry.path)
                frame = round(float(faces.time_s[row]) * float(truth.fps))
                rows = np.flatnonzero(truth.frame_index == frame)
                nearest = int(iou(faces.xyxy[[row]], truth.xyxy[rows])[0].argmax())
                return str(truth.person[rows[nearest]])
    raise ValueError(f"person_id must be a person of the project, got {person_id}")


def _load_network(weights: Path, **_: object) -> tuple[FilmNetwork, ModelMetadata, int]:
    project, metadata = Project(weights.parents[1]), exported_model(weights).metadata
    people = [drawn_person(project, person) for person in metadata.person_id]
    films = [entry.path for entry in project.footages.values()]
    return FilmNetwork(films, people, metadata.image_px), metadata, 4


def _make_small() -> None:
    import clustering.faces.extraction
    import clustering.faces.stage
    import clustering.faces.tasks
    import cropping.render.render
    import cropping.render.segments
    import cropping.smiles.selection
    import tracking.detection.tasks
    import tracking.training.report

    small: list[tuple[Any, str, Any]] = [
        (clustering.faces.stage, "CHECKPOINT_FRAMES", PART_FRAMES),
        (clustering.faces.tasks, "CHECKPOINT_FRAMES", PART_FRAMES),
        (clustering.faces.extraction, "_BATCH_FRAMES", PART_FRAMES),
        (tracking.detection.tasks, "CHECKPOINT_FRAMES", TRACKED_FRAMES),
        (tracking.detection.tasks, "load_yolo", _load_network),
        (cropping.render.render, "CHUNK_FRAMES", TRACKED_FRAMES),
        (cropping.render.segments, "CHUNK_FRAMES", TRACKED_FRAMES),
        (cropping.smiles.selection, "MIN_MOMENTS", 1),
        (tracking.training.report, "_USELESS_SHARE", 0),  # `FilmNetwork` replaces the detector
    ]
    for module, name, value in small:
        assert hasattr(module, name)
        setattr(module, name, value)
    for option, value in (("EPOCHS", EPOCHS), ("IMGSZ", 96), ("BATCH", 8)):
        os.environ[f"FANCAM_TRAIN_TRACKER_{option}"] = str(value)


def _main(death_json: str, *arguments: str) -> int:
    import fancam.cli

    _make_small()
    if death := json.loads(death_json):
        arm(Death(**death))
    return fancam.cli.main(list(arguments))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
