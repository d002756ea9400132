"""Manifest of a footage's GIFs, stored in the stage's record in project.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from data.project.manifest import OutputFolder
from data.project.project import Project
from data.project.stages import GIFS, GifsRecord


@dataclass(frozen=True, slots=True)
class GifManifest:
    """Manifest of the GIFs of one format.

    crop-people removes all files listed in the manifest file of the folder that it does not write
    itself. GIFs are therefore listed in project.json, as in projects of earlier versions.
    """

    project: Project
    footage: str
    suffix: str

    def read(self) -> dict[str, str]:
        """Return the cache keys of the listed files, by name."""
        return {name: key for name, key in self._keys().items() if name.endswith(self.suffix)}

    def write(self, files: Mapping[str, str]) -> None:
        """Replace the listed files of this format; those of other formats are kept."""
        other_formats = {k: v for k, v in self._keys().items() if not k.endswith(self.suffix)}
        keys = dict(sorted({**other_formats, **files}.items()))
        self.project.finish(GIFS, replace(self._record(), keys=keys), self.footage)

    def _keys(self) -> Mapping[str, str]:
        return self._record().keys

    def _record(self) -> GifsRecord:
        return self.project.record(GIFS, self.footage) or GifsRecord()


def gif_folder(project: Project, footage: str, *, suffix: str) -> OutputFolder:
    """Return the output folder of a footage's GIFs of one format."""
    return OutputFolder(project.crops_folder(footage), GifManifest(project, footage, suffix))
