"""The command `fancam export`: write dataset and tracks in the formats of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.command.command import shown
from data.core.errors import InputError

if TYPE_CHECKING:
    from data.project.project import Project

FORMATS: Final = ("coco", "label-studio", "mot")


def export(project: Project, formats: Sequence[str], *, out: Path | None) -> int:
    """Write a zip archive per format, for MOTChallenge per footage; return the exit code.

    Args:
        project: project with a dataset; ``mot`` needs tracks as well.
        formats: formats from `FORMATS`; empty for every format that the project has data for.
        out: output folder; None for the project's export folder.

    Raises:
        InputError: the project has no dataset, or no tracks for ``mot``.
    """
    from data.project.stages import TRACKS
    from data.tables.export import export_coco, export_label_studio, export_tracks

    folder = out or project.export_folder
    chosen = formats or FORMATS
    writers = {"coco": export_coco, "label-studio": export_label_studio}
    for name in [name for name in chosen if name in writers]:
        images = writers[name](project.dataset_folder, folder / f"{name}.zip")
        print(f"{shown(folder / f'{name}.zip')}  {images} images")
    if "mot" not in chosen:
        return 0
    tracked = project.footages_with(TRACKS)
    if not tracked and formats:
        raise InputError(f"{project.folder}: no tracks to export; run track-people first")
    for entry in tracked:
        archive = folder / f"{entry.name}.mot.zip"
        print(f"{shown(archive)}  {export_tracks(project, entry, archive)} rows")
    return 0
