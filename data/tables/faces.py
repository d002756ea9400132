"""The faces table: every face detected in the sampled frames of one footage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.table import Column, Table

CLOTHES_BINS = (4, 8, 8)
"""Bins of the clothes histogram over L*, a*, b*."""
CLOTHES_SIZE = int(np.prod(CLOTHES_BINS))


@dataclass(frozen=True, eq=False)
class Faces(Table):
    """Faces of one footage: one row per face, by frame and from left to right."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    time_s: NDArray[np.float64]  # (n,) presentation time, 0 for the first frame
    xyxy: NDArray[np.float32]  # (n, 4) px of the full upright frame, may extend beyond it
    score: NDArray[np.float32]  # (n,) on the detector's own scale
    landmarks: NDArray[np.float32]  # (n, 5, 2) px: the corners of both eyes, then below the nose
    sharpness: NDArray[np.float32]  # (n,) see clustering.faces.quality
    turn: NDArray[np.float32]  # (n,) 0 frontal to 1 profile, see clustering.faces.quality
    embedding: NDArray[np.float32]  # (n, 128) in dlib's Euclidean space
    embedding_mirrored: NDArray[np.float32]  # (n, 128) of the mirrored face chip
    clothes: NDArray[np.float32]  # (n, CLOTHES_SIZE) histogram, sums to 1; all 0 if not visible
    shot: NDArray[np.int32]  # (n,) number of the camera shot, from 0
    tracklet: NDArray[np.int32]  # (n,) number of the tracklet, from 0; -1 for none
    sface: NDArray[np.float32]  # (n, 128) SFace's embedding, not normalised; all 0 without SFace
    sface_mirrored: NDArray[np.float32]  # (n, 128) SFace's embedding of the mirrored chip

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "time_s": (np.float64, ()),
        "xyxy": (np.float32, (4,)),
        "score": (np.float32, ()),
        "landmarks": (np.float32, (5, 2)),
        "sharpness": (np.float32, ()),
        "turn": (np.float32, ()),
        "embedding": (np.float32, (128,)),
        "embedding_mirrored": (np.float32, (128,)),
        "clothes": (np.float32, (CLOTHES_SIZE,)),
        "shot": (np.int32, ()),
        "tracklet": (np.int32, ()),
        "sface": (np.float32, (128,)),
        "sface_mirrored": (np.float32, (128,)),
    }
    ADDED: ClassVar[frozenset[str]] = frozenset({"sface", "sface_mirrored"})


@dataclass(frozen=True, eq=False)
class Frames(Table):
    """The sampled frames of one footage, including those without faces."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order, increasing
    time_s: NDArray[np.float64]  # (n,) presentation time, 0 for the first frame
    frame_wh: NDArray[np.int32]  # (n, 2) px, upright; may vary between pictures of a folder
    thumbnail: NDArray[np.uint8]  # (n, 9, 16, 3) L*a*b*, for cut detection
    shot: NDArray[np.int32]  # (n,) number of the camera shot, from 0

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "time_s": (np.float64, ()),
        "frame_wh": (np.int32, (2,)),
        "thumbnail": (np.uint8, (9, 16, 3)),
        "shot": (np.int32, ()),
    }
