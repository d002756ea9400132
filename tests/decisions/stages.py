"""The commands of all stages with cheap networks, on drawn footage; following what the status says.

A frame's four corners are the people. The tracker's detector knows in which corners the training
images show each person, every face smiles, and everything else is fancam itself.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering import cli as clustering_cli
from cropping import crop_cli
from cropping import stage as crop_stage
from cropping.render import tasks as render_tasks
from cropping.smiles import cli as smile_cli
from cropping.smiles import scorer
from cropping.smiles import stage as smile_stage
from cropping.smiles import state as smile_state
from cropping.smiles import tasks as smile_tasks
from cropping.smiles.gaze import Gaze, GazeReader
from data.core.arrays import Image
from data.project.project import Project
from data.project.stages import TRACKER
from fancam.status import _next
from tests.clips.encoding import encode
from tests.clips.numbered import CORNER_PX, CORNERS, HEIGHT, WIDTH, picture
from tests.clustering import fakes
from tests.clustering.child import install_fakes
from tests.cropping.smiles.stage_stubs import AlwaysSmiling
from tests.records import training_result
from tracking import stage as tracking_stage
from tracking import track_cli
from tracking.detection import tasks
from tracking.detection.export import ExportedModel, ModelMetadata, weights_key
from tracking.training import cli as training_cli
from tracking.training import report as training_report
from tracking.training import stage as training_stage
from tracking.training.report import PAGE_FILE, write_result
from web.core.status import statuses_of

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "cluster-faces": clustering_cli.main,
    "train-tracker": training_cli.main,
    "track-people": track_cli.main,
    "crop-people": crop_cli.main,
    "smile-gifs": smile_cli.main,
}
"""The commands of all stages, in order."""
RATE = 10
_BIT = (200, 200, 0)
MOST_STEPS = 14
UP_TO_DATE = "everything is up to date; to watch the videos: serve-people p.fancam --open"
_LEFT, _RIGHT = (0, CORNER_PX), (WIDTH - CORNER_PX, WIDTH)
_TOP, _BOTTOM = (0, CORNER_PX), (HEIGHT - CORNER_PX, HEIGHT)
_PLACES = ((_LEFT, _TOP), (_RIGHT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM))  # as in `CORNERS`


def draw_footage(path: Path, frames: int, *, first: int = 0) -> None:
    """Write a clip in which each of the four people is away for a while.

    Args:
        path: the new file.
        frames: number of frames.
        first: number in the first frame.
    """
    images = []
    for number in range(frames):
        image = picture(first + number)
        middle = image[CORNER_PX:-CORNER_PX]
        middle[middle.min(axis=2) > 200] = _BIT  # white is the colour of a corner
        corner = number // 3 % 8  # corners 4 to 7: nobody is away
        if corner < len(_PLACES):
            (x1, x2), (y1, y2) = _PLACES[corner]
            image[y1:y2, x1:x2] = 110
        images.append(image)
    encode(path, images, rate=RATE)


def corner_of(box: NDArray[Any]) -> int:
    """Return the number of the corner, as in `CORNERS`, of a box, ``(4,)`` px."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return int(x > WIDTH / 2) + 2 * int(y > HEIGHT / 2)


# --- cheap networks ---------------------------------------------------------------------------


class _StraightGaze(GazeReader):
    def read(self, portrait: Image) -> Gaze:
        del portrait
        return Gaze(0.1, 0.3)


def install(replace: Callable[[Any, str, Any], None], *, trains: bool = False) -> None:
    """Replace all networks, and the training unless it ``trains``, by cheap ones."""
    install_fakes(replace, fakes.CornerDetector())
    if not trains:
        replace(training_stage, "find_weights", lambda *_, **__: SimpleNamespace(key="w"))
        replace(training_stage, "_load", lambda *_: None)
        replace(training_stage._TrackerTraining, "train", _train)
    replace(tracking_stage, "exported_model", lambda file: ExportedModel(_metadata(file), b""))
    replace(tasks, "load_yolo", _load_yolo)
    replace(scorer, "GazeReader", _StraightGaze)
    for module in (smile_stage, smile_tasks, render_tasks, smile_state):
        replace(module, "load_smile_model", lambda *_: AlwaysSmiling())
    replace(crop_stage, "smile_model_key", lambda: AlwaysSmiling.key)


