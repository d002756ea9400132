from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests import ROOT
from tests.posix import needs_signals
from web.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "-1"], "--port -1: give a number from 0 to 65535"),
        (["--port", "70000"], "--port 70000: give a number from 0 to 65535"),
        (["--host", "0.0.0.0"], "--host 0.0.0.0: others could watch and change everything"),
        (["--host", "::"], "give --password-file as well"),
        (["--name", "example.org"], "--name example.org: others could watch"),
        (["--trusted-proxy", "nginx"], "--trusted-proxy nginx: give an IP address or a network"),
        (["--password", ""], "the password is empty"),
        (
            ["--password", "a", "--password-file", "b"],
            "--password-file and --password cannot be combined; leave one of them out",
        ),
        (["--password-file", "missing"], "--password-file missing: cannot be read"),
        (["--host", "no.such.host.invalid", "--password", "x"], "cannot serve there"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_options(
    crops_project: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(crops_project), *arguments]) == 2
    output = capsys.readouterr().err
    assert message in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"\nsecret", "empty"), (b"\xff\xfe\xff", "not text")],
)
def test_bad_password_file(
    crops_project: Path,
    tmp_path: Path,
    content: bytes,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert main([str(crops_project), "--password-file", str(file)]) == 2
    assert message in capsys.readouterr().err


def test_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main([str(tmp_path)]) == 2
    assert (
        "not a fancam project; give the folder that cluster-faces made" in capsys.readouterr().err
    )
    (tmp_path / "project.json").write_text("{")
    assert main([str(tmp_path)]) == 2
    assert "damaged" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["project.json"]


def test_a_taken_port(crops_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([str(crops_project), "--port", str(port)]) == 2
    output = capsys.readouterr().err
    assert f"127.0.0.1:{port}: cannot serve there (address already in use)" in output


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 0.5
    output = capsys.readouterr().out
    for option in (
        "--host",
        "--port",
        "--open",
        "--name",
        "--trusted-proxy",
        "--password",
        "--password-file",
    ):
        assert option in output


@needs_signals
def test_serves_until_it_is_stopped(crops_project: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\nsecond line\n")
    command = [sys.executable, "-m", "web.cli", str(crops_project), "--port", "0"]
    command += ["--password-file", str(tmp_path / "password")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        output = server.stdout.readline()
        found = re.search(r"serving at (http://127\.0\.0\.1:\d+/)", output)
        assert found, output
        headers = {"origin": found[1].rstrip("/")}
        with httpx.Client(base_url=found[1], trust_env=False, headers=headers) as ask:
            assert ask.get("/api/footages").status_code == 401
            ask.post("/login", data={"password": "correct horse"})
            assert len(ask.get("/api/footages").json()) == 1
            with ask.stream("GET", "/media/film/1/people/1/video") as playing:
                next(playing.iter_bytes(1000))
                server.send_signal(signal.SIGINT)
                out, error = server.communicate(timeout=20)
    assert (server.returncode, out, error) == (0, "", "")
    assert not (tmp_path / "home").exists()


def test_open_shows_the_page(crops_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    from web import serving
    from web.core.settings import ServerSettings

    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    ran: list[socket.socket] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda _, sockets: ran.extend(sockets))
    assert serving.serve([crops_project], ServerSettings(port=0), open_page=True) == 0
    deadline = time.monotonic() + 5
    while not opened and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(ran) == 1
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", opened[0])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),
        ("::", "http://[::1]:80/"),
        ("::1", "http://[::1]:80/"),
        ("box", "http://box:80/"),
    ],
)
def test_address_to_open(host: str, address: str) -> None:
    from web.serving import _url

    assert _url(host, 80) == address
