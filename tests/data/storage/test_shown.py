from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from data.storage.shown import command_line, quoted_on_windows, shown

NAMES = (
    "plain.mp4",
    "two words.mp4",
    'Anna\'s "birthday"',
    "a#b;c&d|e",
    "$HOME `ls` $(ls)",
    "*?[x]{1,2}!",
    "back\\slash",
    "-x.mp4",
    "--force",
    "~x",
    " spaces ",
    "line\nbreak\ttab",
    "it's\n\\n",
    "é 😀",
    "",
)


@pytest.mark.skipif(os.name == "nt", reason="a shell of another system")
@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_shell_reads_the_words_again(shell: str, name: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    line = command_line("printf", "%s\\0", name, "--", name)
    done = subprocess.run([program, "-c", line], capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout.decode().split("\0")[:-1] == [name, "--", name]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("concert.fancam", "concert.fancam", id="plain"),
        pytest.param("two words", "'two words'", id="spaces"),
        pytest.param("-x.mp4", "./-x.mp4", id="dash"),
        pytest.param("a/-x.mp4", "a/-x.mp4", id="dash below"),
        pytest.param("~x", "'~x'", id="home"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="other quotes and separators there")
def test_paths(path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line("status", Path(path)) == f"status {words}"
    assert command_line("status", tmp_path / path) == f"status {words}"
    assert shown(tmp_path / path) == path


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        (r"C:\films\concert.fancam", r"C:\films\concert.fancam"),
        (r"C:\my films\a.mp4", r'"C:\my films\a.mp4"'),
        ("Anna's", '"Anna\'s"'),
        ("a#b;c&d", '"a#b;c&d"'),
        ("$HOME's", "'$HOME''s'"),
        ("", '""'),
    ],
)
def test_windows(word: str, quoted: str) -> None:
    assert quoted_on_windows(word) == quoted