def _train(self: Any, person_id: list[int]) -> bool:
    examples, file = self.examples, self.project.tracker_file
    corners: list[set[int]] = [set() for _ in person_id]
    for example in examples.train:
        for number, box in zip(example.labels.class_index, example.labels.xyxy, strict=True):
            corners[number].add(corner_of(box))
    self._training_folder("all")
    content = list(examples.names), list(person_id), [sorted(places) for places in corners]
    file.write_text(json.dumps(content))
    report = file.parent / training_report.REPORT
    write_result(report, training_result(examples.names))
    (report / PAGE_FILE).write_text("a report")
    self.project.finish(TRACKER, self.inputs)
    return False


def _metadata(file: Path) -> ModelMetadata:
    key = weights_key(file)
    names, ids, _ = json.loads(file.read_text())
    return ModelMetadata(tuple(names), tuple(ids), WIDTH, key)


def _load_yolo(file: Path, **_: Any) -> tuple[_CornerNetwork, ModelMetadata, int]:
    return _CornerNetwork(json.loads(file.read_text())[2]), _metadata(file), 4


class _CornerNetwork:
    """Detect each person, with score 0.9, in the corners where the training images show them."""

    def __init__(self, corners: Sequence[Collection[int]]) -> None:
        self._corners = corners

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([self._output(image) for image in images])

    def _output(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        output = np.zeros((4 + len(self._corners), len(_PLACES)), np.float32)
        for number, ((x1, x2), (y1, y2)) in enumerate(_PLACES):
            output[:4, number] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
            if shown_corner(image[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4]) == number:
                output[4:, number] = [0.9 * (number in places) for places in self._corners]
        return output


def shown_corner(patch: Image) -> int:
    """Return the number of the corner whose colour most of a picture has; -1 for none."""
    colours = np.array(list(CORNERS.values()), np.int64)
    apart = np.abs(patch[:, :, None, :3].astype(np.int64) - colours).max(axis=3)
    counts = (apart < 50).sum(axis=(0, 1))
    return int(counts.argmax()) if counts.max() else -1


def run_all(folder: Path, clustering: Sequence[str]) -> Path:
    """Draw film.mp4 in a folder and run all stages on it, with cheap networks; return the folder.

    Args:
        folder: empty folder.
        clustering: arguments of `cluster-faces`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        install(patch.setattr)
        draw_footage(folder / "film.mp4", 30)
        assert clustering_cli.main(list(clustering)) == 0
        for name in list(COMMANDS)[1:]:
            assert COMMANDS[name](["p.fancam"]) == 0, name
    return folder


# --- following the status ---------------------------------------------------------------------


def last_line(project: Project) -> str:
    """Return the last line of the status."""
    read = Project(project.folder)
    return ["", *_next(read, statuses_of(read))][-1]


def arrive(project: Project, options: Mapping[str, Sequence[str]]) -> list[str]:
    """Run what the status names next until it names nothing; return the commands.

    Args:
        project: project to bring up to date.
        options: options of each command as before.

    Raises:
        AssertionError: a command is refused or leads nowhere.
    """
    commands: list[str] = []
    while (line := last_line(project)).startswith("next: "):
        name, *words = shlex.split(line.removeprefix("next: "))
        commands.append(line)
        assert len(commands) <= MOST_STEPS, f"too many commands: {commands}"
        assert commands.count(line) == 1, f"a command does not bring its output up to date: {line}"
        assert COMMANDS[name]([*options.get(name, ()), *words]) == 0, f"refused: {line}"
    return commands
