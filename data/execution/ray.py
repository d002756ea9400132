"""Tasks on the machines of a Ray cluster; nothing else here knows of Ray."""

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic

from data.core.atomic import WRITER
from data.core.errors import InputError
from data.core.progress import Bar, NoBar, Progress
from data.execution.segments import damage_of_all
from data.execution.tasks import A, Finished, L, Task, TaskContext, Work
from data.video.frames import Damage

LOCAL: Final = "local"
AUTO: Final = "auto"
ATTEMPTS: Final = 3
"""Of one task, whatever ends it: an error of its own, or that of its machine."""
_TASK_CPUS: Final = 1  # many small tasks keep all cores at work better than few large ones
_WAITING: Final = 2  # tasks a core that are submitted at once: enough that none waits for work
_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 15.0
_LOOK_S: Final = 0.5  # from one look at how far the tasks are to the next
_STOP_S: Final = 10.0


@contextmanager
def ray_at(address: str) -> Iterator[RayRunner]:
    """Start a Ray on this machine alone, or join one that runs; leave it in the end.

    Args:
        address: ``local`` to start one, ``auto`` for the one that runs on this machine, or the
            HOST:PORT of its head.

    Raises:
        InputError: Ray is not installed, or does not answer there.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--ray: Ray is not installed; pip install 'fancam[ray]'")
    _check_address(address)
    # All of them before Ray is imported.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would tell its makers
    if address == LOCAL:
        # So Ray takes 127.0.0.1 for this machine's address, and listens there only.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Others on this machine do not know this; Ray would keep one in the user's home.
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
    else:
        _require_answer(address)
    import ray

    options: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise InputError(f"--ray {address}: {_first_line(error)}; {_ADVICE}") from error
    try:
        yield RayRunner()
    finally:
        ray.shutdown()


_ADVICE: Final = "run `ray start` on this machine too, or give --ray local"


def _check_address(address: str) -> None:
    """Refuse what no Ray answers at: Ray itself would try for a minute."""
    if address in (LOCAL, AUTO):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal():
        message = "give the head's HOST:PORT, such as 10.0.0.5:6379, or local"
        raise InputError(f"--ray {address}: {message}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--ray {address}: no Ray answers ({reason}); {_ADVICE}") from error


def _require_answer(address: str) -> None:
    """Refuse an address at which something else listens, or Ray does for others only.

    Ray itself would try for minutes, and cannot be stopped from within.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", f"--address={address}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"no Ray answers within {_ANSWER_S:.0f} s; is its token known here?"
        raise InputError(f"--ray {address}: {message} If not, {_ADVICE}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["Ray is not well there"]
        raise InputError(f"--ray {address}: {said[-1]}; {_ADVICE}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@dataclass(eq=False)
class _Running(Generic[A, L]):
    """One footage's work on its way."""

    work: Work[A, L]
    waiting: int  # tasks that are not done
    damage: list[Damage] = field(default_factory=list)
    refused: InputError | None = None

    def finished(self, result: L | None) -> Finished[A, L]:
        """All of it is done, or it is refused."""
        if self.refused is not None:
            return Finished(self.work, Damage(), None, self.refused)
        return Finished(self.work, damage_of_all(self.damage), result)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a task says is wrong with its footage: no other try would help."""

    why: str


class RayRunner:
    """Runs tasks wherever Ray has room for them, each up to three times."""

    def __init__(self) -> None:
        """Take the cluster that this process is connected to."""
        self._cpus = _TASK_CPUS

    def threads(self, asked: int) -> int:
        """Return the threads of one task: each takes as many cores.

        Raises:
            InputError: no machine has so many.
        """
        import ray

        self._cpus = asked or _TASK_CPUS
        most = max((node["Resources"].get("CPU", 0) for node in _alive(ray)), default=0)
        if most < self._cpus:
            message = f"no machine of the cluster has so many cores, but {most:g} at most"
            raise InputError(f"{self._cpus} threads a task: {message}; give --threads less")
        return self._cpus

    def run(
        self, works: Iterable[Work[A, L]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[A, L]]:
        """Yield each footage's work as soon as it is finished."""
        tasks: _Tasks[A, L] = _Tasks(self._cpus)
        try:
            with progress("on Ray", frames, 0) as bar:
                yield from tasks.all(iter(works), bar)
        finally:
            tasks.stop()


class _Tasks(Generic[A, L]):
    """The tasks of one stage that Ray has, and those that wait until it has room."""

    def __init__(self, cpus: int) -> None:
        import ray

        self._ray, self._cpus = ray, cpus
        self._counter = _start_counter(ray)
        self._shown = 0
        self._most = self._find_room()
        self._pending: deque[tuple[_Running[A, L], Task[Any]]] = deque()
        self._running: dict[Any, tuple[_Running[A, L], Task[Any]]] = {}

    def all(self, works: Iterator[Work[A, L]], bar: Bar) -> Iterator[Finished[A, L]]:
        more = True
        while more or self._running or self._pending:
            while more and self._has_room():
                work = next(works, None)
                more = work is not None
                if work is not None:
                    bar.update(work.done)
                    yield from self._take(work)
            for reference in self._ready():
                yield from self._note(reference)
            self._show(bar)

    def _has_room(self) -> bool:
        self._submit()
        return len(self._running) < self._most

    def _find_room(self) -> int:
        cores = sum(node["Resources"].get("CPU", 0) for node in _alive(self._ray))
        return max(int(_WAITING * cores / self._cpus), 1)

    def _take(self, work: Work[A, L]) -> Iterator[Finished[A, L]]:
        running = _Running(work, len(work.tasks))
        if work.tasks:
            self._pending.extend((running, task) for task in work.tasks)
        else:
            yield from self._go_on(running)

    def _go_on(self, running: _Running[A, L]) -> Iterator[Finished[A, L]]:
        """The tasks that wait for no other are done."""
        if running.work.last is None or running.refused is not None:
            yield running.finished(None)
        else:
            self._pending.appendleft((running, running.work.last))

    def _submit(self) -> None:
        while self._pending and len(self._running) < self._most:
            running, task = self._pending.popleft()
            remote = self._ray.remote(_run).options(
                num_cpus=self._cpus,
                num_gpus=task.gpus,
                max_retries=ATTEMPTS - 1,
                retry_exceptions=True,
            )
            self._running[remote.remote(task, self._cpus, self._counter)] = running, task

    def _ready(self) -> list[Any]:
        self._submit()
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), timeout=_LOOK_S)
        return list(ready)

    def _note(self, reference: Any) -> Iterator[Finished[A, L]]:
        running, task = self._running.pop(reference)
        result = self._result(running, reference)
        if running.refused is not None:
            self._drop(running)
        if task is running.work.last:
            yield running.finished(result)
            return
        running.damage.append(result)
        running.waiting -= 1
        if running.waiting == 0:
            yield from self._go_on(running)

    def _drop(self, running: _Running[A, L]) -> None:
        """What waits of a footage that is refused need not be done."""
        kept = [one for one in self._pending if one[0] is not running]
        running.waiting -= len(self._pending) - len(kept)
        self._pending = deque(kept)

    def _result(self, running: _Running[A, L], reference: Any) -> Any:
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            why = f"{type(cause).__name__}: {_first_line(cause)}"
            running.refused = InputError(
                f"{running.work.name}: failed {ATTEMPTS} times ({why}); run it again"
            )
            return None
        if isinstance(result, _Refusal):
            running.refused = InputError(result.why)
            return None
        return result

    def _show(self, bar: Bar) -> None:
        total = self._ray.get(self._counter.total.remote())
        bar.update(total - self._shown)
        self._shown = total
        self._most = self._find_room()  # machines come and go

    def stop(self) -> None:
        """Let no task go on."""
        for reference in self._running:
            with suppress(Exception):
                self._ray.cancel(reference, force=True)
        if self._running:
            with suppress(Exception):
                self._ray.wait(list(self._running), num_returns=len(self._running), timeout=_STOP_S)


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


