"""Check whether a trained detector recognises enough of the validation faces to track people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.core.errors import InputError
from data.storage.shown import command_line
from tracking.training.report import TrainingResult, read_result

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


def require_useful(report: Path, project: Path) -> None:
    """Check that the detector can recognise people; one without a report is accepted.

    Args:
        report: folder of the training report.
        project: folder of the project, for the message.

    Raises:
        InputError: it recognises almost no validation face.
    """
    try:
        result = read_result(report)
    except InputError:
        return
    if result.is_useless:
        problem = f"the tracker recognises only {recognised(result)} validation faces"
        longer = longer_training(result, project)
        raise InputError(f"{project}: {problem}; train longer: {longer}, or track with --force")
