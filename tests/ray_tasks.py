"""Tasks that fail in different ways; run as a process, which prints their results on a cluster."""

from __future__ import annotations

import json
import os
import signal
from contextlib import nullcontext
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
    """Succeed."""
    place.bar.update(_count(file))
    return Damage(frames=1)


def fails(file: str, _: TaskContext) -> Damage:
    """Fail at every attempt."""
    raise ArithmeticError(f"the {_count(file)}. time")


def refuses(file: str, _: TaskContext) -> Damage:
    """Refuse the footage."""
    _count(file)
    raise InputError("c.mp4: broken")


def dies_once(file: str, _: TaskContext) -> Damage:
    """Kill the process at the first attempt."""
    if _count(file) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return Damage(frames=1)


def end(file: str, place: TaskContext) -> int:
    """Return the number of attempts of the tasks."""
    with place.progress("end", 100, 0) as bar:
        bar.update(100)
    return Path(file).stat().st_size


class _Counter(NoBar):
    def __init__(self) -> None:
        self.frames = 0

    def update(self, n: int) -> None:
        """Add to the frames."""
        self.frames += n


def main(address: str, folder: str) -> None:
    """Run one footage of each kind, each with two tasks."""
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
    made.append(Work("f", folder, last=Task(end, f"{folder}/a1")))
    found: dict[str, object] = {}
    bar = _Counter()
    with ray_at(address) as runner:
        runner.threads(0)
        for finished in runner.run(iter(made), lambda *_: nullcontext(bar), frames=0):
            refused = str(finished.error) if finished.error else None
            found[finished.work.name] = [finished.result, finished.damage.frames, refused]
    print(json.dumps({**found, "frames": bar.frames}))
