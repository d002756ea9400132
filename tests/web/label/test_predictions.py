from __future__ import annotations

import time

from data.project.project import Project
from web.label.predictions import MODEL_FILE, FootagePredictions, Predictions

PATIENCE_S = 20


def test_a_damaged_model_is_named(sorted_project: Project) -> None:
    folder = sorted_project.labels_folder / "mood"
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_text("no model")
    found = predicted(sorted_project, folder.name)
    assert found.scores is None
    assert found.problem.startswith(f"{MODEL_FILE}: not a fancam model; give one that ")
    assert str(folder) not in found.problem


def test_without_a_model_there_is_no_problem(sorted_project: Project) -> None:
    assert predicted(sorted_project, "mood") == FootagePredictions()


def predicted(project: Project, name: str) -> FootagePredictions:
    """Return the predictions of a label set once its model has run."""
    predictions = Predictions()
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        found = predictions.of_footage(
            project, "film", project.labels_folder / name, ("happy", "sad")
        )
        if not found.pending:
            return found
        time.sleep(0.05)
    raise AssertionError("the model is still running")
