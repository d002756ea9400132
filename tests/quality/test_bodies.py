"""The score of followed bodies; all clips are in `make quality`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.tables.tracks import BODY, FACE, Tracks
from fancam.api.faces import best_backend
from tests.quality.bodies import (
    MIN_RIGHT,
    BodyScore,
    body_score,
    clip_scores,
    missed_targets,
    read_body_labels,
)

HEAD = "frame_index,time_s,x1,y1,x2,y2,person,tracklet"
ROWS = (
    "0,0,0,0,50,100,A,1",
    "0,0,100,0,150,100,B,2",
    "1,0,0,0,50,100,A,1",
    "1,0,100,0,150,100,?,2",
    "2,0,0,0,50,100,A,m1",
    "2,0,100,0,150,100,C,4i",
)


def tracks(rows: list[tuple[int, int, float, float]]) -> Tracks:
    """Return faces of 10 px by frame, person, centre of the face; bodies of 50x100 px."""
    x, y = np.array([row[2:] for row in rows], np.float32).T
    left = np.where(x < 75, 0, 100)
    body = np.stack([left, 0 * left, left + 50, 0 * left + 100], axis=1).astype(np.float32)
    body[y > 50] = np.nan
    frame = np.array([row[0] for row in rows], np.int64)
    return Tracks.ordered(
        frame_index=frame,
        time_s=frame / 10,
        person_id=np.array([row[1] for row in rows], np.int64),
        xyxy=np.stack([x - 5, y - 5, x + 5, y + 5], axis=1),
        confidence=np.ones(len(rows), np.float32),
        source=np.where(y > 50, FACE, BODY).astype(np.int8),
        body_xyxy=body,
    )


@pytest.mark.parametrize(
    ("rows", "right", "wrong"),
    [
        ([(0, 7, 25, 10), (1, 7, 25, 10), (2, 7, 25, 10), (0, 8, 125, 10)], 4 / 4, 0),
        ([(0, 7, 25, 10), (1, 8, 25, 10), (2, 7, 25, 10)], 2 / 4, 1 / 4),  # a swap
        ([(0, 7, 25, 90), (1, 7, 25, 10), (2, 7, 25, 90)], 2 / 4, 0),  # feet of a detected body
        ([(0, 7, 300, 90)], 0, 0),
        ([(1, 7, 25, 10), (1, 8, 125, 10)], 1 / 4, 0),  # undecided
    ],
)
def test_shares(
    rows: list[tuple[int, int, float, float]], right: float, wrong: float, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("\n".join([HEAD, *ROWS]), "utf-8")
    labels = read_body_labels(tmp_path / "labels.csv", unseen=("C",))
    assert labels.detected.tolist() == [True, True, True, True, False]
    found = body_score(tracks(rows), labels)
    assert (found.labelled, found.right, found.wrong) == (4, right, wrong)


def test_targets_can_be_missed() -> None:
    good, bad = BodyScore(10, 0.95, 0.0), BodyScore(10, 0.7, 0.1)
    assert missed_targets([good]) == []
    assert len(missed_targets([good, bad])) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("shared", "face_models")
def test_bodies_reach_the_targets(tmp_path: Path) -> None:
    backend = best_backend(offline=True)
    found = clip_scores("sitcom_a", tmp_path, backend)
    faces, bodies = found["faces"], found["bodies"]
    assert faces.bodies is not None
    assert bodies.bodies is not None
    assert bodies.bodies.right > faces.bodies.right
    assert bodies.idf1 >= 0.92
    assert bodies.idp >= 0.98
    assert bodies.bodies.right >= MIN_RIGHT
    assert bodies.bodies.wrong <= 0.02
