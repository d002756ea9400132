from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cropping.expressions.labelled_faces import read_labelled_faces
from cropping.expressions.model import load_expression_model
from cropping.expressions.stage import (
    ExpressionSettings,
    ExpressionSummary,
    Purpose,
    evaluate_model,
    train_expressions,
)
from cropping.expressions.training import ExpressionTraining
from data.core.errors import InputError
from tests.bars import no_bar
from tests.cropping.drawn_faces import write_classes, write_csv

PURPOSE = Purpose("Faces", "train-expressions", ("It is trained on drawn faces only.",))


@pytest.fixture(scope="module", autouse=True)
def short_epochs() -> Iterator[None]:
    """Shorten the epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cropping.expressions.training._MIN_STEPS", 3)
        patch.setattr("cropping.expressions.stage._MIN_AUC", 0)
        yield


ONE_EPOCH = ExpressionSettings(training=ExpressionTraining(epochs=1))


def train_model(
    source: Path, out: Path, settings: ExpressionSettings = ONE_EPOCH, purpose: Purpose = PURPOSE
) -> ExpressionSummary:
    return train_expressions([source], out, purpose, settings, progress=no_bar)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Return a table of drawn faces of three classes, and a model trained on them."""
    folder = tmp_path_factory.mktemp("faces")
    table = write_csv(folder / "faces", ("smile", "frown", "o"), subjects=20)
    summary = train_model(table, folder / "faces.onnx")
    assert summary.averaged is not None
    assert not summary.up_to_date
    return table, folder / "faces.onnx"


def test_a_model_its_card_and_plot(trained: tuple[Path, Path]) -> None:
    table, out = trained
    assert load_expression_model(out).classes == ("frown", "o", "smile")
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    for text in (
        "# Faces",
        "`labels.csv`",
        "Split by person",
        "ROC AUC",
        "Confusion matrix",
        "Calibration",
        "It is trained on drawn faces only.",
        "train-expressions labels.csv --out faces.onnx",
        "faces.png",
    ):
        assert text in card
    assert str(table.parent) not in card
    with Image.open(out.with_suffix(".png")) as picture:
        assert picture.size[0] > 500


def test_the_written_model_is_evaluated_on_all_faces(trained: tuple[Path, Path]) -> None:
    table, out = trained
    faces = read_labelled_faces([table], progress=no_bar)
    single, averaged = evaluate_model(load_expression_model(out), faces)
    assert single.faces == averaged.faces == len(faces)
    assert averaged.mean_auc > 0.5


def test_a_second_run_does_nothing(trained: tuple[Path, Path]) -> None:
    table, out = trained
    before = {path: path.stat().st_mtime_ns for path in out.parent.iterdir()}
    summary = train_model(table, out)
    assert summary.up_to_date
    assert summary.classes == ("frown", "o", "smile")
    assert {path: path.stat().st_mtime_ns for path in out.parent.iterdir()} == before


def test_other_faces_or_force_train_again(trained: tuple[Path, Path], tmp_path: Path) -> None:
    table, out = trained
    assert not train_model(
        table, out, ExpressionSettings(ONE_EPOCH.training, force=True)
    ).up_to_date
    other = write_csv(tmp_path / "faces", subjects=20)
    assert not train_model(other, out).up_to_date
    assert load_expression_model(out).classes == ("frown", "smile")


def test_the_card_warns_where_subjects_are_unknown(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "faces", subjects=12, variants=4)
    settings = ExpressionSettings(ONE_EPOCH.training, learning_curve=True)
    summary = train_model(folder, tmp_path / "a.onnx", settings)
    assert not summary.by_subject
    card = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert "optimistic" in card
    assert "Learning curve: trained on a share of the people" in card
    assert "100%" in card


def test_an_interrupted_training_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_csv(tmp_path / "faces", subjects=20)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cropping.expressions.stage.train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_model(table, tmp_path / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


@pytest.mark.parametrize(
    ("taken", "out", "message"),
    [
        ("a.md", "a.onnx", r"a\.md: already exists, and the card or plot would overwrite it"),
        ("a.onnx", "a.onnx", r"a\.onnx: already exists and is not a fancam model"),
        ("b", "a.bin", r"--out .*a\.bin: give a name that ends in \.onnx"),
        ("b", "no/a.onnx", "no such folder; create it"),
    ],
)
def test_user_files_are_not_overwritten(tmp_path: Path, taken: str, out: str, message: str) -> None:
    table = write_csv(tmp_path / "faces", subjects=20)
    (tmp_path / taken).write_text("mine")
    with pytest.raises(InputError, match=message):
        train_model(table, tmp_path / out)
    assert (tmp_path / taken).read_text() == "mine"


def test_faces_of_other_classes_are_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    faces = read_labelled_faces([write_csv(tmp_path / "x", ("a", "b"))], progress=no_bar)
    _, out = trained
    model = load_expression_model(out)
    with pytest.raises(InputError, match="but the faces are labelled a, b"):
        evaluate_model(model, faces.take(np.arange(4)))
