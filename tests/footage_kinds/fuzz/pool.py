"""Processes that try damaged footages, replaced when one crashes or hangs."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

import psutil

from tests.footage_kinds.fuzz.cases import Case, Seeds
from tests.footage_kinds.fuzz.trial import Outcome
from tests.footage_kinds.fuzz.worker import ERRORS, work

LIMIT_S: Final = 20.0
"""Processor time for one footage, after which it counts as a hang."""
_WALL_FACTOR: Final = 6
"""Wall time over processor time: other processes may be running, and a deadlock uses no time."""
_POLL_S: Final = 0.5
_CASES_PER_PROCESS: Final = 250


Target = Callable[[Connection, Path, Seeds], None]
"""Function of a process: it receives cases and sends an outcome for each; see `worker.work`."""


def run_cases(
    cases: Iterable[Case],
    seeds: Seeds,
    *,
    workers: int,
    limit_s: float = LIMIT_S,
    target: Target = work,
) -> Iterator[tuple[Case, Outcome]]:
    """Try all cases in separate processes; yield each with its outcome, in order of completion.

    Args:
        cases: the cases.
        seeds: intact files of every container.
        workers: number of processes.
        limit_s: processor time for one case, after which it counts as a hang.
        target: function of each process.
    """
    remaining = iter(cases)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        processes = [
            _Process(Path(name) / str(number), seeds, limit_s, target) for number in range(workers)
        ]
        try:
            busy = [process for process in processes if process.start(next(remaining, None))]
            while busy:
                wait([process.connection for process in busy], timeout=_POLL_S)
                for process in list(busy):
                    outcome = process.outcome()
                    if outcome is None or (outcome.uncertain and process.repeat()):
                        continue
                    yield process.case, outcome
                    if not process.start(next(remaining, None)):
                        busy.remove(process)
        finally:
            for process in processes:
                process.stop()


class _Process:
    """One process, which is started with its first case and again after it has ended."""

    def __init__(self, folder: Path, seeds: Seeds, limit_s: float, target: Target) -> None:
        self._folder, self._seeds = folder, seeds
        self._limit_s, self._target = limit_s, target
        self._process: Any = None
        self.connection: Connection
        self.case = Case(0, 0)
        self._cases, self._repeated = 0, False

    def start(self, case: Case | None) -> bool:
        """Send a case to the process; return False if there is none."""
        if case is None:
            return False
        if self._process is None or self._cases >= _CASES_PER_PROCESS:
            self.stop()
            self._spawn()
        self.case, self._cases, self._repeated = case, self._cases + 1, False
        self._send()
        return True

    def repeat(self) -> bool:
        """Try the current case once more in a new process; return False if that was done."""
        if self._repeated:
            return False
        self.stop()
        self._spawn()
        self._repeated = True
        self._send()
        return True

    def _send(self) -> None:
        self.connection.send(self.case)
        self._began_s, self._cpu_s = time.monotonic(), self._cpu_time_s()

    def outcome(self) -> Outcome | None:
        """Return the outcome of the current case, also a crash or hang; None while it runs."""
        if self.connection.poll():
            try:
                outcome: Outcome = self.connection.recv()
                return outcome
            except EOFError:
                return self._crashed()
        wall_s, cpu_s = time.monotonic() - self._began_s, self._cpu_time_s() - self._cpu_s
        if cpu_s < self._limit_s and wall_s < self._limit_s * _WALL_FACTOR:
            return None
        self.stop()
        return Outcome("failed", f"hang: {cpu_s:.0f} s of processor time in {wall_s:.0f} s")

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self.connection.close()
            self._process.kill()
            self._process.join()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _spawn(self) -> None:
        methods = multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context(
            "forkserver" if "forkserver" in methods else "spawn"
        )
        if "forkserver" in methods:
            context.set_forkserver_preload([self._target.__module__])
        self._folder.mkdir(parents=True, exist_ok=True)
        self.connection, theirs = context.Pipe()
        arguments = (theirs, self._folder, self._seeds)
        self._process = context.Process(target=self._target, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._cases = 0

    def _crashed(self) -> Outcome:
        self._process.join()
        code = self._process.exitcode
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._process = None
        file = self._folder / ERRORS
        printed = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        return Outcome("failed", f"crash: {name}\n{printed}")

    def _cpu_time_s(self) -> float:
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)
