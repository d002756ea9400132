"""The options of smile-gifs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cropping.smiles.gif import FormatName
from cropping.smiles.model import SHIPPED

StyleName = Literal["moments", "bursts"]


@dataclass(frozen=True, slots=True)
class SmileSettings:
    """The options of `smile-gifs`.

    Args:
        frames: smiles a person.
        style: single moments, or a short sequence in place of every three moments.
        size_px: side of the picture, at most.
        max_bytes: of one file.
        format: of the files.
        model: file of the smile model.
        threads: decoder threads, 0 for all cores; no effect on the output.
        force: repeat what is finished.
    """

    frames: int = 9
    style: StyleName = "moments"
    size_px: int = 360
    max_bytes: int = 2_000_000
    format: FormatName = "gif"
    model: Path = SHIPPED
    threads: int = 0
    force: bool = False

    def of_file(self) -> str:
        """Return the settings that change a file, for its key."""
        return repr((self.frames, self.style, self.size_px, self.max_bytes, self.format))
