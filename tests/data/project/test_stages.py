"""Records of stages: those of earlier versions are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.project.stages import FacesRecord
from tests.records import faces_record


def test_a_faces_record_without_an_embedder_is_of_dlib() -> None:
    content = {
        "version": 1,
        "kind": "video",
        "size_bytes": 7,
        "every_s": 0.2,
        "detector": "cnn",
        "backend": "fast",
        "min_face_px": None,
        "upsample": None,
        "spans": None,
    }
    record = FacesRecord.from_json(content)
    assert record.embedder == "dlib"
    assert record.to_json() == {name: content[name] for name in content if name != "spans"}


def test_dlibs_embedder_is_not_stored() -> None:
    """So that the digests of finished tables stay."""
    assert "embedder" not in faces_record().to_json()
    assert faces_record() == replace(faces_record(), embedder="dlib")


@pytest.mark.parametrize("embedder", ["sface", "dlib"])
def test_an_embedder_round_trips(embedder: str) -> None:
    record = replace(faces_record(), embedder=embedder)
    assert FacesRecord.from_json(record.to_json()) == record
    assert ("embedder" in record.to_json()) == (embedder != "dlib")


def test_an_embedder_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        FacesRecord.from_json({**faces_record().to_json(), "embedder": 3})
