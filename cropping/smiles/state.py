"""State of each footage's GIFs: missing, stale or done; read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cropping.smiles.cache_keys import gif_key_suffix, merges_text
from cropping.smiles.gif import CROP_KINDS
from cropping.smiles.model import load_smile_model
from cropping.smiles.settings import SmileSettings
from cropping.smiles.table import stored_smiles
from data.core.arrays import UNKNOWN
from data.core.digest import digest
from data.project.filenames import person_file_names
from data.project.project import FootageEntry, Project
from data.project.stages import GIFS, SMILES, GifsRecord
from data.project.status import OTHER_OPTIONS, StageStatus
from data.tables.crop_files import CropFiles, crop_files
from data.tables.tracked_people import TrackedPeople, tracked_people
from data.tables.tracks import has_tracks

NO_TRACKS: Final = "no tracks yet"
OTHER_INPUTS: Final = "written with other tracks or settings"
RENAMED: Final = "people were renamed"
MERGED: Final = "people were merged"


def states(project: Project, settings: SmileSettings | None = None) -> list[StageStatus]:
    """Return the state of each footage's GIFs.

    Args:
        project: the project.
        settings: settings of the next run; None for those of the last one.

    Raises:
        InputError: tracks or people cannot be read.
    """
    return [
        gifs_state(project, entry, settings)
        if is_tracked(project, entry)
        else StageStatus("smile GIFs", entry.name, "missing", NO_TRACKS)
        for entry in project.footages.values()
    ]


def is_tracked(project: Project, entry: FootageEntry) -> bool:
    """Whether a footage has tracks."""
    return project.detections_file(entry.name).exists() and has_tracks(project, entry.name)


def gifs_state(
    project: Project, entry: FootageEntry, settings: SmileSettings | None
) -> StageStatus:
    """Return the state of the GIFs of a tracked footage.

    Args:
        project: the project.
        entry: the footage.
        settings: settings of the next run; None for those of the last one.
    """
    command: tuple[str, ...] = ("smile-gifs", str(project.folder), str(entry.path))
    gifs = project.record(GIFS, entry.name)
    scored = project.record(SMILES, entry.name)
    if scored is None or gifs is None:
        return StageStatus("smile GIFs", entry.name, "missing", "smiles not scored yet", command)
    people = tracked_people(project, entry.name)
    if stored_smiles(project, entry.name, scored.model) is None:
        return StageStatus("smile GIFs", entry.name, "stale", OTHER_INPUTS, command)
    if gifs.merges != merges_text(people):
        return StageStatus("smile GIFs", entry.name, "stale", MERGED, command)
    files = crop_files(project.crops_folder(entry.name), {}, gifs)
    for file, key in gifs.keys.items():
        if (why := _gif_difference(project, entry.name, people, scored.model, key)) or (
            why := _other_name(file, files, people)
        ):
            command = (*command, *_format_option(gifs, file))
            return StageStatus("smile GIFs", entry.name, "stale", why, command)
    if settings is not None and not _made_with(settings, gifs, scored.model):
        return StageStatus("smile GIFs", entry.name, "stale", OTHER_OPTIONS, command)
    folder = project.crops_folder(entry.name)
    if missing := [file for file in gifs.keys if not (folder / file).exists()]:
        command = (*command, *_format_option(gifs, missing[0]))
        return StageStatus("smile GIFs", entry.name, "missing", f"{missing[0]} is gone", command)
    return StageStatus(
        "smile GIFs", entry.name, reason="" if gifs.keys else "no person has enough clear smiles"
    )


def _made_with(settings: SmileSettings, gifs: GifsRecord, model_key: str) -> bool:
    """Whether the GIFs of a format were made with these settings."""
    suffix = CROP_KINDS[settings.format].suffix
    used = {key.split()[1] for file, key in gifs.keys.items() if file.endswith(suffix)}
    if load_smile_model(settings.model).key != model_key:
        return False
    return used == {digest(settings.content_key())} if used else not gifs.keys


def _format_option(gifs: GifsRecord, file: str) -> tuple[str, ...]:
    """Return the option that writes a file: a run brings the files of one format up to date."""
    formats = {Path(name).suffix for name in gifs.keys}
    return () if formats == {".gif"} else ("--format", Path(file).suffix.removeprefix("."))


def _gif_difference(
    project: Project, footage: str, people: TrackedPeople, model_key: str, key: str
) -> str:
    person = int(key.split()[0]) if key else UNKNOWN
    suffix = gif_key_suffix(project, footage, model_key, people.merged_ids(person))
    return "" if key.endswith(suffix) and person in people.names else OTHER_INPUTS


def _other_name(file: str, files: CropFiles, people: TrackedPeople) -> str:
    bases = person_file_names(people.names)
    expected = files.kinds[file].file_name(bases[files.owners[file]])
    return "" if file == expected else RENAMED
