"""A Ray cluster of two nodes on one machine; a test can kill the second node."""

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
"""Title that Ray gives a process while it runs one of our tasks."""


class Node:
    """A raylet with its processes."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
        command += [f"--node-ip-address={_HERE}", "--num-cpus=1", "--disable-usage-stats", *options]
        self._process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._wait_until_it_runs()

    def _wait_until_it_runs(self) -> None:
        output = []
        for line in self._process.stdout or ():
            output.append(line)
            if "Ray runtime started" in line:
                return
        raise RuntimeError(f"Ray does not start: {''.join(output)}")

    def is_at_work(self) -> bool:
        """Return whether one of its processes runs a task."""
        return any(_RUNNING in " ".join(_command(one)) for one in self._processes())

    def kill(self) -> None:
        """Kill all of its processes at once, as by a power failure."""
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
    """Return the environment of processes in the cluster and of its clients."""
    ours = {"PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}
    return {**os.environ, **ours}


@dataclass(frozen=True, slots=True)
class Head:
    """Head node of a cluster."""

    address: str
    node: Node


@contextmanager
def started_head() -> Iterator[Head]:
    """Yield a cluster of one node with one core."""
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
    """Start a command in a separate process."""
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
    """Run a command in a separate process, and kill a node as soon as it runs one of its tasks.

    Returns:
        Exit code, output, and whether the node was killed at work.
    """
    process = start_command(module, *arguments, cwd=cwd, setup=setup)
    killed = False
    while victim is not None and process.poll() is None:
        if victim.is_at_work():
            victim.kill()
            killed = process.poll() is None
            break
        time.sleep(0.02)
    output, _ = process.communicate()
    return process.returncode, output, killed
