"""What of the tracking can be made again, from the dataset and the footage."""

from __future__ import annotations

from pathlib import Path

from data.project import Project
from data.removal import Removable, files_under, that_exist
from data.tracks import tracks_stage
from tracking.inputs import detections_stage
from tracking.report import REPORT_FILES
from tracking.training_stage import MODEL_FILE, REPORT, STAGE, TRAINING_FOLDER


def removable(project: Project) -> list[Removable]:
    """The tracks and what was detected for them, and the tracker."""
    files = [file for name in project.footages for file in _track_files(project, name)]
    stages = [f(name) for name in project.footages for f in (detections_stage, tracks_stage)]
    return [Removable("tracks", "track-people", tuple(files), tuple(stages)), tracker(project)]


def _track_files(project: Project, footage: str) -> list[Path]:
    csv_file = project.tracks_file(footage)
    whole = that_exist(*(csv_file.with_suffix(suffix) for suffix in (".csv", ".txt", ".mp4")))
    parts = files_under(csv_file.with_suffix(".parts"))
    return [*parts, *whole, *that_exist(project.detections_file(footage))]


def tracker(project: Project) -> Removable:
    """The tracker, its report, and a training that is under way.

    The weights that it was trained from stay: they came from elsewhere.
    """
    folder = project.tracker_folder
    model = folder / MODEL_FILE
    graph = (model.with_suffix(".onnx"), model.with_suffix(".onnx.json"))
    report = (folder / REPORT / name for name in REPORT_FILES)
    files = [*files_under(folder / TRAINING_FOLDER), *that_exist(*report, *graph, model)]
    return Removable("tracker", "train-tracker", tuple(files), (STAGE,))
