"""Score the smiles of tracked faces in decoded frames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import PATCH_PX, VIEWS, cut_views, face_sharpness
from cropping.smiles.gaze import Gaze, GazeReader
from cropping.smiles.table import SMILING
from data.core.arrays import UNKNOWN, Image
from data.core.boxes import iou
from data.tables.smiles import Smiles
from data.tables.tracks import FACE, Tracks
from data.video.frames import Frame
from data.video.selection import SAME_TIME_S

SAMPLES_PER_S: Final = 10.0
"""Sampling rate. A smile lasts about a second, so a higher rate costs time without benefit."""

GAZE_EVERY_S: Final = 0.5
"""Interval in which gaze, the slowest step, is read only once, for the best smile."""
_NEIGHBOURS_S: Final = 0.25  # to each side
_MIN_IOU: Final = 0.2  # between consecutive samples; a smaller one is a cut
_BATCH_PATCHES: Final = 64


class SmileClassifier(Protocol):
    """Interface of `cropping.smiles.model.SmileModel`."""

    @property
    def key(self) -> str:
        """Cache key: scores with another key are stale."""
        ...

    def smile(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the smile probability, ``(n,)`` 0..1, of grey patches, ``(n, 64, 64)``."""
        ...


@dataclass(slots=True)
class _Face:
    """One face in a sampled frame."""

    row: int  # row in the tracks
    slot: tuple[int, int]  # person id, and number of the `GAZE_EVERY_S` interval
    sharpness: float
    smile: float = 0.0
    gaze: Gaze | None = None


class SmileScorer:
    """Scores the smiles of one footage: `score_frame` for its frames in order, then `finish`.

    Frames are not kept in memory. Interpolated rows of the tracks are skipped.
    """

    def __init__(
        self,
        model: SmileClassifier,
        tracks: Tracks,
        *,
        samples_per_s: float = SAMPLES_PER_S,
        gaze: GazeReader | None = None,
    ) -> None:
        """Prepare to score.

        Args:
            model: smile classifier.
            tracks: tracks of the footage.
            samples_per_s: maximum number of frames to score per second.
            gaze: reads the gaze of smiling faces, None for dlib's landmarks.
        """
        self._model, self._tracks = model, tracks
        self._gaze = gaze or GazeReader()
        self._between_s = 1 / samples_per_s
        self._next_s = -np.inf
        self._faces: list[_Face] = []
        self._pending: list[tuple[_Face, NDArray[np.uint8], NDArray[np.uint8]]] = []

    def score_frame(self, frame: Frame) -> None:
        """Score the people in a frame if it is due."""
        self.score(frame.index, frame.time_s, frame.image)

    def is_due(self, time_s: float) -> bool:
        """Return whether to sample a frame at this time."""
        return time_s >= self._next_s - SAME_TIME_S

    def score(self, index: int, time_s: float, image: Image) -> None:
        """Score the people in an upright frame if it is due.

        Args:
            index: index of the frame.
            time_s: presentation time of the frame in seconds.
            image: ``(h, w, 3)`` RGB, or ``(h, w)`` luma.
        """
        if not self.is_due(time_s):
            return
        first, last = np.searchsorted(self._tracks.frame_index, [index, index + 1])
        rows = np.arange(first, last)
        seen = (self._tracks.source[rows] == FACE) & (self._tracks.person_id[rows] != UNKNOWN)
        for row in rows[seen].tolist():
            self._add(row, image)
        if len(rows):
            # At a constant frame rate, sample on a fixed grid to avoid drift.
            late = time_s - self._next_s
            start = self._next_s if late < self._between_s else time_s
            self._next_s = start + self._between_s

    def finish(self) -> Smiles:
        """Return the smiles table."""
        self._score()
        faces = self._faces
        rows = np.array([face.row for face in faces], np.int64)
        tracks = self._tracks.take(rows)
        alone = np.array([face.smile for face in faces], np.float32)
        gazes = [face.gaze or Gaze.unknown() for face in faces]
        smiles = Smiles(
            frame_index=tracks.frame_index,
            time_s=tracks.time_s,
            person_id=tracks.person_id,
            xyxy=tracks.xyxy,
            smile=alone,
            smile_alone=alone,
            sharpness=np.array([face.sharpness for face in faces], np.float32),
            turn=np.array([gaze.turn for gaze in gazes], np.float32),
            eyes_open=np.array([gaze.eyes_open for gaze in gazes], np.float32),
        )
        return smiles.replace(smile=average_over_neighbours(smiles))

    def _add(self, row: int, image: Image) -> None:
        box = self._tracks.xyxy[row]
        slot = int(self._tracks.time_s[row] // GAZE_EVERY_S)
        person = int(self._tracks.person_id[row])
        face = _Face(row, (person, slot), face_sharpness(image, box))
        self._faces.append(face)
        self._pending.append((face, cut_views(image, box), self._gaze.portrait(image, box)))
        if len(self._pending) * len(VIEWS) >= _BATCH_PATCHES:
            self._score()

    def _score(self) -> None:
        if not self._pending:
            return
        patches = np.concatenate([patches for _, patches, _ in self._pending])
        scores = self._model.smile(patches.reshape(-1, PATCH_PX, PATCH_PX))
        means = scores.reshape(-1, len(VIEWS)).mean(axis=1)
        best: dict[tuple[int, int], tuple[_Face, NDArray[np.uint8]]] = {}
        for (face, _, portrait), score in zip(self._pending, means.tolist(), strict=True):
            face.smile = score
            if score > max(SMILING, best[face.slot][0].smile if face.slot in best else 0):
                best[face.slot] = face, portrait
        for face, portrait in best.values():
            face.gaze = self._gaze.read(portrait)
        self._pending = []


def average_over_neighbours(smiles: Smiles) -> NDArray[np.float32]:
    """Return the column ``smile_alone`` averaged over neighbouring samples, ``(n,)`` 0..1.

    Neighbours are of the same person and shot. A jump of the face counts as a cut.
    """
    averaged = smiles.smile_alone.copy()
    for person in np.unique(smiles.person_id):
        rows = np.flatnonzero(smiles.person_id == person)
        shot = _shots(smiles.xyxy[rows])
        time_s, alone = smiles.time_s[rows], smiles.smile_alone[rows]
        first = np.searchsorted(time_s, time_s - _NEIGHBOURS_S - SAME_TIME_S)
        last = np.searchsorted(time_s, time_s + _NEIGHBOURS_S + SAME_TIME_S)
        for i, row in enumerate(rows):
            near = slice(first[i], last[i])
            averaged[row] = alone[near][shot[near] == shot[i]].mean()
    return averaged


def _shots(xyxy: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the shot number, ``(n,)``, of one person's consecutive boxes, ``(n, 4)`` px."""
    overlaps = [iou(a[None], b[None])[0, 0] for a, b in pairwise(xyxy)]
    return np.cumsum([0, *(overlap < _MIN_IOU for overlap in overlaps)])[: len(xyxy)]
