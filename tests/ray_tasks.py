"""Tasks that go wrong, and a run of them on a Ray cluster: a process prints what came of it."""

from __future__ import annotations

import json
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from data.core.errors import InputError
from data.core.progress import NoBar
from data.execution.ray import ray_at
from data.execution.tasks import Task, TaskContext, Work
from data.video.frames import Damage


def _count(file: str) -> int:
    with Path(file).open("a") as lines:
        lines.write("x")
    return Path(file).stat().st_size


def works(file: str, place: TaskContext) -> Damage:
    """Do well."""
    place.bar.update(_count(file))
    return Damage(frames=1)


def fails(file: str, _: TaskContext) -> Damage:
    """Fail however often."""
    raise ArithmeticError(f"the {_count(file)}. time")


def refuses(file: str, _: TaskContext) -> Damage:
    """Say what is wrong with the footage."""
    _count(file)
    raise InputError("c.mp4: broken")


def dies_once(file: str, _: TaskContext) -> Damage:
    """Take the process down at first."""
    if _count(file) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return Damage(frames=1)


def end(file: str, _: TaskContext) -> int:
    """Tell how often the tasks were tried."""
    return Path(file).stat().st_size


def _no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[NoBar]:
    return nullcontext(NoBar())


def main(address: str, folder: str) -> None:
    """Run one footage of each kind, of two tasks."""
    kinds = {"a": works, "b": fails, "c": refuses, "d": dies_once}
    made: list[Work[str, int]] = [
        Work(
            name,
            folder,
            tuple(Task(do, f"{folder}/{name}{part}") for part in (1, 2)),
            Task(end, f"{folder}/{name}1"),
        )
        for name, do in kinds.items()
    ]
    made.append(Work("e", folder))  # done before
    found = {}
    with ray_at(address) as runner:
        runner.threads(0)
        for finished in runner.run(iter(made), _no_bar, frames=0):
            refused = str(finished.refused) if finished.refused else None
            found[finished.work.name] = [finished.result, finished.damage.frames, refused]
    print(json.dumps(found))