# --- where the task runs ----------------------------------------------------------------------


def _run(task: Task[Any], threads: int, counter: Any) -> Any:
    """Do a task in a process of Ray's, which keeps what it has loaded for the next."""
    import cv2

    cv2.setNumThreads(threads)
    # Ray may start a task again while the one that it takes for dead still writes.
    os.environ[WRITER] = f"-{socket.gethostname()}-{os.getpid()}"
    bar = _Reporting(counter)
    place = _workplace()
    place.bar = bar
    try:
        return task.run(place)
    except InputError as error:
        return _Refusal(str(error))
    finally:
        bar.report()


_PLACES: list[TaskContext] = []


def _workplace() -> TaskContext:
    if not _PLACES:
        _PLACES.append(TaskContext(_no_bars))
    return _PLACES[0]


@contextmanager
def _no_bars(name: str, total: int, done: int) -> Iterator[Bar]:
    del name, total, done
    yield NoBar()


class _Reporting:
    """A bar that is drawn where the tasks come from."""

    def __init__(self, counter: Any) -> None:
        self._counter, self._frames, self._told_s = counter, 0, time.monotonic()

    def update(self, n: int) -> None:
        """Go on by ``n``; told once in a while."""
        self._frames += n
        if time.monotonic() - self._told_s > _LOOK_S:
            self.report()

    def set_postfix_str(self, s: str) -> None:
        """Nobody sees it."""

    def report(self) -> None:
        """Tell."""
        if self._frames:
            self._counter.add.remote(self._frames)
        self._frames, self._told_s = 0, time.monotonic()


class _Counter:
    """Frames that all tasks have done, on the machine that the tasks come from."""

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
    return ray.remote(_Counter).options(num_cpus=0, scheduling_strategy=strategy).remote()
