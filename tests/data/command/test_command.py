from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.command.command import EXIT_INPUT, EXIT_PARTLY, run, runnable
from data.command.interrupts import EXIT_INTERRUPTED
from data.core.errors import InputError


def raising(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_exit_code_of_the_command_is_returned(
    code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cluster-faces", lambda: code) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        pytest.param(InputError("a.mp4: no video"), EXIT_INPUT, "a.mp4: no video", id="input"),
        pytest.param(
            KeyboardInterrupt(),
            EXIT_INTERRUPTED,
            "stopped; run the same command again to resume",
            id="interrupted",
        ),
        pytest.param(
            ImportError("libGL.so.1: cannot open shared object file"),
            EXIT_INPUT,
            "the system library libGL.so is missing: apt-get install libgl1",
            id="libGL",
        ),
        pytest.param(
            ImportError("libgthread-2.0.so.0: cannot open shared object file"),
            EXIT_INPUT,
            "the system library libgthread is missing: apt-get install libglib2.0-0",
            id="libgthread",
        ),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device", "/p/faces/a.parquet"),
            EXIT_INPUT,
            "/p/faces/a.parquet: the disk is full; free some space and run the same command again",
            id="disk full",
        ),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device"),
            EXIT_INPUT,
            "writing: the disk is full; free some space and run the same command again",
            id="disk full, no name",
        ),
        pytest.param(
            OSError(errno.EROFS, "Read-only file system", "/p"),
            EXIT_INPUT,
            "/p: the disk is read-only; write to another disk",
            id="read-only",
        ),
        pytest.param(
            PermissionError(errno.EACCES, "Permission denied", "/p"),
            EXIT_INPUT,
            "/p: no permission; change the permissions, or use another folder",
            id="no permission",
        ),
        pytest.param(
            OSError(errno.EDQUOT, "Disk quota exceeded", "/p"),
            EXIT_INPUT,
            "/p: the disk quota is used up; free some space and run the same command again",
            id="quota",
        ),
    ],
)
def test_errors_that_a_user_can_fix_are_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cluster-faces", lambda: raising(error)) == code
    assert capsys.readouterr() == ("", f"cluster-faces: {line}\n")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, os.strerror(errno.EIO), "/p"),
        FileNotFoundError(errno.ENOENT, "No such file", "/p"),
        OSError("no number"),
        ImportError("No module named 'data.nothing'"),
        ValueError("expected 1, got 2"),
    ],
    ids=["io error", "not found", "no errno", "module", "our mistake"],
)
def test_unexpected_errors_are_one_line_and_a_log(
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run("cluster-faces", lambda: raising(error)) == EXIT_PARTLY
    log = tmp_path / "fancam" / "logs" / "fancam.log"
    place = rf"{type(error).__name__} in tests/data/command/test_command\.py:\d+"
    shown = capsys.readouterr()
    assert shown.out == ""
    problem = rf"cluster-faces: unexpected error, a bug in fancam \({place}\)"
    assert re.fullmatch(rf"{problem}; details are in {re.escape(str(log))}\n", shown.err)
    assert "Traceback (most recent call last)" in log.read_text()


def test_an_exit_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("cluster-faces", lambda: raising(SystemExit(3)))
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_is_no_error() -> None:
    script = (
        "import sys; from data.command.command import run\n"
        "def talk():\n"
        "    for _ in range(100_000): print('a line')\n"
        "    return 0\n"
        "sys.exit(run('talk', talk))"
    )
    talker = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert talker.stdout is not None
    talker.stdout.readline()
    talker.stdout.close()
    assert talker.stderr is not None
    with talker.stderr:
        assert talker.stderr.read() == b""
    assert talker.wait(timeout=60) == 141


@pytest.mark.skipif(os.name == "nt", reason="commands have another suffix there")
@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        pytest.param((), "", "serve-people", id="nowhere"),
        pytest.param(("bin/serve-people",), "", "bin/serve-people", id="not on PATH"),
        pytest.param(("bin/serve-people",), "bin", "serve-people", id="on PATH"),
    ],
)
def test_commands_are_named_as_the_shell_finds_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[str, ...],
    path: str,
    expected: str,
) -> None:
    (tmp_path / "bin").mkdir()
    for name in files:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / path) if path else "")
    assert runnable("serve-people") == expected
