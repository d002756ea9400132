"""Where everything about a project lies in its folder, for whoever need not know what is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORK_FOLDER: Final = ".pieces"
"""In a footage's folder of crops: chunks and GIFs of a run that is not finished."""


class ProjectPaths:
    """The files and folders of a project."""

    folder: Path  # absolute

    @property
    def people_file(self) -> Path:
        """The people, and which face is whose (SQLite)."""
        return self.folder / "people.sqlite"

    @property
    def people_folder(self) -> Path:
        """One folder of portraits a person, for people to look at."""
        return self.folder / "people"

    @property
    def dataset_folder(self) -> Path:
        """The YOLO dataset."""
        return self.folder / "dataset"

    @property
    def tracker_folder(self) -> Path:
        """The trained detector, and what its training reported."""
        return self.folder / "tracker"

    @property
    def tracker_file(self) -> Path:
        """The weights of the trained detector (PyTorch)."""
        return self.tracker_folder / "best.pt"

    @property
    def labels_folder(self) -> Path:
        """Faces that a person has labelled, one folder a set of labels."""
        return self.folder / "labels"

    @property
    def tracks_folder(self) -> Path:
        """The tracks of all footages."""
        return self.folder / "tracks"

    def tracks_file(self, footage: str) -> Path:
        """Where each person is in every frame of a footage (CSV)."""
        return self.tracks_folder / f"{footage}.csv"

    def detections_file(self, footage: str) -> Path:
        """What the tracker found in which frames, and where the shots begin (npz)."""
        return self.tracks_folder / f"{footage}.npz"

    def crops_folder(self, footage: str) -> Path:
        """One video and GIF a person of a footage, and the timeline of who is seen when."""
        return self.folder / "crops" / footage

    @property
    def export_folder(self) -> Path:
        """Dataset and tracks as other tools read them."""
        return self.folder / "export"

    def pair_file(self, first: str, second: str) -> Path:
        """What two recordings of one lesson have in common (JSON)."""
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
        """The finished parts of a faces table that is still being made."""
        return self.faces_folder / f"{footage}.parts"

    def still_file(self, footage: str, frame_index: int) -> Path:
        """A sampled frame at full size."""
        return self.faces_folder / footage / f"{frame_index:08d}.jpg"

    def portrait_file(self, footage: str, frame_index: int, number: int) -> Path:
        """The portrait of the ``number``-th face of a frame, counted from 0."""
        return self.faces_folder / footage / f"{frame_index:08d}-{number}.jpg"

    def names_of(self, *paths: Path) -> tuple[str, ...]:
        """Return files and folders of the project relative to it, as a task says what it reads."""
        return tuple(path.relative_to(self.folder).as_posix() for path in paths)


@dataclass(frozen=True)
class ProjectFolder(ProjectPaths):
    """The paths alone: what a task is told of the project, wherever it runs."""

    folder: Path  # absolute
