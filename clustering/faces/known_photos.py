"""Detect and embed the faces in the pictures of known people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from clustering.faces.tasks import load_extractor
from data.core.errors import InputError
from data.core.progress import Progress
from data.tables.faces import Faces
from data.video.frames import Frame
from data.video.pictures.images import read_picture

_OTHER_FACE_SHARE: Final = 1 / 4
"""Height from which a second face counts, as a share of the largest face's height."""


@dataclass(frozen=True, eq=False)
class KnownFaces:
    """Faces of known people, in one or more tables."""

    names: tuple[str, ...]
    tables: tuple[tuple[Faces, NDArray[np.int64]], ...]  # n faces, ``(n,)`` row in ``names``


def read_known(
    pictures: Mapping[str, tuple[Path, ...]], settings: BackendSettings, progress: Progress
) -> tuple[KnownFaces, list[str]]:
    """Find the face in each picture of known people.

    Args:
        pictures: by name of the person.
        settings: detector and embedder; the smallest face is the default of each picture's size.
        progress: makes the bar that counts pictures.

    Returns:
        The faces, and one line per picture that was skipped.
    """
    paths = [path for of_person in pictures.values() for path in of_person]
    person = np.repeat(np.arange(len(pictures)), [len(found) for found in pictures.values()])
    reasons: dict[int, str] = {}
    tables = [Faces.empty()]
    # An option for the footage's faces does not apply to pictures of another size.
    extractor = load_extractor(replace(settings, min_face_px=None, upsample=None))
    with progress("known people", len(paths), 0) as bar:
        for batch in extractor.extract(_frames(paths, reasons)):
            for index in batch.frames.frame_index.tolist():
                faces = batch.faces.take(batch.faces.frame_index == index)
                faces = faces.take(_large(faces))
                if len(faces) == 1:
                    tables.append(faces)
                else:
                    reasons[index] = f"skipped {paths[index]}: {_number(len(faces))}"
            bar.update(len(batch.frames))
    faces = Faces.concatenate(tables)
    known = KnownFaces(tuple(pictures), ((faces, person[faces.frame_index]),))
    return known, [reasons[index] for index in sorted(reasons)]


def _frames(paths: list[Path], reasons: dict[int, str]) -> Iterator[Frame]:
    """Yield the pictures that can be read; add a line to ``reasons`` for each other one."""
    for index, path in enumerate(paths):
        try:
            image = read_picture(path)
        except InputError as error:
            reasons[index] = f"skipped {error}"
        else:
            yield Frame(index, float(index), image)


def _large(faces: Faces) -> NDArray[np.bool_]:
    """Return which faces are not small ones in the background, ``(n,)``."""
    height = faces.xyxy[:, 3] - faces.xyxy[:, 1]
    return np.asarray(height >= _OTHER_FACE_SHARE * height.max(initial=0), np.bool_)


def _number(faces: int) -> str:
    return (
        f"it shows {faces} faces; crop it to this person's face" if faces else "no face found in it"
    )
