"""Clients that hold connections, guess passwords and stall; others are still served.

The time of a request is its duration, or the processor time that the server needed meanwhile if
that is less: other processes may delay both.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psutil
import pytest

from tests import ROOT
from tests.posix import needs_signals
from web.login import MAX_WRONG

HALF_OPEN = 1100
GUESSES = 500
STALLED = 60
SERVER_FILES = 1024
PASSWORD = "correct horse"
PATIENCE_S = 0.3
PATIENCE_REQUESTS = 150  # as many calm requests may take the same time on a slow machine


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Yield a stack that closes the connections; skip if this process may not open so many."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = HALF_OPEN + GUESSES + STALLED + 500
    if before[1] != resource.RLIM_INFINITY and before[1] < needed:
        pytest.skip(f"this process may not open {needed} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(needed, before[0]), before[1]))
    with ExitStack() as stack:
        yield stack
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@needs_signals
@pytest.mark.slow
@pytest.mark.alone
def test_others_are_served(crops_project: Path, tmp_path: Path, opened: ExitStack) -> None:
    log = tmp_path / "log"
    with served(crops_project, tmp_path, log) as (port, server):
        address = f"http://127.0.0.1:{port}"
        form = urlencode({"password": "wrong"}).encode()
        head = (
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {address}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\n\r\n"
        ).encode()
        took_s: dict[str, list[float]] = {}
        probe = Probe(port, server)
        patience_s = max(PATIENCE_S, PATIENCE_REQUESTS * probe.calm_s())

        def connect(data: bytes) -> socket.socket:
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(10)
            client.connect(("127.0.0.1", port))
            client.sendall(data)
            return client

        cookie = log_in(address)
        video = f"GET /media/film/1/people/1/video HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}\r\n\r\n"
        for _ in range(STALLED):
            connect(video.encode())
        took_s["stalled readers"] = probe.many()

        half = [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Unfinished: ", head]

        def hold() -> None:
            for number in range(HALF_OPEN):
                connect(half[number % len(half)])

        took_s["half-open connections arrive"] = probe.during(hold)
        took_s["half-open connections"] = probe.many()

        statuses: Counter[bytes] = Counter()

        def guess() -> None:
            guesses = [connect(head) for _ in range(GUESSES)]
            for client in guesses:
                # Those that were closed to make room guess nothing.
                try:
                    client.sendall(form)
                    statuses[client.recv(12)[9:]] += 1
                except OSError:
                    statuses[b"closed"] += 1

        took_s["guesses"] = probe.during(guess)
    for name, times_s in took_s.items():
        median_ms, most_ms = statistics.median(times_s) * 1000, max(times_s) * 1000
        print(f"{name}: median {median_ms:.0f} ms, longest {most_ms:.0f} ms")
    print(f"limit: {patience_s * 1000:.0f} ms")
    print(f"guesses: {dict(statuses)}; lines in the terminal: {log.read_text().count(chr(10))}")
    assert statuses[b"401"] <= MAX_WRONG
    assert sum(statuses.values()) == GUESSES
    assert max(map(max, took_s.values())) < patience_s
    assert log.read_text() == ""


@contextmanager
def served(project: Path, folder: Path, log: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run serve-people with `SERVER_FILES` files and a log; yield its port and process."""
    password = folder / "password"
    password.write_text(PASSWORD)
    command = [sys.executable, "-m", "web.cli", str(project), "--port", "0"]
    command += ["--password-file", str(password)]
    shell = ["sh", "-c", f'ulimit -n {SERVER_FILES}; exec "$@"', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            shell, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as server,
    ):
        assert server.stdout is not None
        found = re.search(r":(\d+)/", server.stdout.readline())
        assert found
        process = psutil.Process(server.pid)
        try:
            wait_until_idle(process)
            yield int(found[1]), process
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=20) == 0


def wait_until_idle(process: psutil.Process) -> None:
    """Wait for the imports that a server does in the background after it has started."""
    used_s = -1.0
    for _ in range(120):
        if (now_s := cpu_s(process)) == used_s:
            return
        used_s = now_s
        time.sleep(0.5)
    raise AssertionError("the server is still busy")


def cpu_s(process: psutil.Process) -> float:
    """Return the processor time that a process has used, s."""
    times = process.cpu_times()
    return float(times.user + times.system)


def log_in(address: str) -> str:
    """Log in; return the cookie as a header."""
    with httpx.Client(base_url=address, trust_env=False) as client:
        form = {"password": PASSWORD}
        answer = client.post("/login", data=form, headers={"origin": address})
        return "Cookie: " + answer.headers["set-cookie"].partition(";")[0]


class Probe:
    """A client that measures how long its requests take, s."""

    def __init__(self, port: int, server: psutil.Process) -> None:
        self._port = port
        self._server = server

    def calm_s(self) -> float:
        """Return the processor time that the server needs for a request, s."""
        self.many()  # the first ones prepare templates
        before_s = cpu_s(self._server)
        requests = len(self.many()) + len(self.many())
        return (cpu_s(self._server) - before_s) / requests

    def many(self) -> list[float]:
        """Return the times of requests, each on a new connection."""
        return [self._one() for _ in range(20)]

    def during(self, attack: Callable[[], None]) -> list[float]:
        """Return the times of requests while ``attack`` runs and after it."""
        thread = threading.Thread(target=attack)
        before_s = sys.getswitchinterval()
        # The attack must delay the server, not the client beside it.
        sys.setswitchinterval(0.0002)
        try:
            thread.start()
            took_s = self.many()
            thread.join()
        finally:
            sys.setswitchinterval(before_s)
        return took_s + self.many()

    def _one(self) -> float:
        time.sleep(0.02)
        start_s, start_cpu_s = time.perf_counter(), cpu_s(self._server)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request("GET", "/login")
        assert b"Log in" in connection.getresponse().read()
        connection.close()
        return min(time.perf_counter() - start_s, cpu_s(self._server) - start_cpu_s)
