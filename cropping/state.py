"""State of each footage's videos and GIFs: missing, stale or done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cropping.render.cache_keys import VERSION, video_keys
from cropping.smiles.cache_keys import gif_key_suffix
from data.project.cleanup import Removable, existing_files, files_under
from data.project.filenames import VIDEO_KINDS, CropKind, crop_kind, person_file_names
from data.project.manifest import OutputFolder
from data.project.paths import WORK_FOLDER
from data.project.project import FootageEntry, Project
from data.project.stages import CROPS, GIFS, SMILES, TRACKS, GifsRecord
from data.project.status import StageStatus
from data.tables.people import open_people
from data.tables.timeline import read_timeline
from data.tables.tracks import read_tracks, tracked_names
from data.video.footage import holds_pictures, size_on_disk

_NO_TRACKS = "no tracks yet"
_OTHER_INPUTS = "written with other tracks or settings"
_RENAMED = "people were renamed"


def states(project: Project) -> list[StageStatus]:
    """Return the states of each footage's videos and GIFs; footage of pictures has no videos.

    Raises:
        InputError: tracks or people cannot be read.
    """
    names = _names(project)
    entries = project.footages.values()
    return [state for entry in entries for state in _of_footage(project, entry, names)]


def _names(project: Project) -> dict[int, str]:
    if not project.people_file.exists():
        return {}
    with open_people(project.people_file) as people:
        return people.names()


def _of_footage(
    project: Project, entry: FootageEntry, names: Mapping[int, str]
) -> list[StageStatus]:
    pictures = holds_pictures(entry)
    outputs = ("smile GIFs",) if pictures else ("videos", "smile GIFs")
    tracked = project.has_record(TRACKS, entry.name)
    if not tracked or not project.tracks_file(entry.name).exists():
        return [StageStatus(output, entry.name, "missing", _NO_TRACKS) for output in outputs]
    gifs = _of_gifs(project, entry, names)
    return [gifs] if pictures else [_of_videos(project, entry, names), gifs]


def _of_videos(project: Project, entry: FootageEntry, names: Mapping[int, str]) -> StageStatus:
    command = ("crop-people", str(project.folder), str(entry.path))
    tracks, tracked = read_tracks(project, entry.name)
    record = project.record(CROPS, entry.name)
    size = size_on_disk(entry.path)
    keys = video_keys(
        tracks,
        read_timeline(project.detections_file(entry.name)),
        size_bytes=entry.size_bytes if size is None else size,
        settings="" if record is None else record.settings,
        blurred=record is not None and record.others == "blur",
    )
    if not keys:
        return StageStatus("videos", entry.name, reason="no person was seen in it")
    listed = OutputFolder(project.crops_folder(entry.name)).keys()
    videos = {path: key for path, key in listed.items() if _is_video(path)}
    if record is None or not videos:
        return StageStatus("videos", entry.name, "missing", "not cropped yet", command)
    if record.version != VERSION:
        return StageStatus("videos", entry.name, "stale", "cropped by another version", command)
    if set(videos.values()) - set(keys.values()):
        return StageStatus("videos", entry.name, "stale", _OTHER_INPUTS, command)
    files = person_file_names({p: names.get(p, name) for p, name in tracked.items()})
    current = {CropKind.VIDEO.file_name(files[person]): key for person, key in keys.items()}
    if videos.items() - current.items():
        return StageStatus("videos", entry.name, "stale", _RENAMED, command)
    why = f"{len(videos)} of {len(current)} people" if len(videos) < len(current) else ""
    return StageStatus("videos", entry.name, reason=why)


def _is_video(path: str) -> bool:
    return crop_kind(path, among=VIDEO_KINDS) is CropKind.VIDEO


def _of_gifs(project: Project, entry: FootageEntry, names: Mapping[int, str]) -> StageStatus:
    command = ("smile-gifs", str(project.folder), str(entry.path))
    gifs = project.record(GIFS, entry.name)
    smiles_record = project.record(SMILES, entry.name)
    if smiles_record is None or gifs is None:
        return StageStatus("smile GIFs", entry.name, "missing", "smiles not scored yet", command)
    keys = gifs.keys
    suffix = gif_key_suffix(project, entry.name, smiles_record.model)
    if not all(key.endswith(suffix) for key in keys.values()):
        return StageStatus("smile GIFs", entry.name, "stale", _OTHER_INPUTS, command)
    tracked = tracked_names(project, entry.name)
    files = person_file_names({p: names.get(p, name) for p, name in tracked.items()})
    if any(not _is_named_after(file, files.get(int(key.split()[0]))) for file, key in keys.items()):
        return StageStatus("smile GIFs", entry.name, "stale", _RENAMED, command)
    folder = project.crops_folder(entry.name)
    if missing := [file for file in keys if not (folder / file).exists()]:
        return StageStatus("smile GIFs", entry.name, "missing", f"{missing[0]} is gone", command)
    return StageStatus(
        "smile GIFs", entry.name, reason="" if keys else "no person smiles often enough"
    )


def _is_named_after(file: str, person: str | None) -> bool:
    return person is not None and file.startswith(f"{person}.")


def removable(project: Project) -> list[Removable]:
    """Return the removable files: videos, GIFs, timelines and smiles tables.

    Raises:
        InputError: a manifest is damaged.
    """
    files = [file for name in project.footages for file in _files(project, name)]
    stages = [(stage, name) for name in project.footages for stage in (CROPS, GIFS, SMILES)]
    return [Removable("crops", "crop-people, smile-gifs", tuple(files), tuple(stages))]


def _files(project: Project, footage: str) -> list[Path]:
    folder = project.crops_folder(footage)
    gifs = (folder / name for name in (project.record(GIFS, footage) or GifsRecord()).keys)
    smiles = project.smiles_file(footage)
    chunks = files_under(folder / WORK_FOLDER)
    return [*chunks, *existing_files(*gifs, smiles), *OutputFolder(folder).files()]
