"""Smile probabilities from the smile table, to pre-label faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.project.project import Project
from data.tables.face_match import same_faces
from data.tables.faces import Faces

SMILE: Final = "smile"


def smiles_of_table(
    project: Project, footage: str, faces: Faces, labels: Sequence[str]
) -> NDArray[np.float64] | None:
    """Return the label probabilities that crop-people or smile-gifs scored.

    Returns:
        ``(n, labels)`` float64 in 0..1, NaN rows for faces that were not scored; None without a
        smile table or for other labels.
    """
    file = project.crops_folder(footage) / "smiles.parquet"
    if SMILE not in labels or len(labels) != 2 or not file.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file, columns=["time_s", "xyxy", "smile"])
        time_s = table["time_s"].to_numpy().astype(np.float64)
        boxes = table["xyxy"].combine_chunks().flatten().to_numpy().reshape(-1, 4)
        smile = np.append(table["smile"].to_numpy().astype(np.float64), np.nan)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None  # labelling works without it
    row = same_faces(faces.time_s, faces.xyxy, time_s, boxes.astype(np.float32))
    yes = smile[row]
    smile_index = list(labels).index(SMILE)
    return np.column_stack([yes, 1 - yes] if smile_index == 0 else [1 - yes, yes])
