from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.extraction import (
    Extracted,
    Extractor,
    face_checkpoints,
    replace_pictures,
    write_pictures,
)
from clustering.faces.networks.detector import FaceDetections
from data.core.arrays import Image
from data.core.errors import InputError
from data.core.table import Table
from data.project.project import Project
from data.tables.faces import Faces, Frames
from data.video.frames import Frame
from data.video.pictures.jpeg import read_jpeg
from tests.clustering.labelled_footage import table

POINTS = np.array([(0.8, 0.4), (0.6, 0.4), (0.2, 0.4), (0.4, 0.4), (0.5, 0.7)], np.float32)


@dataclass
class FakeDetector:
    """Detector that finds as many faces as the first pixel's value, and records its batches."""

    batches: list[int] = field(default_factory=list)
    error_at: int = -1

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        self.batches.append(len(images))
        if len(self.batches) == self.error_at:
            raise InputError("the detector failed")
        return [self._find(int(image[0, 0, 0])) for image in images]

    def _find(self, count: int) -> FaceDetections:
        left = np.arange(count, dtype=np.float32)[::-1] * 20
        xyxy = np.stack([left, left * 0 + 2, left + 16, left * 0 + 18], axis=1)
        return FaceDetections(xyxy=xyxy, score=np.asarray(left / 20, np.float32))


class FakeEmbedder:
    """Embedder whose chips and embeddings hold the number of the face."""

    def landmarks(self, image: Image, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        del image
        size = xyxy[:, None, 2:] - xyxy[:, None, :2]
        return np.asarray(xyxy[:, None, :2] + POINTS * size, np.float32)

    def chips(self, image: Image, faces: NDArray[np.float32]) -> Image:
        del image
        chips = np.zeros((len(faces), 150, 150, 3), np.uint8)
        chips[:, :, 0] = (faces[:, 3, 0] // 20).astype(np.uint8)[:, None, None]
        return chips

    def embed(self, chips: Image) -> NDArray[np.float32]:
        return np.repeat(chips[:, 0, :1].mean(axis=2), 128, axis=1).astype(np.float32)


def frame(index: int, faces: int, size_wh: tuple[int, int] = (120, 40)) -> Frame:
    """Return a frame in which the fake detector finds this number of faces."""
    image = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    image[0, 0] = (faces, index, 0)
    return Frame(index=index, time_s=index / 10, image=image)


def frames(*faces: int) -> list[Frame]:
    return [frame(number * 3, count) for number, count in enumerate(faces)]


def extract(source_frames: Sequence[Frame] | Iterator[Frame], **options: Any) -> Extracted:
    parts = list(Extractor(FakeDetector(), FakeEmbedder()).extract(iter(source_frames), **options))
    return Extracted.concatenate(parts)


def same(a: Table, b: Table) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in a.COLUMNS)


# --- extractor --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faces", [(), (0,), (0, 0, 0), (2,), (1, 0, 3, 2), (1,) * 30], ids=lambda f: f"{len(f)} frames"
)
def test_tables(faces: tuple[int, ...]) -> None:
    found = extract(frames(*faces))
    assert found.frames.frame_index.tolist() == [3 * n for n in range(len(faces))]
    assert np.allclose(found.frames.time_s, 0.3 * np.arange(len(faces)))
    assert found.frames.frame_wh.tolist() == [[120, 40]] * len(faces)
    assert len(found.faces) == sum(faces)
    assert np.array_equal(found.faces.frame_index, np.repeat(found.frames.frame_index, faces))
    assert np.array_equal(found.faces.time_s, np.repeat(found.frames.time_s, faces))
    # Faces are in order from left to right in each frame, each with its values in one row.
    number = np.array([n for count in faces for n in range(count)])
    assert np.array_equal(found.faces.xyxy[:, 0], number * 20)
    assert np.array_equal(found.faces.score, number)
    assert np.allclose(found.faces.landmarks[:, 4, 0], number * 20 + 8)
    assert np.allclose(found.faces.turn, 0, atol=1e-6)
    assert (found.faces.tracklet == -1).all()


