"""Status of the tracker and the tracks: done, stale or missing; list their removable files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.core.errors import InputError
from data.core.name_list import first_names
from data.project.cleanup import Removable, existing_files, files_under
from data.project.project import FootageEntry, Project
from data.project.stages import (
    DETECTIONS,
    TRACKER,
    TRACKS,
    DetectionsRecord,
    TracksRecord,
)
from data.project.status import OTHER_OPTIONS, StageStatus
from data.tables.frame_sizes import assignments_in_frame
from data.tables.people import Assignments, People, open_people
from data.tables.tracks import has_tracks
from data.video.footage import holds_pictures
from data.video.pictures.media_folder import size_on_disk
from tracking.detection.body_weights import NO_BODIES
from tracking.detection.export import current_classes, weights_key
from tracking.detection.inputs import detections_record, faces_key, tracks_record
from tracking.training.report import REPORT, REPORT_FILES
from tracking.training.stage import TRAINING_FOLDER, TrackerSettings
from tracking.training.state import NO_PEOPLE, is_tracker_stale
from tracking.training.state import states as tracker_states
from tracking.training.usefulness import choose_detector

if TYPE_CHECKING:
    from tracking.stage import TrackSettings

_ANOTHER_VERSION = "tracked by another version of fancam"


def states(
    project: Project,
    training: TrackerSettings | None = None,
    tracking: TrackSettings | None = None,
) -> list[StageStatus]:
    """Return the status of the tracker, then of the tracks of every footage.

    Args:
        project: the project.
        training: settings of the next training; None for those of the last one.
        tracking: settings of the next tracking; None for those of the last one.

    Raises:
        InputError: people.sqlite is unreadable.
    """
    entries = list(project.footages.values())
    tracker = tracker_states(project, training)
    if not project.people_file.exists():
        tracks = [StageStatus("tracks", entry.name, "missing", NO_PEOPLE) for entry in entries]
        return [*tracker, *tracks]
    with open_people(project.people_file) as people:
        return [
            *tracker,
            *(_tracks_status(project, people, entry, tracking) for entry in entries),
        ]


def _tracks_status(
    project: Project, people: People, entry: FootageEntry, settings: TrackSettings | None
) -> StageStatus:
    command: tuple[str, ...] = ("track-people", str(project.folder), str(entry.path))
    record = project.record(TRACKS, entry.name)
    if record is not None and record.training is not None:
        command = (*command, "--training" if record.training else "--no-training")
        if record.training and not project.tracker_file.exists():
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
    if not has_tracks(project, entry.name):
        why = f"{files[0].name} is damaged, or writing it was stopped"
        return StageStatus("tracks", entry.name, "stale", why, command)
    if settings is not None and _with_settings(record, entry, settings) != record:
        return StageStatus("tracks", entry.name, "stale", OTHER_OPTIONS, command)
    current = _current_record(project, people, entry, record)
    detected = project.is_finished(DETECTIONS, current.detections, entry.name)
    if detected and project.is_finished(TRACKS, current, entry.name):
        if settings is not None and (unwritten := _unwritten(files[0], settings)):
            why = f"{first_names(unwritten)} not written yet"
            return StageStatus("tracks", entry.name, "missing", why, command)
        return StageStatus("tracks", entry.name)
    return StageStatus("tracks", entry.name, "stale", _difference(record, current, people), command)


def _unwritten(csv_file: Path, settings: TrackSettings) -> list[str]:
    """Return the names of the missing files that settings ask for beside the tracks."""
    wanted = {".txt": settings.mot, ".mp4": settings.overlay}
    files = [csv_file.with_suffix(suffix) for suffix, is_wanted in wanted.items() if is_wanted]
    return [file.name for file in files if not file.exists()]


def _with_settings(
    record: TracksRecord, entry: FootageEntry, settings: TrackSettings
) -> TracksRecord:
    """Return a record with other settings; the weights of bodies stay, unless there are none."""
    every_nth = 1 if holds_pictures(entry) else settings.every_nth
    bodies = "" if settings.body_weights == NO_BODIES else record.detections.bodies
    no_faces = faces_key(Assignments.empty())
    has_faces = record.faces != no_faces
    return replace(
        record,
        detections=replace(record.detections, every_nth=every_nth, bodies=bodies),
        naming=asdict(settings.linking),
        training=settings.training,
        faces=record.faces if settings.faces or not has_faces else no_faces,
    )


def _current_record(
    project: Project, people: People, entry: FootageEntry, record: TracksRecord
) -> TracksRecord:
    """Return the record that tracking now with the settings of ``record`` would write."""
    previous = record.detections
    weights = choose_detector(project, people, record.training).weights
    size = size_on_disk(entry.path)
    detections = detections_record(
        # A missing footage counts as unchanged here; `clustering.state` reports it.
        size_bytes=previous.size_bytes if size is None else size,
        every_nth=previous.every_nth,
        model_key=_model_key(weights) if weights is not None else "",
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
        training=record.training,
    )


def _model_key(weights: Path) -> str:
    try:
        return weights_key(weights)
    except InputError:
        return ""


def _difference(record: TracksRecord, current: TracksRecord, people: People) -> str:
    if record.detections != current.detections:
        return _detections_difference(record.detections, current.detections)
    if record == current:
        return "its detections are missing"
    if record.classes != current.classes or _are_merged(record, people):
        return "people were merged"
    if record.faces != current.faces:
        return "some of its faces now belong to other people"
    both = record.names.keys() & current.names.keys()
    if any(record.names[person] != current.names[person] for person in both):
        return "people were renamed"
    if record.names != current.names:
        return "people were added or removed"
    return "the dataset has changed since"


def _detections_difference(before: DetectionsRecord, after: DetectionsRecord) -> str:
    if before.size_bytes != after.size_bytes:
        return "the footage has changed"
    if before.model and not after.model:
        return "its detector is missing or can no longer be used"
    if after.model and not before.model:
        return "a detector has been trained since"
    if before.model != after.model:
        return "tracked by an earlier detector"
    return _ANOTHER_VERSION


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
