"""Ctrl-C, Ctrl-D and Enter where a command waits for the user, on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.clips.catalogue import Clips

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX's", allow_module_level=True)

from tests.terminal import CTRL_C, CTRL_D, ENTER, Ended, type_at

CHILD = """
import sys
from unittest import mock
import fancam.cli
import fancam.run
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector

def train(*_):
    yield "the training begins"
    raise KeyboardInterrupt

install_fakes(setattr, CornerDetector())
fancam.run._Stages._train = train
sys.exit(fancam.cli.main(sys.argv[1:]))
"""
RESUME = "fancam: stopped; run the same command again to resume"


@pytest.fixture
def folder(clips: Clips, tmp_path: Path) -> Path:
    shutil.copy(clips("constant_rate.mp4"), tmp_path / "clip.mp4")
    return tmp_path


def typed(folder: Path, prompt: str, keys: bytes, *arguments: str) -> Ended:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, *arguments]
    return type_at(command, prompt, keys, folder=folder, environment=environment)


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_the_pause_can_be_left(folder: Path, keys: bytes) -> None:
    for _ in ("fresh", "resumed"):
        ended = typed(folder, "press Enter", keys, "clip.mp4", "--weights", "yolo11n.yaml")
        assert (ended.code, "Traceback" in ended.output) == (130, False), ended.output
        assert RESUME in " ".join(ended.output.split())
        assert "the training begins" not in ended.output


def test_enter_ends_the_pause(folder: Path) -> None:
    ended = typed(folder, "press Enter", ENTER, "clip.mp4", "--weights", "yolo11n.yaml")
    assert "the training begins" in ended.output
    assert "then press Enter here to train" in " ".join(ended.output.split())
    assert ended.code == 130  # the training of this test is stopped


@pytest.mark.parametrize(("keys", "code"), [(CTRL_D, 0), (CTRL_C, 130)], ids=["Ctrl-D", "Ctrl-C"])
def test_a_question_can_be_left(folder: Path, keys: bytes, code: int) -> None:
    typed(folder, "press Enter", CTRL_D, "clip.mp4", "--weights", "yolo11n.yaml")
    project = folder / "clip.fancam"
    before = sorted(path for path in project.rglob("*") if path.is_file())
    ended = typed(folder, "[y/N]", keys, "forget", "clip.fancam", "Person 1")
    assert "Traceback" not in ended.output
    assert ended.code == code, ended.output
    assert [path for path in before if not path.exists()] == []
