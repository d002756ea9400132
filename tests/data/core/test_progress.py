from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from data.core.progress import bars, begun, progress_form, shortened, show_progress
from tests import ROOT

if sys.platform != "win32":
    from tests.terminal import ENTER, type_at

CHILD = """
import time
from data.core.progress import bars
from data.execution.total_progress import ProgressStep, total_progress
name = "a lesson with a name that is far longer than any terminal is wide, part one, again.mp4"
with total_progress("fancam", [ProgressStep("train-tracker", 10)]) as run:
    with run.step(0) as progress, progress(name, 80, 0) as bar:
        bar.update(40)
        bar.set_postfix_str("epoch 12/24, finds 83% of the faces")
        time.sleep(0.2)
with bars("cluster-faces")(name, 80, 0) as bar:
    bar.update(40)
    bar.set_postfix_str("some words")
input("ready")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_lines_fit_a_terminal(columns: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    ended = type_at(
        command, "ready", ENTER, folder=tmp_path, environment=environment, columns=columns
    )
    assert ended.code == 0, ended.output
    lines = ended.output.replace("\n", "\r").split("\r")
    drawn = [line.rstrip() for line in lines if "%" in line]
    assert len(drawn) > 3
    assert all(len(line) <= columns for line in drawn), drawn
    assert all("left" in line for line in drawn), drawn
    if columns >= 80:
        assert all(len(line.split("|")[1]) >= 5 for line in drawn), drawn


def test_no_bars_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert progress_form() == "none"
    with bars("cluster-faces")("film", 10, 0) as bar:
        bar.update(5)
        bar.set_postfix_str("3 faces")
    assert capsys.readouterr() == ("", "")


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_progress("json")
    try:
        with bars("cluster-faces")("film", 10, 2) as bar:
            bar.update(2)
            time.sleep(0.11)  # the speed is known from the second piece of work
            bar.update(1)
            bar.set_postfix_str("3 faces")
    finally:
        show_progress("auto")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events[0] == {
        "progress": "cluster-faces: film",
        "done": 2,
        "total": 10,
        "unit": "frames",
    }
    assert (events[-1]["done"], events[-1]["note"]) == (5, "3 faces")
    assert events[-1]["left_s"] >= 0


@pytest.mark.parametrize(
    ("length", "shown"), [(-3, ""), (1, ""), (5, "one …"), (13, "one two three")]
)
def test_notes_are_shortened_at_their_end(length: int, shown: str) -> None:
    assert begun("one two three", length) == shown


@pytest.mark.parametrize("length", [5, 8, 20])
def test_texts_are_shortened_in_the_middle(length: int) -> None:
    text = shortened("one two three", length)
    assert len(text) == min(length, 13)
    assert (text[0], text[-1]) == ("o", "e")
