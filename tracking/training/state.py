"""Status of the tracker: done, stale, missing or optional; read-only."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.manifest import MANIFEST
from data.project.project import Project
from data.project.stages import TRACKER, TrackerRecord
from data.project.status import OTHER_OPTIONS, StageStatus, StatusName
from data.tables.dataset import DATA_FILE
from data.tables.people import People, open_people
from data.video.footage import only_pictures
from tracking.training.examples import ids_in_dataset, read_examples
from tracking.training.learning_curve import CURVE_FILE
from tracking.training.report import REPORT
from tracking.training.stage import TRAINING_FOLDER, VERSION, TrackerSettings, person_ids

NO_PEOPLE: Final = "no people yet"


def states(project: Project, settings: TrackerSettings | None = None) -> list[StageStatus]:
    """Return the status of the tracker.

    Args:
        project: the project.
        settings: settings of the next training; None for those of the last one.

    Raises:
        InputError: people.sqlite is unreadable.
    """
    if not project.people_file.exists():
        return [StageStatus("tracker", "", "missing", NO_PEOPLE)]
    with open_people(project.people_file) as people:
        return [_tracker_status(project, people, settings)]


def _tracker_status(
    project: Project, people: People, settings: TrackerSettings | None
) -> StageStatus:
    record = project.record(TRACKER)
    if record is None or not project.tracker_file.exists():
        if (project.tracker_folder / TRAINING_FOLDER).exists():
            return _untrained(project, "missing", "its training is not finished")
        return _untrained(project, "optional", "not trained; tracking works without it")
    if is_tracker_stale(project, people, record):
        return _untrained(project, "stale", "the dataset has changed since")
    if record.version != VERSION:
        return _untrained(project, "stale", "trained by another version of fancam")
    if settings is not None:
        names = ("epochs", "imgsz", "batch", "seed")
        wanted = replace(record, **{name: getattr(settings, name) for name in names})
        if wanted != record:
            return _untrained(project, "stale", OTHER_OPTIONS)
        if settings.learning_curve and not (project.tracker_folder / REPORT / CURVE_FILE).exists():
            return _untrained(project, "optional", "no learning curve yet")
    return StageStatus("tracker", "")


def _untrained(project: Project, state: StatusName, why: str) -> StageStatus:
    """Return the status of a tracker; without a command if the dataset cannot be trained on."""
    folder = project.dataset_folder
    try:
        _, names = _dataset(project)
        person_ids(project, names)
    except InputError as error:
        because = str(error).removeprefix(f"{project.folder}: ").removeprefix(f"{folder}: ")
        return StageStatus("tracker", "", state, f"{why}; {because}")
    return StageStatus("tracker", "", state, why, ("train-tracker", str(project.folder)))


def is_tracker_stale(project: Project, people: People, record: TrackerRecord) -> bool:
    """Return whether the dataset has changed since the training of ``record``."""
    try:
        key, names = _dataset(project)
    except InputError:
        return True  # the current dataset cannot be trained on
    ids = ids_in_dataset(project, people)
    return tuple(ids.get(name) for name in names) != record.person_id or key != record.dataset


def _dataset(project: Project) -> tuple[str, tuple[str, ...]]:
    """Return the key of a project's dataset, and the names in it.

    Raises:
        InputError: it cannot be trained on.
    """
    folder = project.dataset_folder
    files = [folder / MANIFEST, folder / DATA_FILE]
    keys = tuple(file_key(file) for file in files if file.exists())
    return _examples(folder, keys, only_pictures(project))


# Cached, because it reads every image and the pages request it repeatedly.
@lru_cache(maxsize=8)
def _examples(
    folder: Path, keys: tuple[str, ...], of_pictures: bool
) -> tuple[str, tuple[str, ...]]:
    del keys  # part of the cache key only
    examples = read_examples(folder, of_pictures=of_pictures)
    return examples.key, examples.names
