"""Extract the faces of decoded frames: detect, align, embed, and keep checkpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clustering.faces.clothes import clothes_histograms
from clustering.faces.labelled import numbers_in_frame
from clustering.faces.networks.detector import Detector, FaceDetections
from clustering.faces.networks.embedder import Chips, FaceEmbedder, rgb
from clustering.faces.networks.sface import (
    SFACE_SIZE,
    SFaceChips,
    SFaceEmbedder,
    chips_by_landmarks,
    chips_by_points,
)
from clustering.faces.portraits import cut_portrait
from clustering.faces.quality import sharpness, turn
from data.core.arrays import Image
from data.execution.threaded import stream
from data.project.checkpoints import Checkpoints
from data.project.paths import portrait_name, still_name
from data.tables.faces import Faces, Frames
from data.video.frames import Frame
from data.video.pictures.jpeg import write_jpeg

_PICTURE_NAME = re.compile(r"\d{8}(-\d+)?\.jpg")
_FRAMES_SUFFIX = ".frames.parquet"
CHECKPOINT_FRAMES = 64
"""Sampled frames per checkpoint: the maximum that is repeated after a killed run."""
BATCH_PX = 8_000_000
"""Maximum pixels per batch of frames: 8 frames of 720p, or 1 of 4K."""
_BATCH_FRAMES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """Consecutive sampled frames with their faces."""

    frames: Frames
    faces: Faces

    @classmethod
    def concatenate(cls, parts: Sequence[Extracted]) -> Extracted:
        """Return the frames and faces of all ``parts``, in order."""
        frames = Frames.concatenate([part.frames for part in parts])
        return cls(frames, Faces.concatenate([part.faces for part in parts]))


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    frames: list[Frame]
    detections: list[FaceDetections]


class Extractor:
    """Extract the faces of frames."""

    def __init__(
        self,
        detector: Detector,
        embedder: FaceEmbedder,
        sface: SFaceEmbedder | None = None,
        *,
        batch_px: int = BATCH_PX,
    ) -> None:
        """Create an extractor.

        Args:
            detector: finds the faces.
            embedder: aligns and embeds them.
            sface: second embedder; None leaves its columns 0.
            batch_px: maximum pixels per batch of frames.
        """
        self._detector = detector
        self._embedder = embedder
        self._sface = sface
        self._batch_px = batch_px

    def extract(
        self, frames: Iterable[Frame], store: Callable[[Frame, Faces], None] | None = None
    ) -> Iterator[Extracted]:
        """Yield ``frames`` with their faces, in batches and in order.

        Args:
            frames: decoded frames, iterated in a separate thread.
            store: called with each frame and its faces, in a separate thread.
        """

        def store_batch(batch: tuple[_Batch, Extracted]) -> Extracted:
            if store is not None:
                for frame in batch[0].frames:
                    faces = batch[1].faces
                    store(frame, faces.take(faces.frame_index == frame.index))
            return batch[1]

        batches = _batches(frames, self._batch_px)
        return stream(batches, self._detect, self._describe, store_batch)

    def _detect(self, frames: list[Frame]) -> _Batch:
        detections = self._detector([frame.image for frame in frames])
        return _Batch(frames, [_from_left_to_right(found) for found in detections])

    def _describe(self, batch: _Batch) -> tuple[_Batch, Extracted]:
        tables = [self._faces_of(f, d) for f, d in zip(batch.frames, batch.detections, strict=True)]
        chips = np.concatenate([chips for _, chips in tables])
        embedding, mirrored = _with_mirrored(self._embedder, chips)
        faces = Faces.concatenate([faces for faces, _ in tables]).replace(
            sharpness=sharpness(chips), embedding=embedding, embedding_mirrored=mirrored
        )
        if self._sface is not None:
            sface, mirrored = _with_mirrored(self._sface, _sface_chips(batch, faces))
            faces = faces.replace(sface=sface, sface_mirrored=mirrored)
        return batch, Extracted(_frames_table(batch.frames), faces)

    def _faces_of(self, frame: Frame, found: FaceDetections) -> tuple[Faces, Chips]:
        landmarks = self._embedder.landmarks(frame.image, found.xyxy)
        n = len(found.score)
        faces = Faces(
            frame_index=np.full(n, frame.index, np.int64),
            time_s=np.full(n, frame.time_s),
            xyxy=found.xyxy,
            score=found.score,
            landmarks=landmarks,
            sharpness=np.zeros(n, np.float32),
            turn=turn(landmarks),
            embedding=np.zeros((n, 128), np.float32),
            embedding_mirrored=np.zeros((n, 128), np.float32),
            clothes=clothes_histograms(frame.image, found.xyxy),
            shot=np.zeros(n, np.int32),
            tracklet=np.full(n, -1, np.int32),
            sface=np.zeros((n, SFACE_SIZE), np.float32),
            sface_mirrored=np.zeros((n, SFACE_SIZE), np.float32),
        )
        return faces, self._embedder.chips(frame.image, landmarks)


def _batches(frames: Iterable[Frame], limit_px: int) -> Iterator[list[Frame]]:
    """Batch frames by pixel count: the images of a folder differ in size."""
    batch: list[Frame] = []
    batch_px = 0
    for frame in frames:
        frame_px = frame.image.shape[0] * frame.image.shape[1]
        if batch and (len(batch) == _BATCH_FRAMES or batch_px + frame_px > limit_px):
            yield batch
            batch, batch_px = [], 0
        batch.append(frame)
        batch_px += frame_px
    if batch:
        yield batch


def _from_left_to_right(found: FaceDetections) -> FaceDetections:
    return found.take(np.lexsort((found.xyxy[:, 1], found.xyxy[:, 0])))


def _with_mirrored(
    embedder: FaceEmbedder | SFaceEmbedder, chips: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embed ``(n, side, side, 3)`` chips and their mirrored images, ``(n, 128)`` each."""
    both = embedder.embed(np.concatenate([chips, chips[:, :, ::-1]]))
    return both[: len(chips)], both[len(chips) :]


