"""State of each footage's videos and GIFs: missing, stale or done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cropping.render.cache_keys import VERSION, video_keys
from cropping.render.job import Person, people_of
from cropping.render.wanted import WantedFile, timeline_key, wanted_files
from cropping.smiles.cache_keys import gif_key_suffix, merges_text
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import smiling_intervals, stored_smiles
from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.core.intervals import Interval
from data.project.cleanup import Removable, existing_files, files_under
from data.project.filenames import CropKind, person_file_names
from data.project.manifest import FileManifest, OutputFolder
from data.project.paths import WORK_FOLDER
from data.project.project import FootageEntry, Project
from data.project.stages import CROPS, GIFS, SMILES, TRACKS, CropsRecord, GifsRecord
from data.project.status import StageStatus
from data.tables.crop_files import CropFiles, crop_files
from data.tables.smiles import Smiles
from data.tables.timeline import read_timeline
from data.tables.timeline_json import TIMELINE_FILE, read_timeline_json
from data.tables.tracked_people import (
    TrackedPeople,
    merged_smiles,
    read_current_tracks,
    tracked_people,
)
from data.video.footage import holds_pictures
from data.video.pictures.media_folder import size_on_disk

_NO_TRACKS = "no tracks yet"
_OTHER_INPUTS = "written with other tracks or settings"
_RENAMED = "people were renamed"
_MERGED = "people were merged"
_SMILES = "the smiles have changed since"


def states(project: Project) -> list[StageStatus]:
    """Return the states of each footage's videos and GIFs; footage of pictures has no videos.

    Raises:
        InputError: tracks or people cannot be read.
    """
    entries = project.footages.values()
    return [state for entry in entries for state in _of_footage(project, entry)]


def _of_footage(project: Project, entry: FootageEntry) -> list[StageStatus]:
    pictures = holds_pictures(entry)
    outputs = ("smile GIFs",) if pictures else ("videos", "smile GIFs")
    files = (project.tracks_file(entry.name), project.detections_file(entry.name))
    if project.record(TRACKS, entry.name) is None or not all(file.exists() for file in files):
        return [StageStatus(output, entry.name, "missing", _NO_TRACKS) for output in outputs]
    gifs = _of_gifs(project, entry)
    return [gifs] if pictures else [_of_videos(project, entry), gifs]


# --- videos -----------------------------------------------------------------------------------


def _of_videos(project: Project, entry: FootageEntry) -> StageStatus:
    command = ("crop-people", str(project.folder), str(entry.path))
    record = project.record(CROPS, entry.name)
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
        return StageStatus("videos", entry.name, "stale", "cropped by another version", command)
    if lost := [path for path in FileManifest(folder.folder).read() if path not in listed]:
        exists = (folder.folder / lost[0]).exists()
        why = f"writing {lost[0]} was stopped" if exists else f"{lost[0]} is gone"
        return StageStatus("videos", entry.name, "missing", why, command)
    merged_into = tracked_people(project, entry.name).merged_into
    owners = {files.owners[file] for file in videos}
    chosen = {merged_into.get(person, person) for person in owners}
    wanted = wanted_files(people, chosen, listed, files, only_present=False)
    if why := _difference(project, entry.name, wanted, listed, owners & merged_into.keys()):
        return StageStatus("videos", entry.name, "stale", why, command)
    why = f"{len(videos)} of {len(people)} people" if len(videos) < len(people) else ""
    return StageStatus("videos", entry.name, reason=why)


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
    merged: Collection[int],
) -> str:
    """Return why the files of a crops folder are stale; empty if they are not."""
    if merged:
        return _MERGED
    stale = [file for path, file in wanted.items() if listed.get(path) != file.key]
    if any(file.source is None for file in stale):
        return _OTHER_INPUTS
    gone = [path for path in listed if path not in wanted and path != TIMELINE_FILE]
    if stale:
        return _RENAMED
    if gone:
        return _OTHER_INPUTS
    smiles = _smiles(project, footage)
    if timeline_key(footage, wanted, smiles) == listed.get(TIMELINE_FILE):
        return ""
    # smile-gifs writes the smiles that it scores into the timeline.
    return "" if _has_smiles(project.crops_folder(footage) / TIMELINE_FILE, smiles) else _SMILES


def _has_smiles(file: Path, smiles: Smiles) -> bool:
    """Return whether a timeline has the smiles of a table."""
    try:
        people = read_timeline_json(file).people
    except InputError:
        return False
    return all(
        _rounded(person.smiling) == _rounded(smiling_intervals(smiles, person.person_id))
        for person in people
    )


def _rounded(intervals: Iterable[Interval]) -> list[tuple[float, float]]:
    return [(round(begin, 4), round(end, 4)) for begin, end in intervals]


def _smiles(project: Project, footage: str) -> Smiles:
    """Return the smiles that crop-people would put into the timeline."""
    smiles = stored_smiles(project, footage, smile_model_key())
    return merged_smiles(
        Smiles.empty() if smiles is None else smiles, tracked_people(project, footage).merged_into
    )


# --- smile GIFs -------------------------------------------------------------------------------


def _of_gifs(project: Project, entry: FootageEntry) -> StageStatus:
    command = ("smile-gifs", str(project.folder), str(entry.path))
    gifs = project.record(GIFS, entry.name)
    scored = project.record(SMILES, entry.name)
    if scored is None or gifs is None:
        return StageStatus("smile GIFs", entry.name, "missing", "smiles not scored yet", command)
    people = tracked_people(project, entry.name)
    if stored_smiles(project, entry.name, scored.model) is None:
        return StageStatus("smile GIFs", entry.name, "stale", _OTHER_INPUTS, command)
    if gifs.merges != merges_text(people):
        return StageStatus("smile GIFs", entry.name, "stale", _MERGED, command)
    files = crop_files(project.crops_folder(entry.name), {}, gifs)
    for file, key in gifs.keys.items():
        if (why := _gif_difference(project, entry.name, people, scored.model, key)) or (
            why := _other_name(file, files, people)
        ):
            return StageStatus("smile GIFs", entry.name, "stale", why, command)
    folder = project.crops_folder(entry.name)
    if missing := [file for file in gifs.keys if not (folder / file).exists()]:
        return StageStatus("smile GIFs", entry.name, "missing", f"{missing[0]} is gone", command)
    return StageStatus(
        "smile GIFs", entry.name, reason="" if gifs.keys else "no person smiles often enough"
    )


def _gif_difference(
    project: Project, footage: str, people: TrackedPeople, model_key: str, key: str
) -> str:
    person = int(key.split()[0]) if key else UNKNOWN
    suffix = gif_key_suffix(project, footage, model_key, people.merged_ids(person))
    return "" if key.endswith(suffix) and person in people.names else _OTHER_INPUTS


def _other_name(file: str, files: CropFiles, people: TrackedPeople) -> str:
    bases = person_file_names(people.names)
    expected = files.kinds[file].file_name(bases[files.owners[file]])
    return "" if file == expected else _RENAMED


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
