from __future__ import annotations

from pathlib import Path

import pytest

import clustering.cli
import fancam.cli
from data.core.errors import InputError


def test_a_folder_that_begins_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fancam.demo._drawn_film", lambda folder: folder / "film.mp4")
    monkeypatch.setattr(clustering.cli, "_cluster", _refuse)
    assert fancam.cli.main(["demo", "--folder=-x"]) == 2
    output = capsys.readouterr()
    assert "cluster-faces ./-x/film.mp4 --project ./-x/film.fancam" in output.out
    assert "cluster-faces: reached" in output.err


def _refuse(_: object) -> int:
    raise InputError("reached")
