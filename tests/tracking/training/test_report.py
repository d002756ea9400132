from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.core.errors import InputError
from tracking.training.history import TrainingHistory, read_history
from tracking.training.learning_curve import CurvePoint
from tracking.training.report import (
    RESULT_FILE,
    ConfusionShares,
    TrainingResult,
    advice,
    confusion_shares,
    read_result,
    write_report,
    write_result,
)

NAMES = ("Zoë, <b>& co", "名前 $x_1$", "Person 3")


def result(
    confusion: list[list[int]],
    *,
    names: tuple[str, ...] = NAMES,
    train_faces: tuple[int, ...] = (90, 90, 90),
) -> TrainingResult:
    val_faces = tuple(sum(row) for row in confusion[:-1])
    return TrainingResult(
        names=names,
        train_images=100,
        val_images=25,
        train_faces=train_faces,
        val_faces=val_faces,
        ap50=tuple(0.9 if faces else None for faces in val_faces),
        ap50_95=tuple(0.5 if faces else None for faces in val_faces),
        confusion=tuple(tuple(row) for row in confusion),
        epochs=30,
        imgsz=416,
        took_s=240.0,
        project="concert.fancam",
        weights="yolo11n.pt",
        finished="2026-11-09T08:05+00:00",
        planned_epochs=40,
        history=TrainingHistory((0.1, 0.7), (0.2, 0.8), (5.0, 3.0), (5.5, 3.5)),
    )


MIXED = [[18, 0, 0, 2], [0, 4, 6, 0], [0, 0, 0, 0], [1, 0, 3, 0]]


@pytest.mark.parametrize(
    ("confusion", "expected"),
    [
        pytest.param([[0, 0], [0, 0]], None, id="empty"),
        pytest.param(
            [[4, 0], [9, 0]], ConfusionShares(1, 0, 0), id="false detections do not count"
        ),
        pytest.param(
            [[1, 2, 0], [0, 0, 1], [0, 0, 0]], ConfusionShares(0.25, 0.5, 0.25), id="mixed"
        ),
    ],
)
def test_shares_of_all_faces(confusion: list[list[int]], expected: ConfusionShares | None) -> None:
    assert confusion_shares(np.array(confusion)) == expected


@pytest.mark.parametrize(
    ("confusion", "train_faces", "text"),
    [
        pytest.param([[9, 1, 0, 0]], 90, "", id="good"),
        pytest.param(
            [[4, 0, 6, 0]], 90, "mistaken for Person 3 in 6 of 10", id="taken for another"
        ),
        pytest.param([[4, 0, 0, 6]], 90, "missed in 6 of 10", id="missed"),
        pytest.param([[9, 0, 0, 0]], 5, "only 5 examples", id="few"),
        pytest.param([[0, 0, 0, 0]], 90, "not in the validation images", id="not checked"),
        pytest.param([[0, 0, 0, 0]], 3, "few examples; not in", id="few and not checked"),
    ],
)
def test_people_who_need_more_examples(
    confusion: list[list[int]], train_faces: int, text: str
) -> None:
    others = [[0, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 0]]
    found = advice(result([*confusion, *others], train_faces=(train_faces, 90, 90)), 0)
    assert text in found
    assert bool(text) == bool(found)


def test_means_leave_out_unchecked_people() -> None:
    assert result(MIXED).map50 == pytest.approx(0.9)
    assert result([[0, 0], [0, 0]], names=("A",), train_faces=(5,)).map50 == 0


def test_stored_figures_are_read(tmp_path: Path) -> None:
    write_result(tmp_path, result(MIXED))
    assert read_result(tmp_path) == result(MIXED)
    (tmp_path / RESULT_FILE).write_text('{"names": []}', encoding="utf-8")
    with pytest.raises(InputError, match="--force"):
        read_result(tmp_path)


def test_figures_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """They lack the project, weights, date and history, which the page then leaves out."""
    new = ("project", "weights", "finished", "planned_epochs", "history")
    write_result(tmp_path, result(MIXED))
    file = tmp_path / RESULT_FILE
    stored = json.loads(file.read_text(encoding="utf-8"))
    kept = {name: value for name, value in stored.items() if name not in new}
    file.write_text(json.dumps(kept), encoding="utf-8")
    write_report(tmp_path, read_result(tmp_path), [])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "found in 18 of 20 frames" in page
    assert "<dd>30</dd>" in page
    assert "started from" not in page
    assert "training.png" not in page


