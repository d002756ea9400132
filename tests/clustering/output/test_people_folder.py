from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.faces.labelled import LabelledFootage, numbers_in_frame
from clustering.faces.portraits import cut_portrait
from clustering.output.people_folder import people_files
from data.core.errors import InputError
from data.project.manifest import OutputFolder
from data.video.pictures.jpeg import read_jpeg, write_jpeg
from tests.clustering.labelled_footage import FRAME_WH, footage


class Drawn:
    """Portraits on disk for synthetic footage; every face has its own colour."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, footage: str, frame_index: int, number: int) -> Path:
        return self.folder / footage / f"{frame_index:08d}-{number}.jpg"

    def draw(self, footage: LabelledFootage) -> LabelledFootage:
        numbers = numbers_in_frame(footage.faces.frame_index)
        for row, (index, number) in enumerate(
            zip(footage.faces.frame_index.tolist(), numbers.tolist(), strict=True)
        ):
            image = np.full((FRAME_WH[1], FRAME_WH[0], 3), 40 + 10 * row, np.uint8)
            portrait = cut_portrait(image, footage.faces.xyxy[row])
            write_jpeg(self.file(footage.name, index, number), portrait)
        return footage


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return Drawn(tmp_path / "drawn")


def test_no_people(drawn: Drawn) -> None:
    assert people_files([], {}, drawn.file) == {}
    assert people_files([footage([[], []])], {1: "Person 1"}, drawn.file) == {}


def test_folders_hold_every_face_and_a_montage(drawn: Drawn, tmp_path: Path) -> None:
    some = drawn.draw(footage([[1, 2], [], [-1, 1]]))
    other = drawn.draw(footage([[2]], name="b é"))
    files = people_files([some, other], {1: "Anna", 2: "Ben/2", 9: "nobody"}, drawn.file)
    assert sorted(files) == [
        "Anna/a-00000000-0.jpg",
        "Anna/a-00000010-1.jpg",
        "Ben_2/a-00000000-1.jpg",
        "Ben_2/b é-00000000-0.jpg",
        "montage/Anna.jpg",
        "montage/Ben_2.jpg",
        "unknown/a-00000010-0.jpg",
    ]
    folder = OutputFolder(tmp_path / "people")
    assert folder.sync(files).written == 7
    portrait = folder.folder / "Anna" / "a-00000010-1.jpg"
    assert portrait.samefile(drawn.file("a", 10, 1))
    montage = read_jpeg(folder.folder / "montage" / "Anna.jpg")
    assert montage.shape == (160, 320, 3)
    assert np.allclose(montage[80, [80, 240], 0], [40, 70], atol=2)
    assert np.allclose(montage[:, :160], montage[80, 80], atol=2)


def test_a_new_name_only_moves_files_and_a_merge_makes_one_new_montage(
    drawn: Drawn, tmp_path: Path
) -> None:
    some = drawn.draw(footage([[1, 2], [1, 2], [1, 3]]))
    names = {1: "Anna", 2: "Ben", 3: "Cem"}
    folder = OutputFolder(tmp_path / "people")
    folder.sync(people_files([some], names, drawn.file))
    renamed = people_files([some], {**names, 1: "Zoë"}, drawn.file)
    assert folder.sync(renamed).kept == 3 + 2
    assert not (folder.folder / "Anna").exists()
    merged = LabelledFootage("a", some.frames, some.faces, np.minimum(some.person_id, 2))
    folder.sync(people_files([merged], {1: "Zoë", 2: "Ben"}, drawn.file))
    assert {p.name for p in folder.folder.iterdir() if p.is_dir()} == {"Zoë", "Ben", "montage"}
    assert read_jpeg(folder.folder / "montage" / "Ben.jpg").shape == (160, 480, 3)


def test_a_missing_portrait_is_named(drawn: Drawn) -> None:
    with pytest.raises(InputError, match="--force"):
        people_files([footage([[1]])], {1: "Anna"}, drawn.file)


def test_a_person_without_a_name_is_refused(drawn: Drawn) -> None:
    with pytest.raises(ValueError, match=r"lacks \[7\]"):
        people_files([footage([[7]])], {1: "Anna"}, drawn.file)
