"""After an erasure, no output of cluster-faces shows or names the person."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from clustering import cli
from clustering.erasure import erase_faces, renamed_pictures
from clustering.faces.labelled import numbers_in_frame
from clustering.faces.portraits import cut_portrait
from data.core.errors import InputError
from data.core.run_log import log_files
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.labels import LabelFolder, picture_file
from data.tables.people import open_people
from data.video.pictures.jpeg import read_jpeg
from tests.bars import Bars
from tests.clustering.test_stage import assert_dataset_is_whole, folders


@pytest.fixture(scope="module")
def finished(films: Path) -> Path:
    """Return the project of the first film with Person 2 named. Shared, so do not change it."""
    folder = films / "to forget.fancam"
    assert cli.main([str(films / "first.mp4"), "--project", str(folder)]) == 0
    with open_people(folder / "people.sqlite") as people:
        DecisionLog(people).rename(2, "Anna Karenina")
    assert cli.main(["--project", str(folder)]) == 0
    return folder


@pytest.fixture
def project(finished: Path, films: Path, tmp_path: Path) -> Project:
    shutil.copy2(films / "first.mp4", tmp_path)
    return Project(Path(shutil.copytree(finished, tmp_path / "first.fancam")))


def faces_of(project: Project) -> tuple[Faces, list[int]]:
    with open_people(project.people_file) as people:
        person_id = people.assignments("first").person_id
    return Faces.read(project.faces_file("first")), person_id.tolist()


def test_no_residue_is_left(project: Project) -> None:
    before, person_id = faces_of(project)
    theirs = np.array(person_id) == 2
    frame = int(before.frame_index[theirs][0])
    box = before.xyxy[theirs][0].astype(int)
    still = read_jpeg(project.still_file("first", frame))
    forgotten = erase_faces(project, 2, progress=Bars())
    assert forgotten.faces == theirs.sum() > 0
    np.testing.assert_array_equal(forgotten.embeddings[: forgotten.faces], before.embedding[theirs])

    after, left = faces_of(project)
    assert set(left) == {1, 3}
    np.testing.assert_array_equal(after.embedding, before.embedding[~theirs])
    assert folders(project.folder) == ["Person 1", "Person 3", "montage"]
    assert_dataset_is_whole(project.folder)
    covered = read_jpeg(project.still_file("first", frame)).astype(float)
    x1, y1, x2, y2 = box
    changed = np.abs(covered - still)[y1:y2, x1:x2].mean()
    flat = covered[y1:y2, x1:x2].std() / still[y1:y2, x1:x2].std()
    assert changed > 10
    assert flat < 0.8
    logs = log_files(project.logs_folder)  # removed by fancam forget
    for path in set(project.folder.rglob("*")) - {*logs}:
        assert "Anna" not in path.name
        assert not path.is_file() or b"Anna" not in path.read_bytes()


def test_portraits_of_other_people_keep_their_faces(project: Project) -> None:
    """Portraits of a frame are numbered from left to right: the remaining ones are renumbered."""
    erase_faces(project, 1, progress=Bars())
    after, _ = faces_of(project)
    for frame in np.unique(after.frame_index).tolist():
        rows = np.flatnonzero(after.frame_index == frame)
        portraits = sorted(project.still_file("first", frame).parent.glob(f"{frame:08d}-*.jpg"))
        assert len(portraits) == len(rows)
        still = read_jpeg(project.still_file("first", frame))
        for row, path in zip(rows, portraits, strict=True):
            expected = cut_portrait(still, after.xyxy[row]).astype(float)
            assert np.abs(read_jpeg(path) - expected).mean() < 5


def test_clustering_again_changes_nothing(project: Project, finished: Path) -> None:
    del finished
    erase_faces(project, 2, progress=Bars())
    before = faces_of(project)[1]
    assert cli.main(["--project", str(project.folder)]) == 0
    assert faces_of(project)[1] == before


def test_a_stopped_erasure_is_resumed(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = Project(Path(shutil.copytree(project.folder, tmp_path / "whole.fancam")))
    erase_faces(whole, 2, progress=Bars())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("clustering.erasure.erase_person", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_faces(project, 2, progress=Bars())
    erase_faces(project, 2, progress=Bars())
    assert faces_of(project)[1] == faces_of(whole)[1]
    np.testing.assert_array_equal(faces_of(project)[0].xyxy, faces_of(whole)[0].xyxy)
    assert folders(project.folder) == folders(whole.folder)


def test_an_unknown_person(project: Project) -> None:
    with pytest.raises(InputError, match="there is no person 77"):
        erase_faces(project, 77, progress=Bars())


def test_labelled_pictures_follow_their_faces(project: Project) -> None:
    before, person_id = faces_of(project)
    renamed = renamed_pictures(project, 1)
    theirs = np.array(person_id) == 1
    assert sum(now is None for now in renamed.values()) == theirs.sum()
    folder = LabelFolder(project.labels_folder)
    smiles = folder.add("Smile", ["yes", "no"])
    numbers = numbers_in_frame(before.frame_index)
    labels = []
    for row, (frame, number) in enumerate(zip(before.frame_index, numbers, strict=True)):
        file = picture_file("first", int(frame), int(number))
        picture = folder.faces_folder(smiles) / file
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(f"{row}")
        labels.append((file, "yes", f"{row}"))
    folder.save(smiles, labels, by="me")
    assert folder.rename_pictures(renamed) == theirs.sum()
    kept = np.flatnonzero(~theirs).tolist()
    numbers = numbers_in_frame(before.frame_index[~theirs])
    files = [
        picture_file("first", int(frame), int(number))
        for frame, number in zip(before.frame_index[~theirs], numbers, strict=True)
    ]
    left = folder.labels(smiles)
    assert {file: left[file].person for file in left} == {
        file: f"{row}" for file, row in zip(files, kept, strict=True)
    }
    assert {p.name: p.read_text() for p in folder.faces_folder(smiles).iterdir()} == {
        file: f"{row}" for file, row in zip(files, kept, strict=True)
    }
