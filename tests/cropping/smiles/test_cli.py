from __future__ import annotations

import time
from pathlib import Path

import pytest

from cropping.smiles.cli import _bytes, main, make_parser, smile_settings
from cropping.smiles.settings import SmileSettings
from data.core.errors import InputError
from tests.cropping.drawn_smiles import write_project


def test_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    assert main(["film.fancam", "--size", "100"]) == 0
    first, leila, bruno, took, last = capsys.readouterr().out.splitlines()
    assert first == "film: 2 people"
    assert leila.startswith("  Leila / Ł  ")
    assert leila.endswith(f"smiles  {Path('film.fancam/crops/film/Leila _ Ł.gif')}")
    assert bruno == "  Bruno      no animation: 0 clear and distinct smiles found, 3 needed"
    assert took.startswith("done in ")
    assert last == "next: serve-people film.fancam --open"
    assert main(["film.fancam", "film.mp4", "--size", "100"]) == 0
    again = capsys.readouterr().out
    assert "(already done)" in again
    assert "already up to date" in again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "0"], "--frames 0: give a number from 1 to 100"),
        (["--size", "10"], "--size 10: give a number from 64 to 1080 px"),
        (["--threads", "-1"], "--threads -1: give a number from 0"),
        (["--max-bytes", "much"], "--max-bytes much: give a number such as 2000000, 500k or 2M"),
        (["--max-bytes", "1k"], "--max-bytes 1k: give a size from 10k to 1000M"),
        (["--model", "no.onnx"], "no.onnx: cannot be read"),
        (["--format", "png"], "--format png: choose from gif"),
        (["other.mp4"], "other.mp4: not in the project"),
    ],
)
def test_bad_input(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_project(tmp_path, frames=2)
    assert main([str(project.folder), *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not project.crops_folder("film").exists()


def test_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "film.mp4")]) == 2
    assert (
        "not a fancam project; give the folder that cluster-faces made" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [("20000", 20_000), ("500k", 500_000), ("2M", 2_000_000), ("1.5m", 1_500_000)],
)
def test_bytes(text: str, number: int) -> None:
    assert _bytes(text) == number


@pytest.mark.parametrize("text", ["", "M", "2G", "nan", "inf"])
def test_no_bytes(text: str) -> None:
    with pytest.raises(InputError, match="give a number such as"):
        _bytes(text)


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 1
    assert "--max-bytes" in capsys.readouterr().out


def test_defaults_are_the_stages() -> None:
    parsed = make_parser().parse_args(["x"])
    assert smile_settings(parsed) == SmileSettings()
