"""What of the cropping can be made again, from the tracks and the footage."""

from __future__ import annotations

from pathlib import Path

from cropping.keys import WORK_FOLDER, crops_stage, gifs_stage
from cropping.smiles import smiles_file, smiles_stage
from data.outputs import OutputFolder
from data.project import Project
from data.removal import Removable, files_under, that_exist


def removable(project: Project) -> list[Removable]:
    """Everybody's videos and GIFs, the timelines, and who smiles when.

    Raises:
        InputError: a list of what was written is damaged.
    """
    files = [file for name in project.footages for file in _files(project, name)]
    stages = (f(name) for name in project.footages for f in (crops_stage, gifs_stage, smiles_stage))
    return [Removable("crops", "crop-people, smile-gifs", tuple(files), tuple(stages))]


def _files(project: Project, footage: str) -> list[Path]:
    folder = project.crops_folder(footage)
    gifs = (folder / name for name in project.stages.get(gifs_stage(footage), {}))
    smiles = smiles_file(project, footage)
    pieces = files_under(folder / WORK_FOLDER)
    return [*pieces, *that_exist(*gifs, smiles), *OutputFolder(folder).files()]
