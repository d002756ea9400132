"""Choose whether the trained detector tracks people: it must recognise enough of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import TRACKER
from data.storage.shown import command_line
from data.tables.people import People
from tracking.detection.export import current_classes
from tracking.training.report import REPORT, TrainingResult, read_result
from tracking.training.stage import TRAINING_FOLDER

_WEAK_SHARE: Final = 0.5  # of the validation faces recognised
_LONG_TRAINING: Final = 100  # epochs, the most that train-tracker chooses by itself


def recognised(result: TrainingResult) -> str:
    """Return how many validation faces the detector recognises, such as ``40 of 45``."""
    right, faces = result.recognised
    return f"{right} of {faces}"


def is_weak(result: TrainingResult) -> bool:
    """Whether the detector recognises less than half of the validation faces."""
    right, faces = result.recognised
    return faces > 0 and right < _WEAK_SHARE * faces


def longer_training(result: TrainingResult, project: Path) -> str:
    """Return the command that trains the detector for longer."""
    epochs = max(2 * result.epochs, _LONG_TRAINING)
    return command_line("train-tracker", project, "--force", "--epochs", str(epochs))


def weakness_lines(result: TrainingResult, project: Path) -> list[str]:
    """Return a warning about a detector that recognises few faces; empty for any other."""
    if not is_weak(result):
        return []
    found = f"the detector recognises only {recognised(result)} validation faces"
    return [f"warning: {found}; train longer: {longer_training(result, project)}"]


@dataclass(frozen=True, slots=True)
class ChosenDetector:
    """The trained detector that tracks people, or why there is none.

    Args:
        weights: the .pt file; None to track without a trained detector.
        note: why a detector of the project is not used, in one line; may be empty.
    """

    weights: Path | None
    note: str = ""


def choose_detector(project: Project, people: People, training: bool | None) -> ChosenDetector:
    """Return the detector that `track-people` uses.

    Args:
        project: the project.
        people: its people.
        training: whether to use the trained detector; None to use it if there is one that
            recognises the people of the project. One without a report is accepted.
    """
    weights = project.tracker_file
    if training is False or (training is None and not weights.exists()):
        return ChosenDetector(None)
    if training:
        return ChosenDetector(weights)
    record, names = project.record(TRACKER), people.names()
    classes = () if record is None else record.person_id
    retrain = command_line("train-tracker", project.folder)
    if record is None and (project.tracker_folder / TRAINING_FOLDER).exists():
        why = "train-tracker was stopped while it wrote the trained detector"
        return ChosenDetector(None, f"{why}, so the detector is not used; continue: {retrain}")
    if not all(one in names for one in current_classes(classes, names, people.merged_into())):
        why = "the trained detector was trained for people who are no longer in the project"
        return ChosenDetector(None, f"{why}, so it is not used; train again: {retrain}")
    result = _result(project)
    if result is not None and result.is_useless:
        why = f"the trained detector recognises only {recognised(result)} validation faces"
        longer = longer_training(result, project.folder)
        return ChosenDetector(None, f"{why}, so it is not used; train longer: {longer}")
    return ChosenDetector(weights)


def _result(project: Project) -> TrainingResult | None:
    try:
        return read_result(project.tracker_folder / REPORT)
    except InputError:
        return None
