"""Run tasks on a Ray cluster; the only module that imports Ray."""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic

from data.core.atomic import WRITER
from data.core.counts import counted
from data.core.error_details import TaskError, describe, details_of
from data.core.errors import RUN_AGAIN, InputError, RunError, ends_run
from data.core.progress import Bar, NoBar, Progress
from data.execution.segments import damage_of_all
from data.execution.tasks import Finished, PayloadT, ResultT, Task, TaskContext, Work
from data.video.frames import Damage

LOCAL: Final = "local"
AUTO: Final = "auto"
ATTEMPTS: Final = 3
"""Maximum attempts per task, after errors of its function and failures of its machine."""
_TASK_CPUS: Final = 1  # many small tasks load all cores better than a few large ones
_TASKS_PER_CORE: Final = 2  # submitted together, so that no core is idle between two tasks
_CONNECT_S: Final = 5.0
_HEALTH_CHECK_S: Final = 15.0
_POLL_S: Final = 0.5  # interval of progress updates
_STOP_S: Final = 10.0


@contextmanager
def ray_at(address: str) -> Iterator[RayRunner]:
    """Start Ray on this machine, or connect to a running cluster; disconnect at the end.

    Args:
        address: ``local`` to start Ray, ``auto`` for the cluster that runs on this machine, or
            HOST:PORT of a cluster's head.

    Raises:
        InputError: Ray is not installed, or does not respond at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--ray: Ray is not installed; pip install 'fancam[ray]'")
    _check_address(address)
    # Ray reads these variables when it is imported.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # disables usage reporting
    if address == LOCAL:
        # Makes Ray use 127.0.0.1 as the address of this machine, and listen on it only.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Rejects other users of this machine. Ray would store its own token in the home folder.
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
    else:
        _require_healthy(address)
    import ray

    options: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise InputError(f"--ray {address}: {_first_line(error)}; {_advice(address)}") from error
    try:
        yield RayRunner()
    finally:
        ray.shutdown()


def _advice(address: str) -> str:
    if address == LOCAL:
        return "run without --ray"
    start = f"join this machine to the cluster with ray start --address={address}"
    if address == AUTO:
        start = "start a cluster with ray start --head"
    return f"{start}, or give --ray local"


def _check_address(address: str) -> None:
    """Reject an address with a closed port; Ray itself would retry for a minute."""
    if address in (LOCAL, AUTO):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal():
        message = "give auto, local, or HOST:PORT of the head node, such as 10.0.0.5:6379"
        raise InputError(f"--ray {address}: {message}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"no Ray cluster answers ({reason}); check the address, or give --ray local"
        raise InputError(f"--ray {address}: {message}") from error


def _require_healthy(address: str) -> None:
    """Reject the address of another service, or of a cluster with another token.

    Ray itself would retry for minutes, and cannot be interrupted.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", f"--address={address}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_HEALTH_CHECK_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        answer = f"no Ray cluster answered within {_HEALTH_CHECK_S:.0f} s"
        check = "check that the cluster's token is set on this machine"
        message = f"{answer}; {check}, or {_advice(address)}"
        raise InputError(f"--ray {address}: {message}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["the cluster is not healthy"]
        raise InputError(f"--ray {address}: {lines[-1]}; {_advice(address)}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@dataclass(eq=False)
class _RunningWork(Generic[PayloadT, ResultT]):
    """State of one footage's work."""

    work: Work[PayloadT, ResultT]
    unfinished: int  # number of tasks
    damage: list[Damage] = field(default_factory=list)
    error: Exception | None = None

    def finished(self, result: ResultT | None) -> Finished[PayloadT, ResultT]:
        if self.error is not None:
            return Finished(self.work, Damage(), None, self.error)
        return Finished(self.work, damage_of_all(self.damage), result)


@dataclass(frozen=True, slots=True)
class _TaskError:
    """An `InputError` of a task, returned as a value so that Ray does not retry."""

    error: InputError


class RayRunner:
    """Runs tasks on the connected cluster, with up to `ATTEMPTS` attempts per task."""

    def __init__(self) -> None:
        self._cpus = _TASK_CPUS

    def threads(self, requested: int) -> int:
        """Return the number of threads per task; each task reserves as many cores.

        Raises:
            InputError: no machine of the cluster has that many cores.
        """
        import ray

        self._cpus = requested or _TASK_CPUS
        max_cores = max((node["Resources"].get("CPU", 0) for node in _live_nodes(ray)), default=0)
        if max_cores < self._cpus:
            message = f"the largest machine of the cluster has {counted(int(max_cores), 'core')}"
            raise InputError(f"{self._cpus} threads per task: {message}; lower --threads")
        return self._cpus

    def run(
        self, works: Iterable[Work[PayloadT, ResultT]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        """Yield each footage's work as soon as it is finished."""
        import ray

        queue: _TaskQueue[PayloadT, ResultT] = _TaskQueue(self._cpus)
        try:
            with progress("on Ray", frames, 0) as bar:
                yield from queue.run(iter(works), bar)
        except ray.exceptions.RayError as error:
            message = f"the Ray cluster was lost ({_first_line(error)})"
            raise RunError(f"{message}; {RUN_AGAIN} to resume") from error
        finally:
            queue.cancel()


class _TaskQueue(Generic[PayloadT, ResultT]):
    """Queue of the tasks of one stage, which are submitted to Ray up to its capacity."""

    def __init__(self, cpus: int) -> None:
        import ray

        self._ray, self._cpus = ray, cpus
        self._counter = _start_counter(ray)
        self._frames_shown = 0
        self._capacity = self._find_capacity()
        self._pending: deque[tuple[_RunningWork[PayloadT, ResultT], Task[Any]]] = deque()
        self._submitted: dict[Any, tuple[_RunningWork[PayloadT, ResultT], Task[Any]]] = {}

    def run(
        self, works: Iterator[Work[PayloadT, ResultT]], bar: Bar
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        more = True
        while more or self._submitted or self._pending:
            while more and self._has_capacity():
                work = next(works, None)
                more = work is not None
                if work is not None:
                    bar.update(work.done)
                    yield from self._add(work)
            for reference in self._wait():
                yield from self._collect(reference)
            self._update(bar)

    def _has_capacity(self) -> bool:
        self._submit()
        return len(self._submitted) < self._capacity

    def _find_capacity(self) -> int:
        cores = sum(node["Resources"].get("CPU", 0) for node in _live_nodes(self._ray))
        return max(int(_TASKS_PER_CORE * cores / self._cpus), 1)

    def _add(self, work: Work[PayloadT, ResultT]) -> Iterator[Finished[PayloadT, ResultT]]:
        running = _RunningWork(work, len(work.tasks))
        if work.tasks:
            self._pending.extend((running, task) for task in work.tasks)
        else:
            yield from self._continue(running)

    def _continue(
        self, running: _RunningWork[PayloadT, ResultT]
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        """Queue the last task after all other tasks are finished."""
        if running.work.last is None or running.error is not None:
            yield running.finished(None)
        else:
            self._pending.appendleft((running, running.work.last))

    def _submit(self) -> None:
        while self._pending and len(self._submitted) < self._capacity:
            running, task = self._pending.popleft()
            remote = self._ray.remote(_run_task).options(
                num_cpus=self._cpus,
                num_gpus=task.gpus,
                max_retries=ATTEMPTS - 1,
                retry_exceptions=True,
            )
            bars = _Bars(self._counter, last_counts=not running.work.tasks)
            self._submitted[remote.remote(task, self._cpus, bars)] = running, task

    def _wait(self) -> list[Any]:
        self._submit()
        if not self._submitted:
            return []
        ready, _ = self._ray.wait(list(self._submitted), timeout=_POLL_S)
        return list(ready)

    def _collect(self, reference: Any) -> Iterator[Finished[PayloadT, ResultT]]:
        running, task = self._submitted.pop(reference)
        result = self._result(running, reference)
        if running.error is not None:
            self._drop_pending(running)
        if task is running.work.last:
            yield running.finished(result)
            return
        running.damage.append(result)
        running.unfinished -= 1
        if running.unfinished == 0:
            yield from self._continue(running)

    def _drop_pending(self, failed: _RunningWork[PayloadT, ResultT]) -> None:
        kept = [entry for entry in self._pending if entry[0] is not failed]
        failed.unfinished -= len(self._pending) - len(kept)
        self._pending = deque(kept)

    def _result(self, running: _RunningWork[PayloadT, ResultT], reference: Any) -> Any:
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            running.error = _footage_error(running.work.name, error)
            return None
        if isinstance(result, _TaskError):
            if ends_run(result.error):
                raise result.error
            running.error = result.error
            return None
        return result

    def _update(self, bar: Bar) -> None:
        total = self._ray.get(self._counter.total.remote())
        bar.update(total - self._frames_shown)
        self._frames_shown = total
        self._capacity = self._find_capacity()  # machines may join and leave

    def cancel(self) -> None:
        """Cancel all submitted tasks."""
        for reference in self._submitted:
            with suppress(Exception):
                self._ray.cancel(reference, force=True)
        if self._submitted:
            with suppress(Exception):
                self._ray.wait(
                    list(self._submitted), num_returns=len(self._submitted), timeout=_STOP_S
                )


def _footage_error(name: str, error: Exception) -> Exception:
    """Return the error of a footage whose task failed in every attempt.

    Raises:
        OSError, RayError: it is the error of the whole run.
    """
    import ray

    if isinstance(error, (ray.exceptions.LocalRayletDiedError, ray.exceptions.RaySystemError)):
        raise error
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, OSError) and ends_run(cause):
        raise cause
    if isinstance(cause, TaskError):
        return TaskError(f"{cause.message}, {ATTEMPTS} times", cause.details)
    reason = f"{type(cause).__name__}: {_first_line(cause)}"
    return InputError(f"{name}: failed {ATTEMPTS} times ({reason}); {RUN_AGAIN}")


def _live_nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


# --- on the worker ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bars:
    """Where a task reports its progress.

    Args:
        counter: handle of the `_FrameCounter`.
        last_counts: whether a last task reports too, as the only one of its footage.
    """

    counter: Any
    last_counts: bool


def _run_task(task: Task[Any], threads: int, bars: _Bars) -> Any:
    """Run a task in a Ray worker process, which caches models between tasks."""
    import cv2

    cv2.setNumThreads(threads)
    # Ray may restart a task while its first process, which it presumes dead, is still writing.
    os.environ[WRITER] = f"-{socket.gethostname()}-{os.getpid()}"
    bar = _RemoteBar(bars.counter)
    context = _process_context()
    context.bar = bar
    context.progress = (lambda *_: nullcontext(bar)) if bars.last_counts else _no_bars
    try:
        return task.run(context)
    except InputError as error:
        return _TaskError(error)
    except Exception as error:
        if ends_run(error):
            raise
        raise TaskError(describe(error), details_of(error)) from None
    finally:
        bar.report()


_CONTEXTS: list[TaskContext] = []


def _process_context() -> TaskContext:
    if not _CONTEXTS:
        _CONTEXTS.append(TaskContext(_no_bars))
    return _CONTEXTS[0]


@contextmanager
def _no_bars(name: str, total: int, done: int) -> Iterator[Bar]:
    del name, total, done
    yield NoBar()


class _RemoteBar:
    """Progress bar that reports to the counter, at most every `_POLL_S` seconds."""

    def __init__(self, counter: Any) -> None:
        self._counter, self._frames, self._reported_s = counter, 0, time.monotonic()

    def update(self, n: int) -> None:
        """Advance by ``n``."""
        self._frames += n
        if time.monotonic() - self._reported_s > _POLL_S:
            self.report()

    def set_postfix_str(self, s: str) -> None:
        """Ignore the text: all tasks share one visible bar."""

    def report(self) -> None:
        """Send the number of frames since the last report."""
        if self._frames:
            self._counter.add.remote(self._frames)
        self._frames, self._reported_s = 0, time.monotonic()


class _FrameCounter:
    """Ray actor that counts the processed frames, on the machine that draws the bar."""

    def __init__(self) -> None:
        self._total = 0

    def add(self, frames: int) -> None:
        self._total += frames

    def total(self) -> int:
        return self._total


def _start_counter(ray: Any) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = ray.get_runtime_context().get_node_id()
    strategy = NodeAffinitySchedulingStrategy(here, soft=False)
    return ray.remote(_FrameCounter).options(num_cpus=0, scheduling_strategy=strategy).remote()
