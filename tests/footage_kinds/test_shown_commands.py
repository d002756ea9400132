"""Commands that a user can copy, and names that begin with a dash."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.footage_kinds.stubs import COMMANDS, Command

POSIX = pytest.mark.skipif(os.name == "nt", reason="names that Windows does not allow")
RUN = ("--no-review", "--weights", "yolo11n.yaml")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    encode(path, pictures(20))
    return path


@POSIX
@pytest.mark.parametrize("name", ["two words", "a #1; b", "-x", "Anna's", "$HOME"])
def test_shown_commands_can_be_repeated(
    command: Command, clip: Path, tmp_path: Path, name: str
) -> None:
    footage, project = f"{name}.mp4", f"{name}.fancam"
    shutil.copy(clip, tmp_path / footage)
    assert command("cluster-faces", "--", footage).code == 0
    (Path(project) / "tracker").mkdir()
    missing = command("crop-people", "--", project, footage)
    assert missing.code == 2
    repeated(command, missing.err[0].rpartition("; run ")[2])
    status = command("fancam", "status", "--", project).out
    for line in [line for line in status if "  crop-people " in line]:
        repeated(command, line[line.index("crop-people ") :])
    shutil.copy(clip, tmp_path / f"{name} 2.mp4")
    unknown = command("crop-people", "--", project, f"{name} 2.mp4")
    assert unknown.code == 2
    repeated(command, unknown.err[0].rpartition("; run ")[2])
    done = command("fancam", *RUN, "--", footage)
    watch = shlex.split(done.out[-1].removeprefix("next: "))
    assert watch[-1] == "--open"
    assert Path(watch[-2]).is_dir()
    assert not watch[-2].startswith("-")


def repeated(command: Command, line: str) -> None:
    name, *arguments = shlex.split(line)
    done = command(name, *arguments)
    assert (done.code, done.err) == (0, []), line


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("-x.mp4",), id="footage"),
        pytest.param(("-x",), id="two characters"),
        pytest.param(("-h.mp4",), id="like help"),
        pytest.param(("-2.mp4",), id="like a number"),
        pytest.param(("--x.mp4",), id="two dashes"),
        pytest.param(("a.mp4", "-x.mp4"), id="second"),
    ],
)
@pytest.mark.parametrize("name", [*COMMANDS, "fancam status", "fancam forget"])
def test_a_dash_gets_a_word(
    command: Command, tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "--x.mp4").touch()
    done = command(*name.split(), *words)
    assert done.code == 2
    dashed = words[-1]
    assert done.err == [
        f"{name.split()[0]}: {dashed}: no such option; "
        f"for a file of this name, give .{os.sep}{dashed}"
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--frce",), "--frce: no such option; did you mean --force", id="mistyped"),
        pytest.param(("--project",), "--project: give a value", id="no value"),
        pytest.param(("--every", "-5"), "--every -5: give a number", id="negative number"),
        pytest.param(("--project", "-p.fancam"), "give .*-p.fancam", id="project"),
    ],
)
def test_options_keep_their_words(command: Command, words: tuple[str, ...], message: str) -> None:

    done = command("cluster-faces", "a.mp4", *words)
    assert done.code == 2
    assert re.search(message, done.err[0]), done.err


@POSIX
def test_spaces_in_a_message_stay(command: Command) -> None:
    done = command("cluster-faces", "two  spaces.mp4")
    assert done.err == ["cluster-faces: two  spaces.mp4: no such file or folder; check the name"]
