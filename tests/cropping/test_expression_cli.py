from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cropping.expression_cli import SMILE_LABELS, expressions_main, smiles_main
from cropping.expressions.training import ExpressionTraining
from tests.cropping.drawn_faces import write_classes, write_csv


@pytest.fixture(scope="module", autouse=True)
def short_epochs() -> Iterator[None]:
    """Shorten the epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cropping.expressions.training._MIN_STEPS", 3)
        patch.setattr("cropping.expressions.stage._MIN_AUC", 0)
        yield


def test_train_smiles_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "faces", ("smile_wide", "frown", "o"), subjects=20)
    (tmp_path / "faces" / "faces" / "frown-0-0.jpg").write_bytes(b"damaged")
    arguments = ["faces", "--smile", "smile_wide", "--epochs", "1"]
    assert smiles_main(arguments) == 0
    output = capsys.readouterr().out
    assert "classes  no_smile, smile" in output
    assert "on people not seen in training:" in output
    assert "skipped  faces/faces/frown-0-0.jpg: not a picture, or a damaged one" in output
    assert "model    smile.onnx" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faces",
        "smile.md",
        "smile.onnx",
        "smile.png",
    ]
    assert (
        "Faces labelled `smile_wide` have the class `smile`" in (tmp_path / "smile.md").read_text()
    )
    assert smiles_main(arguments) == 0
    assert "already up to date" in capsys.readouterr().out
    assert smiles_main(["faces", "--smile", "smile_wide", "--judge", "smile.onnx"]) == 0
    assert "| averaged | 119 " in capsys.readouterr().out


def test_train_expressions_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "faces", ("smile", "frown", "o"), subjects=12, variants=3)
    assert expressions_main(["faces", "--epochs", "1", "--out", "pulled.onnx"]) == 0
    output = capsys.readouterr().out
    assert "classes  frown, o, smile" in output
    assert "so the figures may be too high" in output
    assert (tmp_path / "pulled.onnx").is_file()


def test_a_model_like_chance_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cropping.expressions.stage._MIN_AUC", 1.1)
    write_csv(tmp_path / "faces", ("smile_wide", "frown", "o"), subjects=12)
    assert smiles_main(["faces", "--smile", "smile_wide", "--epochs", "1"]) == 2
    assert "hardly better than chance (AUC " in capsys.readouterr().err
    assert not list(tmp_path.glob("smile*"))


@pytest.mark.parametrize("main", [smiles_main, expressions_main])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing: no such file or folder; check the name"),
        (["faces", "--epochs", "0"], "--epochs 0: give a number from 1 to 1000"),
        (["faces", "--threads", "0"], "--threads 0: give a number from 1"),
        (["faces", "--seed", "-1"], "--seed -1: give a number from 0"),
        (["faces", "--out", "a.txt"], "--out a.txt: give a name that ends in .onnx"),
        (["faces", "--judge", "no.onnx"], "no.onnx: cannot be read"),
        (["one"], 'all faces have the label "frown"'),
    ],
)
def test_bad_input(
    tmp_path: Path,
    main: Callable[[list[str]], int],
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "faces", subjects=2)
    shutil.copytree(tmp_path / "faces" / "frown", tmp_path / "one" / "frown")
    assert main(arguments) == 2
    output = capsys.readouterr().err
    last = output.splitlines()[-1]
    assert message in last
    assert "Traceback" not in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "one"]


def test_labels_without_a_smile_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "faces", ("o", "frown"))
    assert smiles_main(["faces"]) == 2
    assert 'the labels "frown", "o" all count as "no_smile"' in capsys.readouterr().err


@pytest.mark.parametrize("main", [smiles_main, expressions_main])
def test_help_is_quick(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 1
    output = capsys.readouterr().out
    assert "--learning-curve" in output
    assert ("--smile" in output) == (main is smiles_main)


def test_defaults_are_the_stages() -> None:
    from cropping.expression_cli import make_expressions_parser

    parsed = make_expressions_parser().parse_args(["x"])
    parsed_training = ExpressionTraining(
        epochs=parsed.epochs, seed=parsed.seed, threads=parsed.threads
    )
    assert parsed_training == ExpressionTraining()
    assert "happiness" in SMILE_LABELS
