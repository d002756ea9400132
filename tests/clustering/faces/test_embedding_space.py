"""The space in which faces are compared: dlib's values, or SFace's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.embedding_space import (
    SFACE_SCALE,
    all_have_sface,
    face_clarity,
    face_embeddings,
    face_weights,
    has_sface,
)
from clustering.faces.quality import quality
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table


def random(seed: int, rows: int, *, length: float = 1.0) -> NDArray[np.float32]:
    """Return embeddings of one length."""
    points = np.random.default_rng(seed).normal(size=(rows, 128))
    return np.asarray(points * (length / np.linalg.norm(points, axis=1)[:, None]), np.float32)


def of_dlib(rows: int = 5) -> Faces:
    rng = np.random.default_rng(9)
    return table(
        Faces,
        rows,
        xyxy=(10, 10, 70, 90),
        sharpness=rng.uniform(0, 0.6, rows),
        turn=rng.uniform(0, 0.8, rows),
        embedding=random(1, rows, length=0.6),
        embedding_mirrored=random(2, rows, length=0.6),
    )


def of_sface(rows: int = 5, *, length: float = 9.0) -> Faces:
    points = random(3, rows, length=length)
    return of_dlib(rows).replace(sface=points, sface_mirrored=points)


def test_dlibs_space_is_its_mean_to_the_bit() -> None:
    """As before SFace: the mean with the mirrored chips, and the measured quality."""
    faces = of_dlib()
    mean = (faces.embedding + faces.embedding_mirrored) / 2
    for sface in (True, False):
        assert np.array_equal(face_embeddings(faces, sface=sface), mean)
        plain = face_embeddings(faces, sface=sface, mirrored=False)
        assert np.array_equal(plain, faces.embedding)
        weights = face_weights(faces, sface=sface)
        assert np.array_equal(weights, quality(faces).astype(np.float64))
        assert face_weights(faces, sface=sface, weighted=False).tolist() == [1] * 5
    assert face_embeddings(faces).dtype == np.float32
    assert face_weights(faces).dtype == np.float64


def test_sface_changes_nothing_in_dlibs_space() -> None:
    assert np.array_equal(
        face_embeddings(of_sface(), sface=False), face_embeddings(of_dlib(), sface=False)
    )
    assert np.array_equal(
        face_weights(of_sface(), sface=False), face_weights(of_dlib(), sface=False)
    )


@pytest.mark.parametrize("length", [0.5, 6.0, 40.0])
def test_sfaces_space_is_a_scaled_sphere(length: float) -> None:
    faces = of_sface(length=length)
    points = face_embeddings(faces)
    assert points.dtype == np.float32
    assert np.allclose(np.linalg.norm(points, axis=1), SFACE_SCALE, atol=1e-6)
    assert np.allclose(points, faces.sface * (SFACE_SCALE / length), atol=1e-6)


def test_the_mirrored_chip_is_averaged_before_the_scaling() -> None:
    faces = of_sface().replace(sface_mirrored=random(4, 5, length=3.0))
    mean = (faces.sface + faces.sface_mirrored) / 2
    expected = SFACE_SCALE * mean / np.linalg.norm(mean, axis=1)[:, None]
    assert np.allclose(face_embeddings(faces), expected, atol=1e-6)
    alone = face_embeddings(faces, mirrored=False)
    assert np.allclose(alone, faces.sface * (SFACE_SCALE / 9.0), atol=1e-6)


@pytest.mark.parametrize(
    ("length", "weight"),
    [(0.0, 0.02), (4.0, 0.02), (7.5, 0.5), (11.0, 1.0), (15.0, 1.0)],
)
def test_the_length_is_the_weight(length: float, weight: float) -> None:
    faces = of_sface(3)
    points = random(5, 3, length=9.0)
    points[1] = random(6, 1, length=1.0)[0] * length
    faces = faces.replace(sface=points, sface_mirrored=points)
    assert face_weights(faces)[1] == pytest.approx(weight, abs=1e-6)
    assert face_weights(faces, weighted=False).tolist() == [1, 1, 1]
    assert np.isfinite(face_embeddings(faces)).all()


def test_mixed_tables_are_compared_in_dlibs_space() -> None:
    tables = [of_sface(), of_dlib()]
    assert [has_sface(faces) for faces in tables] == [True, False]
    assert not all_have_sface(tables)
    assert all_have_sface([of_sface(), of_sface(2)])


def test_tables_without_faces() -> None:
    nothing = Faces.empty()
    assert not has_sface(nothing)
    assert all_have_sface([])
    assert all_have_sface([nothing, of_sface(), nothing])
    assert not all_have_sface([nothing, of_dlib()])
    for sface in (True, False):
        assert face_embeddings(nothing, sface=sface).shape == (0, 128)
        assert face_weights(nothing, sface=sface).shape == (0,)


def test_inputs_are_not_changed() -> None:
    faces, same = of_sface(), of_sface()
    face_embeddings(faces)
    face_weights(faces)
    assert all(np.array_equal(getattr(faces, n), getattr(same, n)) for n in Faces.COLUMNS)


def test_a_clear_face_is_recognisable_and_of_good_quality() -> None:
    """With dlib alone, the clarity is the quality."""
    dlib, sface = of_dlib(), of_sface()
    assert np.allclose(face_clarity(dlib), quality(dlib))
    assert np.allclose(face_clarity(sface), np.sqrt(face_weights(sface) * quality(sface)))
    assert (face_clarity(of_sface(length=11.0)) > face_clarity(of_sface(length=5.0))).all()
