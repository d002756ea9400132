from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.project.project import Project
from data.tables.faces import Faces
from data.tables.smiles import Smiles
from tests.clustering.crowd import crowd
from web.label.prelabels import smiles_of_table

LABELS = ("no_smile", "smile")


def faces(count: int) -> Faces:
    return crowd([[0]] * count)


def write_smiles(project: Project, table: Faces, smile: list[float]) -> Path:
    """Write the smiles table as smile-gifs does."""
    scores = np.array(smile, np.float32)
    smiles = Smiles(
        frame_index=table.frame_index,
        time_s=table.time_s,
        person_id=np.ones(len(table), np.int64),
        xyxy=table.xyxy,
        smile=scores,
        smile_alone=scores,
        sharpness=np.ones_like(scores),
        turn=np.zeros_like(scores),
        eyes_open=np.ones_like(scores),
    )
    place = project.smiles_file("film")
    place.parent.mkdir(parents=True, exist_ok=True)
    smiles.write(place)
    return place


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "film.fancam")


def test_no_smiles_table(project: Project) -> None:
    assert smiles_of_table(project, "film", faces(3), LABELS) is None


def test_faces_are_matched_by_position_and_time(project: Project) -> None:
    write_smiles(project, faces(2), [0.25, 1.0])
    scores = smiles_of_table(project, "film", faces(3), LABELS)
    assert scores is not None
    assert scores[:2].tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert np.isnan(scores[2]).all()
    other_way = smiles_of_table(project, "film", faces(3), LABELS[::-1])
    assert other_way is not None
    assert other_way[:2].tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_empty_smile_table(project: Project) -> None:
    write_smiles(project, faces(0), [])
    scores = smiles_of_table(project, "film", faces(2), LABELS)
    assert scores is not None
    assert np.isnan(scores).all()
    none = smiles_of_table(project, "film", faces(0), LABELS)
    assert none is not None
    assert none.shape == (0, 2)


@pytest.mark.parametrize("labels", [("adult", "child"), ("smile", "laugh", "cry"), ("smile",)])
def test_other_label_sets(project: Project, labels: tuple[str, ...]) -> None:
    write_smiles(project, faces(1), [0.5])
    assert smiles_of_table(project, "film", faces(1), labels) is None


def test_a_damaged_table_is_ignored(project: Project) -> None:
    write_smiles(project, faces(1), [0.5]).write_bytes(b"broken")
    assert smiles_of_table(project, "film", faces(1), LABELS) is None