def _sface_chips(batch: _Batch, faces: Faces) -> SFaceChips:
    """Cut out the faces of a batch for SFace, ``(n, 112, 112, 3)``."""
    chips = []
    for frame, found in zip(batch.frames, batch.detections, strict=True):
        image = rgb(frame.image)
        if found.points is not None:
            chips.append(chips_by_points(image, found.points))
        else:
            rows = faces.frame_index == frame.index
            chips.append(chips_by_landmarks(image, faces.landmarks[rows]))
    return np.concatenate(chips)


def _frames_table(frames: list[Frame]) -> Frames:
    return Frames(
        frame_index=np.array([frame.index for frame in frames], np.int64),
        time_s=np.array([frame.time_s for frame in frames], np.float64),
        frame_wh=np.array([frame.image.shape[1::-1] for frame in frames], np.int32),
        thumbnail=np.stack([_thumbnail(frame.image) for frame in frames]),
        shot=np.zeros(len(frames), np.int32),
    )


def _thumbnail(image: Image) -> NDArray[np.uint8]:
    small = cv2.resize(image, (16, 9), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)


def face_checkpoints(folder: Path, *, key: str) -> Checkpoints[Extracted]:
    """Open the checkpoints of a footage's tables; a frames file marks a complete checkpoint."""
    return Checkpoints(
        folder, key=key, suffix=_FRAMES_SUFFIX, read=_read_checkpoint, write=_write_checkpoint
    )


def _read_checkpoint(frames_file: Path) -> Extracted:
    return Extracted(Frames.read(frames_file), Faces.read(_faces_file(frames_file)))


def _write_checkpoint(extracted: Extracted, frames_file: Path) -> None:
    extracted.faces.write(_faces_file(frames_file))
    extracted.frames.write(frames_file)


def _faces_file(frames_file: Path) -> Path:
    return frames_file.with_name(frames_file.name.removesuffix(_FRAMES_SUFFIX) + ".faces.parquet")


def write_pictures(folder: Path, frame: Frame, faces: Faces) -> None:
    """Write a still of the frame and a portrait of each of its faces, as JPEG."""
    write_jpeg(folder / still_name(frame.index), frame.image)
    for number, box in enumerate(faces.xyxy):
        portrait = cut_portrait(frame.image, box)
        write_jpeg(folder / portrait_name(frame.index, number), portrait)


def replace_pictures(new: Path, folder: Path, faces: Faces, frames: Frames) -> None:
    """Move the pictures of an extraction to their folder, and remove those of an earlier one.

    Args:
        new: folder that `write_pictures` wrote to; a stopped call may have moved some of it.
        folder: folder of the footage's pictures.
        faces: the faces of the extraction.
        frames: its frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for picture in _pictures_in(new):
        picture.replace(folder / picture.name)
    numbers = numbers_in_frame(faces.frame_index)
    current = {still_name(int(index)) for index in frames.frame_index}
    for index, number in zip(faces.frame_index, numbers, strict=True):
        current.add(portrait_name(int(index), int(number)))
    for picture in _pictures_in(folder):
        if picture.name not in current:
            picture.unlink()


def _pictures_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jpg") if _PICTURE_NAME.fullmatch(path.name)]
