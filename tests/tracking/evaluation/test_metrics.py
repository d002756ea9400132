from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from data.sample.truth import COLUMNS
from data.tables.tracks import Tracks, write_csv
from tests.tracking.track_rows import SIDE, Row, timeline, tracks
from tracking.evaluation.__main__ import main
from tracking.evaluation.label_files import read_label_file
from tracking.evaluation.metrics import GroundTruth, Score, evaluate

A, B, NOT_COUNTED = 10, 20, -1
LINE = timeline(10)


def labels(rows: Sequence[Row]) -> GroundTruth:
    """Return square faces at the top edge: frame, person, left side."""
    left = np.array([row[2] for row in rows], np.float32)
    zero = np.zeros_like(left)
    return GroundTruth(
        frame_index=np.array([row[0] for row in rows], np.int64),
        xyxy=np.stack([left, zero, left + SIDE, zero + SIDE], axis=1),
        person_id=np.array([row[1] for row in rows], np.int64),
    )


def score(found: Sequence[Row], truth: Sequence[Row], *, exhaustive: bool = True) -> Score:
    return evaluate(tracks(found, LINE), labels(truth), min_iou=0.5, exhaustive=exhaustive)


def stay(person: int, left: float, frames: Sequence[int] = range(4)) -> list[Row]:
    return [(frame, person, left) for frame in frames]


TWO = stay(A, 0) + stay(B, 50)
"""Two people in four frames: eight faces."""


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        pytest.param([], [], Score(), id="empty"),
        pytest.param([], TWO, Score(labelled=8), id="no row"),
        pytest.param(stay(1, 0), [], Score(rows=4, unlabelled=4), id="no label"),
        pytest.param(
            stay(1, 0) + stay(2, 50),
            TWO,
            Score(labelled=8, rows=8, idtp=8, covered=8),
            id="all right, under other numbers",
        ),
        pytest.param(
            stay(1, 3.3) + stay(2, 50),
            TWO,
            Score(labelled=8, rows=8, idtp=8, covered=8),
            id="off by a third: overlap of a half",
        ),
        pytest.param(
            stay(1, 3.4) + stay(2, 50),
            TWO,
            Score(labelled=8, rows=8, idtp=4, covered=4, unlabelled=4),
            id="off by slightly more",
        ),
        pytest.param(
            stay(1, 0) + stay(2, 50, [0, 1, 2]) + [(3, 3, 50)],
            TWO,
            Score(labelled=8, rows=8, idtp=7, switches=1, covered=8),
            id="one person split in two",
        ),
        pytest.param(
            [*stay(1, 0, range(3)), (3, 1, 50), *stay(2, 50, range(3)), (3, 2, 0)],
            TWO,
            Score(labelled=8, rows=8, idtp=6, switches=2, covered=6, wrong=2),
            id="exchanged in the last frame",
        ),
        pytest.param(
            [*stay(1, 0, range(3)), (3, 1, 50)],
            TWO,
            Score(labelled=8, rows=4, idtp=3, switches=0, covered=3, wrong=1),
            id="one frame with the wrong person",
        ),
        pytest.param(
            stay(1, 0) + stay(2, 50) + stay(3, 90, [0, 1]),
            TWO,
            Score(labelled=8, rows=10, idtp=8, covered=8, unlabelled=2),
            id="false rows",
        ),
        pytest.param(
            stay(1, 0) + stay(-1, 50),
            TWO,
            Score(labelled=8, rows=4, idtp=4, covered=4),
            id="rows of no known person do not count",
        ),
    ],
)
def test_counts(found: list[Row], truth: list[Row], expected: Score) -> None:
    assert score(found, truth) == expected


def test_shares() -> None:
    """Ristani et al.: IDF1 = 2 IDTP / (labels + rows)."""
    found = score([*stay(1, 0, range(3)), (3, 1, 50)], TWO)
    assert found.idf1 == pytest.approx(2 * 3 / (8 + 4))
    assert found.idp == pytest.approx(3 / 4)
    assert found.idr == found.coverage == pytest.approx(3 / 8)
    assert (Score().idf1, Score().idp, Score().coverage) == (1, 1, 1)
    assert Score(labelled=3).idf1 == 0


def test_rows_without_a_label_are_left_out_where_labels_are_not_complete() -> None:
    found = score(stay(1, 0) + stay(2, 90), TWO, exhaustive=False)
    assert found == Score(labelled=8, rows=4, idtp=4, covered=4, unlabelled=4)