@pytest.mark.parametrize(
    "shown",
    [
        "Training report of concert.fancam",
        "9 November 2026, 08:05",
        "yolo11n.pt",
        "100 for training, 25 for validation",
        "416 px",
        "30 of 40: stopped early, because the detector no longer improved",
        "4.0 minutes",
        "in the 25 validation images. Validation images show moments",
        "found in 18 of 20 frames",
        "found in 4 of 10 frames",
        "not checked",
        "mistaken for Person 3 in 6 of 10 frames",
    ],
)
def test_the_page_tells_how_the_detector_was_trained(tmp_path: Path, shown: str) -> None:
    write_report(tmp_path, result(MIXED), [])
    assert shown in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_says_that_there_is_one_validation_image(tmp_path: Path) -> None:
    write_report(tmp_path, replace(result(MIXED), val_images=1), [])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "in the validation image. Validation images show" in page


def test_every_figure_on_the_page_is_explained(tmp_path: Path) -> None:
    write_report(tmp_path, result(MIXED), [])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for term in ("Found in 9 of 10 frames", "Examples", "Faces found", "Error", "mAP50-95"):
        assert f"<b>{term}</b>" in page


def test_the_history_is_that_of_the_last_training(tmp_path: Path) -> None:
    """A resumed training repeats an epoch; an abandoned one leaves later epochs behind."""
    file = tmp_path / "results.csv"
    names = ["metrics/recall(B)", "metrics/precision(B)"]
    names += [f"{part}/{loss}_loss" for part in ("train", "val") for loss in ("box", "cls", "dfl")]
    rows = [f"{epoch},{found},0.5,1,1,1,2,2,2" for epoch, found in ((1, 0), (9, 1), (2, 0), (2, 1))]
    file.write_text("\n".join([",".join(["epoch", *names]), *rows]), encoding="utf-8")
    assert read_history(file, 2) == TrainingHistory((0, 1), (0.5, 0.5), (3, 3), (6, 6))
    assert read_history(tmp_path / "missing.csv", 2) == TrainingHistory()


def test_the_report_has_text_and_pictures(tmp_path: Path) -> None:
    points = [CurvePoint(0.5, 50, 0.5, 0.3), CurvePoint(1.0, 100, 0.9, 0.5)]
    write_report(tmp_path / "report", result(MIXED), points)
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert "Zoë, &lt;b&gt;&amp; co" in page
    assert "<b>& co" not in page
    assert "73% found and named correctly, 20% mistaken for another person, 7% missed" in page
    assert "More examples are likely to help" in page
    for name in ("confusion_matrix.png", "training.png", "learning_curve.png"):
        assert f'src="{name}"' in page
        picture = cv2.imread(str(tmp_path / "report" / name))
        assert picture is not None
        assert picture.std() > 5
    with (tmp_path / "report/people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["person"] for row in rows] == list(NAMES)
    assert [row["mAP50"] for row in rows] == ["0.900", "0.900", ""]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_names_are_no_formulas_of_spreadsheets(tmp_path: Path, sign: str) -> None:
    names = (f'{sign}HYPERLINK("http://evil.example")', f"a{sign}b")
    write_report(
        tmp_path, result(np.eye(3, dtype=int).tolist(), names=names, train_faces=(9, 9)), []
    )
    with (tmp_path / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["person"] for row in rows] == [f"'{names[0]}", names[1]]


def test_no_picture_without_a_curve(tmp_path: Path) -> None:
    write_report(tmp_path, result(MIXED), [])
    assert "learning_curve" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("people", [1, 30], ids=["one", "thirty"])
def test_any_number_of_people_fits(people: int, tmp_path: Path) -> None:
    names = tuple(f"A person with a long name {i}" for i in range(people))
    confusion = np.eye(people + 1, dtype=int).tolist()
    write_report(tmp_path, result(confusion, names=names, train_faces=(9,) * people), [])
    picture = cv2.imread(str(tmp_path / "confusion_matrix.png"))
    assert picture is not None
    assert max(picture.shape) < 5000
