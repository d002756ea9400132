"""Paths of the files in a project folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORK_FOLDER: Final = ".pieces"
"""Folder in the crops of a footage for chunks and GIFs of an unfinished run."""


class ProjectPaths:
    """The files and folders of a project."""

    folder: Path  # absolute

    @property
    def people_file(self) -> Path:
        """People, and the assignment of faces to them (SQLite)."""
        return self.folder / "people.sqlite"

    @property
    def people_folder(self) -> Path:
        """One folder of portraits per person."""
        return self.folder / "people"

    @property
    def dataset_folder(self) -> Path:
        """The YOLO dataset."""
        return self.folder / "dataset"

    @property
    def tracker_folder(self) -> Path:
        """The trained detector and the report of its training."""
        return self.folder / "tracker"

    @property
    def tracker_file(self) -> Path:
        """The weights of the trained detector (PyTorch)."""
        return self.tracker_folder / "best.pt"

    @property
    def labels_folder(self) -> Path:
        """Manually labelled faces, one folder per label set."""
        return self.folder / "labels"

    @property
    def tracks_folder(self) -> Path:
        """The tracks of all footages."""
        return self.folder / "tracks"

    def tracks_file(self, footage: str) -> Path:
        """Box of each person in every frame of a footage (CSV)."""
        return self.tracks_folder / f"{footage}.csv"

    def detections_file(self, footage: str) -> Path:
        """Detections in a footage, the frames that were searched, and the cuts (npz)."""
        return self.tracks_folder / f"{footage}.npz"

    def crops_folder(self, footage: str) -> Path:
        """One video and GIF per person of a footage, and the timeline of their appearances."""
        return self.folder / "crops" / footage

    def smiles_file(self, footage: str) -> Path:
        """Smile scores of each person in a footage (parquet)."""
        return self.crops_folder(footage) / "smiles.parquet"

    @property
    def export_folder(self) -> Path:
        """Dataset and tracks in the formats of other tools."""
        return self.folder / "export"

    @property
    def logs_folder(self) -> Path:
        """Tracebacks of unexpected errors."""
        return self.folder / "logs"

    def pair_file(self, first: str, second: str) -> Path:
        """Offset and overlap of two recordings of one lesson (JSON)."""
        return self.folder / "pairs" / f"{first}+{second}.json"

    @property
    def faces_folder(self) -> Path:
        """The faces of all footages."""
        return self.folder / "faces"

    def faces_file(self, footage: str) -> Path:
        """The faces table of a footage (parquet)."""
        return self.faces_folder / f"{footage}.parquet"

    def frames_file(self, footage: str) -> Path:
        """The table of a footage's sampled frames (parquet)."""
        return self.faces_folder / f"{footage}.frames.parquet"

    def parts_folder(self, footage: str) -> Path:
        """Checkpoints, pictures and tables of an unfinished face detection."""
        return self.faces_folder / f"{footage}.parts"

    def still_file(self, footage: str, frame_index: int) -> Path:
        """A sampled frame at full resolution."""
        return self.faces_folder / footage / still_name(frame_index)

    def portrait_file(self, footage: str, frame_index: int, number: int) -> Path:
        """The portrait of face ``number`` of a frame, from 0."""
        return self.faces_folder / footage / portrait_name(frame_index, number)

    def names_of(self, *paths: Path) -> tuple[str, ...]:
        """Return paths relative to the project's folder, as `Task.reads` expects them."""
        return tuple(path.relative_to(self.folder).as_posix() for path in paths)


def still_name(frame_index: int) -> str:
    """Return the file name of a sampled frame."""
    return f"{frame_index:08d}.jpg"


def portrait_name(frame_index: int, number: int) -> str:
    """Return the file name of the portrait of face ``number`` of a frame, from 0."""
    return f"{frame_index:08d}-{number}.jpg"


@dataclass(frozen=True)
class ProjectFolder(ProjectPaths):
    """The paths of a project without its records, for tasks on any machine."""

    folder: Path  # absolute
