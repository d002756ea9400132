"""Pre-label faces with the smile probabilities of the smiles table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.project.project import Project
from data.tables.face_match import same_faces
from data.tables.faces import Faces
from data.tables.smiles import Smiles

SMILE: Final = "smile"


def smiles_of_table(
    project: Project, footage: str, faces: Faces, labels: Sequence[str]
) -> NDArray[np.float64] | None:
    """Return label probabilities from the smile scores of crop-people or smile-gifs.

    Returns:
        ``(n, labels)`` float64 in 0..1, NaN rows for faces that were not scored; None without a
        smiles table, or if the labels are not ``smile`` and one other.
    """
    file = project.smiles_file(footage)
    if SMILE not in labels or len(labels) != 2 or not file.is_file():
        return None
    try:
        smiles = Smiles.read(file)
    except InputError:
        return None  # labelling works without it
    smile = np.append(smiles.smile.astype(np.float64), np.nan)
    row = same_faces(faces.time_s, faces.xyxy, smiles.time_s, smiles.xyxy)
    yes = smile[row]
    smile_index = list(labels).index(SMILE)
    return np.column_stack([yes, 1 - yes] if smile_index == 0 else [1 - yes, yes])
