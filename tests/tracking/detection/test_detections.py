from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from tests.tracking.detection_rows import Box, detections
from tests.tracking.track_rows import timeline
from tracking.detection.detections import DetectedFrames, Detections, FootageDetections

SOME: list[Box] = [(0, 5, 0.9, [0.9, 0.1]), (0, 50, 0.4, [0.2, 0.4]), (3, 6, 0.8, [0.8, 0])]


def frames_of(boxes: list[Box], frames: int) -> DetectedFrames:
    return DetectedFrames(
        frame_index=np.arange(frames, dtype=np.int64),
        time_s=np.arange(frames) / 25,
        thumbnail=np.full((frames, 18, 32, 3), 7, np.uint8),
        detections=detections(boxes),
    )


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("xyxy", np.zeros((2, 4), np.float32), r"xyxy must have shape \(3, 4\), got \(2, 4\)"),
        ("score", np.zeros(3), "score must be float32, got float64"),
        ("evidence", np.zeros(3, np.float32), r"evidence must have shape \(3, p\), got \(3,\)"),
        ("frame_index", np.array([0, 3, 2]), "frame order"),
    ],
)
def test_columns_are_checked(column: str, values: np.ndarray, message: str) -> None:
    found = detections(SOME)
    columns = {name: getattr(found, name) for name in ("frame_index", "xyxy", "score", "evidence")}
    with pytest.raises(ValueError, match=message):
        Detections(**{**columns, column: values})


def test_empty() -> None:
    none = Detections.empty(5)
    assert (len(none), none.people) == (0, 5)
    assert len(Detections.concatenate([], people=3)) == 0
    assert len(DetectedFrames.concatenate([], people=3)) == 0


def test_concatenate_and_take() -> None:
    found = Detections.concatenate([detections(SOME[:2]), detections(SOME[2:])], people=2)
    assert found.frame_index.tolist() == [0, 0, 3]
    assert found.take(np.array([1])).evidence.tolist() == [[np.float32(0.2), np.float32(0.4)]]
    with pytest.raises(ValueError, match="2 rows"):
        DetectedFrames(
            np.arange(2), np.zeros(3), np.zeros((2, 1, 1, 3), np.uint8), Detections.empty(1)
        )


@pytest.mark.parametrize("boxes", [[], SOME], ids=["empty", "some"])
def test_round_trip(boxes: list[Box], tmp_path: Path) -> None:
    part = frames_of(boxes, 4)
    part.write(tmp_path / "part.npz")
    again = DetectedFrames.read(tmp_path / "part.npz")
    whole = FootageDetections(timeline(4, cuts=[2]), detections(boxes))
    whole.write(tmp_path / "whole.npz")
    whole_again = FootageDetections.read(tmp_path / "whole.npz")
    assert np.array_equal(again.thumbnail, part.thumbnail)
    assert np.array_equal(again.time_s, part.time_s)
    assert whole_again.timeline.cuts.tolist() == [2]
    for found in (again.detections, whole_again.detections):
        assert np.array_equal(found.evidence, detections(boxes).evidence)
        assert np.array_equal(found.xyxy, detections(boxes).xyxy)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.npz", "whole.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off", b"\x93NUMPY"])
def test_damaged_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "part.npz").write_bytes(content)
    with pytest.raises(InputError, match="track-people PROJECT --force"):
        DetectedFrames.read(tmp_path / "part.npz")
