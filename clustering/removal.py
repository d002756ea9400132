"""What of the clustering can be made again, from the faces and who is who."""

from __future__ import annotations

from data.outputs import OutputFolder
from data.project import Project
from data.removal import Removable


def removable(project: Project) -> list[Removable]:
    """The people folder and the dataset.

    The faces and the frames that they are in stay: looking for them again would find again whom
    somebody had taken out, and decisions and labels are about just these. The stage stays done:
    who is who is known, and the next run writes the folders anew where they are not there.

    Raises:
        InputError: a list of what was written is damaged.
    """
    folders = (project.people_folder, project.dataset_folder)
    files = [file for folder in folders for file in OutputFolder(folder).files()]
    return [Removable("dataset", "cluster-faces", tuple(files))]