def test_embeddings_are_of_the_chip_and_of_its_mirror_image() -> None:
    found = extract(frames(2, 0, 3)).faces
    # The fake chip holds the number of its face in its left column, and 0 in its right one.
    assert found.embedding[:, 0].tolist() == [0, 1, 0, 1, 2]
    assert not found.embedding_mirrored.any()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param([(10, 10)] * 20, [8, 8, 4], id="small"),
        pytest.param([(100, 40)] * 5, [2, 2, 1], id="two fit"),
        pytest.param([(100, 80)] * 3, [1, 1, 1], id="one fits"),
        pytest.param([(300, 300)] * 2, [1, 1], id="larger than all"),
        pytest.param(
            [(10, 10), (100, 80), (100, 80), (10, 10)], [1, 1, 1, 1], id="one small first"
        ),
        pytest.param([(100, 40), (10, 10), (10, 10), (100, 79)], [3, 1], id="of many sizes"),
    ],
)
def test_batches_are_limited_by_pixels(sizes: list[tuple[int, int]], expected: list[int]) -> None:
    detector = FakeDetector()
    images = [frame(index, 1, size) for index, size in enumerate(sizes)]
    parts = list(Extractor(detector, FakeEmbedder(), batch_px=8000).extract(images))
    assert detector.batches == expected
    assert [len(part.frames) for part in parts] == expected
    wh = [tuple(row) for part in parts for row in part.frames.frame_wh.tolist()]
    assert wh == sizes


def test_every_frame_is_stored_once_with_its_faces_before_it_is_yielded() -> None:
    stored: list[tuple[int, int]] = []

    def store(frame: Frame, faces: Faces) -> None:
        assert (faces.frame_index == frame.index).all()
        stored.append((frame.index, len(faces)))

    for part in Extractor(FakeDetector(), FakeEmbedder()).extract(frames(*[1, 0, 2] * 9), store):
        assert part.frames.frame_index[-1] in [index for index, _ in stored]
    assert stored == [(3 * n, [1, 0, 2][n % 3]) for n in range(27)]


@pytest.mark.parametrize("where", ["frames", "detector", "store"])
def test_an_error_anywhere_is_raised_unchanged(where: str) -> None:
    closed = []

    def source() -> Generator[Frame, None, None]:
        try:
            yield from frames(*[1] * 20)
            if where == "frames":
                raise InputError("the frames failed")
            yield from frames(*[1] * 1000)
        finally:
            closed.append(True)

    def store(frame: Frame, _: Faces) -> None:
        if where == "store" and frame.index > 30:
            raise InputError("the store failed")

    detector = FakeDetector(error_at=2 if where == "detector" else -1)
    before = threading.active_count()
    parts: list[Extracted] = []
    with pytest.raises(InputError, match=f"the {where} failed"):
        parts.extend(Extractor(detector, FakeEmbedder()).extract(source(), store))
    assert closed == [True]
    assert threading.active_count() == before
    assert sum(len(part.frames) for part in parts) >= 8


def test_images_are_not_changed() -> None:
    source_frames = frames(2, 1)
    extract(source_frames)
    assert all(
        np.array_equal(a.image, b.image) for a, b in zip(source_frames, frames(2, 1), strict=True)
    )


def test_thumbnails_are_of_the_frame() -> None:
    dark, bright = frame(0, 0), frame(1, 0)
    bright.image[:, 60:] = 250
    thumbnails = extract([dark, bright]).frames.thumbnail.astype(int)
    change = np.abs(thumbnails[1] - thumbnails[0]).sum(axis=(0, 2))
    assert change[:7].max() < 5 < 50 < change[9:].min()


def test_concatenate_no_parts() -> None:
    nothing = Extracted.concatenate([])
    assert len(nothing.frames) == len(nothing.faces) == 0


# --- parts ------------------------------------------------------------------------------------


@pytest.fixture
def three_parts() -> list[Extracted]:
    return [extract([frame(n * 10 + i, n) for i in range(4)]) for n in range(3)]


