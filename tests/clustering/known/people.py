"""Pictures of known people, whose faces are the coloured corners of numbered frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.clips.numbered import CORNER_PX, CORNERS

_SIDE_PX = 96


def write_photo(path: Path, *colours: str) -> None:
    """Write a picture with up to two of the faces."""
    image = np.full((_SIDE_PX, _SIDE_PX, 3), 110, np.uint8)
    for place, colour in enumerate(colours):
        left = place * (_SIDE_PX - CORNER_PX)
        image[:CORNER_PX, left : left + CORNER_PX] = CORNERS[colour]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_photos(folder: Path, **people: str) -> Path:
    """Write two pictures of each person; ``people`` are their colours by name."""
    for name, colour in people.items():
        for number in range(2):
            write_photo(folder / name / f"{number}.png", colour)
    return folder
