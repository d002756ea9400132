"""Dataset and tracks as other tools read them: what `fancam export` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.command.command import shown
from data.core.errors import InputError

if TYPE_CHECKING:
    from data.project.project import FootageEntry, Project

FORMATS: Final = ("coco", "label-studio", "mot")


def export(project: Project, formats: Sequence[str], *, out: Path | None) -> int:
    """Write what was asked for as one zip archive each; return the exit code.

    Args:
        project: with a dataset, and with tracks for MOTChallenge.
        formats: of `FORMATS`; all that there is to write where none is given.
        out: folder to write to; None for the project's own.

    Raises:
        InputError: there is nothing to write.
    """
    from data.project.stages import TRACKS
    from data.tables.export import export_coco, export_label_studio

    folder = out or project.export_folder
    wanted = formats or FORMATS
    writers = {"coco": export_coco, "label-studio": export_label_studio}
    for name in [name for name in wanted if name in writers]:
        images = writers[name](project.dataset_folder, folder / f"{name}.zip")
        print(f"{shown(folder / f'{name}.zip')}  {images} images")
    if "mot" not in wanted:
        return 0
    tracked = project.footages_with(TRACKS)
    if not tracked and formats:
        raise InputError(f"{project.folder}: no tracks to export; run track-people first")
    for entry in tracked:
        archive = folder / f"{entry.name}.mot.zip"
        print(f"{shown(archive)}  {_export_tracks(project, entry, archive)} rows")
    return 0


def _export_tracks(project: Project, entry: FootageEntry, archive: Path) -> int:
    from data.tables.export import export_mot
    from data.tables.timeline import read_timeline
    from data.tables.tracks import read_tracks

    tracks, names = read_tracks(project, entry.name)
    timeline = read_timeline(project.detections_file(entry.name))
    return export_mot(
        tracks,
        names,
        archive,
        footage=entry.name,
        frames=int(timeline.frame_index[-1]) + 1 if len(timeline) else 0,
        rate=entry.rate,
        frame_wh=(entry.width, entry.height),
    )
