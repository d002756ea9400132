from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import clustering.cli
import cropping.crop_cli
import cropping.expression_cli
import fancam.cli
import tracking.track_cli
import tracking.training.cli
import web.cli
from data.command.parser import Parser, did_you_mean, require_device
from data.core.errors import InputError
from data.project.project import Project

PROJECT = "give the project folder, such as concert.fancam"


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        pytest.param(tracking.track_cli.main, [], PROJECT, id="track"),
        pytest.param(cropping.crop_cli.main, [], PROJECT, id="crop"),
        pytest.param(tracking.training.cli.main, [], PROJECT, id="train"),
        pytest.param(web.cli.main, [], PROJECT, id="serve"),
        pytest.param(fancam.cli.main, ["export"], PROJECT, id="export"),
        pytest.param(
            fancam.cli.main,
            ["forget", "p.fancam"],
            "give the current name of the person",
            id="forget",
        ),
        pytest.param(
            cropping.expression_cli.smiles_main, [], "give the labelled faces: a folder", id="faces"
        ),
        pytest.param(fancam.cli.main, ["completion"], "give the shell, such as bash;", id="shell"),
        pytest.param(
            fancam.cli.main,
            ["remove"],
            "such as concert.fancam, and the footage: its path",
            id="footage",
        ),
        pytest.param(fancam.cli.main, ["stats"], "did you mean status?", id="command"),
        pytest.param(fancam.cli.main, ["stats", "p.fancam"], "did you mean status", id="project"),
        pytest.param(
            fancam.cli.main,
            ["film.mp4", "--wieghts", "a.pt"],
            "--wieghts: no such option; did you mean --weights?\n",
            id="option",
        ),
        pytest.param(
            fancam.cli.main,
            ["remove", "p.fancam", "a.mp4", "b.mp4"],
            "b.mp4: too many arguments",
            id="too many",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--detector", "hogg"],
            "--detector hogg: choose from auto, centerface, cnn, hog",
            id="choice",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--threads", "x"],
            "cluster-faces: --threads x: give a whole number\n",
            id="whole number",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--every", "x"],
            "cluster-faces: --every x: give a number\n",
            id="number",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--min-face", "8", "--upsample", "1"],
            "--upsample and --min-face cannot be combined; leave one of them out\n",
            id="excluded",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--pair", "a.mp4"],
            "cluster-faces: --pair: give 2 values; see --help\n",
            id="values",
        ),
        pytest.param(
            clustering.cli.main,
            ["film.mp4", "--force=yes"],
            "cluster-faces: --force takes no value; leave out yes\n",
            id="flag with a value",
        ),
        pytest.param(
            clustering.cli.main, ["https://"], "https://: an incomplete address", id="address"
        ),
        pytest.param(
            tracking.track_cli.main,
            ["p.fancam", "--device", "tpu"],
            "--device tpu: give auto, cpu, cuda, cuda:1 or mps",
            id="device",
        ),
    ],
)
def test_mistyped_commands(
    main: object,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path / "p.fancam").save()
    assert callable(main)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "required" not in error


def test_a_project_is_no_footage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.fancam").mkdir()
    (tmp_path / "p.fancam" / "project.json").write_text('{"schema": 1}')
    assert fancam.cli.main(["p.fancam"]) == 2
    assert "p.fancam: a project, not footage; use fancam status" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:1"])
def test_devices(device: str) -> None:
    require_device(device)


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "mps:0"])
def test_no_devices(device: str) -> None:
    with pytest.raises(InputError, match="give auto, cpu"):
        require_device(device)


def test_only_similar_names_are_suggested() -> None:
    assert did_you_mean("stat", ("status", "clean")) == "; did you mean status?"
    assert did_you_mean("concert", ("status", "clean")) == ""


@pytest.mark.parametrize("width", range(60, 121, 4))
@pytest.mark.parametrize("make_parser", [fancam.cli.make_parser, tracking.track_cli.make_parser])
def test_help_breaks_no_name_of_an_option_or_command(
    make_parser: Callable[[], Parser], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = make_parser().format_help().splitlines()
    assert [line for line in lines if line.endswith("-")] == []
