"""Stub networks for every stage, and commands that run in this process."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from cropping import crop_cli
from cropping.smiles import cli as smiles_cli
from data.project.project import Project
from data.project.stages import TRACKER
from data.tables.people import open_people
from tests.clips.numbered import CORNERS, HEIGHT, WIDTH
from tests.clustering.child import install_fakes
from tests.clustering.command import Ran, ran
from tests.clustering.fakes import CornerDetector
from tests.records import tracker_record, training_result
from tests.tracking.coloured import ColourNetwork
from tracking import stage, track_cli
from tracking.detection import tasks
from tracking.detection.export import ExportedModel, ModelMetadata
from tracking.training import cli as training_cli
from tracking.training import stage as training
from tracking.training.stage import TrackerSummary

_BAR = re.compile(r"\d%\|")
COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "fancam": fancam.cli.main,
    "cluster-faces": clustering_cli.main,
    "train-tracker": training_cli.main,
    "track-people": track_cli.main,
    "crop-people": crop_cli.main,
    "smile-gifs": smiles_cli.main,
}


def install_stubs(put: Callable[[Any, str, Any], None]) -> None:
    """Replace the networks and the training of all stages, for clips with coloured corners.

    Args:
        put: function like ``setattr``.
    """
    network = ColourNetwork(list(CORNERS.values()))
    install_fakes(put, CornerDetector())
    put(stage, "exported_model", lambda weights: ExportedModel(_metadata(weights), b""))
    put(tasks, "load_yolo", lambda weights, **_: (network, _metadata(weights), 4))
    put(training, "train_tracker", _train)


def _metadata(weights: Path) -> ModelMetadata:
    with open_people(Project(weights.parents[1]).people_file) as people:
        names = people.names()
    return ModelMetadata(tuple(names.values()), tuple(names), max(WIDTH, HEIGHT), "key")


def _train(project: Project, *_: object, **__: object) -> TrackerSummary:
    add_tracker(project)
    file, result = project.tracker_file, training_result(["Person 1"])
    return TrackerSummary(result, (), file, file, up_to_date=False)


def add_tracker(project: Project) -> None:
    """Write a stub of a trained tracker."""
    project.tracker_folder.mkdir(exist_ok=True)
    project.tracker_file.write_bytes(b"stub")
    project.finish(TRACKER, tracker_record())


Command = Callable[..., Ran]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Return a function: ``command("crop-people", "a.fancam")`` runs in the folder ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    install_stubs(monkeypatch.setattr)

    def call(name: str, *arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = COMMANDS[name]([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        done = ran(code, printed.out, printed.err)
        return replace(done, err=[line for line in done.err if not _BAR.search(line)])

    return call
