"""Comparison of fancam's networks with dlib's own on any image."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.networks.detector import CnnDetector, FaceDetections
from clustering.faces.networks.dlib_backend import ReferenceDetector, ReferenceEmbedder
from clustering.faces.networks.embedder import Embedder
from clustering.faces.networks.graph_cache import NetworkName, load_network
from data.core.arrays import Image
from data.core.errors import InputError
from data.inference.runtime import Network, RuntimeName, available_runtimes

BOX_TOLERANCE_PX = 1.0
SCORE_TOLERANCE = 1e-3
EMBEDDING_TOLERANCE = 1e-4

RUNTIMES: list[RuntimeName] = [name for name in get_args(RuntimeName) if name != "auto"]


def assert_same_faces(image: Image, *, upsample: int = 0, runtime: RuntimeName = "auto") -> int:
    """Assert that dlib and fancam give the same faces and embeddings; return their number."""
    ours = CnnDetector(network("detector", runtime), upsample=upsample)([image])[0]
    theirs = reference_detector(upsample)([image])[0]
    assert_same_detections(ours, theirs)
    assert_same_embeddings(image, theirs.xyxy, runtime=runtime)
    return len(theirs)


def assert_same_detections(ours: FaceDetections, theirs: FaceDetections) -> None:
    assert len(ours) == len(theirs), (ours, theirs)
    assert np.abs(ours.score - theirs.score).max(initial=0) <= SCORE_TOLERANCE
    assert np.abs(ours.xyxy - theirs.xyxy).max(initial=0) <= BOX_TOLERANCE_PX


def assert_same_embeddings(
    image: Image, xyxy: NDArray[np.float32], *, runtime: RuntimeName = "auto"
) -> None:
    embedder = ours_embedder(runtime)
    ours = embedder.embed(embedder.chips(image, xyxy))
    theirs = reference_embedder().encodings(image, xyxy)
    assert ours.shape == theirs.shape == (len(xyxy), 128)
    assert np.abs(ours - theirs).max(initial=0) <= EMBEDDING_TOLERANCE


@cache
def network(name: NetworkName, runtime: RuntimeName = "auto") -> Network:
    if runtime != "auto" and runtime not in available_runtimes():
        pytest.skip(f"{runtime} is not installed")
    return load_network(name, runtime=runtime)


@cache
def ours_embedder(runtime: RuntimeName = "auto") -> Embedder:
    return Embedder(network("embedder", runtime))


@cache
def reference_detector(upsample: int) -> ReferenceDetector:
    try:
        return ReferenceDetector(upsample=upsample)
    except InputError as error:
        pytest.skip(str(error))


@cache
def reference_embedder() -> ReferenceEmbedder:
    try:
        return ReferenceEmbedder()
    except InputError as error:
        pytest.skip(str(error))


def read_image(path: Path, *, longest_px: int | None = None) -> Image:
    """Read RGB, its longer side reduced to at most ``longest_px``."""
    image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
    height, width = image.shape[:2]
    factor = 1.0 if longest_px is None else min(longest_px / max(height, width), 1.0)
    size_wh = (round(width * factor), round(height * factor))
    smaller = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(smaller[:, :, ::-1], np.uint8)


def read_frame(path: Path, at_s: float, *, longest_px: int) -> Image:
    """Return the first frame at or after a time, reduced."""
    import av

    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            if frame.time is not None and frame.time >= at_s:
                pixels = frame.to_ndarray(format="rgb24")
                factor = longest_px / max(pixels.shape[:2])
                size_wh = (round(frame.width * factor), round(frame.height * factor))
                shrunk = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
                return np.asarray(shrunk, np.uint8)
    raise ValueError(f"{path} ends before {at_s} s")


def drawn_face(size_wh: tuple[int, int] = (200, 200)) -> Image:
    """Return a grey image with a face of 150 px in the middle, which dlib scores 0.86."""
    image = np.full((200, 200, 3), 90, np.uint8)
    hair, skin, iris = (60, 40, 30), (215, 170, 145), (50, 35, 30)
    cv2.ellipse(image, (100, 95), (62, 80), 0, 0, 360, hair, -1)
    cv2.ellipse(image, (100, 105), (52, 68), 0, 0, 360, skin, -1)
    for x in (78, 122):
        cv2.ellipse(image, (x, 92), (13, 7), 0, 0, 360, (245, 245, 245), -1)
        cv2.circle(image, (x, 92), 6, iris, -1)
        cv2.ellipse(image, (x, 78), (16, 5), 0, 180, 360, hair, 4)
    cv2.ellipse(image, (100, 118), (9, 6), 0, 0, 180, (150, 105, 90), 3)
    cv2.line(image, (98, 95), (94, 116), (185, 140, 120), 3)
    cv2.ellipse(image, (100, 140), (22, 8), 0, 0, 360, (170, 70, 75), -1)
    soft = cv2.GaussianBlur(image, (0, 0), 2.0)
    return np.asarray(cv2.resize(soft, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)


def noise(height: int, width: int, *, seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(pixels, np.uint8)


def gradient(height: int, width: int) -> Image:
    """Return colours that increase to the right and downwards."""
    across = np.linspace(0, 255, width)[None, :, None] * np.array([1.0, 0.5, 0.0])
    down = np.linspace(0, 255, height)[:, None, None] * np.array([0.0, 0.5, 1.0])
    return np.asarray(across + down, np.uint8)
