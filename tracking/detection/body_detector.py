"""Detect bodies, and the camera's motion, in consecutive frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.inference.runtime import RuntimeName, load_openvino
from data.video.frames import Frame
from tracking.detection.bodies import Bodies, BodyFrames
from tracking.detection.body_weights import BodyModel
from tracking.detection.detector import PersonDetector, YoloNetwork
from tracking.detection.motion import grey, motions
from tracking.detection.networks import CpuNetwork

_MIN_SCORE: Final = 0.1
"""BoT-SORT continues tracks with boxes of at least this score."""
_GREY: Final = 114  # ultralytics' padding value


class BodyDetector:
    """Detector of bodies in batches of frames; not thread-safe."""

    def __init__(self, network: YoloNetwork, model: BodyModel) -> None:
        self._person = model.person
        self._network = network
        self._detector = PersonDetector(
            self._of_person, image_px=model.image_px, min_score=_MIN_SCORE
        )

    def __call__(self, frames: Sequence[Frame]) -> BodyFrames:
        """Detect the bodies in consecutive frames of one size, at least one."""
        found = self._detector([frame.image for frame in frames])
        small = [grey(frame.image) for frame in frames]
        greys, scale = [picture for picture, _ in small], small[0][1]
        index = np.array([frame.index for frame in frames], np.int64)
        return BodyFrames(
            bodies=Bodies(
                frame_index=np.repeat(index, [len(image.xyxy) for image in found]),
                xyxy=np.concatenate([image.xyxy for image in found]),
                score=np.concatenate([image.evidence[:, 0] for image in found]),
            ),
            motion=motions(greys, scale),
            first=greys[0],
            last=greys[-1],
            scale=np.array([scale]),
        )

    def _of_person(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._network(images)[:, [0, 1, 2, 3, 4 + self._person]]


def load_body_detector(model: BodyModel, *, runtime: RuntimeName, threads: int) -> BodyDetector:
    """Load the network of a body detector.

    Raises:
        InputError: the runtime is not installed.
    """
    if model.graph.suffix == ".xml":
        return BodyDetector(_OpenVinoExport(model, threads), model)
    network = CpuNetwork(model.graph.read_bytes(), runtime=runtime, threads=threads)
    return BodyDetector(network, model)


class _OpenVinoExport:
    """OpenVINO model that ultralytics exported: one square picture at a time, as float32."""

    def __init__(self, model: BodyModel, threads: int) -> None:
        self._side = model.image_px
        self._network = load_openvino(model.graph, threads)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([self._network(self._input(image)) for image in images])

    def _input(self, image: Image) -> NDArray[np.float32]:
        """Return ``(1, 3, side, side)`` of a picture whose sides are at most ``side``."""
        square = np.full((self._side, self._side, 3), _GREY, np.uint8)
        square[: image.shape[0], : image.shape[1]] = image
        return np.ascontiguousarray(square.transpose(2, 0, 1)[None] / np.float32(255))
