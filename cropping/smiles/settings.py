"""Settings of `smile-gifs`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cropping.smiles.gif import FormatName
from cropping.smiles.model import SHIPPED

StyleName = Literal["moments", "bursts"]


@dataclass(frozen=True, slots=True)
class SmileSettings:
    """Settings of `smile-gifs`.

    Args:
        frames: number of smiles per person.
        style: single moments, or bursts that each replace three moments.
        size_px: maximum side of the pictures.
        max_bytes: maximum size of a file.
        format: format of the files.
        model: file of the smile model.
        threads: decoder threads, 0 for all cores. They do not affect the output.
        force: repeat finished work.
    """

    frames: int = 9
    style: StyleName = "moments"
    size_px: int = 360
    max_bytes: int = 2_000_000
    format: FormatName = "gif"
    model: Path = SHIPPED
    threads: int = 0
    force: bool = False

    def content_key(self) -> str:
        """Return the settings that a GIF's content depends on as text, for its cache key."""
        return repr((self.frames, self.style, self.size_px, self.max_bytes, self.format))