@pytest.mark.parametrize("exhaustive", [True, False])
def test_rows_on_a_face_that_does_not_count_are_not_scored(exhaustive: bool) -> None:
    """Nor is a second row on it, but a wrong row on a face that counts stays wrong."""
    truth = [*TWO, *stay(NOT_COUNTED, 90)]
    found = stay(1, 0) + stay(2, 90) + stay(3, 91)
    expected = Score(labelled=8, rows=4, idtp=4, covered=4)
    assert score(found, truth, exhaustive=exhaustive) == expected


@pytest.mark.parametrize("left", [2, 0, 8], ids=["just there", "on A", "a quarter of it"])
def test_a_hidden_face_behind_another(left: float) -> None:
    """B is hidden behind A: a row of B there is not wrong."""
    truth = [*stay(A, 0), *stay(B, 50, [0, 1]), *stay(NOT_COUNTED, 2, [2, 3])]
    found = stay(1, 0) + stay(2, 50, [0, 1]) + stay(2, left, [2, 3])
    assert score(found, truth) == Score(labelled=6, rows=6, idtp=6, covered=6)


def test_order_of_labels_does_not_matter() -> None:
    found = stay(1, 0) + stay(2, 50)
    assert score(found, TWO[::-1]) == score(found, TWO)


def test_scores_add() -> None:
    assert Score(1, 2, 3, 4, 5, 6, 7) + Score(1, 1, 1, 1, 1, 1, 1) == Score(2, 3, 4, 5, 6, 7, 8)


# --- files and the command --------------------------------------------------------------------


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])
    return path


LABEL_COLUMNS = ("frame_index", "time_s", "x1", "y1", "x2", "y2", "person", "tracklet")


def test_manual_labels(tmp_path: Path) -> None:
    rows = [
        (0, 0.0, 1, 2, 3, 4, "B", 0),
        (5, 0.2, 1, 2, 3, 4, "?", 1),
        (5, 0.2, 5, 5, 9, 9, "A", 2),
    ]
    read = read_label_file(write(tmp_path / "x.csv", LABEL_COLUMNS, rows))
    assert read.names == {1: "A", 2: "B"}
    assert read.labels.person_id.tolist() == [2, -1, 1]
    assert read.labels.frame_index.tolist() == [0, 5, 5]
    assert read.labels.xyxy[0].tolist() == [1, 2, 3, 4]
    assert (read.min_iou, read.exhaustive) == (0.25, False)


def test_truth_of_a_drawn_film(tmp_path: Path) -> None:
    rows = [
        (0, 0.0, "Mei", 1, 2, 3, 4, 0, 0.0, 1.0),
        (0, 0.0, "Finn", 1, 2, 3, 4, 0, 0.0, 0.49),
        (1, 0.0, "Finn", 1, 2, 3, 4, 0, 0.0, 0.5),
    ]
    read = read_label_file(write(tmp_path / "x.csv", COLUMNS, rows))
    assert read.labels.person_id.tolist() == [2, -1, 1]
    assert (read.min_iou, read.exhaustive) == (0.5, True)


def test_empty_labels(tmp_path: Path) -> None:
    assert len(read_label_file(write(tmp_path / "x.csv", LABEL_COLUMNS, [])).labels) == 0


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", "frame_index,x1,y1,x2,y2,person\n0,1,1,2,A\n", "frame_index,x1\nx,1\n"],
    ids=["another table", "cut off", "columns missing"],
)
def test_other_files_are_no_labels(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="not a CSV of labels") as caught:
        read_label_file(tmp_path / "x.csv")
    assert "\n" not in str(caught.value)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: Tracks = tracks(stay(1, 0) + stay(2, 50), LINE)
    write_csv(tmp_path / "tracks.csv", found, {1: "Person 1", 2: "Person, 2"})
    rows = [(f, 0, x, 0, x + 10, 10, p, 0) for f, p, x in [*stay(A, 0), *stay(B, 50), (9, A, 0)]]
    truth = write(tmp_path / "labels.csv", LABEL_COLUMNS, rows)
    assert main([str(tmp_path / "tracks.csv"), str(truth)]) == 0
    header, row, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["IDF1", "IDP", "IDR", "cover", "switch", "wrong", "none"]
    assert row.split() == ["tracks", "0.941", "1.000", "0.889", "0.889", "0", "0", "0"]


def test_the_command_names_a_missing_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.csv"), str(tmp_path / "none.csv")]) == 2
    assert "none.csv: not readable" in capsys.readouterr().err


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys, tracking.evaluation.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"motmetrics", "pandas", "scipy", "torch", "numpy"} & set(done.stdout.split())
