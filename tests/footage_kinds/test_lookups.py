"""No command asks a host on the network for anything that the user did not name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cropping.expression_cli import expressions_main, smiles_main
from data.project.project import Project
from tests import ROOT
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector
from tests.cropping.drawn_faces import write_csv
from tests.footage_kinds.lookups import recorded
from tests.footage_kinds.stubs import COMMANDS
from tests.posix import needs_signals
from tests.tracking.untrained import write_untrained

PROJECT = "Anna's [1] yolo11n.pt.fancam"
TRAINING = ("--epochs", "1", "--imgsz", "64", "--device", "cpu")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield the hosts that are asked for; run in a folder with a clip of four people."""
    monkeypatch.chdir(tmp_path)
    encode(Path("it's.mp4"), pictures(20))
    install_fakes(monkeypatch.setattr, CornerDetector())
    with recorded() as hosts:
        yield hosts


def run(name: str, *arguments: str) -> None:
    assert COMMANDS[name](list(arguments)) == 0, arguments


def test_lookups_are_seen() -> None:
    with recorded() as hosts:
        with pytest.raises(OSError, match=r"."):
            socket.create_connection(("192.0.2.1", 80), timeout=0.01)
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
    assert hosts.count("192.0.2.1") >= 1
    assert {"192.0.2.1"} == set(hosts)


@pytest.mark.slow
def test_every_stage(asked: list[str]) -> None:
    run("cluster-faces", "it's.mp4", "--project", PROJECT)
    run("train-tracker", PROJECT, "--weights", "yolo11n.yaml", *TRAINING)
    best = Path(PROJECT) / "tracker" / "best.pt"
    shutil.copy(best, "Anna's.pt")
    run("train-tracker", PROJECT, "--weights", "Anna's.pt", *TRAINING)
    shutil.rmtree(best.parent)
    write_untrained(Project(Path(PROJECT)), image_px=64)
    run("track-people", PROJECT, "--overlay", "--format", "mot")
    run("crop-people", PROJECT, "--only-present")
    run("smile-gifs", PROJECT)
    for command in ("status", "people", "export"):
        run("fancam", command, PROJECT)
    run("fancam", "models")
    run("fancam", "forget", "--yes", PROJECT, "Person 1")
    run("fancam", "clean", "--yes", PROJECT)
    assert asked == []


@pytest.mark.slow
def test_all_stages_at_once(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.training.plan._EPOCHS", (1, 1))
    weights = ("--weights", "yolo11n.yaml", "--body-weights", "none")
    code = COMMANDS["fancam"](["it's.mp4", "--no-review", "--project", PROJECT, *weights])
    assert code in (0, 2)  # a tracker of one epoch may find no person
    assert asked == []


@pytest.mark.slow
@pytest.mark.parametrize("main", [smiles_main, expressions_main], ids=["smiles", "expressions"])
def test_expressions(asked: list[str], main: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(main)
    monkeypatch.setattr("cropping.expressions.training._MIN_STEPS", 3)
    table = write_csv(Path("it's [1]"), ("smile", "frown"), subjects=20)
    assert main([str(table), "--out", "http:model.onnx", "--epochs", "1"]) == 0
    assert asked == []


SERVED = """
import json, os, signal, socket, sys, threading, urllib.request
import web.cli
from tests.footage_kinds.lookups import recorded

def visit():
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                answers.append(answer.status)
            break
        except OSError:
            if ended.wait(0.1):
                return
    os.kill(os.getpid(), signal.SIGINT)

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
answers, ended = [], threading.Event()
with recorded() as hosts:
    visitor = threading.Thread(target=visit)
    visitor.start()
    code = web.cli.main([sys.argv[1], "--port", str(port)])
    ended.set()
    visitor.join()
print(json.dumps([code in (0, 130), answers, hosts]))
"""


@needs_signals
def test_pages(asked: list[str]) -> None:
    """The server starts, answers and stops; in a process whose main thread runs no event loop."""
    run("cluster-faces", "it's.mp4", "--project", PROJECT)
    command = [sys.executable, "-c", SERVED, PROJECT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [True, [200], []], done.stderr
    assert asked == []
