"""A Ray cluster of two machines that are one, the second of which dies when a test asks."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import ROOT

_HERE = "127.0.0.1"
_TIMEOUT_S = 120
_TOKEN = secrets.token_hex(32)
_RUNNING = "ray::_run"
"""What Ray calls a process that is at work on one of our tasks."""


class Node:
    """One raylet and what it needs."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
        command += [f"--node-ip-address={_HERE}", "--num-cpus=1", "--disable-usage-stats", *options]
        self._process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._wait_until_it_runs()

    def _wait_until_it_runs(self) -> None:
        said = []
        for line in self._process.stdout or ():
            said.append(line)
            if "Ray runtime started" in line:
                return
        raise RuntimeError(f"Ray does not start: {''.join(said)}")

    def is_at_work(self) -> bool:
        """Whether one of its processes works on a task."""
        return any(_RUNNING in " ".join(_command(one)) for one in self._processes())

    def kill(self) -> None:
        """All of its processes at once, as if the power were cut."""
        processes = self._processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=_TIMEOUT_S)
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _processes(self) -> list[psutil.Process]:
        try:
            own = psutil.Process(self._process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() or [process.name()]
    except psutil.Error:
        return []


def environment() -> dict[str, str]:
    """What processes of the cluster, and those who use it, must know."""
    ours = {"PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}
    return {**os.environ, **ours}


@dataclass(frozen=True, slots=True)
class Head:
    """The first machine of a cluster."""

    address: str
    node: Node


@contextmanager
def started_head() -> Iterator[Head]:
    """A cluster of one machine of one core."""
    with socket.socket() as free:
        free.bind((_HERE, 0))
        port = free.getsockname()[1]
    head = Node("--head", f"--port={port}", "--include-dashboard=false")
    try:
        yield Head(f"{_HERE}:{port}", head)
    finally:
        head.kill()


def start_command(
    module: str, *arguments: str, cwd: Path, setup: str = ""
) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    code = f"{setup}\nimport sys\nfrom {module} import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_command(
    module: str, *arguments: str, cwd: Path, setup: str = "", victim: Node | None = None
) -> tuple[int, str, bool]:
    """Run a command in a process of its own, and kill a machine as soon as that works for it.

    Returns:
        Its exit code, what it said, and whether it was at work when the machine died.
    """
    process = start_command(module, *arguments, cwd=cwd, setup=setup)
    killed = False
    while victim is not None and process.poll() is None:
        if victim.is_at_work():
            victim.kill()
            killed = process.poll() is None
            break
        time.sleep(0.02)
    said, _ = process.communicate()
    return process.returncode, said, killed
