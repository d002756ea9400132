"""State of each footage's videos and GIFs: missing, stale or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cropping.render.cache_keys import VERSION, video_keys
from cropping.render.job import Person, people_of
from cropping.render.settings import CropSettings
from cropping.render.wanted import WantedFile, has_smiles, timeline_key, wanted_files
from cropping.smiles.settings import SmileSettings
from cropping.smiles.state import MERGED, NO_TRACKS, OTHER_INPUTS, RENAMED, gifs_state, is_tracked
from cropping.smiles.table import current_smiles
from data.project.cleanup import Removable, existing_files, files_under
from data.project.filenames import CropKind
from data.project.manifest import FileManifest, OutputFolder
from data.project.paths import WORK_FOLDER
from data.project.project import FootageEntry, Project
from data.project.stages import CROPS, GIFS, SMILES, CropsRecord, GifsRecord
from data.project.status import StageStatus
from data.tables.crop_files import crop_files
from data.tables.timeline import read_timeline
from data.tables.timeline_json import TIMELINE_FILE
from data.tables.tracked_people import (
    merged_smiles,
    read_current_tracks,
    tracked_people,
)
from data.video.footage import holds_pictures, probe
from data.video.pictures.media_folder import size_on_disk

_NO_VIDEO = "some people have no video yet"
_NO_SMALL = "the small videos for the page are missing"
_TIMELINE = "its timeline is out of date"
_SMILES = "the smiles have changed since"


def states(
    project: Project,
    cropping: CropSettings | None = None,
    smiling: SmileSettings | None = None,
) -> list[StageStatus]:
    """Return the states of each footage's videos and GIFs; footage of pictures has no videos.

    Args:
        project: the project.
        cropping: settings of the next crop-people; None for those of the last one.
        smiling: settings of the next smile-gifs; None for those of the last one.

    Raises:
        InputError: tracks, people or a footage cannot be read.
    """
    entries = project.footages.values()
    return [state for entry in entries for state in _of_footage(project, entry, cropping, smiling)]


def _of_footage(
    project: Project,
    entry: FootageEntry,
    cropping: CropSettings | None,
    smiling: SmileSettings | None,
) -> list[StageStatus]:
    pictures = holds_pictures(entry)
    outputs = ("smile GIFs",) if pictures else ("videos", "smile GIFs")
    if not is_tracked(project, entry):
        return [StageStatus(output, entry.name, "missing", NO_TRACKS) for output in outputs]
    gifs = gifs_state(project, entry, smiling)
    return [gifs] if pictures else [_of_videos(project, entry, cropping), gifs]


# --- videos -----------------------------------------------------------------------------------


def _of_videos(project: Project, entry: FootageEntry, settings: CropSettings | None) -> StageStatus:
    command = ("crop-people", str(project.folder), str(entry.path))
    record = project.record(CROPS, entry.name)
    if record is not None and settings is not None:
        record = _with_settings(record, entry, settings)
    people = _people(project, entry, record)
    if not people:
        return StageStatus("videos", entry.name, reason="no person was seen in it")
    folder = OutputFolder(project.crops_folder(entry.name))
    listed = folder.keys()
    files = crop_files(folder.folder, listed, None)
    videos = {file for file in listed if files.kinds.get(file) is CropKind.VIDEO}
    if record is None or not videos:
        begun = (folder.folder / WORK_FOLDER).exists()
        why = "cropping is not finished" if begun else "not cropped yet"
        return StageStatus("videos", entry.name, "missing", why, command)
    if record.version != VERSION:
        return StageStatus(
            "videos", entry.name, "stale", "cropped by another version of fancam", command
        )
    if lost := [path for path in FileManifest(folder.folder).read() if path not in listed]:
        exists = (folder.folder / lost[0]).exists()
        why = f"writing {lost[0]} was stopped" if exists else f"{lost[0]} is gone"
        return StageStatus("videos", entry.name, "missing", why, command)
    merged_into = tracked_people(project, entry.name).merged_into
    owners = {files.owners[file] for file in videos}
    if record.everybody:
        chosen = {person.person_id for person in people}
    else:
        chosen = {merged_into.get(person, person) for person in owners}
    if settings is not None and settings.people:
        chosen = {person.person_id for person in people if person.name in settings.people}
    best = settings is not None and settings.only_present
    wanted = wanted_files(people, chosen, listed, files, only_present=best)
    if owners & merged_into.keys():
        return StageStatus("videos", entry.name, "stale", MERGED, command)
    if why := _difference(project, entry.name, wanted, listed, owners):
        return StageStatus("videos", entry.name, "stale", why, command)
    why = f"{len(videos)} of {len(people)} people" if len(videos) < len(people) else ""
    return StageStatus("videos", entry.name, reason=why)


def _with_settings(record: CropsRecord, entry: FootageEntry, settings: CropSettings) -> CropsRecord:
    """Return a record with other settings; all people are wanted unless some are named."""
    key = record.settings
    if entry.path.exists():
        key = settings.video_key() + probe(entry.path, entry.streams).form.key
    return replace(
        record,
        settings=key,
        others=settings.others,
        everybody=record.everybody or not settings.people,
    )


def _people(
    project: Project, entry: FootageEntry, record: CropsRecord | None
) -> tuple[Person, ...]:
    tracks, tracked = read_current_tracks(project, entry.name)
    size = size_on_disk(entry.path)
    keys = video_keys(
        tracks,
        read_timeline(project.detections_file(entry.name)),
        size_bytes=entry.size_bytes if size is None else size,
        streams=entry.streams,
        settings="" if record is None else record.settings,
        blurred=record is not None and record.others == "blur",
    )
    return people_of(tracked.names, tracks, keys)


def _difference(
    project: Project,
    footage: str,
    wanted: Mapping[str, WantedFile],
    listed: Mapping[str, str],
    owners: set[int],
) -> str:
    """Return why the files of a crops folder are stale; empty if they are not."""
    stale = [file for path, file in wanted.items() if listed.get(path) != file.key]
    if changed := [file for file in stale if file.source is None]:
        if all(file.kind is CropKind.SMALL for file in changed):
            return _NO_SMALL
        return _NO_VIDEO if not owners & {f.person.person_id for f in changed} else OTHER_INPUTS
    gone = [path for path in listed if path not in wanted and path != TIMELINE_FILE]
    if stale:
        return RENAMED
    if gone:
        return OTHER_INPUTS
    if timeline_key(footage, wanted) != listed.get(TIMELINE_FILE):
        return _TIMELINE
    smiles = current_smiles(project, footage)
    if smiles is None:
        return ""  # smile-gifs writes the smiles that it scores into the timeline
    merged_into = tracked_people(project, footage).merged_into
    timeline = project.crops_folder(footage) / TIMELINE_FILE
    return "" if has_smiles(timeline, merged_smiles(smiles, merged_into)) else _SMILES


# --- removable files --------------------------------------------------------------------------


def removable(project: Project) -> list[Removable]:
    """Return the removable files: videos, GIFs, timelines and smiles tables.

    Raises:
        InputError: a manifest is damaged.
    """
    files = [file for name in project.footages for file in footage_files(project, name)]
    stages = [(stage, name) for name in project.footages for stage in (CROPS, GIFS, SMILES)]
    return [Removable("crops", "crop-people, smile-gifs", tuple(files), tuple(stages))]


def footage_files(project: Project, footage: str) -> list[Path]:
    """Return the existing generated files of the crops of a footage."""
    folder = project.crops_folder(footage)
    gifs = (folder / name for name in (project.record(GIFS, footage) or GifsRecord()).keys)
    smiles = project.smiles_file(footage)
    chunks = files_under(folder / WORK_FOLDER)
    return [*chunks, *existing_files(*gifs, smiles), *OutputFolder(folder).files()]
