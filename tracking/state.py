"""Whether the tracker and the tracks are up to date; nothing is done or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.errors import InputError
from data.footage import size_on_disk
from data.people import Assignments, People, open_people
from data.project import FootageEntry, Project
from data.state import State
from data.tracks import tracks_stage
from tracking.export import weights_key
from tracking.inputs import detections_inputs, detections_stage, faces_key, tracks_inputs
from tracking.outdated import trained_otherwise
from tracking.training_stage import MODEL_FILE, STAGE, TRAINING_FOLDER
from tracking.training_stage import VERSION as TRAINING_VERSION

_NO_PEOPLE = "no people yet"
_ANOTHER_VERSION = "tracked by another version"


def states(project: Project) -> list[State]:
    """How the tracker stands, and then the tracks of every footage.

    Raises:
        InputError: the people cannot be read.
    """
    entries = list(project.footages.values())
    if not project.people_file.exists():
        tracks = [State("tracks", entry.name, "missing", _NO_PEOPLE) for entry in entries]
        return [State("tracker", "", "missing", _NO_PEOPLE), *tracks]
    with open_people(project.people_file) as people:
        tracker = _of_tracker(project, people)
        return [tracker, *(_of_tracks(project, people, entry) for entry in entries)]


def _of_tracker(project: Project, people: People) -> State:
    again = ("train-tracker", str(project.folder))
    record = project.stages.get(STAGE)
    if record is None or not (project.tracker_folder / MODEL_FILE).exists():
        stopped = (project.tracker_folder / TRAINING_FOLDER).exists()
        why = "its training is not finished" if stopped else "not trained yet"
        return State("tracker", "", "missing", why, again)
    ids = {name: person for person, name in people.names().items()}
    if trained_otherwise(project, ids, record):
        return State("tracker", "", "stale", "the dataset has changed since", again)
    if record.get("version") != TRAINING_VERSION:
        return State("tracker", "", "stale", "trained by another version", again)
    return State("tracker", "")


def _of_tracks(project: Project, people: People, entry: FootageEntry) -> State:
    again = ("track-people", str(project.folder), str(entry.path))
    record = project.stages.get(tracks_stage(entry.name))
    files = (project.tracks_file(entry.name), project.detections_file(entry.name))
    lost = [file.name for file in files if not file.exists()]
    if record is None:
        stopped = files[0].with_suffix(".parts").exists()
        why = "tracking is not finished" if stopped else "not tracked yet"
        return State("tracks", entry.name, "missing", why, again)
    if lost:
        return State("tracks", entry.name, "missing", f"{lost[0]} is gone", again)
    if "detections" not in record:
        return State("tracks", entry.name, "stale", _ANOTHER_VERSION, again)
    now = _inputs_now(project, people, entry, record)
    detected = project.finished(detections_stage(entry.name), now["detections"])
    if detected and project.finished(tracks_stage(entry.name), now):
        return State("tracks", entry.name)
    return State("tracks", entry.name, "stale", _difference(record, now), again)


def _inputs_now(
    project: Project, people: People, entry: FootageEntry, record: dict[str, Any]
) -> dict[str, Any]:
    """What the tracks would depend on if they were made now, with the settings of ``record``."""
    before = record["detections"]
    size = size_on_disk(entry.path)
    detections = detections_inputs(
        # A footage that is not there has not changed; `clustering.state` says that it is gone.
        size_bytes=before["size_bytes"] if size is None else size,
        every_nth=before["every_nth"],
        model_key=_model_key(project.tracker_folder / MODEL_FILE),
    )
    without = faces_key(Assignments.empty())
    heard = record["faces"] != without  # a setting
    return tracks_inputs(
        detections,
        naming=record["naming"],
        label_margin=float(project.stages.get("people", {}).get("label_margin", 0)),
        classes=record["classes"],  # who they are comes with the model
        faces=faces_key(people.assignments(entry.name)) if heard else without,
        names=people.names(),
    )


def _model_key(weights: Path) -> str:
    try:
        return weights_key(weights)
    except InputError:
        return ""


def _difference(record: dict[str, Any], now: dict[str, Any]) -> str:
    before, after = record["detections"], now["detections"]
    if before["size_bytes"] != after["size_bytes"]:
        return "the footage has changed"
    if not after["model"]:
        return "its tracker is gone"
    if before["model"] != after["model"]:
        return "tracked by an earlier tracker"
    if before != after:
        return _ANOTHER_VERSION
    if record == now:
        return "what was detected is gone"
    if record["names"] != now["names"]:
        return "people have other names by now"
    if record["faces"] != now["faces"]:
        return "who is who has changed since"
    return "the dataset has changed since"
