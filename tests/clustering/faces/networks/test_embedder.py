from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.networks.embedder import Embedder, aligned_chips
from data.inference.runtime import RuntimeName
from tests.clustering.parity import (
    RUNTIMES,
    assert_same_embeddings,
    drawn_face,
    network,
    noise,
    ours_embedder,
    read_image,
    reference_detector,
)

FACE = np.array([[40, 45, 160, 165]], np.float32)  # in `drawn_face`
CHIP_SHAPE = (150, 150, 3)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return ours_embedder()


def test_no_faces(embedder: Embedder) -> None:
    none = np.zeros((0, 4), np.float32)
    image = drawn_face()
    landmarks = embedder.landmarks(image, none)
    assert landmarks.shape == (0, 5, 2)
    assert embedder.chips(image, none).shape == (0, *CHIP_SHAPE)
    assert embedder.chips(image, landmarks).shape == (0, *CHIP_SHAPE)
    assert embedder.embed(np.zeros((0, *CHIP_SHAPE), np.uint8)).shape == (0, 128)


def test_landmarks_are_where_they_are_drawn(embedder: Embedder) -> None:
    (points,) = embedder.landmarks(drawn_face(), FACE)
    right_outer, right_inner, left_outer, left_inner, nose = points
    assert left_outer[0] < left_inner[0] < nose[0] < right_inner[0] < right_outer[0]
    assert np.abs(points[:4, 1] - 92).max() < 12
    assert nose[1] > 100


def test_chips_from_boxes_and_from_landmarks_are_equal(embedder: Embedder) -> None:
    image = drawn_face()
    chips = embedder.chips(image, FACE)
    assert chips.shape == (1, *CHIP_SHAPE)
    assert chips.dtype == np.uint8
    assert np.array_equal(chips, embedder.chips(image, embedder.landmarks(image, FACE)))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_embeddings_equal_those_of_face_recognition(runtime: RuntimeName) -> None:
    assert_same_embeddings(drawn_face(), FACE, runtime=runtime)


@pytest.mark.parametrize(
    "xyxy",
    [[-20, -30, 90, 100], [150, 150, 260, 260], [95, 95, 105, 105], [0, 0, 200, 200]],
    ids=["corner", "over the edge", "small", "whole image"],
)
def test_any_box_as_by_face_recognition(xyxy: list[float]) -> None:
    assert_same_embeddings(drawn_face(), np.array([xyxy], np.float32))


def test_grey_image_as_by_face_recognition() -> None:
    grey = np.ascontiguousarray(drawn_face()[:, :, 1])
    assert_same_embeddings(grey, FACE)


def test_image_that_is_a_view(embedder: Embedder) -> None:
    image = drawn_face()[:, ::-1]
    copied = embedder.chips(np.ascontiguousarray(image), FACE)
    assert np.array_equal(embedder.chips(image, FACE), copied)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_size_does_not_matter(count: int, batch: int) -> None:
    chips = np.stack([noise(150, 150, seed=seed) for seed in range(count)])
    before = chips.copy()
    found = Embedder(network("embedder"), batch=batch).embed(chips)
    alone = [ours_embedder().embed(chip[None])[0] for chip in chips]
    assert np.allclose(found, alone, atol=1e-5)
    assert np.array_equal(chips, before)


def test_mirrored_chips_may_be_views(embedder: Embedder) -> None:
    chips = embedder.chips(drawn_face(), FACE)
    mirrored = chips[:, :, ::-1]
    assert np.array_equal(embedder.embed(mirrored), embedder.embed(mirrored.copy()))


@pytest.mark.parametrize(
    "chips",
    [np.zeros(CHIP_SHAPE, np.uint8), np.zeros((1, *CHIP_SHAPE), np.float32)],
    ids=["one without a row", "float"],
)
def test_invalid_chips_are_refused(embedder: Embedder, chips: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="chips must be"):
        embedder.embed(chips)


def test_invalid_landmarks_are_refused() -> None:
    with pytest.raises(ValueError, match="landmarks must be"):
        aligned_chips(drawn_face(), np.zeros((1, 68, 2), np.float32))


def test_empty_batch_of_chips() -> None:
    with pytest.raises(ValueError, match="batch"):
        Embedder(network("embedder"), batch=0)


def test_photographs_as_by_face_recognition(shared: Path) -> None:
    image = read_image(shared / "images" / "two_people.jpg", longest_px=400)
    (found,) = reference_detector(1)([image])
    assert len(found) == 2
    assert_same_embeddings(image, found.xyxy)
    embeddings = ours_embedder().embed(ours_embedder().chips(image, found.xyxy))
    assert np.linalg.norm(embeddings[0] - embeddings[1]) > 0.6
