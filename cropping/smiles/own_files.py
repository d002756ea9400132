"""Files that a stage wrote into a folder which others write into too."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from data.core.atomic import write_bytes
from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import GIFS, GifsRecord

_PENDING: Final = ""  # the key of a file that was promised, and may or may not be there


class OwnFiles:
    """The GIFs of one footage, listed in the project: all others in the folder are not touched.

    A file is listed before it is written. So a run that is killed anywhere leaves no file that
    the next run would not know as its own.
    """

    def __init__(self, project: Project, footage: str) -> None:
        """Read the list of a footage's GIFs."""
        self._project, self._footage = project, footage
        self._folder = project.crops_folder(footage)
        self._keys = dict((project.record(GIFS, footage) or GifsRecord()).keys)

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._folder / name

    def has(self, name: str, key: str) -> bool:
        """Whether a file is there and up to date."""
        return self._keys.get(name) == key and self.path(name).is_file()

    def write(self, name: str, key: str, content: bytes) -> None:
        """Write a file whole.

        Raises:
            InputError: another file is in its place.
        """
        self.check_free([name])
        self._note(name, _PENDING)
        write_bytes(self.path(name), content)
        self._note(name, key)

    def check_free(self, names: list[str]) -> None:
        """Refuse to write over a file that is not ours.

        Raises:
            InputError: one of ``names`` is.
        """
        for name in names:
            if name not in self._keys and self.path(name).exists():
                message = "not written by fancam, but in its way; move it away"
                raise InputError(f"{self.path(name)}: {message}")

    def keep_only(self, wanted: Mapping[str, str], *, suffix: str) -> None:
        """Remove what was written earlier with this suffix, and is not wanted any more.

        Args:
            wanted: keys by name.
            suffix: of the files that this is about.
        """
        for name in [n for n in self._keys if n.endswith(suffix) and n not in wanted]:
            with suppress(FileNotFoundError):
                self.path(name).unlink()
            del self._keys[name]
            self._save()

    def _note(self, name: str, key: str) -> None:
        self._keys[name] = key
        self._save()

    def _save(self) -> None:
        self._project.finish(GIFS, GifsRecord(dict(sorted(self._keys.items()))), self._footage)
