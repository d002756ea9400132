"""The command `fancam export`: write dataset and tracks in the formats of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.command.command import log_to, report, report_failures
from data.core.counts import counted
from data.core.errors import InputError
from data.storage.shown import shown

if TYPE_CHECKING:
    from data.project.project import FootageEntry, Project
    from data.tables.mot import BoxesName

NAME = "fancam"
FORMATS: Final = ("coco", "label-studio", "mot")


def export(
    project: Project, formats: Sequence[str], *, out: Path | None, boxes: BoxesName = "face"
) -> int:
    """Write a zip archive per format, for MOTChallenge two per footage; return the exit code.

    Args:
        project: project with a dataset; ``mot`` needs tracks as well.
        formats: formats from `FORMATS`; empty for every format that the project has data for.
        out: output folder; None for the project's export folder.
        boxes: boxes of the tracks.

    Raises:
        InputError: the project has no dataset, or no tracks for ``mot``.
    """
    from data.execution.failures import Failures
    from data.project.stages import TRACKS
    from data.tables.export import export_coco, export_label_studio

    log_to(project)
    folder = out or project.export_folder
    chosen = formats or FORMATS
    writers = {"coco": export_coco, "label-studio": export_label_studio}
    for name in [name for name in chosen if name in writers]:
        images = writers[name](project.dataset_folder, folder / f"{name}.zip")
        report([f"{shown(folder / f'{name}.zip')}  {counted(images, 'image')}"])
    if "mot" not in chosen:
        return 0
    tracked = project.footages_with(TRACKS)
    if not tracked and formats:
        raise InputError(f"{project.folder}: no tracks to export; run track-people first")
    if not tracked:
        print("no tracks yet, so no MOTChallenge archives: run track-people first")
    failures = Failures()
    failures.expect(len(tracked))
    for entry in tracked:
        with failures.guard(entry.path):
            _export_mot(project, entry, folder, boxes)
    return report_failures(NAME, failures.lines)


def _export_mot(project: Project, entry: FootageEntry, folder: Path, boxes: BoxesName) -> None:
    """Write ground truth and results of a footage."""
    from data.tables.archives import MOT_RESULTS, MOT_TRUTH
    from data.tables.export_mot import export_results, export_truth, read_sequence

    sequence, left_out = read_sequence(project, entry, boxes)
    for suffix, write in ((MOT_TRUTH, export_truth), (MOT_RESULTS, export_results)):
        archive = folder / f"{entry.name}{suffix}"
        report([f"{shown(archive)}  {counted(write(sequence, archive), 'box', 'boxes')}"])
    if left_out.people:
        boxes_text = counted(left_out.people, "box", "boxes")
        report([f"{entry.name}: left out {boxes_text} of unknown or hidden people"])
    if left_out.boxes:
        rows = counted(left_out.boxes, "row")
        report([f"{entry.name}: left out {rows} without a detected body"])
