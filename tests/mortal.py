"""Run `fancam` in a process that dies: ``python -m tests.mortal DEATH ARGUMENTS...``

Everything is small there: parts, pieces and the training. A network of so short a training finds
nobody, so tracking has one that knows the drawn film by heart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.clustering.child import Death, arm

ROOT = Path(__file__).resolve().parents[1]
PART_FRAMES = 4
"""Of the looks of cluster-faces."""
TRACKED_FRAMES = 20
"""Of a part of track-people, and a piece of crop-people."""
EPOCHS = 3


def fancam_until(folder: Path, *arguments: str, death: Death | None) -> tuple[int, str]:
    """Run the command in ``folder``; return its exit code and what it said."""
    told = json.dumps(asdict(death) if death else None)
    command = [sys.executable, "-m", "tests.mortal", told, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


class FilmNetwork:
    """Knows the frames of a film by their looks, and who is where in each."""

    def __init__(self, film: Path, people: Sequence[str], image_px: int) -> None:
        """Take the film with its truth, and the person of each class."""
        from data.footage import probe
        from data.sample.truth import read_truth
        from data.video import read_frames
        from tracking.detector import Letterbox

        footage, truth = probe(film), read_truth(film)
        self._letterbox = Letterbox.fit((footage.width, footage.height), image_px)
        width, height = self._letterbox.input_wh
        frames = []
        for frame in read_frames(footage):
            image = np.full((height, width, 3), 114, np.uint8)
            self._letterbox.put(frame.image, image)
            frames.append(image.ravel().astype(np.float32))
        self._frames = np.stack(frames)
        self._truth, self._people = truth, list(people)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Say who is in each image, as YOLO does."""
        said = np.zeros((len(images), 4 + len(self._people), len(self._people)), np.float32)
        for image, answer in zip(images, said, strict=True):
            apart = np.abs(self._frames - image.ravel()).sum(axis=1)
            self._say(int(apart.argmin()), answer)
        return said

    def _say(self, frame: int, answer: NDArray[np.float32]) -> None:
        truth, box = self._truth, self._letterbox
        ratio = np.array(box.scaled_wh) / np.array(box.image_wh)
        seen = (truth.frame_index == frame) & (truth.visible >= 0.5)
        for row in np.flatnonzero(seen).tolist():
            if str(truth.person[row]) in self._people:
                person = self._people.index(str(truth.person[row]))
                x1, y1, x2, y2 = truth.xyxy[row] * np.tile(ratio, 2) + np.tile(box.offset, 2)
                answer[:4, person] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
                answer[4 + person, person] = 0.9


def _people_of_classes(film: Path, project: Path, classes: Sequence[int]) -> list[str]:
    """Who of the drawn cast each class is, by the faces of cluster-faces."""
    from data.boxes import iou
    from data.people import open_people
    from data.sample.truth import read_truth

    truth = read_truth(film)
    with open_people(project / "people.sqlite") as people:
        faces = people.assignments(film.stem)
    names = []
    for person in classes:
        row = int(np.flatnonzero(faces.person_id == person)[0])
        frame = round(float(faces.time_s[row]) * float(truth.fps))
        rows = np.flatnonzero(truth.frame_index == frame)
        nearest = int(iou(faces.xyxy[[row]], truth.xyxy[rows])[0].argmax())
        names.append(str(truth.person[rows[nearest]]))
    return names


def _load_network(weights: Path, **_: object) -> tuple[Any, Any, int]:
    from tracking.export import exported_model

    project, facts = weights.parents[1], exported_model(weights).facts
    film = project.with_suffix(".mp4")
    people = _people_of_classes(film, project, facts.person_id)
    return FilmNetwork(film, people, facts.image_px), facts, 4


def _make_small() -> None:
    import clustering.extraction
    import clustering.finding
    import cropping.rendering
    import cropping.smile_stage
    import cropping.stage
    import tracking.stage
    import tracking.training_stage
    import tracking.watching

    small: list[tuple[Any, str, Any]] = [
        (clustering.finding, "PART_FRAMES", PART_FRAMES),
        (clustering.extraction, "_BATCH_FRAMES", PART_FRAMES),
        (tracking.watching, "PART_FRAMES", TRACKED_FRAMES),
        (tracking.stage, "load_yolo", _load_network),
        (cropping.rendering, "PIECE_FRAMES", TRACKED_FRAMES),
        (cropping.stage, "PIECE_FRAMES", TRACKED_FRAMES),
        (cropping.smile_stage, "LEAST_MOMENTS", 1),
    ]
    for module, name, value in small:
        assert hasattr(module, name)
        setattr(module, name, value)
    settings = partial(tracking.training_stage.TrackerSettings, epochs=EPOCHS, imgsz=96, batch=8)
    tracking.training_stage.TrackerSettings = settings  # type: ignore[misc, assignment]


def _main(told: str, *arguments: str) -> int:
    import fancam

    _make_small()
    if death := json.loads(told):
        arm(Death(**death))
    return fancam.main(list(arguments))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
