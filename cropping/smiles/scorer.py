"""Watch the people of a footage smile, frame by frame, while somebody else decodes it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import PATCH_PX, VIEWS, cut_views, face_sharpness
from cropping.smiles.gaze import Gaze, GazeReader
from cropping.smiles.table import SMILING, Smiles
from data.core.arrays import UNKNOWN
from data.core.boxes import iou
from data.tables.tracks import Tracks
from data.video.frames import Frame
from data.video.selection import SAME_TIME_S

SAMPLES_PER_S: Final = 10.0
"""A smile lasts a second; more looks would cost time and tell nothing new."""

GAZE_EVERY_S: Final = 0.5
"""Of so long the best smile's gaze is read: that takes longer than all else."""
_NEIGHBOURS_S: Final = 0.25  # before and after
_SAME_PLACE_IOU: Final = 0.2  # less from one look to the next: the footage has cut
_BATCH: Final = 64  # patches


class SmileClassifier(Protocol):
    """What scores faces: `cropping.smiles.model.load_smile_model` gives one."""

    @property
    def key(self) -> str:
        """Another one means other scores."""
        ...

    def smile(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score ``(n, 64, 64)`` patches, each 0..1, ``(n,)``."""
        ...


@dataclass(slots=True)
class _Face:
    """One look at one face."""

    row: int  # of the tracks
    moment: tuple[int, int]  # whose, and which half of which second
    sharpness: float
    smile: float = 0.0
    gaze: Gaze | None = None


class SmileScorer:
    """Scores the people of one footage; `look` at its frames in order, then `finish`.

    It keeps no frame. Filled rows of the tracks, where nobody has seen the face, are left out.
    """

    def __init__(
        self,
        model: SmileClassifier,
        tracks: Tracks,
        *,
        samples_per_s: float = SAMPLES_PER_S,
        gaze: GazeReader | None = None,
    ) -> None:
        """Take what scores faces, and where they are.

        Args:
            model: scores patches.
            tracks: of the footage.
            samples_per_s: frames to look at, at most.
            gaze: tells where smiling faces look; dlib's landmarks where None is given.
        """
        self._model, self._tracks = model, tracks
        self._gaze = gaze or GazeReader()
        self._between_s = 1 / samples_per_s
        self._next_s = -np.inf
        self._faces: list[_Face] = []
        self._waiting: list[tuple[_Face, NDArray[np.uint8], NDArray[np.uint8]]] = []

    def score_frame(self, frame: Frame) -> None:
        """Score who is seen in this frame, unless the last look was just before it."""
        self.score(frame.index, frame.time_s, frame.image)

    def is_due(self, time_s: float) -> bool:
        """Whether `look` would look at a frame of this time, the next in order."""
        return time_s >= self._next_s - SAME_TIME_S

    def score(self, index: int, time_s: float, image: NDArray[np.uint8]) -> None:
        """`look`, at an upright frame that is ``(h, w, 3)`` RGB, or its brightness ``(h, w)``."""
        if not self.is_due(time_s):
            return
        first, last = np.searchsorted(self._tracks.frame_index, [index, index + 1])
        rows = np.arange(first, last)
        seen = ~self._tracks.filled[rows] & (self._tracks.person_id[rows] != UNKNOWN)
        for row in rows[seen].tolist():
            self._take(row, image)
        if len(rows):
            # On a fixed clock where frames come evenly, so that looks do not drift apart.
            late = time_s - self._next_s
            start = self._next_s if late < self._between_s else time_s
            self._next_s = start + self._between_s

    def finish(self) -> Smiles:
        """Return everybody's smiles."""
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

    def _take(self, row: int, image: NDArray[np.uint8]) -> None:
        box = self._tracks.xyxy[row]
        moment = int(self._tracks.time_s[row] // GAZE_EVERY_S)
        person = int(self._tracks.person_id[row])
        face = _Face(row, (person, moment), face_sharpness(image, box))
        self._faces.append(face)
        self._waiting.append((face, cut_views(image, box), self._gaze.portrait(image, box)))
        if len(self._waiting) * len(VIEWS) >= _BATCH:
            self._score()

    def _score(self) -> None:
        if not self._waiting:
            return
        patches = np.concatenate([patches for _, patches, _ in self._waiting])
        scores = self._model.smile(patches.reshape(-1, PATCH_PX, PATCH_PX))
        means = scores.reshape(-1, len(VIEWS)).mean(axis=1)
        best: dict[tuple[int, int], tuple[_Face, NDArray[np.uint8]]] = {}
        for (face, _, portrait), score in zip(self._waiting, means.tolist(), strict=True):
            face.smile = score
            if score > max(SMILING, best[face.moment][0].smile if face.moment in best else 0):
                best[face.moment] = face, portrait
        for face, portrait in best.values():
            face.gaze = self._gaze.read(portrait)
        self._waiting = []


def average_over_neighbours(smiles: Smiles) -> NDArray[np.float32]:
    """Return each row's ``smile_alone`` averaged over the looks just before and after, ``(n,)``.

    Only over the same person's, and not across a cut: a face that is elsewhere all at once.
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
    """Number of the shot of each of one person's looks, ``(n,)``."""
    overlaps = [iou(a[None], b[None])[0, 0] for a, b in pairwise(xyxy)]
    return np.cumsum([0, *(overlap < _SAME_PLACE_IOU for overlap in overlaps)])[: len(xyxy)]
