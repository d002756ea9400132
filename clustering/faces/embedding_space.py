"""The space in which faces are compared: SFace's where a footage has it, else dlib's.

Measured over the labelled clips, SFace alone is better than dlib's embedding and than any weighted
combination of the two, so there is none: the mean B-cubed F of four samplings at dlib's share of 0,
0.1, 0.2 and 0.3 was 0.973, 0.972, 0.968 and 0.967.

The length of SFace's embedding before it is normalised tells how recognisable a face is: below 6
for blurred faces, hands and backs of heads, about 11 for clear ones. It replaces the quality
measured on the picture as the weight of a face.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.quality import quality
from data.tables.faces import Faces

SFACE_SCALE: Final = 0.52
"""Scale of SFace's unit sphere at which a distance means as much as in dlib's space."""
_POOR_LENGTH, _GOOD_LENGTH = 4.0, 11.0  # of SFace's embedding: no weight, full weight
_MIN_WEIGHT: Final = 0.02


def has_sface(faces: Faces) -> bool:
    """Whether the faces were embedded by SFace; False for a table without faces."""
    return bool(faces.sface.any())


def all_have_sface(tables: Iterable[Faces]) -> bool:
    """Whether all tables that have any face were embedded by SFace."""
    return all(has_sface(faces) for faces in tables if len(faces))


def face_embeddings(
    faces: Faces, *, sface: bool = True, mirrored: bool = True
) -> NDArray[np.float32]:
    """Return the embeddings to compare, ``(n, 128)``, averaged with the mirrored chips' ones.

    Args:
        faces: n faces.
        sface: compare in SFace's space where the faces have it; else in dlib's.
        mirrored: False leaves the mirrored chips out.
    """
    if not (sface and has_sface(faces)):
        both = (faces.embedding + faces.embedding_mirrored) / 2 if mirrored else faces.embedding
        return np.asarray(both, np.float32)
    both = _sface(faces, mirrored=mirrored)
    length = np.linalg.norm(both, axis=1, keepdims=True)
    return np.asarray(both * (SFACE_SCALE / np.maximum(length, 1e-6)), np.float32)


def face_weights(faces: Faces, *, sface: bool = True, weighted: bool = True) -> NDArray[np.float64]:
    """Return the weight of each face as evidence of identity, ``(n,)`` in (0, 1].

    Args:
        faces: n faces.
        sface: as in `face_embeddings`.
        weighted: False gives every face the weight 1.
    """
    if not weighted:
        return np.ones(len(faces))
    if not (sface and has_sface(faces)):
        return quality(faces).astype(np.float64)
    length = np.linalg.norm(_sface(faces, mirrored=True).astype(np.float64), axis=1)
    share = (length - _POOR_LENGTH) / (_GOOD_LENGTH - _POOR_LENGTH)
    return np.asarray(np.clip(share, _MIN_WEIGHT, 1), np.float64)


def face_clarity(faces: Faces, *, sface: bool = True) -> NDArray[np.float64]:
    """Return how well each face can be seen, ``(n,)`` in (0, 1], to choose portraits.

    The geometric mean of the weight, which is low for covered and turned faces, and of the quality
    measured on the picture, which is low for small and blurred ones.
    """
    return np.asarray(np.sqrt(face_weights(faces, sface=sface) * quality(faces)), np.float64)


def _sface(faces: Faces, *, mirrored: bool) -> NDArray[np.float32]:
    both = (faces.sface + faces.sface_mirrored) / 2 if mirrored else faces.sface
    return np.asarray(both, np.float32)