def test_no_parts_yet(tmp_path: Path) -> None:
    parts = face_checkpoints(tmp_path / "a.parts", key="k")
    assert parts.read() == []
    parts.remove()


def test_parts_come_back_in_order(tmp_path: Path, three_parts: list[Extracted]) -> None:
    for part in three_parts:
        # New objects each time, as after a killed run.
        face_checkpoints(tmp_path, key="k").append(part)
    found = Extracted.concatenate(face_checkpoints(tmp_path, key="k").read())
    whole = Extracted.concatenate(three_parts)
    assert same(found.frames, whole.frames)
    assert same(found.faces, whole.faces)


def test_a_partial_checkpoint_is_ignored_and_rewritten(
    tmp_path: Path, three_parts: list[Extracted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    parts = face_checkpoints(tmp_path, key="k")
    parts.append(three_parts[1])
    with monkeypatch.context() as patch:
        patch.setattr(Frames, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            parts.append(three_parts[2])
    (finished,) = parts.read()
    assert same(finished.frames, three_parts[1].frames)
    assert same(finished.faces, three_parts[1].faces)
    parts.append(three_parts[0])
    assert len(parts.read()) == 2
    assert same(parts.read()[1].faces, three_parts[0].faces)


def test_parts_of_other_settings_do_not_count(tmp_path: Path, three_parts: list[Extracted]) -> None:
    face_checkpoints(tmp_path, key="one").append(three_parts[1])
    other = face_checkpoints(tmp_path, key="two")
    assert other.read() == []
    other.append(three_parts[2])
    assert same(other.read()[0].faces, three_parts[2].faces)
    assert same(face_checkpoints(tmp_path, key="one").read()[0].faces, three_parts[1].faces)
    other.remove()
    assert not tmp_path.exists()


def test_a_damaged_part_is_one_error_line(tmp_path: Path, three_parts: list[Extracted]) -> None:
    parts = face_checkpoints(tmp_path, key="k")
    parts.append(three_parts[1])
    next(tmp_path.glob("*.faces.parquet")).write_bytes(b"no table")
    with pytest.raises(InputError, match="cluster-faces --project PROJECT --force"):
        parts.read()


# --- pictures ---------------------------------------------------------------------------------


def test_pictures_of_a_frame(tmp_path: Path) -> None:
    project = Project(tmp_path / "p.fancam")
    shown = frame(7, 2)
    folder = project.folder / "faces" / "a"
    write_pictures(folder, shown, extract([shown]).faces)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00000007-0.jpg", "00000007-1.jpg", "00000007.jpg"]
    assert read_jpeg(project.still_file("a", 7)).shape == shown.image.shape
    assert read_jpeg(project.portrait_file("a", 7, 1)).shape == (500, 400, 3)


def test_only_generated_stale_pictures_are_removed(tmp_path: Path) -> None:
    project = Project(tmp_path / "p.fancam")
    kept = ["00000003.jpg", "00000003-0.jpg", "00000003-1.jpg", "00000006.jpg"]
    users = ["holiday.jpg", "3.jpg", "00000009.png", "00000009 copy.jpg", "x00000009.jpg"]
    stale = ["00000009.jpg", "00000003-2.jpg", "00000006-0.jpg", "00000009-0.jpg"]
    for name in (*kept, *users, *stale, "../b/00000009.jpg"):
        path = project.still_file("a", 0).parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    looked_at = table(Frames, 2, frame_index=(3, 6))
    faces = table(Faces, 2, frame_index=(3, 3))
    folder, new = project.still_file("a", 0).parent, tmp_path / "new"
    new.mkdir()
    for name in ("00000003.jpg", "00000008.jpg", ".00000008.partial.jpg"):
        (new / name).write_bytes(b"new")
    replace_pictures(new, folder, faces, looked_at)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*kept, *users])
    assert (folder / "00000003.jpg").read_bytes() == b"new"
    assert (folder.parent / "b" / "00000009.jpg").exists()


def test_no_pictures_at_all(tmp_path: Path) -> None:
    replace_pictures(tmp_path / "new", tmp_path / "a", Faces.empty(), Frames.empty())
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]
