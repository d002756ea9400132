"""Status of the tracker and the tracks: done, stale or missing; list their removable files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.cleanup import Removable, existing_files, files_under
from data.project.manifest import MANIFEST
from data.project.project import FootageEntry, Project
from data.project.stages import DETECTIONS, TRACKER, TRACKS, TrackerRecord, TracksRecord
from data.project.status import StageStatus
from data.tables.dataset import DATA_FILE
from data.tables.frame_sizes import assignments_in_frame
from data.tables.people import Assignments, People, open_people
from data.video.pictures.media_folder import size_on_disk
from tracking.detection.export import current_classes, weights_key
from tracking.detection.inputs import detections_record, faces_key, tracks_record
from tracking.training.examples import ids_in_dataset, read_examples
from tracking.training.report import REPORT, REPORT_FILES
from tracking.training.stage import TRAINING_FOLDER, person_ids
from tracking.training.stage import VERSION as TRAINING_VERSION

_NO_PEOPLE = "no people yet"
_ANOTHER_VERSION = "tracked by another version"


def states(project: Project) -> list[StageStatus]:
    """Return the status of the tracker, then of the tracks of every footage.

    Raises:
        InputError: people.sqlite is unreadable.
    """
    entries = list(project.footages.values())
    if not project.people_file.exists():
        tracks = [StageStatus("tracks", entry.name, "missing", _NO_PEOPLE) for entry in entries]
        return [StageStatus("tracker", "", "missing", _NO_PEOPLE), *tracks]
    with open_people(project.people_file) as people:
        tracker = _tracker_status(project, people)
        return [tracker, *(_tracks_status(project, people, entry) for entry in entries)]


def _tracker_status(project: Project, people: People) -> StageStatus:
    record = project.record(TRACKER)
    if record is None or not project.tracker_file.exists():
        stopped = (project.tracker_folder / TRAINING_FOLDER).exists()
        why = "its training is not finished" if stopped else "not trained yet"
        return _untrained(project, "missing", why)
    if is_tracker_stale(project, people, record):
        return _untrained(project, "stale", "the dataset has changed since")
    if record.version != TRAINING_VERSION:
        return _untrained(project, "stale", "trained by another version")
    return StageStatus("tracker", "")


def _untrained(project: Project, state: Literal["stale", "missing"], why: str) -> StageStatus:
    """Return the status of a tracker; without a command if the dataset cannot be trained on."""
    folder = project.dataset_folder
    files = [folder / MANIFEST, folder / DATA_FILE]
    try:
        _, names = _examples(folder, tuple(file_key(file) for file in files if file.exists()))
        person_ids(project, names)
    except InputError as error:
        because = str(error).removeprefix(f"{project.folder}: ").removeprefix(f"{folder}: ")
        return StageStatus("tracker", "", state, f"{why}; {because}")
    return StageStatus("tracker", "", state, why, ("train-tracker", str(project.folder)))


def _tracks_status(project: Project, people: People, entry: FootageEntry) -> StageStatus:
    command: tuple[str, ...] = ("track-people", str(project.folder), str(entry.path))
    record = project.record(TRACKS, entry.name)
    if record is not None and not record.detections.model:
        command = (*command, "--no-training")
    elif not _is_usable(project, people):
        command = ()  # after train-tracker
    files = (project.tracks_file(entry.name), project.detections_file(entry.name))
    missing = [file.name for file in files if not file.exists()]
    if not project.has_record(TRACKS, entry.name):
        stopped = files[0].with_suffix(".parts").exists()
        why = "tracking is not finished" if stopped else "not tracked yet"
        return StageStatus("tracks", entry.name, "missing", why, command)
    if missing:
        return StageStatus("tracks", entry.name, "missing", f"{missing[0]} is gone", command)
    if record is None:
        return StageStatus("tracks", entry.name, "stale", _ANOTHER_VERSION, command)
    current = _current_record(project, people, entry, record)
    detected = project.is_finished(DETECTIONS, current.detections, entry.name)
    if detected and project.is_finished(TRACKS, current, entry.name):
        return StageStatus("tracks", entry.name)
    return StageStatus("tracks", entry.name, "stale", _difference(record, current, people), command)


def _is_usable(project: Project, people: People) -> bool:
    """Return whether there is a tracker whose classes are people of the project."""
    record, names = project.record(TRACKER), people.names()
    trained = () if record is None else record.person_id
    classes = current_classes(trained, names, people.merged_into())
    return project.tracker_file.exists() and all(person in names for person in classes)


def _current_record(
    project: Project, people: People, entry: FootageEntry, record: TracksRecord
) -> TracksRecord:
    """Return the record that tracking now with the settings of ``record`` would write."""
    previous = record.detections
    size = size_on_disk(entry.path)
    detections = detections_record(
        # A missing footage counts as unchanged here; `clustering.state` reports it.
        size_bytes=previous.size_bytes if size is None else size,
        every_nth=previous.every_nth,
        model_key=_model_key(project.tracker_file) if previous.model else "",
        video_stream=entry.streams.video,
        bodies_key=previous.bodies,  # the weights may be outside of the project
    )
    no_faces = faces_key(Assignments.empty())
    with_faces = record.faces != no_faces  # False after track-people --no-faces
    return tracks_record(
        detections,
        linking=record.naming,
        label_margin=project.label_margin,
        # Stored in the model, and followed through the merges since.
        classes=current_classes(record.classes, people.names(), people.merged_into()),
        faces=faces_key(assignments_in_frame(people, entry)) if with_faces else no_faces,
        names=people.names(),
    )


def _model_key(weights: Path) -> str:
    try:
        return weights_key(weights)
    except InputError:
        return ""


def _difference(record: TracksRecord, current: TracksRecord, people: People) -> str:
    before, after = record.detections, current.detections
    if before.size_bytes != after.size_bytes:
        return "the footage has changed"
    if before.model and not after.model:
        return "its tracker is missing"
    if before.model != after.model:
        return "tracked by an earlier tracker"
    if before != after:
        return _ANOTHER_VERSION
    if record == current:
        return "its detections are missing"
    if record.classes != current.classes or _are_merged(record, people):
        return "people were merged"
    if record.faces != current.faces:
        return "the people of its faces have changed since"
    both = record.names.keys() & current.names.keys()
    if any(record.names[person] != current.names[person] for person in both):
        return "people were renamed"
    if record.names != current.names:
        return "people were added or removed"
    return "the dataset has changed since"


def _are_merged(record: TracksRecord, people: People) -> bool:
    names = people.names()
    return any(p in record.names and p not in names for p in people.merged_into())


def removable(project: Project) -> list[Removable]:
    """List the files of tracks and detections, and of the tracker."""
    files = [file for name in project.footages for file in footage_files(project, name)]
    stages = [(stage, name) for name in project.footages for stage in (DETECTIONS, TRACKS)]
    return [
        Removable("tracks", "track-people", tuple(files), tuple(stages)),
        removable_tracker(project),
    ]


def footage_files(project: Project, footage: str) -> list[Path]:
    """Return the existing files of the tracks and detections of a footage."""
    csv_file = project.tracks_file(footage)
    tracks = existing_files(*(csv_file.with_suffix(suffix) for suffix in (".csv", ".txt", ".mp4")))
    checkpoints = files_under(csv_file.with_suffix(".parts"))
    return [*checkpoints, *tracks, *existing_files(project.detections_file(footage))]


def removable_tracker(project: Project) -> Removable:
    """List the files of the tracker, of its report and of unfinished training runs.

    The starting weights are not listed: fancam cannot recreate them.
    """
    folder = project.tracker_folder
    model = project.tracker_file
    cached = (model.with_suffix(".onnx"), model.with_suffix(".onnx.json"))
    report = (folder / REPORT / name for name in REPORT_FILES)
    files = [*files_under(folder / TRAINING_FOLDER), *existing_files(*report, *cached, model)]
    return Removable("tracker", "train-tracker", tuple(files), ((TRACKER, None),))


@dataclass(frozen=True, slots=True)
class StaleTracking:
    """Finished stages of tracking, and which of them are stale; sent to the pages as JSON."""

    trained: bool  # whether there is a tracker
    tracker: bool  # whether it is stale: the dataset has changed
    tracked: tuple[str, ...]  # names of the footages with tracks
    tracks: tuple[str, ...]  # names of those with stale tracks: people or faces have changed


def stale_tracking(project: Project) -> StaleTracking:
    """Return which finished stages would give a different result now.

    Raises:
        InputError: people.sqlite is unreadable.
    """
    record = project.record(TRACKER)
    with open_people(project.people_file) as people:
        tracked = [entry.name for entry in project.footages_with(TRACKS)]
        tracks = [name for name in tracked if _are_tracks_stale(project, people, name)]
        tracker = record is not None and is_tracker_stale(project, people, record)
    return StaleTracking(record is not None, tracker, tuple(tracked), tuple(tracks))


def is_tracker_stale(project: Project, people: People, record: TrackerRecord) -> bool:
    """Return whether the dataset has changed since the training of ``record``."""
    folder = project.dataset_folder
    files = [folder / MANIFEST, folder / DATA_FILE]
    try:
        key, names = _examples(folder, tuple(file_key(file) for file in files if file.exists()))
    except InputError:
        return True  # the current dataset cannot be trained on
    ids = ids_in_dataset(project, people)
    return tuple(ids.get(name) for name in names) != record.person_id or key != record.dataset


# Cached, because it reads every image and the pages request it repeatedly.
@lru_cache(maxsize=8)
def _examples(folder: Path, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    del keys  # part of the cache key only
    examples = read_examples(folder)
    return examples.key, examples.names


def _are_tracks_stale(project: Project, people: People, footage: str) -> bool:
    record = project.record(TRACKS, footage)
    faces = assignments_in_frame(people, project.footages[footage])
    return (
        record is None
        or record.names != people.names()
        or record.faces
        not in (
            faces_key(faces),
            faces_key(Assignments.empty()),  # tracked without faces
        )
    )
