"""The end of every stage's output, off a terminal and on terminals of any width."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fancam.cli
from tests.decisions import stages
from tests.decisions.stages import COMMANDS, draw_footage

if sys.platform != "win32":
    from tests.forked_terminal import run_on_terminal

CLUSTER = ("film.mp4", "--project", "p.fancam", "--every", "0.1")
RUN = ("film.mp4", "--project", "p.fancam", "--weights", "yolo11n.yaml", "--no-review")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    draw_footage(tmp_path / "film.mp4", 30)
    return tmp_path


def words_of(name: str) -> list[str]:
    return list(CLUSTER) if name == "cluster-faces" else ["p.fancam"]


def next_words(line: str) -> list[str]:
    """Return the command of a line without the footage, which only the status names."""
    words = shlex.split(line.rpartition(": ")[2])
    return words[:2] if words[0] in COMMANDS else words


@pytest.mark.usefixtures("folder")
def test_every_stage_names_the_next_one_as_the_status_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output is no terminal: there are no bars, and no line is drawn over."""
    stages.install(monkeypatch.setattr)
    printed = ends(capsys, COMMANDS, words_of)
    named = [status for _, status in printed.values()]
    assert named == ["track-people", "track-people", "crop-people", "smile-gifs", "serve-people"]
    again = ends(capsys, COMMANDS, words_of)
    assert {name: last for name, (last, _) in again.items()} == {
        name: last for name, (last, _) in printed.items()
    }
    assert fancam.cli.main(list(RUN)) == 0
    output = capsys.readouterr()
    assert "\r" not in output.out + output.err
    assert output.out.splitlines()[-1].endswith("serve-people p.fancam --open")
    assert output.out.splitlines()[-1].startswith("next: ")


def ends(
    capsys: pytest.CaptureFixture[str],
    commands: dict[str, Callable[[list[str]], int]],
    words: Callable[[str], list[str]],
) -> dict[str, tuple[str, str]]:
    """Run all stages; return the last line of each, and the command that the status names."""
    found = {}
    for number, (name, command) in enumerate(commands.items()):
        capsys.readouterr()
        assert command(words(name)) == 0
        output = capsys.readouterr()
        assert "\r" not in output.out + output.err, name
        last = output.out.splitlines()[-1]
        assert last.startswith("next: "), name
        assert fancam.cli.main(["status", "p.fancam"]) == 0
        status = capsys.readouterr().out.splitlines()[-1]
        is_first_run = number + 1 == len(commands) or status.startswith("next: ")
        if is_first_run:
            assert next_words(last) == next_words(status), name
        found[name] = (last, next_words(status)[0])
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize(
    "columns",
    [40, pytest.param(80, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.slow)],
)
def test_every_stage_fits_a_terminal(folder: Path, columns: int) -> None:
    """No bar is wider than the terminal, and the report is below the bars."""
    runs = {name: (name, *words_of(name)) for name in COMMANDS} | {"fancam": ("fancam", *RUN)}
    for name, words in runs.items():
        if name == "fancam":
            shutil.rmtree(folder / "p.fancam")
        shown = run_on_terminal(folder, words, columns=columns)
        assert shown.code == 0, shown.output
        drawn = shown.output.replace("\n", "\r").split("\r")
        bars = [line.rstrip() for line in drawn if "%" in line and not line.startswith("  ")]
        assert bars or name == "train-tracker", name
        assert [line for line in bars if len(line) > columns] == [], name
        assert shown.lines[-2].startswith("next: "), shown.output
