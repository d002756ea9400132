"""Whether the tracker and the tracks are up to date; nothing is done or written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from data.core.digest import file_key
from data.core.errors import InputError
from data.project.cleanup import Removable, files_under, that_exist
from data.project.manifest import MANIFEST
from data.project.project import FootageEntry, Project
from data.project.stages import DETECTIONS, TRACKER, TRACKS, TrackerRecord, TracksRecord
from data.project.status import StageStatus
from data.tables.dataset import DATA_FILE
from data.tables.people import Assignments, People, open_people
from data.video.footage import size_on_disk
from tracking.detection.export import weights_key
from tracking.detection.inputs import detections_record, faces_key, tracks_record
from tracking.training.examples import read_examples
from tracking.training.report import REPORT_FILES
from tracking.training.stage import REPORT, TRAINING_FOLDER
from tracking.training.stage import VERSION as TRAINING_VERSION

_NO_PEOPLE = "no people yet"
_ANOTHER_VERSION = "tracked by another version"


def states(project: Project) -> list[StageStatus]:
    """How the tracker stands, and then the tracks of every footage.

    Raises:
        InputError: the people cannot be read.
    """
    entries = list(project.footages.values())
    if not project.people_file.exists():
        tracks = [StageStatus("tracks", entry.name, "missing", _NO_PEOPLE) for entry in entries]
        return [StageStatus("tracker", "", "missing", _NO_PEOPLE), *tracks]
    with open_people(project.people_file) as people:
        tracker = _of_tracker(project, people)
        return [tracker, *(_of_tracks(project, people, entry) for entry in entries)]


def _of_tracker(project: Project, people: People) -> StageStatus:
    again = ("train-tracker", str(project.folder))
    record = project.record(TRACKER)
    if record is None or not project.tracker_file.exists():
        stopped = (project.tracker_folder / TRAINING_FOLDER).exists()
        why = "its training is not finished" if stopped else "not trained yet"
        return StageStatus("tracker", "", "missing", why, again)
    ids = {name: person for person, name in people.names().items()}
    if trained_otherwise(project, ids, record):
        return StageStatus("tracker", "", "stale", "the dataset has changed since", again)
    if record.version != TRAINING_VERSION:
        return StageStatus("tracker", "", "stale", "trained by another version", again)
    return StageStatus("tracker", "")


def _of_tracks(project: Project, people: People, entry: FootageEntry) -> StageStatus:
    again = ("track-people", str(project.folder), str(entry.path))
    record = project.record(TRACKS, entry.name)
    files = (project.tracks_file(entry.name), project.detections_file(entry.name))
    lost = [file.name for file in files if not file.exists()]
    if not project.has_record(TRACKS, entry.name):
        stopped = files[0].with_suffix(".parts").exists()
        why = "tracking is not finished" if stopped else "not tracked yet"
        return StageStatus("tracks", entry.name, "missing", why, again)
    if lost:
        return StageStatus("tracks", entry.name, "missing", f"{lost[0]} is gone", again)
    if record is None:
        return StageStatus("tracks", entry.name, "stale", _ANOTHER_VERSION, again)
    now = _record_now(project, people, entry, record)
    detected = project.is_finished(DETECTIONS, now.detections, entry.name)
    if detected and project.is_finished(TRACKS, now, entry.name):
        return StageStatus("tracks", entry.name)
    return StageStatus("tracks", entry.name, "stale", _difference(record, now), again)


def _record_now(
    project: Project, people: People, entry: FootageEntry, record: TracksRecord
) -> TracksRecord:
    """What the tracks would depend on if they were made now, with the settings of ``record``."""
    before = record.detections
    size = size_on_disk(entry.path)
    detections = detections_record(
        # A footage that is not there has not changed; `clustering.state` says that it is gone.
        size_bytes=before.size_bytes if size is None else size,
        every_nth=before.every_nth,
        model_key=_model_key(project.tracker_file),
    )
    without = faces_key(Assignments.empty())
    heard = record.faces != without  # a setting
    return tracks_record(
        detections,
        naming=record.naming,
        label_margin=project.label_margin,
        classes=record.classes,  # who they are comes with the model
        faces=faces_key(people.assignments(entry.name)) if heard else without,
        names=people.names(),
    )


def _model_key(weights: Path) -> str:
    try:
        return weights_key(weights)
    except InputError:
        return ""


def _difference(record: TracksRecord, now: TracksRecord) -> str:
    before, after = record.detections, now.detections
    if before.size_bytes != after.size_bytes:
        return "the footage has changed"
    if not after.model:
        return "its tracker is gone"
    if before.model != after.model:
        return "tracked by an earlier tracker"
    if before != after:
        return _ANOTHER_VERSION
    if record == now:
        return "what was detected is gone"
    if record.names != now.names:
        return "people have other names by now"
    if record.faces != now.faces:
        return "who is who has changed since"
    return "the dataset has changed since"


def removable(project: Project) -> list[Removable]:
    """The tracks and what was detected for them, and the tracker."""
    files = [file for name in project.footages for file in _track_files(project, name)]
    stages = [(stage, name) for name in project.footages for stage in (DETECTIONS, TRACKS)]
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
    model = project.tracker_file
    graph = (model.with_suffix(".onnx"), model.with_suffix(".onnx.json"))
    report = (folder / REPORT / name for name in REPORT_FILES)
    files = [*files_under(folder / TRAINING_FOLDER), *that_exist(*report, *graph, model)]
    return Removable("tracker", "train-tracker", tuple(files), ((TRACKER, None),))


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
    record = project.record(TRACKER)
    with open_people(project.people_file) as people:
        tracked = [entry.name for entry in project.footages_with(TRACKS)]
        tracks = [name for name in tracked if _tracked_otherwise(project, people, name)]
        ids = {name: person for person, name in people.names().items()}
    tracker = record is not None and trained_otherwise(project, ids, record)
    return Outdated(record is not None, tracker, tuple(tracked), tuple(tracks))


def trained_otherwise(project: Project, ids: dict[str, int], record: TrackerRecord) -> bool:
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
    return tuple(ids.get(name) for name in names) != record.person_id or key != record.dataset


# Reads every image, and is asked for again and again.
@lru_cache(maxsize=8)
def _examples(folder: Path, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    del keys  # other ones mean that the dataset is another
    examples = read_examples(folder)
    return examples.key, examples.names


def _tracked_otherwise(project: Project, people: People, footage: str) -> bool:
    record = project.record(TRACKS, footage)
    faces = people.assignments(footage)
    return (
        record is None
        or record.names != people.names()
        or record.faces
        not in (
            faces_key(faces),
            faces_key(Assignments.empty()),  # tracked without them
        )
    )
