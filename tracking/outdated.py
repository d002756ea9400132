"""What of the tracking has to be done again, since who is who has changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.dataset import DATA_FILE
from data.errors import InputError
from data.outputs import MANIFEST, file_key
from data.people import Assignments, People, open_people
from data.project import Project
from data.tracks import tracks_stage
from tracking.examples import read_examples
from tracking.inputs import faces_key
from tracking.training_stage import STAGE


@dataclass(frozen=True, slots=True)
class Outdated:
    """What was done, and what of it would come out otherwise by now."""

    trained: bool
    tracker: bool  # the dataset is another one than it was trained on
    tracked: tuple[str, ...]  # footages
    tracks: tuple[str, ...]  # of these, tracked with other names or other faces


def outdated(project: Project) -> Outdated:
    """Return what would come out otherwise if it was done again.

    Raises:
        InputError: the people cannot be read.
    """
    record = project.stages.get(STAGE)
    with open_people(project.people_file) as people:
        tracked = [name for name in project.footages if tracks_stage(name) in project.stages]
        tracks = [name for name in tracked if _tracked_otherwise(project, people, name)]
        ids = {name: person for person, name in people.names().items()}
    tracker = record is not None and trained_otherwise(project, ids, record)
    return Outdated(record is not None, tracker, tuple(tracked), tuple(tracks))


def trained_otherwise(project: Project, ids: dict[str, int], record: dict[str, Any]) -> bool:
    """Whether the dataset is another one than the tracker of ``record`` was trained on.

    Args:
        project: whose they are.
        ids: people by name.
        record: what the project notes of the training.
    """
    folder = project.dataset_folder
    files = [folder / MANIFEST, folder / DATA_FILE]
    try:
        key, names = _examples(folder, tuple(file_key(file) for file in files if file.exists()))
    except InputError:
        return True  # nobody could be trained on what is there now
    return [ids.get(name) for name in names] != record.get("person_id") or key != record["dataset"]


# Reads every image, and is asked for again and again.
@lru_cache(maxsize=8)
def _examples(folder: Path, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    del keys  # other ones mean that the dataset is another
    examples = read_examples(folder)
    return examples.key, examples.names


def _tracked_otherwise(project: Project, people: People, footage: str) -> bool:
    record = project.stages[tracks_stage(footage)]
    names = {str(person): name for person, name in people.names().items()}
    faces = people.assignments(footage)
    return record.get("names") != names or record.get("faces") not in (
        faces_key(faces),
        faces_key(Assignments.empty()),  # tracked without them
    )
